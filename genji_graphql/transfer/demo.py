"""A small demonstration: three letters in English and in Japanese, and a class that writes in their margins.

What it says stands in the folder `demo` beside this module. Its people share one password, which the README
tells: whoever lets others at a site with the demonstration closes these accounts first.
"""

import json
import tomllib
from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Sequence, exists, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from genji_graphql.database import writing_sessions
from genji_graphql.identity import passwords
from genji_graphql.models import (
    Annotation,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    Group,
    ObjectShare,
    Role,
    SiteSettings,
    User,
    UserPassword,
    annotation_body_ids,
    annotation_target_ids,
    group_members,
    user_roles,
)
from genji_graphql.vocabulary import AnnotationStatus, Motivation, Recipient, SharedObject, Visibility

_AROUND = 24  # characters of prefix and suffix, by which a quote is found again once the text has changed

Said = dict[str, Any]
"""A table of the data files: a person, a collection, a note."""

People = dict[str, User]
"""By user name."""


PASSWORD = "Wisteria-1008"  # noqa: S105 - the demonstration's, and no secret


class Passage(NamedTuple):
    """An element, and what it belongs to."""

    collection: DocumentCollection
    document: Document
    element: DocumentElement
    text: str


async def load_demo_if_empty(engine: AsyncEngine) -> bool:
    """Load the demonstration into a database without people and collections; tell whether that was done."""
    async with writing_sessions(engine).begin() as session:
        # Of two processes that start at once, the second waits here and then finds the database filled.
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("the demonstration"))))
        if await session.scalar(select(or_(exists(select(DocumentCollection.id)), exists(select(User.id))))):
            return False
        said = _read("class")
        people = await _add_people(session, said["people"])
        classroom = await _add_classroom(session, people, **said["classroom"])
        await _add(session, [_site(people, **said["site"])])
        passages: dict[str, Passage] = {}
        for language in ("en", "ja"):
            passages |= await _add_letters(session, people, classroom, **_read(f"letters.{language}"))
        await _add_notes(session, people, classroom, passages, _read("notes")["notes"])
    return True


def _read(name: str) -> Said:
    return tomllib.loads((files("genji_graphql.transfer") / "demo" / f"{name}.toml").read_text(encoding="utf-8"))


async def _add(session: AsyncSession, rows: Iterable[Base]) -> None:
    """Add rows, so that they have their ids."""
    session.add_all(rows)
    await session.flush()


# -- the class


async def _add_people(session: AsyncSession, said: list[Said]) -> People:
    roles = {role.name: role for role in await session.scalars(select(Role))}
    hashed = await passwords.hashed(PASSWORD)
    people: People = {}
    for person in said:
        role = roles[person.pop("role")]
        people[person["username"]] = user = User(email=f"{person['username']}@example.org", **person)
        await _add(session, [user])
        await _add(session, [UserPassword(user_id=user.id, hashed_password=hashed)])
        await session.execute(insert(user_roles).values(user_id=user.id, role_id=role.id))
    return people


async def _add_classroom(
    session: AsyncSession, people: People, by: str, members: list[str], joined_at: datetime, **columns: Any
) -> Group:
    classroom = Group(created_by_id=people[by].id, **columns)
    await _add(session, [classroom])
    joining = [{"group_id": classroom.id, "user_id": people[name].id, "joined_at": joined_at} for name in members]
    await session.execute(insert(group_members), joining)
    return classroom


def _site(people: People, by: str, **columns: Any) -> SiteSettings:
    return SiteSettings(updated_by_id=people[by].id, **columns)


# -- the letters


async def _add_letters(
    session: AsyncSession,
    people: People,
    classroom: Group,
    by: str,
    created: datetime,
    shares: list[Said],
    documents: list[Said],
    **columns: Any,
) -> dict[str, Passage]:
    """A collection. Its elements are known by language, letter and paragraph: `en/1/2`."""
    owner = people[by].id
    collection = DocumentCollection(
        visibility=Visibility.PUBLIC,
        hierarchy={"type": "letters", "levels": ["chapter", "paragraph"], "chapter_count": len(documents)},
        created_by_id=owner,
        modified_by_id=owner,
        owner_id=owner,
        created=created,
        modified=created,
        **columns,
    )
    await _add(session, [collection])
    await _add(session, [_share(collection, people, classroom, **share) for share in shares])
    passages: dict[str, Passage] = {}
    for chapter, said in enumerate(documents, start=1):
        text = said.pop("text")
        whole = {"document_collection_id": collection.id, "owner_id": owner, "created": created, "modified": created}
        document = Document(**whole, **said)
        await _add(session, [document])
        for order, paragraph in enumerate(text.strip().split("\n\n"), start=1):
            element = DocumentElement(
                document_id=document.id,
                hierarchy={"chapter": chapter, "paragraph": order, "element_order": order},
                content=_content(paragraph),
                created=created,
                modified=created,
            )
            passages[f"{collection.language}/{chapter}/{order}"] = Passage(collection, document, element, paragraph)
    await _add(session, [passage.element for passage in passages.values()])
    return passages


def _share(
    collection: DocumentCollection, people: People, classroom: Group, *, recipient: str, **columns: Any
) -> ObjectShare:
    person = people.get(recipient)
    return ObjectShare(
        object_id=collection.id,
        object_type=SharedObject.COLLECTION,
        shared_with_id=person.id if person else classroom.id,
        shared_with_type=Recipient.USER if person else Recipient.GROUP,
        created_by_id=collection.owner_id,
        **columns,
    )


def _content(text: str) -> Said:
    """A paragraph; or where it has several lines, verse, set in and with its lines marked."""
    lines = text.split("\n")
    if len(lines) == 1:
        return {"text": text}
    ends = accumulate(len(line) + 1 for line in lines)
    spans = [[end - 1 - len(line), end - 1] for line, end in zip(lines, ends, strict=True)]
    styles = {"is_bold": False, "is_italic": False, "formatting": []}
    return {
        "text": text,
        "formatting": {"alignment": "left", "indent": 1, "text_styles": styles},
        "verse": [{"start": 0, "end": len(text), "lines": spans}],
    }


# -- the notes


async def _add_notes(
    session: AsyncSession, people: People, classroom: Group, passages: dict[str, Passage], said: list[Said]
) -> None:
    """A generation at a time: the notes, what answers them, what answers that. An answer names what it answers."""
    notes: list[tuple[Said, Annotation | None]] = [(note, None) for note in said]
    while notes:
        bodies = await _numbered(session, annotation_body_ids, [_bodies(note) for note, _ in notes])
        targets = [_targets(note, answered, passages) for note, answered in notes]
        targets = await _numbered(session, annotation_target_ids, targets)
        rows = [
            Annotation(
                type="Annotation",
                context="http://www.w3.org/ns/anno.jsonld",
                motivation=note["motivation"],
                status=AnnotationStatus(note.get("status", "active")),
                document_collection_id=passages[note["on"]].collection.id,
                document_id=passages[note["on"]].document.id,
                document_element_id=passages[note["on"]].element.id,
                creator_id=people[note["by"]].id,
                owner_id=people[note["by"]].id,
                classroom_id=classroom.id if note.get("classroom") else None,
                parent_id=answered.id if answered else None,
                created=note["created"],
                modified=note["created"],
                target=_arranged(note, target),
                # None would be written as the JSON null, which is something.
                **({"body": body if len(body) > 1 else body[0]} if body else {}),
            )
            for (note, answered), body, target in zip(notes, bodies, targets, strict=True)
        ]
        await _add(session, rows)
        notes = [(answer, row) for (note, _), row in zip(notes, rows, strict=True) for answer in _answers(note)]


async def _numbered(session: AsyncSession, sequence: Sequence, resources: list[list[Said]]) -> list[list[Said]]:
    """The bodies or targets of each note, with numbers of their own, all drawn in one statement."""
    count = sum(map(len, resources))
    drawn = select(sequence.next_value()).select_from(func.generate_series(1, count))
    numbers = iter((await session.scalars(drawn)).all())
    return [[{"id": next(numbers)} | resource for resource in group] for group in resources]


def _answers(said: Said) -> list[Said]:
    """What answers a note. It stands where the note stands, and is for those whom the note is for."""
    inherited = {key: said[key] for key in ("on", "classroom") if key in said}
    by, language, created = said["by"], _language(said), said["created"]
    tags = [
        {"motivation": Motivation.TAGGING, "by": by, "text": tag, "language": language, "created": created + later}
        for tag, later in _spread(said.get("tags", []), timedelta(minutes=1))
    ]
    upvotes = [
        {"motivation": Motivation.UPVOTING, "by": voter, "created": created + later}
        for voter, later in _spread(said.get("upvotes", []), timedelta(hours=5))
    ]
    replies = [{"motivation": Motivation.REPLYING} | reply for reply in said.get("replies", [])]
    flags = [{"motivation": Motivation.FLAGGING} | flag for flag in said.get("flags", [])]
    return [inherited | answer for answer in [*tags, *upvotes, *replies, *flags]]


def _spread(words: list[str], step: timedelta) -> list[tuple[str, timedelta]]:
    return [(word, place * step) for place, word in enumerate(words, start=1)]


def _language(said: Said) -> str:
    """Its own, or that of the text it is on."""
    on: str = said["on"]
    return str(said.get("language", on.partition("/")[0]))


def _bodies(said: Said) -> list[Said]:
    # Clients keep the title, description and address of a reference as a JSON string.
    value = json.dumps(said["reference"], ensure_ascii=False) if "reference" in said else said.get("text")
    purpose = {"purpose": said["motivation"]}
    bodies: list[Said] = []
    if value is not None:
        text = {"type": "TextualBody", "value": value, "format": "text/plain", "language": _language(said)}
        bodies.append(text | purpose if said["motivation"] == Motivation.TAGGING else text)
    if "resource" in said:
        bodies.append({"type": "SpecificResource", "source": said["resource"]} | purpose)
    return bodies


def _targets(said: Said, answered: Annotation | None, passages: dict[str, Passage]) -> list[Said]:
    if answered is not None:
        return [{"type": "Annotation", "source": f"Annotation/{answered.id}"}]
    places = [said, *said.get("passages", []), *said.get("added", [])]
    return [_target(passages[place["on"]], place.get("quote"), said.get("dialect", "standard")) for place in places]


def _target(passage: Passage, quote: str | None, dialect: str) -> Said:
    """An element or a quote from it, in the W3C's words, in those of older clients, or as the schema documents them."""
    target = {
        "standard": {"type": "SpecificResource", "source": f"DocumentElements/{passage.element.id}"},
        "older": {"type": "Text", "source": f"DocumentElements/{passage.element.id}"},
        "documented": {"source": f"document_element:{passage.element.id}"},
    }[dialect]
    return target if quote is None else target | {"selector": _selector(passage.text, quote, dialect)}


def _selector(text: str, quote: str, dialect: str) -> Said | list[Said]:
    start = text.index(quote)
    end = start + len(quote)
    position = {"type": "TextPositionSelector", "start": start, "end": end}
    if dialect == "older":
        return {"type": "TextQuoteSelector", "value": quote, "refined_by": position}
    around = {"prefix": text[max(0, start - _AROUND) : start], "suffix": text[end : end + _AROUND]}
    found = {"type": "TextQuoteSelector", "exact": quote, **around}
    return found if dialect == "documented" else [found, position]


def _arranged(said: Said, targets: list[Said]) -> Said | list[Said | list[Said]]:
    """One documented target stands alone. A link nests each of its passages; those added to it later lie flat."""
    if said.get("dialect") == "documented":
        return targets[0]
    if said["motivation"] != Motivation.LINKING:
        return [*targets]
    nested = 1 + len(said.get("passages", []))
    return [*([target] for target in targets[:nested]), *targets[nested:]]
