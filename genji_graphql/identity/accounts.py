"""Making accounts, proving who one is, and ending that.

A function that is given a `session` works within the caller's transaction and leaves the commit to it. Hashing a
password takes a fifth of a second, and no connection to the database is held for so long: it is done before the first
statement, or, where it stands between two, the function is given `sessions` and opens short ones of its own.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    DateTime,
    LargeBinary,
    Select,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.database import Sessions, Turn, take_turn
from genji_graphql.errors import Invalid, NotAllowed, NotFound
from genji_graphql.identity import names, passwords
from genji_graphql.identity.limits import Limits
from genji_graphql.identity.tokens import Issued, hash_of, new_token
from genji_graphql.models import (
    AccessToken,
    PasswordReset,
    Role,
    SsoConfiguration,
    SsoIdentity,
    User,
    UserPassword,
    UserSession,
    folded,
    user_roles,
)
from genji_graphql.vocabulary import RoleName, Scope

RESET_LIFETIME = timedelta(hours=1)
MAX_ACCESS_TOKENS = 100
_LONGEST_LOGIN = 255


@dataclass(frozen=True, slots=True)
class Registered:
    user_id: int
    is_administrator: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """A way back in for somebody who forgot their password, to be mailed to them and told to nobody else."""

    username: str
    email: str | None
    token: str = field(repr=False)


# Accounts


async def register(
    session: AsyncSession,
    limits: Limits,
    *,
    username: str,
    email: str,
    password: str,
    first_name: str | None = None,
    last_name: str | None = None,
    address: str | None = None,
) -> Registered:
    """A new account. The first one of a site is its administrator's, every other a student's."""
    username, email = names.username(username), names.email(email)
    first_name, last_name = names.person_name(first_name, "firstName"), names.person_name(last_name, "lastName")
    secret = passwords.check(password)
    await limits.count("register", address=address)
    hashed = await passwords.hashed(secret)
    is_first = await _nobody_can_sign_in(session)
    if is_first:
        await take_turn(session, Turn.FIRST_ACCOUNT)
        is_first = await _nobody_can_sign_in(session)
    user_id = await add_person(session, username=username, email=email, first_name=first_name, last_name=last_name)
    await _add_password(session, user_id, hashed)
    await add_role(session, user_id, RoleName.ADMIN if is_first else RoleName.STUDENT)
    return Registered(user_id, is_first)


async def create_admin(session: AsyncSession, *, username: str, email: str, password: str) -> int:
    """An administrator's account, made by whoever runs the server."""
    username, email = names.username(username), names.email(email)
    hashed = await passwords.hashed(passwords.check(password))
    user_id = await add_person(session, username=username, email=email)
    await _add_password(session, user_id, hashed)
    await add_role(session, user_id, RoleName.ADMIN)
    return user_id


async def find(session: AsyncSession, login: str) -> int:
    """Whose user name or address this is, for whoever runs the server."""
    user_id = await session.scalar(select(User.id).where(_named(login)))
    if user_id is None:
        raise NotFound(f"There is no account of the name {login}.")
    return user_id


async def add_person(session: AsyncSession, *, username: str, email: str | None, **more: str | None) -> int:
    """A row of `users`, of names that were checked. Somebody who has them already is told of by an error."""
    added = upsert(User).values(username=username, email=email, **more).on_conflict_do_nothing().returning(User.id)
    user_id = await session.scalar(added)
    if user_id is not None:
        return user_id
    if await session.scalar(select(User.id).where(folded(User.username) == folded(username))):
        raise Invalid("That user name is taken.", field="username", code="TAKEN")
    raise Invalid("There is an account with that e-mail address already.", field="email", code="TAKEN")


async def add_role(session: AsyncSession, user_id: int, name: str) -> None:
    """Give somebody a role; one that they have, or that the site doesn't, changes nothing."""
    theirs = select(literal(user_id), Role.id).where(Role.name == name)
    await session.execute(upsert(user_roles).from_select(["user_id", "role_id"], theirs).on_conflict_do_nothing())


async def deactivate(session: AsyncSession, user_id: int) -> None:
    """Close an account at once and everywhere. What its owner wrote stays."""
    closed = update(User).where(User.id == user_id).values(is_active=False).returning(User.id)
    if await session.scalar(closed) is None:
        raise NotFound("There is no such person.")
    await end_sessions(session, user_id)
    await _end_access_tokens(session, user_id)
    await cancel_resets(session, user_id)


async def _nobody_can_sign_in(session: AsyncSession) -> bool:
    """People who came with imported texts have neither a password nor a way through single sign-on."""
    anybody = or_(
        select(UserPassword.id).exists(),
        select(SsoIdentity.id).exists(),
        select(SsoConfiguration.id).where(SsoConfiguration.enabled).exists(),
    )
    return not await session.scalar(select(anybody))


# Sessions


async def sign_in(
    sessions: Sessions, limits: Limits, *, login: str, password: str, lifetime: timedelta, address: str | None = None
) -> Issued:
    """A new session for whoever knows the password of this user name or e-mail address."""
    await limits.count("sign in", account=login, address=address)
    async with sessions() as session:
        user_id, hashed = await _credentials(session, login)
    if await passwords.matches(password, hashed) and user_id is not None:
        async with sessions.begin() as session:
            if await _still(session, user_id, hashed):
                await limits.forgive("sign in", login)
                return await start_session(session, user_id, lifetime)
    # One answer for an unknown name, a wrong password, no password and a closed account.
    raise Invalid("The user name or the password is wrong.", code="WRONG_CREDENTIALS")


async def start_session(session: AsyncSession, user_id: int, lifetime: timedelta) -> Issued:
    """A session for somebody who has just proved who they are, under a token that nobody has seen before."""
    await session.execute(
        delete(UserSession).where(UserSession.user_id == user_id, UserSession.expires_at <= func.now())
    )
    token, expires_at = new_token(), datetime.now(UTC) + lifetime
    row = UserSession(user_id=user_id, token_hash=hash_of(token), expires_at=expires_at)
    session.add(row)
    await session.flush()
    return Issued(row.id, user_id, token, expires_at)


async def sign_out(session: AsyncSession, session_id: int) -> None:
    """End one session; one that has ended is no mistake."""
    await session.execute(delete(UserSession).where(UserSession.id == session_id))


async def end_sessions(session: AsyncSession, user_id: int, *, but: int | None = None) -> None:
    """End a person's sessions, all or all but one."""
    theirs = delete(UserSession).where(UserSession.user_id == user_id)
    await session.execute(theirs if but is None else theirs.where(UserSession.id != but))


async def _credentials(session: AsyncSession, login: str) -> tuple[int | None, str | None]:
    found = (
        await session.execute(
            select(User.id, UserPassword.hashed_password).join(UserPassword).where(User.is_active, _named(login))
        )
    ).one_or_none()
    return (None, None) if found is None else (found.id, found.hashed_password)


async def _still(session: AsyncSession, user_id: int, hashed: str | None) -> bool:
    """Is this still their password, and their account open?

    Whoever changes that now waits until we have committed, and then ends the session that we are about to start.
    """
    same = select(User.id).join(UserPassword).where(User.id == user_id, User.is_active)
    held = same.where(UserPassword.hashed_password == hashed).with_for_update(read=True)
    return await session.scalar(held) is not None


def _named(login: str) -> ColumnElement[bool]:
    """Addresses have an @ and user names have none, so nobody's name is another person's address."""
    # PostgreSQL takes no NUL, UTF-8 no surrogate; no name has either. Nor is any so long, and to fold it takes the
    # square of its length where somebody piles up accents.
    name = login.strip()
    given = "" if len(name) > _LONGEST_LOGIN else name.replace("\0", "").encode(errors="replace").decode()
    return folded(User.email if "@" in given else User.username) == folded(given)


# Passwords


async def change_password(
    sessions: Sessions, limits: Limits, *, user_id: int, session_id: int | None, current: str, new: str
) -> None:
    """A new password for whoever knows the current one. It ends their other sessions."""
    secret = passwords.check(new, "newPassword")
    await limits.count("change password", account=str(user_id))
    async with sessions() as session:
        stored = await session.scalar(select(UserPassword.hashed_password).where(UserPassword.user_id == user_id))
    if await passwords.matches(current, stored):
        hashed = await passwords.hashed(secret)
        async with sessions.begin() as session:
            if await _still(session, user_id, stored):
                await limits.forgive("change password", str(user_id))
                await _replace_password(session, user_id, hashed)
                await end_sessions(session, user_id, but=session_id)
                return
    raise Invalid("That is not your current password.", field="currentPassword", code="WRONG_CREDENTIALS")


async def set_password(session: AsyncSession, user_id: int, password: str) -> None:
    """A new password by whoever runs the server, for an account that may have had none. It ends what was open."""
    hashed = await passwords.hashed(passwords.check(password))
    await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    await _start_over(session, user_id, hashed)


async def request_password_reset(
    session: AsyncSession, limits: Limits, *, login: str, address: str | None = None
) -> Reset | None:
    """A link for whoever has this user name or address and a password, to be mailed after the commit.

    The caller answers the same whether there is one. It costs the same too: one statement either way.
    """
    await limits.count("reset password", account=login, address=address)
    return await _new_reset(session, _account().join(UserPassword).where(User.is_active, _named(login)))


async def create_password_reset(session: AsyncSession, user_id: int) -> Reset:
    """A link for this person, made by whoever runs the server; they need not have had a password."""
    reset = await _new_reset(session, _account().where(User.id == user_id, User.is_active))
    if reset is None:
        raise NotFound("There is no such person, or their account is closed.")
    return reset


async def reset_password(
    session: AsyncSession, limits: Limits, *, token: str, password: str, address: str | None = None
) -> int:
    """A new password for whoever holds a link that wasn't used yet; gives their id.

    It ends everything that was open: whoever had got into the account is out again. Tokens can't be guessed, but each
    attempt costs a hash, which nobody shall ask for without bound.
    """
    secret = passwords.check(password)
    await limits.count("use reset link", address=address)
    hashed = await passwords.hashed(secret)
    this = PasswordReset.token_hash == hash_of(token)
    used = (
        update(PasswordReset)
        .where(this, PasswordReset.used_at.is_(None), PasswordReset.expires_at > func.now())
        .values(used_at=func.now())
        .returning(PasswordReset.id)
    )
    # Held first, as by whoever changes the account or makes an access token at this moment: theirs ends as well.
    theirs = User.id == select(PasswordReset.user_id).where(this).scalar_subquery()
    user_id = await session.scalar(select(User.id).where(theirs, User.is_active).with_for_update(key_share=True))
    if await session.scalar(used) is None or user_id is None:
        raise Invalid("This link was used already, or it is too old. Ask for a new one.", field="token", code="EXPIRED")
    await _start_over(session, user_id, hashed)
    return user_id


async def cancel_resets(session: AsyncSession, user_id: int) -> None:
    """Make the links that were mailed worthless, as after a change of address."""
    await session.execute(
        delete(PasswordReset).where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
    )


def _account() -> Select[int, str, str | None]:
    return select(User.id, User.username, User.email)


async def _new_reset(session: AsyncSession, whom: Select[int, str, str | None]) -> Reset | None:
    token, expires_at = new_token(), datetime.now(UTC) + RESET_LIFETIME
    # Held until the commit, or waited for: a link goes to the address that is theirs now, never to one that is being
    # given up while this is asked.
    account = whom.with_for_update(read=True, of=User).cte("account")
    row = select(account.c.id, literal(hash_of(token), LargeBinary), literal(expires_at, DateTime(timezone=True)))
    added = insert(PasswordReset).from_select(["user_id", "token_hash", "expires_at"], row)
    reset = added.returning(PasswordReset.user_id).cte("reset")
    found = (
        await session.execute(select(account.c.username, account.c.email).join(reset, reset.c.user_id == account.c.id))
    ).one_or_none()
    return None if found is None else Reset(found.username, found.email, token)


async def _add_password(session: AsyncSession, user_id: int, hashed: str) -> None:
    await session.execute(insert(UserPassword).values(user_id=user_id, hashed_password=hashed))


async def _start_over(session: AsyncSession, user_id: int, hashed: str) -> None:
    """A new password, and the end of all that the old one may have opened."""
    await _replace_password(session, user_id, hashed)
    await end_sessions(session, user_id)
    await _end_access_tokens(session, user_id)


async def _replace_password(session: AsyncSession, user_id: int, hashed: str) -> None:
    added = upsert(UserPassword).values(user_id=user_id, hashed_password=hashed)
    await session.execute(
        added.on_conflict_do_update(
            index_elements=["user_id"], set_={"hashed_password": hashed, "updated_at": func.now()}
        )
    )
    await cancel_resets(session, user_id)


# Access tokens


async def create_access_token(
    session: AsyncSession,
    *,
    user_id: int,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
    session_id: int | None = None,
) -> Issued:
    """A token for a program, shown this once. It is made in the session of this id, which must last until then."""
    label = names.normalised(name, 100, "name", "name")
    if not label:
        raise Invalid("Give the token a name, by which you will know it again.", field="name", code="TOO_SHORT")
    if not scopes or not set(scopes) <= set(Scope):
        raise Invalid(f"Choose among the scopes {', '.join(Scope)}.", field="scopes")
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= datetime.now(UTC)):
        raise Invalid("The token must expire in the future.", field="expiresAt")
    # Held until the commit, so that an account that is being closed, or got back from somebody who had broken in, gets
    # no token after its others are ended.
    if not await session.scalar(
        select(User.id).where(User.id == user_id, User.is_active).with_for_update(key_share=True)
    ):
        raise NotAllowed("This account is closed.")
    # Asked only now: it may have ended while we waited.
    signed_in = select(UserSession.id).where(UserSession.id == session_id, UserSession.user_id == user_id)
    if session_id is not None and not await session.scalar(signed_in):
        raise NotAllowed("Sign in to do this.")
    number = await session.scalar(select(func.count()).where(AccessToken.user_id == user_id))
    if (number or 0) >= MAX_ACCESS_TOKENS:
        raise Invalid(f"You have {MAX_ACCESS_TOKENS} access tokens; revoke one that you don't need.", code="TOO_MANY")
    token = new_token()
    in_order = [scope.value for scope in Scope if scope in scopes]
    row = AccessToken(user_id=user_id, name=label, token_hash=hash_of(token), scopes=in_order, expires_at=expires_at)
    session.add(row)
    await session.flush()
    return Issued(row.id, user_id, token, expires_at)


async def revoke_access_token(session: AsyncSession, *, user_id: int, token_id: int) -> None:
    """End one of a person's own tokens. Another person's is not found."""
    theirs = delete(AccessToken).where(AccessToken.id == token_id, AccessToken.user_id == user_id)
    if await session.scalar(theirs.returning(AccessToken.id)) is None:
        raise NotFound("There is no such access token.", field="id")


async def access_tokens(session: AsyncSession, user_id: int) -> list[AccessToken]:
    """A person's tokens, newest first: what they are for and when they were used, never the tokens themselves."""
    theirs = select(AccessToken).where(AccessToken.user_id == user_id)
    return list(await session.scalars(theirs.order_by(AccessToken.created_at.desc(), AccessToken.id.desc())))


async def _end_access_tokens(session: AsyncSession, user_id: int) -> None:
    await session.execute(delete(AccessToken).where(AccessToken.user_id == user_id))
