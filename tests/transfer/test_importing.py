"""Importing texts: what stands in the collection afterwards, and what happens the second time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.database import writing_sessions
from genji_graphql.errors import GenjiError, Invalid
from genji_graphql.transfer.importing import Destination, Outcome, import_file
from genji_graphql.vocabulary import Visibility
from tests.data import genji, moby_dick
from tests.service import Service
from tests.world import DAWN, World

BOOK = Destination("A book")


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    return write(tmp_path / "chapter.xml", ["The river rose.", "Nobody slept.", "Morning came."])


def write(path: Path, lines: list[str], title: str = "The flood") -> Path:
    """A TEI file whose lines are known by their number."""
    segs = "".join(f'<seg corresp="https://example.org/{n}">{line}</seg>' for n, line in enumerate(lines, 1))
    path.write_text(
        '<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt>'
        f"<title>{title}</title></titleStmt></fileDesc></teiHeader><text><body><p>{segs}</p></body></text></TEI>"
    )
    return path


async def bring(engine: AsyncEngine, path: Path, into: Destination = BOOK) -> Outcome:
    return await import_file(writing_sessions(engine), path, into, max_bytes=100_000_000)


async def rows(engine: AsyncEngine, statement: str) -> list[Any]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def lines(engine: AsyncEngine) -> list[str]:
    found = await rows(
        engine,
        "SELECT content ->> 'text' FROM app.document_elements WHERE deleted_at IS NULL ORDER BY document_id, position",
    )
    return [line for (line,) in found]


async def everything(engine: AsyncEngine) -> list[Any]:
    return [
        await rows(engine, f"SELECT * FROM app.{table} ORDER BY id")
        for table in ("document_collections", "documents", "document_elements", "annotations")
    ]


async def test_a_file_becomes_a_document_of_a_new_public_collection(engine: AsyncEngine, chapter: Path) -> None:
    outcome = await bring(engine, chapter, Destination("A book", language="en"))

    assert str(outcome) == "1 document, 3 elements added"
    assert await rows(engine, "SELECT title, language, visibility FROM app.document_collections") == [
        ("A book", "en", "public")
    ]
    assert await rows(engine, "SELECT title FROM app.documents") == [("The flood",)]
    assert await lines(engine) == ["The river rose.", "Nobody slept.", "Morning came."]


async def test_importing_the_same_file_again_changes_nothing(engine: AsyncEngine, chapter: Path) -> None:
    await bring(engine, chapter)
    before = await everything(engine)

    assert str(await bring(engine, chapter)) == "1 document, 3 elements unchanged"
    assert await everything(engine) == before


async def test_what_was_deleted_comes_back_with_its_file(engine: AsyncEngine, world: World, chapter: Path) -> None:
    await bring(engine, chapter)
    before = await rows(engine, "SELECT id, source_id, position, deleted_at FROM app.document_elements ORDER BY id")
    for statement in (
        "UPDATE app.documents SET deleted_at = now()",
        "UPDATE app.document_elements SET deleted_at = now() WHERE position < 2 * 65536",
    ):
        await world.run(text(statement))

    assert str(await bring(engine, chapter)) == "1 document, 1 element changed, 2 elements unchanged"
    assert await rows(engine, "SELECT deleted_at FROM app.documents") == [(None,)]
    after = await rows(engine, "SELECT id, source_id, position, deleted_at FROM app.document_elements ORDER BY id")
    assert after == before


async def test_an_edition_without_it_leaves_what_was_deleted_to_be_restored(
    engine: AsyncEngine, world: World, chapter: Path
) -> None:
    await bring(engine, chapter)
    await world.run(text("UPDATE app.document_elements SET deleted_at = now() WHERE position > 2 * 65536"))
    await world.run(
        text(
            "INSERT INTO app.annotations (document_element_id, motivation)"
            " SELECT id, 'commenting' FROM app.document_elements WHERE deleted_at IS NOT NULL"
        )
    )
    write(chapter, ["The river rose.", "Nobody slept."])
    assert str(await bring(engine, chapter)) == "1 document, 2 elements unchanged"
    assert await rows(engine, "SELECT count(*) FROM app.document_elements WHERE deleted_at IS NOT NULL") == [(1,)]


async def test_a_deleted_collection_is_not_found_by_its_title(engine: AsyncEngine, world: World, chapter: Path) -> None:
    await bring(engine, chapter)
    await world.run(text("UPDATE app.document_collections SET deleted_at = now()"))
    assert str(await bring(engine, chapter)) == "1 document, 3 elements added"
    assert await rows(engine, "SELECT deleted_at IS NULL FROM app.document_collections ORDER BY id") == [
        (False,),
        (True,),
    ]


async def test_a_new_edition_updates_what_differs_and_keeps_the_rest(engine: AsyncEngine, chapter: Path) -> None:
    await bring(engine, chapter)
    old = dict(await rows(engine, "SELECT source_id, id FROM app.document_elements"))

    write(chapter, ["The river rose.", "Nobody could sleep.", "Morning came.", "It was Monday."], "The great flood")
    outcome = await bring(engine, chapter)

    assert str(outcome) == "1 document, 1 element added, 1 element changed, 2 elements unchanged"
    assert await rows(engine, "SELECT title FROM app.documents") == [("The great flood",)]
    assert await lines(engine) == ["The river rose.", "Nobody could sleep.", "Morning came.", "It was Monday."]
    new = dict(await rows(engine, "SELECT source_id, id FROM app.document_elements"))
    assert {source: new[source] for source in old} == old


async def test_elements_that_moved_are_read_in_their_new_order(engine: AsyncEngine, chapter: Path) -> None:
    await bring(engine, chapter)
    chapter.write_text(
        chapter.read_text()
        .replace("example.org/1", "example.org/x")
        .replace("example.org/2", "example.org/1")
        .replace("example.org/x", "example.org/2")
    )
    await bring(engine, chapter)

    assert await lines(engine) == ["The river rose.", "Nobody slept.", "Morning came."]


async def test_a_line_that_is_gone_is_removed_and_one_added_by_hand_stays(
    engine: AsyncEngine, world: World, chapter: Path
) -> None:
    await bring(engine, chapter)
    ((document_id,),) = await rows(engine, "SELECT id FROM app.documents")
    await world.run(
        text(
            'INSERT INTO app.document_elements (document_id, content) VALUES (:id, \'{"text": "By hand."}\')'
        ).bindparams(id=document_id)
    )

    outcome = await bring(engine, write(chapter, ["The river rose."]))

    assert outcome.removed == 2
    assert await lines(engine) == ["The river rose.", "By hand."]


async def test_other_lines_change_while_the_annotated_one_stays(
    engine: AsyncEngine, world: World, chapter: Path
) -> None:
    await bring(engine, chapter)
    ((element_id,),) = await rows(engine, "SELECT id FROM app.document_elements WHERE source_id LIKE '%/1'")
    await world.note(document_element_id=element_id)

    outcome = await bring(engine, write(chapter, ["The river rose.", "All slept.", "Morning came."]))

    assert (outcome.changed, outcome.unchanged) == (1, 2)


async def test_a_file_that_breaks_off_leaves_nothing_behind(engine: AsyncEngine, chapter: Path) -> None:
    chapter.write_text(chapter.read_text().replace("</body>", ""))

    with pytest.raises(Invalid, match=r"chapter\.xml"):
        await bring(engine, chapter)

    assert await everything(engine) == [[], [], [], []]


async def test_a_broken_new_edition_leaves_the_old_one(engine: AsyncEngine, chapter: Path) -> None:
    await bring(engine, chapter)
    before = await everything(engine)

    chapter.write_text(chapter.read_text().replace("Nobody", "Everybody").replace("</TEI>", ""))
    with pytest.raises(Invalid):
        await bring(engine, chapter)

    assert await everything(engine) == before


async def test_imports_that_start_together_share_one_collection(engine: AsyncEngine, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{number}.xml", [f"Chapter {number}."]) for number in range(8)]

    await asyncio.gather(*(bring(engine, file) for file in [*files, *files]))

    assert len(await rows(engine, "SELECT id FROM app.document_collections")) == 1
    assert sorted(await lines(engine)) == [f"Chapter {number}." for number in range(8)]


async def test_an_existing_collection_keeps_what_is_not_said(engine: AsyncEngine, world: World, chapter: Path) -> None:
    await world.collection(Visibility.PRIVATE, title="A book", language="en")
    seen = "SELECT visibility, language FROM app.document_collections"

    await bring(engine, chapter)
    assert await rows(engine, seen) == [("private", "en")]

    await bring(engine, chapter, Destination("A book", visibility=Visibility.SHARED))
    assert await rows(engine, seen) == [("shared", "en")]


async def test_two_collections_of_one_title_are_not_guessed_between(
    engine: AsyncEngine, world: World, chapter: Path
) -> None:
    await world.collection(title="A book")
    await world.collection(title="A book")

    with pytest.raises(Invalid, match="There are 2 collections titled A book"):
        await bring(engine, chapter)


async def test_nothing_is_brought_into_a_collection_that_was_deleted(
    engine: AsyncEngine, world: World, chapter: Path
) -> None:
    deleted = await world.collection(title="A book", deleted_at=DAWN)
    await bring(engine, chapter)
    ((collection_id,),) = await rows(engine, "SELECT document_collection_id FROM app.documents")
    assert collection_id != deleted.id


@pytest.mark.parametrize("title", ["", " ", "x" * 256, "A\x00B"])
async def test_a_title_that_a_collection_cannot_have_is_refused(engine: AsyncEngine, chapter: Path, title: str) -> None:
    with pytest.raises(GenjiError):
        await bring(engine, chapter, Destination(title))


async def test_the_chapters_of_moby_dick_become_documents(engine: AsyncEngine) -> None:
    outcome = await bring(engine, moby_dick())

    titles = [title for (title,) in await rows(engine, "SELECT title FROM app.documents ORDER BY position")]
    assert titles[0] == "CHAPTER 1. Loomings."
    assert [title.split(".")[0] for title in titles if title.startswith("CHAPTER")] == [
        f"CHAPTER {number}" for number in range(1, 136)
    ]
    assert outcome.new_documents == len(titles)
    assert (await lines(engine))[0].startswith("Call me Ishmael. Some years ago—never mind how long precisely—having ")
    assert (await lines(engine))[-1].endswith("rolled on as it rolled five thousand years ago.")
    assert (await bring(engine, moby_dick())).unchanged == outcome.added


WALK = """
query Walk($documents: String, $document: ID!, $elements: String, $walkElements: Boolean!) {
  collections(first: 1) @skip(if: $walkElements) {
    nodes { title language documents(first: 7, after: $documents) {
      nodes { id title stats { elements } } pageInfo { hasNextPage endCursor } } }
  }
  document(id: $document) @include(if: $walkElements) {
    elements(first: 100, after: $elements) { nodes { id text } pageInfo { hasNextPage endCursor } }
  }
}
"""


async def test_all_lines_of_the_genji_are_read_page_by_page(engine: AsyncEngine, service: Service) -> None:
    for path in genji():
        await bring(engine, path, Destination("源氏物語", language="ja"))

    documents: list[Any] = []
    page: Any = {"hasNextPage": True, "endCursor": None}
    while page["hasNextPage"]:
        data = await service.ask(WALK, {"documents": page["endCursor"], "document": "0", "walkElements": False})
        (collection,) = data["collections"]["nodes"]
        documents += collection["documents"]["nodes"]
        page = collection["documents"]["pageInfo"]

    assert (collection["title"], collection["language"]) == ("源氏物語", "ja")
    assert len(documents) == 54
    assert (documents[0]["title"], documents[-1]["title"]) == ("校異源氏物語・きりつぼ", "校異源氏物語・夢のうきはし")

    walked: list[Any] = []
    for document in documents:
        here: list[Any] = []
        page = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            data = await service.ask(
                WALK, {"document": document["id"], "elements": page["endCursor"], "walkElements": True}
            )
            here += data["document"]["elements"]["nodes"]
            page = data["document"]["elements"]["pageInfo"]
        assert len(here) == document["stats"]["elements"]
        walked += here

    assert len(walked) == 25_065
    assert len({element["id"] for element in walked}) == 25_065
    assert walked[0]["text"] == "いつれの御時にか女御更衣あまたさふらひ給けるなかにいとやむことなきゝは"
    assert walked[-1]["text"] == "と我御心のおもひよらぬくまなくおとしをきたまへりしならひにとそ"
    assert [element["text"] for element in walked] == await lines(engine)

    waka = await rows(engine, 'SELECT count(*) FROM app.document_elements WHERE hierarchy @> \'{"verse": "waka"}\'')
    assert waka == [(795,)]
