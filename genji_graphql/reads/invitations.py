"""What a classroom tells whoever holds its link, before they join."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.models import Group, User


@dataclass(frozen=True, slots=True)
class Invitation:
    name: str
    description: str | None
    start_date: date | None
    end_date: date | None
    instructor_name: str | None


async def invitation(session: AsyncSession, token: str) -> Invitation | None:
    """The invitation of this link, in one statement whether there is one or not."""
    # PostgreSQL takes no NUL, UTF-8 no surrogate; no token has either.
    token = token.replace("\0", "").encode(errors="replace").decode()
    told = (Group.name, Group.description, Group.start_date, Group.end_date, User.display_name)
    found = select(*told).outerjoin(User, User.id == Group.created_by_id).where(Group.join_token == token)
    row = (await session.execute(found)).one_or_none()
    return None if row is None else Invitation(*row)
