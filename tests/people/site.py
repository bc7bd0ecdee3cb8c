"""People who ask: viewers as a sign-in makes them, their roles, and all that the tables hold."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.database import reading_sessions, writing_sessions
from genji_graphql.identity import accounts
from genji_graphql.identity.viewer import viewer_of
from genji_graphql.models import Base, Permission, Role, User, role_permissions, user_roles
from genji_graphql.vocabulary import RoleName
from tests.world import World

LIFETIME = timedelta(days=1)


class Site:
    def __init__(self, engine: AsyncEngine, world: World) -> None:
        self.engine = engine
        self.world = world
        self.sessions = writing_sessions(engine)

    async def viewer(self, person: User) -> Viewer:
        """Who this person is to the server, signed in now."""
        async with self.sessions.begin() as session:
            issued = await accounts.start_session(session, person.id, LIFETIME)
        return await self.holder_of(issued.token)

    async def program(self, person: User, *scopes: str) -> Viewer:
        """A program that holds an access token of theirs."""
        async with self.sessions.begin() as session:
            issued = await accounts.create_access_token(session, user_id=person.id, name="A script", scopes=scopes)
        return await self.holder_of(issued.token)

    async def holder_of(self, token: str) -> Viewer:
        async with reading_sessions(self.engine)() as session:
            return await viewer_of(session, token)

    async def person(self, *roles: str, username: str | None = None, **columns: object) -> User:
        """Somebody with these roles, and an address."""
        person = await self.world.person(username, **columns)
        if person.email is None:
            person = await self._addressed(person)
        for role in roles:
            theirs = select(literal(person.id), Role.id).where(Role.name == role)
            await self.world.run(insert(user_roles).from_select(["user_id", "role_id"], theirs))
        return person

    async def administrator(self, username: str | None = None) -> User:
        return await self.person(RoleName.ADMIN, username=username)

    async def role(self, name: str, *permissions: str) -> Role:
        """A role of the site's own."""
        role: Role = await self.world.add(Role(name=name))
        theirs = select(literal(role.id), Permission.id).where(Permission.name.in_(permissions))
        await self.world.run(insert(role_permissions).from_select(["role_id", "permission_id"], theirs))
        return role

    async def role_id(self, name: str) -> str:
        (number,) = await self.all(select(Role.id).where(Role.name == name))
        return str(number)

    async def all(self, statement: Select[Any]) -> list[Any]:
        async with reading_sessions(self.engine)() as session:
            return list(await session.scalars(statement))

    async def contents(self) -> dict[str, list[str]]:
        """Every row of every table."""
        held: dict[str, list[str]] = {}
        async with self.engine.connect() as connection:
            for table in Base.metadata.tables.values():
                rows = await connection.scalars(text(f"SELECT t::text FROM {table.fullname} t ORDER BY 1"))
                held[table.name] = [str(row) for row in rows]
        return held

    async def _addressed(self, person: User) -> User:
        person.email = f"{person.username}@example.org"
        async with self.sessions.begin() as session:
            return await session.merge(person)
