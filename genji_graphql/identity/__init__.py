"""Who people are: accounts, passwords, sessions, access tokens, single sign-on, mail."""
