"""Reading the graph: what a visitor gets from one nested query, and what it costs."""

import pytest

from tests.service import Service
from tests.world import World

READING = """
query Reading($id: ID!, $classroom: ID, $after: String) {
  document(id: $id) {
    title
    collection { id title textDirection language }
    elements(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id text content hierarchy
        annotations(first: 50, where: {classroom: {eq: $classroom}}) {
          nodes {
            id motivation body target created
            creator { id displayName }
            upvoteCount viewerHasUpvoted tags
            replies(first: 20) { nodes { id body created creator { displayName } } }
          }
        }
      }
    }
  }
}
"""


async def test_a_visitor_reads_a_document_with_its_notes_and_their_replies(service: Service, world: World) -> None:
    murasaki, sei = (
        await world.person("murasaki", first_name="Murasaki", last_name="Shikibu"),
        await world.person("sei"),
    )
    collection = await world.collection(title="Genji", language="ja")
    document = await world.document(collection, title="Kiritsubo")
    first, _ = await world.elements(document, 2)
    note = await world.note(first, creator_id=murasaki.id)
    await world.response(note, creator_id=sei.id, body={"value": "Yes"})
    await world.response(note, "tagging", body={"value": "moon"})
    await world.response(note, "upvoting", creator_id=sei.id)

    read = (await service.ask(READING, {"id": str(document.id)}))["document"]

    assert read["title"] == "Kiritsubo"
    assert read["collection"]["language"] == "ja"
    one, two = read["elements"]["nodes"]
    assert (one["text"], two["text"]) == ("Line 1.", "Line 2.")
    (seen,) = one["annotations"]["nodes"]
    assert seen["creator"]["displayName"] == "Murasaki Shikibu"
    assert (seen["upvoteCount"], seen["viewerHasUpvoted"], seen["tags"]) == (1, False, ["moon"])
    (reply,) = seen["replies"]["nodes"]
    assert (reply["body"], reply["creator"]["displayName"]) == ({"value": "Yes"}, "sei")
    assert two["annotations"]["nodes"] == []


@pytest.mark.parametrize("elements", [2, 50])
async def test_the_reading_view_costs_one_statement_a_level(service: Service, world: World, elements: int) -> None:
    writer = await world.person()
    document = await world.document(await world.collection())
    for element in await world.elements(document, elements):
        note = await world.note(element, creator_id=writer.id)
        await world.response(note, creator_id=writer.id)

    await service.ask(READING, {"id": str(document.id)})

    # document; collection and elements; annotations; creators, upvotes, own upvotes, tags and replies; their creators.
    # (The general executor would remember these from the level above: a plan shows other fields of them here.)
    assert len(service.statements) == 10


DEEP = """
{ collections(first: 100) { nodes { title documents(first: 100) { nodes { title elements(first: 100) {
  nodes { text annotations(first: 100) { nodes { motivation } } } } } } } } }
"""


@pytest.mark.parametrize("breadth", [1, 4])
async def test_the_deep_tree_costs_one_statement_a_level_at_most(service: Service, world: World, breadth: int) -> None:
    for _ in range(breadth):
        collection = await world.collection()
        for _ in range(breadth):
            document = await world.document(collection)
            for element in await world.elements(document, breadth):
                await world.note(element)

    (first, *_) = (await service.ask(DEEP))["collections"]["nodes"]

    assert len(first["documents"]["nodes"]) == breadth
    assert len(first["documents"]["nodes"][0]["elements"]["nodes"]) == breadth
    # collections, documents, elements: the annotations are part of their elements' rows
    assert len(service.statements) == 3
