"""The demonstration: what it brings into an empty database, and what a visitor sees of it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import Json, reading_sessions
from genji_graphql.models import Annotation, Base, Document, DocumentElement, Group, User
from genji_graphql.reads import web_annotation
from genji_graphql.reads.web_annotation import SpecificResource, TextPositionSelector, TextQuoteSelector
from genji_graphql.transfer.demo import PASSWORD, load_demo_if_empty
from genji_graphql.vocabulary import RESPONSES, AnnotationStatus, Motivation
from tests.service import Service
from tests.world import World

LETTERS = """
{
  collections {
    totalCount
    nodes {
      language textDirection
      documents { nodes { id title elements(first: 20) { nodes { text hierarchy content } } } }
    }
  }
}
"""
NOTES = """
query Notes($motivation: String!) {
  annotations(first: 100, where: {motivation: {eq: $motivation}}) {
    nodes { databaseId body tags upvoteCount replies { nodes { replies { totalCount } } } }
  }
}
"""
SIGN_IN = """
mutation($login: String!, $password: String!) {
  signIn(input: {login: $login, password: $password}) { viewer { username } errors { message } } }
"""
COMMENTS = """
{
  annotations(first: 100, where: {motivation: {eq: "commenting"}, status: {in: [ACTIVE, PRIVATE, HIDDEN]}}) {
    nodes { targets { ... on SpecificResource { selectors { ... on TextQuoteSelector { exact } } } } }
  }
}
"""
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
LINKS = """
{
  annotations(where: {motivation: {eq: "linking"}}) {
    nodes {
      targets {
        ... on SpecificResource {
          passage
          place { ... on DocumentElement { document { collection { language } } } }
        }
      }
    }
  }
}
"""


class Stored:
    """What stands in the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def rows(self, model: type[Base]) -> list[Any]:
        async with reading_sessions(self._engine)() as session:
            return [*await session.scalars(select(model).order_by(model.id))]

    async def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self._engine.connect() as connection:
            return {
                table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
                for table in Base.metadata.sorted_tables
            }

    async def answer(self, question: str) -> list[Any]:
        """The first column of what a statement answers."""
        async with self._engine.connect() as connection:
            return [*await connection.scalars(text(question))]


@pytest.fixture
def stored(engine: AsyncEngine) -> Stored:
    return Stored(engine)


@pytest.fixture
async def demo(engine: AsyncEngine, stored: Stored) -> Stored:
    assert await load_demo_if_empty(engine)
    return stored


# -- loading


async def test_an_empty_database_gets_two_collections_a_classroom_and_six_people(demo: Stored) -> None:
    counts = await demo.counts()

    assert (counts["document_collections"], counts["documents"]) == (2, 6)
    assert (counts["users"], counts["user_roles"]) == (6, 6)
    assert (counts["groups"], counts["group_members"]) == (1, 4)
    assert (counts["object_sharing"], counts["site_settings"]) == (2, 1)


async def test_loading_it_twice_loads_it_once(engine: AsyncEngine, demo: Stored) -> None:
    before = await demo.counts()

    assert not await load_demo_if_empty(engine)

    assert await demo.counts() == before


async def test_two_processes_that_start_at_once_load_it_once(engine: AsyncEngine, stored: Stored) -> None:
    loaded = await asyncio.gather(load_demo_if_empty(engine), load_demo_if_empty(engine))

    assert sorted(loaded) == [False, True]
    assert (await stored.counts())["document_collections"] == 2


async def test_a_database_with_a_collection_is_left_alone(engine: AsyncEngine, stored: Stored, world: World) -> None:
    await world.collection()

    assert not await load_demo_if_empty(engine)

    assert (await stored.counts())["users"] == 0


async def test_a_database_with_a_person_is_left_alone(engine: AsyncEngine, stored: Stored, world: World) -> None:
    await world.person()

    assert not await load_demo_if_empty(engine)

    assert (await stored.counts())["document_collections"] == 0


async def test_what_fails_halfway_leaves_nothing_behind(engine: AsyncEngine, stored: Stored, world: World) -> None:
    before = await stored.counts()
    await world.run(text("ALTER TABLE app.annotations ADD CONSTRAINT no_flags CHECK (motivation <> 'flagging')"))

    with pytest.raises(IntegrityError, match="no_flags"):
        await load_demo_if_empty(engine)

    assert await stored.counts() == before


async def test_its_people_sign_in_with_the_password_that_the_readme_tells(service: Service, demo: Stored) -> None:
    assert PASSWORD in (Path(__file__).parents[2] / "README.md").read_text()
    for person in await demo.rows(User):
        signed_in = (await service.ask(SIGN_IN, {"login": person.username, "password": PASSWORD}))["signIn"]
        assert signed_in["viewer"] == {"username": person.username}


# -- the letters


async def test_a_visitor_reads_the_same_letters_in_two_languages(service: Service, demo: Stored) -> None:
    assert (await demo.counts())["document_collections"] == 2
    collections = (await service.ask(LETTERS))["collections"]

    assert collections["totalCount"] == 2
    english, japanese = collections["nodes"]
    assert (english["language"], english["textDirection"]) == ("en", "LTR")
    assert (japanese["language"], japanese["textDirection"]) == ("ja", "VERTICAL_RL")
    lengths = [[len(letter) for letter in letters(collection)] for collection in (english, japanese)]
    assert lengths == [[11, 10, 11]] * 2
    assert letters(english)[0][0]["text"].startswith("Lower crossing, the ninth")
    assert letters(japanese)[0][0]["text"].startswith("九月九日")


@pytest.mark.usefixtures("demo")
async def test_the_paragraphs_come_in_the_order_that_they_are_counted_in(service: Service) -> None:
    for collection in (await service.ask(LETTERS))["collections"]["nodes"]:
        for chapter, elements in enumerate(letters(collection), start=1):
            assert [element["hierarchy"] for element in elements] == [
                {"chapter": chapter, "paragraph": order, "element_order": order}
                for order in range(1, len(elements) + 1)
            ]


async def test_elements_stand_apart_so_that_others_can_come_between(demo: Stored) -> None:
    for element in await demo.rows(DocumentElement):
        assert element.position == element.hierarchy.decoded()["element_order"] * 65536


@pytest.mark.usefixtures("demo")
async def test_the_lines_of_its_verses_are_marked(service: Service) -> None:
    collections = (await service.ask(LETTERS))["collections"]["nodes"]
    contents = [
        element["content"] for collection in collections for letter in letters(collection) for element in letter
    ]
    verses = [content for content in contents if "\n" in content["text"]]

    assert len(verses) == 4
    for content in verses:
        (verse,) = content["verse"]
        lines = [content["text"][start:end] for start, end in verse["lines"]]
        assert lines == content["text"].split("\n")
        assert len(lines) == 5


def letters(collection: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The elements of each letter."""
    return [document["elements"]["nodes"] for document in collection["documents"]["nodes"]]


# -- the notes, as they are stored


async def test_annotations_of_every_motivation_are_there(demo: Stored) -> None:
    assert {note.motivation for note in await demo.rows(Annotation)} == set(Motivation)


async def test_every_annotation_knows_its_element_document_and_collection(demo: Stored) -> None:
    elements = {element.id: element for element in await demo.rows(DocumentElement)}
    documents = {document.id: document for document in await demo.rows(Document)}

    for note in await demo.rows(Annotation):
        assert elements[note.document_element_id].document_id == note.document_id
        assert documents[note.document_id].document_collection_id == note.document_collection_id


async def test_every_quote_is_in_its_element_once_and_at_its_offsets(demo: Stored) -> None:
    texts = {element.id: element.text for element in await demo.rows(DocumentElement)}
    quotes = positions = 0

    for element_id, quote, position in await quoted(demo):
        written = texts[element_id]
        assert written.count(quote.exact) == 1
        assert f"{quote.prefix or ''}{quote.exact}{quote.suffix or ''}" in written
        quotes += 1
        if position is not None:
            assert written[position.start : position.end] == quote.exact
            positions += 1

    assert quotes > positions > 30


async def quoted(demo: Stored) -> list[tuple[int, TextQuoteSelector, TextPositionSelector | None]]:
    """The quotes, each with its element's id and, where it tells it, its position."""
    found: list[tuple[int, TextQuoteSelector, TextPositionSelector | None]] = []
    for note in await demo.rows(Annotation):
        for target in web_annotation.targets(note.target):
            assert isinstance(target, SpecificResource)
            assert target.place is not None
            if target.selectors:
                quote, *others = target.selectors
                assert isinstance(quote, TextQuoteSelector)
                position = next(iter(others), quote.refined_by)
                assert position is None or isinstance(position, TextPositionSelector)
                found.append((target.place.row_id, quote, position))
    return found


async def test_annotations_are_written_in_all_three_dialects(demo: Stored) -> None:
    targets = [target for note in await demo.rows(Annotation) for target in resources(note.target)]
    selectors = [target["selector"] for target in targets if "selector" in target]

    assert any(isinstance(selector, list) for selector in selectors)
    assert any("refined_by" in selector for selector in selectors)
    assert any(target["source"].startswith("document_element:") for target in targets)


async def test_bodies_and_targets_are_numbered_and_the_next_numbers_are_free(demo: Stored) -> None:
    notes = await demo.rows(Annotation)
    bodies = sorted(body["id"] for note in notes for body in resources(note.body))
    targets = sorted(target["id"] for note in notes for target in resources(note.target))

    assert bodies == list(range(1, len(bodies) + 1))
    assert targets == list(range(1, len(targets) + 1))
    assert await demo.answer("SELECT nextval('app.annotation_body_id_seq')") == [len(bodies) + 1]
    assert await demo.answer("SELECT nextval('app.annotation_target_id_seq')") == [len(targets) + 1]


def resources(stored: Json | None) -> Iterator[dict[str, Any]]:
    """The objects of a body or a target, however they are nested."""
    waiting = [] if stored is None else [stored.decoded()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        else:
            yield value


async def test_what_says_nothing_has_no_body(demo: Stored) -> None:
    bare = await demo.answer("SELECT DISTINCT motivation FROM app.annotations WHERE body IS NULL")
    json_nulls = await demo.answer("SELECT count(*) FROM app.annotations WHERE jsonb_typeof(body) = 'null'")

    assert set(bare) == {"highlighting", "upvoting"}
    assert json_nulls == [0]


async def test_answers_follow_what_they_answer_and_stay_in_its_classroom(demo: Stored) -> None:
    notes = {note.id: note for note in await demo.rows(Annotation)}
    answers = [note for note in notes.values() if note.motivation in RESPONSES and note.parent_id is not None]

    assert {answer.motivation for answer in answers} == RESPONSES
    for answer in answers:
        answered = notes[answer.parent_id]
        assert answer.created > answered.created
        assert answer.classroom_id == answered.classroom_id
        assert answer.document_element_id == answered.document_element_id
        assert [target["source"] for target in resources(answer.target)] == [f"Annotation/{answered.id}"]


async def test_the_class_writes_during_its_term(demo: Stored) -> None:
    (classroom,) = await demo.rows(Group)
    days = {note.created.date() for note in await demo.rows(Annotation)}

    assert classroom.start_date <= min(days)
    assert max(days) <= classroom.end_date
    assert len(days) > 7


# -- the notes, as people see them


@pytest.mark.usefixtures("demo")
async def test_a_visitor_sees_replies_to_replies_and_tags_and_upvotes(service: Service) -> None:
    notes = (await service.ask(NOTES, {"motivation": "commenting"}))["annotations"]["nodes"]

    umbrella = next(note for note in notes if "umbrella" in note["body"]["value"])
    assert (umbrella["tags"], umbrella["upvoteCount"]) == (["memory", "objects"], 2)
    assert [reply["replies"]["totalCount"] for reply in umbrella["replies"]["nodes"]] == [1, 0]


async def test_a_visitor_sees_all_but_flags_and_what_is_private_hidden_or_of_the_classroom(
    service: Service, demo: Stored
) -> None:
    notes = await demo.rows(Annotation)
    kept_back = {
        "flags": {note.id for note in notes if note.motivation == Motivation.FLAGGING},
        "private": {note.id for note in notes if note.status == AnnotationStatus.PRIVATE},
        "hidden": {note.id for note in notes if note.status == AnnotationStatus.HIDDEN},
        "of the classroom": {note.id for note in notes if note.classroom_id is not None},
    }
    assert all(kept_back.values())

    seen = set()
    for motivation in Motivation:
        annotations = (await service.ask(NOTES, {"motivation": motivation}))["annotations"]
        seen |= {note["databaseId"] for note in annotations["nodes"]}

    assert seen == {note.id for note in notes}.difference(*kept_back.values())


@pytest.mark.parametrize(
    ("username", "more"),
    [
        pytest.param("haruko", {"a horse", "会社が申しますので", "a counter"}, id="the instructor, who moderates"),
        pytest.param("amina", {"a horse", "会社が申しますので", "more relieved"}, id="who keeps a private note"),
        pytest.param("jonah", {"a horse", "会社が申しますので", "a counter"}, id="whose note was hidden"),
        pytest.param("tomas", set(), id="somebody outside of the class"),
    ],
)
async def test_a_reader_also_sees_their_own_notes_and_those_of_their_class(
    service: Service, demo: Stored, username: str, more: set[str]
) -> None:
    (reader,) = await demo.answer(f"SELECT id FROM app.users WHERE username = '{username}'")
    classes = await demo.answer(f"SELECT group_id FROM app.group_members WHERE user_id = {reader}")

    everyones = await quotes_of_comments(service, ANONYMOUS)
    theirs = await quotes_of_comments(service, Viewer(reader, frozenset(classes)))

    assert theirs >= everyones
    assert {next(quote for quote in more if found.startswith(quote)) for found in theirs - everyones} == more


async def quotes_of_comments(service: Service, viewer: Viewer) -> set[str]:
    comments = (await service.ask(COMMENTS, viewer=viewer))["annotations"]["nodes"]
    return {comment["targets"][0]["selectors"][0]["exact"] for comment in comments}


@pytest.mark.usefixtures("demo")
async def test_links_join_passages_of_both_collections(service: Service) -> None:
    links = (await service.ask(LINKS))["annotations"]["nodes"]

    spread = [
        [(target["passage"], target["place"]["document"]["collection"]["language"]) for target in link["targets"]]
        for link in links
    ]
    assert spread == [[(0, "en"), (1, "ja")], [(0, "en"), (1, "ja"), (2, "en"), (3, "ja")]]


async def test_a_link_nests_its_passages_and_what_was_added_to_it_lies_flat(demo: Stored) -> None:
    links = [note.target.decoded() for note in await demo.rows(Annotation) if note.motivation == Motivation.LINKING]

    assert [[type(item) for item in link] for link in links] == [[list, list], [list, list, dict, dict]]


@pytest.mark.usefixtures("demo")
async def test_an_external_reference_holds_its_page_as_a_json_string(service: Service) -> None:
    (reference,) = (await service.ask(NOTES, {"motivation": "external_reference"}))["annotations"]["nodes"]

    page = json.loads(reference["body"]["value"])
    assert set(page) == {"title", "description", "url"}
    assert page["url"].startswith("https://example.org/")


@pytest.mark.usefixtures("demo")
async def test_the_reading_view_answers_on_the_first_letter(service: Service) -> None:
    first = (await service.ask(LETTERS))["collections"]["nodes"][0]["documents"]["nodes"][0]

    read = (await service.ask(READING, {"id": first["id"]}))["document"]

    assert (read["title"], read["collection"]["language"]) == (first["title"], "en")
    assert not read["elements"]["pageInfo"]["hasNextPage"]
    notes = [note for element in read["elements"]["nodes"] for note in element["annotations"]["nodes"]]
    assert len(notes) > 8
    assert all(note["creator"]["displayName"] for note in notes)
    assert any(note["replies"]["nodes"] for note in notes)
