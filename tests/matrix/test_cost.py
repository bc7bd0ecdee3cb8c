"""Who asks makes no difference to what reading costs."""

import pytest

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from tests.schema.test_reading import READING
from tests.service import Service
from tests.world import World

READING_WITH_ABILITIES = READING.replace("id motivation", "viewerCan { edit delete reply } id motivation")


@pytest.mark.parametrize("elements", [2, 50])
async def test_the_reading_view_costs_everybody_the_same(service: Service, world: World, elements: int) -> None:
    assert "viewerCan" in READING_WITH_ABILITIES
    writer, stranger = await world.person(), await world.person()
    classroom = await world.group(writer)
    document = await world.document(await world.collection())
    for element in await world.elements(document, elements):
        note = await world.note(element, creator_id=writer.id)
        await world.response(note, creator_id=writer.id)

    async def cost(viewer: Viewer) -> int:
        await service.ask(READING_WITH_ABILITIES, {"id": str(document.id)}, viewer=viewer)
        return len(service.statements)

    member = await cost(Viewer(user_id=writer.id, group_ids=frozenset({classroom.id})))
    assert await cost(Viewer(user_id=stranger.id)) == member
    assert await cost(Viewer(user_id=stranger.id, is_administrator=True)) == member
    assert await cost(ANONYMOUS) <= member <= await cost(ANONYMOUS) + 2
