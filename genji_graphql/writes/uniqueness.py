"""Names that only one may have. The database knows, also when two ask at the same moment."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.errors import Invalid


async def write_unique(session: AsyncSession, taken: Mapping[str, Invalid]) -> None:
    """Write what was changed. `taken` says for each unique index what is told where somebody was first."""
    with unique(taken):
        await session.flush()


@contextmanager
def unique(taken: Mapping[str, Invalid]) -> Iterator[None]:
    """The same for what is written within this block."""
    try:
        yield
    except IntegrityError as error:
        # asyncpg's own error, beneath SQLAlchemy's.
        told = taken.get(getattr(error.orig and error.orig.__cause__, "constraint_name", ""))
        if told is None:
            raise
        raise told from None
