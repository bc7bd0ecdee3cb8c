"""The server as an attacker meets it: over HTTP, with real passwords, cookies and tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx2
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.app import create_app
from genji_graphql.identity import accounts, passwords
from genji_graphql.identity.tokens import Issued
from genji_graphql.models import User, UserPassword
from genji_graphql.settings import Settings
from tests.people.site import Site
from tests.world import World

SITE = "https://genji.example.org"
COOKIE = "__Host-genji"
PASSWORD = "Under-the-wisteria-7"
OTHER = "Beneath-the-maples-8"

WHO = "{ viewer { username } }"
REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { user { username } errors { code field } } }"
SIGN_IN = (
    "mutation($input: SignInInput!) { signIn(input: $input) { viewer { username } token errors { code message } } }"
)
SIGN_OUT = "mutation($input: SignOutInput!) { signOut(input: $input) { errors { code } } }"
CHANGE_PASSWORD = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { errors { code } } }"
REQUEST_RESET = (
    "mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { errors { code } } }"
)
RESET = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { errors { code } } }"
DEACTIVATE = "mutation($input: DeactivateUserInput!) { deactivateUser(input: $input) { errors { code } } }"
UPDATE_USER = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { errors { code field } } }"


class Door(Site):
    """One site, with an application of its own and the statements that this sent."""

    def __init__(self, settings: Settings, engine: AsyncEngine, world: World) -> None:
        super().__init__(engine, world)
        self.app = create_app(settings)
        self.statements: list[str] = []
        event.listen(self.app.state.engine.sync_engine, "before_cursor_execute", self._count)

    def browser(self, address: str = "203.0.113.1", **headers: str) -> httpx2.AsyncClient:
        """At a page of ours, from this address of the network. It keeps cookies."""
        return self.client(address, Origin=SITE, **headers)

    def client(self, address: str = "203.0.113.1", **headers: str) -> httpx2.AsyncClient:
        """What is no browser, or one at another's page."""
        transport = httpx2.ASGITransport(self.app, client=(address, 50_000))
        return httpx2.AsyncClient(transport=transport, base_url=SITE, headers=headers)

    async def post(self, client: httpx2.AsyncClient, query: str, **given: Any) -> httpx2.Response:
        self.statements.clear()
        return await client.post("/graphql", json={"query": query, "variables": {"input": given}})

    async def ask(self, client: httpx2.AsyncClient, query: str, **given: Any) -> Any:
        """What the first field gives in an answer without errors of the whole."""
        answer = (await self.post(client, query, **given)).json()
        assert "errors" not in answer, answer
        return next(iter(answer["data"].values()))

    async def code(self, client: httpx2.AsyncClient, query: str, **given: Any) -> str | None:
        """The code of the first error that a mutation tells of, if there is one."""
        errors = (await self.ask(client, query, **given))["errors"]
        return str(errors[0]["code"]) if errors else None

    async def reader(self, username: str, *roles: str) -> User:
        """Somebody who can sign in by PASSWORD."""
        person = await self.person(*roles, username=username)
        await self.world.add(UserPassword(user_id=person.id, hashed_password=await passwords.hashed(PASSWORD)))
        return person

    async def named(self, username: str) -> User:
        (person,) = await self.all(select(User).where(User.username == username))
        assert isinstance(person, User)
        return person

    async def session(self, person: User) -> Issued:
        async with self.sessions.begin() as session:
            return await accounts.start_session(session, person.id, timedelta(days=1))

    async def access_token(self, person: User, *scopes: str) -> Issued:
        async with self.sessions.begin() as session:
            later = datetime.now(UTC) + timedelta(days=1)
            return await accounts.create_access_token(
                session, user_id=person.id, name="A script", scopes=scopes, expires_at=later
            )

    async def reset_link(self, person: User) -> accounts.Reset:
        async with self.sessions.begin() as session:
            return await accounts.create_password_reset(session, person.id)

    async def who(self, token: str) -> str | None:
        """Whom this token makes of a program; None where it is refused."""
        response = await self.post(self.client(Authorization=f"Bearer {token}"), WHO)
        return None if response.status_code == 401 else str(response.json()["data"]["viewer"]["username"])

    @asynccontextmanager
    async def unchanged(self) -> AsyncIterator[None]:
        """No row of any table is another after what is done in here."""
        before = await self.contents()
        yield
        assert await self.contents() == before

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.state.close()
