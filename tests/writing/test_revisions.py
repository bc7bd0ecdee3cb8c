"""What is kept of a text that was changed, and who is told of it."""

import pytest

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Document
from genji_graphql.vocabulary import AccessLevel, Visibility
from tests.service import Service
from tests.writing.asking import WHO, Shelf, changed, id_of, read

REVISIONS = """query($id: ID!) { element(id: $id) { text revisions {
  totalCount nodes { id revision text content modified modifiedBy { username } element { text } }
} } }"""


async def rewrite(service: Service, shelf: Shelf, who: str, *texts: str) -> None:
    viewer = await shelf.who(who)
    for text in texts:
        await changed(service, viewer, "updateElement", "element { id }", id=id_of(shelf.elements[0]), text=text)


async def told(service: Service, viewer: Viewer, shelf: Shelf) -> list[str]:
    element = (await read(service, viewer, REVISIONS, id=id_of(shelf.elements[0])))["element"]
    assert element["revisions"]["totalCount"] == len(element["revisions"]["nodes"])
    return [one["text"] for one in element["revisions"]["nodes"]]


async def test_a_text_tells_what_it_was_newest_first(service: Service, shelf: Shelf) -> None:
    await rewrite(service, shelf, "editor", "Second.")
    await rewrite(service, shelf, "manager", "Third.")

    viewer = await shelf.who("owner")
    found = await read(service, viewer, REVISIONS, id=id_of(shelf.elements[0]))

    newest, first = found["element"]["revisions"]["nodes"]
    assert (newest["revision"], newest["text"], newest["content"]) == (2, "Second.", {"text": "Second."})
    assert (first["revision"], first["text"], first["modifiedBy"]) == (1, "Line 1.", None)
    assert newest["modified"] > first["modified"]
    assert newest["element"] == first["element"] == {"text": "Third."}
    # Whoever wrote it is named to those who see them.
    found = await read(service, await shelf.who("administrator"), REVISIONS, id=id_of(shelf.elements[0]))
    assert found["element"]["revisions"]["nodes"][0]["modifiedBy"] == {"username": "editor"}


AS_OF = """query($id: ID!, $revision: Int!) { element(id: $id) {
  revisions(where: {revision: {eq: $revision}}) { nodes { text } } } }"""


@pytest.mark.parametrize(("number", "text"), [(1, "Line 1."), (2, "Second."), (3, None), (0, None)])
async def test_the_text_as_of_a_revision_is_asked_for_by_its_number(
    service: Service, shelf: Shelf, number: int, text: str | None
) -> None:
    await rewrite(service, shelf, "editor", "Second.", "Third.")
    for who in ("editor", "reader"):
        found = await read(service, await shelf.who(who), AS_OF, id=id_of(shelf.elements[0]), revision=number)
        expected = [] if text is None or who == "reader" else [{"text": text}]
        assert found["element"]["revisions"]["nodes"] == expected


@pytest.mark.parametrize("who", [one for one in WHO if one not in {"visitor", "stranger"}])
async def test_what_a_text_was_is_told_to_those_who_edit_it(service: Service, shelf: Shelf, who: str) -> None:
    await rewrite(service, shelf, "editor", "Nothing.")
    # A token that may only read reads what its owner does.
    expected = [] if who == "reader" else ["Line 1."]
    assert await told(service, await shelf.who(who), shelf) == expected


@pytest.mark.parametrize("who", WHO)
async def test_no_id_finds_a_revision_for_whoever_does_not_edit(service: Service, shelf: Shelf, who: str) -> None:
    await rewrite(service, shelf, "editor", "Nothing.")
    found = await read(service, await shelf.who("editor"), REVISIONS, id=id_of(shelf.elements[0]))
    (revision,) = found["element"]["revisions"]["nodes"]
    query = "query($id: ID!) { node(id: $id) { ... on ElementRevision { text } } }"

    answer = await read(service, await shelf.who(who), query, id=revision["id"])

    expected = None if who in {"reader", "stranger", "visitor"} else {"text": "Line 1."}
    assert answer["node"] == expected


async def test_what_is_public_tells_its_readers_nothing_of_what_it_was(service: Service, shelf: Shelf) -> None:
    await changed(
        service,
        await shelf.who("owner"),
        "updateCollection",
        "collection { id }",
        id=id_of(shelf.collection),
        visibility=Visibility.PUBLIC.name,
    )
    await rewrite(service, shelf, "editor", "Nothing.")
    for who in ("visitor", "stranger"):
        assert await told(service, await shelf.who(who), shelf) == []


async def test_who_edits_one_document_is_told_what_it_was_and_no_other(service: Service, shelf: Shelf) -> None:
    other: Document = await shelf.world.document(shelf.collection)
    await rewrite(service, shelf, "editor", "Nothing.")
    await shelf.world.share(other, shelf.people["reader"], AccessLevel.EDIT)
    assert await told(service, await shelf.who("reader"), shelf) == []
    await shelf.world.share(shelf.document, shelf.people["reader"], AccessLevel.EDIT)
    assert await told(service, await shelf.who("reader"), shelf) == ["Line 1."]
