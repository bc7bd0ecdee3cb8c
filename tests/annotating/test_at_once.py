"""What is written is there at once: for later fields of the same request, and for everybody else, on both paths."""

import asyncio
from typing import Any

import pytest

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from tests.annotating.room import BULK, Room, id_of
from tests.writing.asking import read

SEVERAL = """
mutation ($element: ID!, $note: ID!, $batch: [CreateAnnotationInput!]!) {
  first: createAnnotation(input: {elementId: $element, text: "First.", selector: {exact: "many ladies"}}) {
    annotation { ...note }
  }
  several: bulkCreateAnnotations(input: {annotations: $batch}) {
    annotations { body element { annotations { totalCount } } }
  }
  reply: replyToAnnotation(input: {annotationId: $note, text: "So it is."}) {
    reply { replyTo { replies { totalCount nodes { body } } } }
  }
  tag: tagAnnotation(input: {annotationId: $note, tag: "rank"}) { annotation { ...note } }
  vote: upvoteAnnotation(input: {annotationId: $note}) { annotation { ...note } }
  update: updateAnnotation(input: {id: $note, text: "Changed."}) {
    annotation { ...note history { nodes { version body } } }
  }
  delete: deleteAnnotation(input: {id: $note}) { annotation { status element { annotations { totalCount } } } }
  restore: restoreAnnotation(input: {id: $note}) { annotation { status ...note } }
}
fragment note on Annotation {
  id body tags upvoteCount viewerHasUpvoted
  replies { totalCount nodes { id body } }
  element { annotationCounts { motivation count } annotations { totalCount nodes { id body } } }
}
"""

SEEN = """
query ($element: ID!, $note: ID!) {
  annotation(id: $note) { id body tags upvoteCount version replies { totalCount nodes { body creator { username } } } }
  element(id: $element) {
    annotationCounts { motivation count }
    annotations { totalCount nodes { id body target document { title } } edges { cursor } }
    document { stats { annotations comments } }
  }
}
"""


def value(note: Any) -> str:
    text: str = note["body"]["value"]
    return text


async def test_later_fields_of_a_request_see_what_was_written_before_them(room: Room) -> None:
    note, element = await room.note(), id_of(room.element)
    batch = [{"elementId": element, "text": str(number)} for number in range(3)]
    given = {"element": element, "note": note["id"], "batch": batch}
    done = await room.service.ask(SEVERAL, given, viewer=room.viewer(room.student))

    first = done["first"]["annotation"]
    assert [value(one) for one in first["element"]["annotations"]["nodes"]] == ["Which reign, indeed?", "First."]
    assert first["element"]["annotationCounts"] == [{"motivation": "commenting", "count": 2}]
    counts = [one["element"]["annotations"]["totalCount"] for one in done["several"]["annotations"]]
    assert counts == [5, 5, 5]
    assert done["reply"]["reply"]["replyTo"]["replies"]["totalCount"] == 1
    assert done["tag"]["annotation"]["tags"] == ["rank"]
    assert [value(one) for one in done["tag"]["annotation"]["replies"]["nodes"]] == ["So it is."]
    vote = done["vote"]["annotation"]
    assert (vote["upvoteCount"], vote["viewerHasUpvoted"]) == (1, True)
    update = done["update"]["annotation"]
    assert (value(update), update["upvoteCount"], update["tags"]) == ("Changed.", 1, ["rank"])
    assert [value(one) for one in update["history"]["nodes"]] == ["Which reign, indeed?"]
    assert done["delete"]["annotation"] == {"status": "DELETED", "element": {"annotations": {"totalCount": 4}}}
    restore = done["restore"]["annotation"]
    assert restore["status"] == "ACTIVE"
    assert restore["replies"]["totalCount"] == 1
    assert {"motivation": "commenting", "count": 5} in restore["element"]["annotationCounts"]


@pytest.mark.parametrize("who", ["mate", "owner", "visitor"])
async def test_everybody_else_sees_it_at_once_on_both_paths(room: Room, who: str) -> None:
    viewer: Viewer = ANONYMOUS if who == "visitor" else room.viewer(getattr(room, who))
    note, element = await room.note(), id_of(room.element)
    # Plans and their statements are kept from one answer to the next; what they found is not.
    before = await read(room.service, viewer, SEEN, element=element, note=note["id"])
    assert before["element"]["annotations"]["totalCount"] == 1

    batch = [{"elementId": element, "text": str(number)} for number in range(3)]
    given = {"element": element, "note": note["id"], "batch": batch}
    await room.service.ask(SEVERAL, given, viewer=room.viewer(room.student))
    seen = await read(room.service, viewer, SEEN, element=element, note=note["id"])

    assert (value(seen["annotation"]), seen["annotation"]["version"]) == ("Changed.", 4)
    assert (seen["annotation"]["tags"], seen["annotation"]["upvoteCount"]) == (["rank"], 1)
    assert [value(one) for one in seen["annotation"]["replies"]["nodes"]] == ["So it is."]
    texts = [value(one) for one in seen["element"]["annotations"]["nodes"]]
    assert texts == ["Changed.", "First.", "0", "1", "2"]
    assert seen["element"]["document"]["stats"] == {"annotations": 5, "comments": 5}


async def test_a_batch_is_seen_whole_or_not_at_all(room: Room) -> None:
    # By whoever asks as often as they can while it is written, on both paths.
    element = id_of(room.element)
    given = [{"elementId": element, "text": str(number)} for number in range(100)]
    counts = "query ($element: ID!) { element(id: $element) { annotations { totalCount } } }"
    general = counts.replace("{ element(", "{ siteSettings { siteTitle } element(", 1)

    async def look(query: str, found: list[int]) -> None:
        while not writing.done():
            answer = await room.service.ask(query, {"element": element}, viewer=room.viewer(room.student))
            found.append(answer["element"]["annotations"]["totalCount"])

    writing = asyncio.create_task(room.asked(BULK, room.student, annotations=given))
    found: list[int] = []
    await asyncio.gather(look(counts, found), look(general, found))
    assert (await writing)["errors"] == []
    assert set(found) <= {0, 100}
