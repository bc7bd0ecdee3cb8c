"""Accounts for tests: passwords hashed cheaply and counted, people who can sign in, their tokens resolved."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import Select, event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.database import Sessions, reading_sessions, writing_sessions
from genji_graphql.identity import accounts, passwords
from genji_graphql.identity.limits import Limits
from genji_graphql.identity.tokens import Issued
from genji_graphql.identity.viewer import viewer_of
from genji_graphql.models import Role, User, user_roles
from genji_graphql.settings import Settings
from tests.identity.cas_server import CasServer

PASSWORD = "Hikaru-no-kimi-1"
LIFETIME = timedelta(days=1)


class CountingHasher(BcryptHasher):
    """bcrypt at its cheapest, which tells how often it was asked."""

    def __init__(self) -> None:
        super().__init__(rounds=4)
        self.verified = 0
        self.hashed = 0

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - its name in pwdlib
        self.verified += 1
        return super().verify(password, hash)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "hasher", hasher)
    return hasher


@dataclass
class Site:
    """The accounts of one site, as a mutation would use them."""

    sessions: Sessions
    reading: Sessions
    limits: Limits
    statements: list[str] = field(default_factory=list)

    async def register(self, username: str = "murasaki", password: str = PASSWORD, **more: Any) -> accounts.Registered:
        email = more.pop("email", f"{username}@example.org")
        async with self.sessions.begin() as session:
            return await accounts.register(
                session, self.limits, username=username, email=email, password=password, **more
            )

    async def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> Issued:
        more.setdefault("lifetime", LIFETIME)
        return await accounts.sign_in(self.sessions, self.limits, login=login, password=password, **more)

    async def access_token(self, user_id: int, *scopes: str, **more: Any) -> Issued:
        async with self.sessions.begin() as session:
            return await accounts.create_access_token(
                session, user_id=user_id, name=more.pop("name", "A script"), scopes=scopes or ("read",), **more
            )

    async def request_reset(self, login: str, **more: Any) -> accounts.Reset | None:
        async with self.sessions.begin() as session:
            return await accounts.request_password_reset(session, self.limits, login=login, **more)

    async def reset(self, token: str, password: str, **more: Any) -> int:
        async with self.sessions.begin() as session:
            return await accounts.reset_password(session, self.limits, token=token, password=password, **more)

    async def deactivate(self, user_id: int) -> None:
        async with self.sessions.begin() as session:
            await accounts.deactivate(session, user_id)

    async def viewer(self, token: str) -> Viewer:
        async with self.reading() as session:
            return await viewer_of(session, token)

    async def roles_of(self, user_id: int) -> set[str]:
        return set(await self.all(select(Role.name).join(user_roles).where(user_roles.c.user_id == user_id)))

    async def usernames(self) -> set[str]:
        return set(await self.all(select(User.username)))

    async def all(self, statement: Select[Any]) -> list[Any]:
        async with self.reading() as session:
            return list(await session.scalars(statement))


@pytest.fixture
def site(engine: AsyncEngine, settings: Settings) -> Iterator[Site]:
    site = Site(writing_sessions(engine), reading_sessions(engine), Limits(settings))

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        site.statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", count)
    yield site
    event.remove(engine.sync_engine, "before_cursor_execute", count)


@pytest.fixture
async def cas_server() -> AsyncIterator[CasServer]:
    server = CasServer()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    await listening.wait_closed()
