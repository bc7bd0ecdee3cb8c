"""What is told as it happens: the log of events, who sees them, and the way to whoever listens."""
