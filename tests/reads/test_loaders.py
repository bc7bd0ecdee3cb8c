"""What fields of one operation that wait for the same rows do to one another."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.database import reading_sessions
from genji_graphql.models import DocumentCollection
from genji_graphql.reads.loaders import Loaders
from tests.world import World


async def test_a_field_that_is_given_up_takes_nobody_elses_row_away(engine: AsyncEngine, world: World) -> None:
    collection = await world.collection()
    loaders = Loaders(reading_sessions(engine), ANONYMOUS, 1)
    given_up, another = (asyncio.create_task(loaders.row(DocumentCollection, collection.id)) for _ in range(2))
    await asyncio.sleep(0)

    given_up.cancel()

    assert (await another).id == collection.id
    assert (await loaders.row(DocumentCollection, collection.id)).id == collection.id
    with pytest.raises(asyncio.CancelledError):
        await given_up
