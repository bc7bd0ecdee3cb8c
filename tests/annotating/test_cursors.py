"""What is written comes with its place in the lists that clients hold, so that they can go on reading from there."""

from typing import Any

from tests.annotating.room import BULK, REPLY, Room, id_of, mutation
from tests.writing.asking import read

EDGE = "annotationEdge { cursor node { id } }"
LIST = "pageInfo { hasNextPage hasPreviousPage } edges { cursor node { id } }"
NOTES = f"""query ($id: ID!, $after: String, $before: String, $last: Int) {{
  element(id: $id) {{ annotations(after: $after, before: $before, last: $last) {{ {LIST} }} }}
}}"""
OF_DOCUMENT = f"query ($id: ID!) {{ document(id: $id) {{ annotations(last: 1) {{ {LIST} }} }} }}"
OF_ALL = f"{{ annotations(last: 1) {{ {LIST} }} }}"
REPLIES = f"query ($id: ID!, $after: String) {{ annotation(id: $id) {{ replies(after: $after) {{ {LIST} }} }} }}"


async def written(room: Room, text: str, name: str = "createAnnotation", **given: Any) -> Any:
    """The edge of what is written with this text."""
    query = mutation(name, f"{name[0].upper()}{name[1:]}Input", EDGE)
    return await room.made(query, room.student, text=text, **given)


async def listed(room: Room, query: str, **variables: Any) -> list[Any]:
    """The edges of a list, the same on both paths."""
    found = await read(room.service, room.viewer(room.mate), query, **variables)
    while "edges" not in found:
        (found,) = found.values()
    edges: list[Any] = found["edges"]
    return edges


async def test_a_client_goes_on_from_the_note_that_it_wrote(room: Room) -> None:
    place = id_of(room.element)
    first, second, third = [await written(room, text, elementId=place) for text in ("1", "2", "3")]

    assert await listed(room, NOTES, id=place) == [first, second, third]
    assert await listed(room, NOTES, id=place, after=first["cursor"]) == [second, third]
    assert await listed(room, NOTES, id=place, last=1, before=third["cursor"]) == [second]
    # The other lists have the same order, and so the same cursors.
    assert await listed(room, OF_DOCUMENT, id=id_of(room.document)) == [third]
    assert await listed(room, OF_ALL) == [third]


async def test_links_and_references_come_with_their_places_too(room: Room) -> None:
    place, other = id_of(room.element), id_of(await room.world.element(room.document))
    link = await written(room, "See", "createLink", targets=[{"elementId": place}, {"elementId": other}])
    query = mutation("createExternalReference", "CreateExternalReferenceInput", EDGE)
    reference = await room.made(query, room.student, elementId=place, url="https://example.org/", title="Genji")
    assert await listed(room, NOTES, id=place) == [link, reference]


async def test_a_batch_comes_with_the_place_of_each(room: Room) -> None:
    place = id_of(room.element)
    query = BULK.replace("annotations {", "annotationEdges { cursor node { id } } annotations {")
    given = [{"elementId": place, "text": str(number)} for number in range(5)]
    payload = await room.asked(query, room.student, annotations=given, idempotencyKey="k")

    edges = payload["annotationEdges"]
    assert [edge["node"]["id"] for edge in edges] == [note["id"] for note in payload["annotations"]]
    assert await listed(room, NOTES, id=place) == edges
    assert await listed(room, NOTES, id=place, after=edges[3]["cursor"]) == edges[4:]
    assert await room.asked(query, room.student, annotations=given, idempotencyKey="k") == payload


async def test_a_reply_comes_with_its_place_among_the_replies(room: Room) -> None:
    note = await room.note()
    query = mutation("replyToAnnotation", "ReplyToAnnotationInput", "replyEdge { cursor node { id } }")
    given = {"annotationId": note["id"], "text": "1", "idempotencyKey": "k"}
    first = await room.made(query, room.mate, **given)
    assert await room.made(query, room.mate, **given) == first
    second = await room.made(REPLY, room.student, annotationId=note["id"], text="2")

    replies = await listed(room, REPLIES, id=note["id"])
    assert replies[0] == first
    assert replies[1]["node"] == {"id": second["id"]}
    assert await listed(room, REPLIES, id=note["id"], after=first["cursor"]) == replies[1:]


async def test_what_was_not_written_has_no_place(room: Room) -> None:
    query = mutation("createAnnotation", "CreateAnnotationInput", EDGE)
    payload = await room.asked(query, room.student, elementId="9999", text="?")
    assert payload["annotationEdge"] is None
    assert payload["errors"]


async def test_edges_cost_no_statement(room: Room) -> None:
    costs = set()
    for answer in ("annotation { id }", f"annotation {{ id }} {EDGE}"):
        query = mutation("createAnnotation", "CreateAnnotationInput", answer)
        await room.asked(query, room.student, elementId=id_of(room.element), text="!")
        costs.add(len(room.service.statements))
    assert costs == {3}
