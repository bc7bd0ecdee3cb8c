"""What holds whatever was written, in whatever order: each invariant tells where it doesn't."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.vocabulary import RESPONSES
from tests.plans.both import Both, data_of
from tests.plans.operations import Operation
from tests.writers.programs import CREATES, Done
from tests.writers.site import NOTES, PEOPLE, Room

Row = dict[str, Any]

_THREADS = """
query ($after: String) {
  annotations(first: 100, after: $after, where: {motivation: {in: $motivations}}) {
    pageInfo { hasNextPage }
    nodes {
      databaseId motivation status upvoteCount viewerHasUpvoted tags
      classroom { databaseId } element { databaseId } document { databaseId } collection { databaseId }
      replyTo { databaseId status element { databaseId } document { databaseId } collection { databaseId } }
      replies { totalCount nodes { databaseId } }
    }
  }
}
""".replace("$motivations", json.dumps(["commenting", "linking", *map(str, RESPONSES)]))


@dataclass(frozen=True)
class Held:
    """All that the tables hold."""

    notes: dict[int, Row]
    versions: dict[int, list[Row]]
    elements: dict[int, Row]
    revisions: dict[int, list[Row]]
    documents: dict[int, Row]
    keys: list[Row]

    @cached_property
    def answers(self) -> dict[int, list[Row]]:
        """What answers each note."""
        answers: dict[int, list[Row]] = defaultdict(list)
        for note in self.notes.values():
            if note["parent_id"] is not None:
                answers[note["parent_id"]].append(note)
        return answers

    def states(self, note_id: int) -> dict[int, Row]:
        """What a note was and is, by the numbers of its versions."""
        return {row["version"]: row for row in [*self.versions.get(note_id, []), self.notes[note_id]]}


async def held(room: Room) -> Held:
    async def rows(table: str) -> list[Row]:
        found = await room.connection.fetch(f"SELECT to_jsonb(t) AS row FROM app.{table} t ORDER BY id")
        return [json.loads(one["row"]) for one in found]

    return Held(
        notes={row["id"]: row for row in await rows("annotations")},
        versions=_by(await rows("annotation_versions"), "annotation_id"),
        elements={row["id"]: row for row in await rows("document_elements")},
        revisions=_by(await rows("element_revisions"), "element_id"),
        documents={row["id"]: row for row in await rows("documents")},
        keys=await rows("idempotency_keys"),
    )


def _by(rows: list[Row], name: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


async def complaints(room: Room, done: list[Done]) -> list[str]:
    """Everything that is not as it should be after these steps."""
    all_of_it = await held(room)
    told = [complaint for check in OF_ANSWERS for complaint in check(all_of_it, done)]
    kept = [complaint for check in OF_ROWS for complaint in check(all_of_it)]
    return [*told, *kept, *await _seen_complaints(room, all_of_it)]


# What people were told


def every_step_was_answered(_held: Held, done: list[Done]) -> Iterator[str]:
    """Made, or refused in words: no fault of ours, such as a deadlock, came through."""
    for step in done:
        if "errors" in step.answer:
            yield f"{step.name}({step.given}) by {step.person}: {step.answer['errors']}"


def nobody_overwrote_what_they_did_not_know(_held: Held, done: list[Done]) -> Iterator[str]:
    """Of those who expected the same moment of the same thing only one changed it."""
    expected = Counter(
        (step.name == "updateElement", step.given["id"], step.given["expectedModified"])
        for step in done
        if step.is_made and "expectedModified" in step.given and _changed_something(step)
    )
    for known, times in expected.items():
        if times > 1:
            yield f"{times} people changed what each of them knew as {known}"


def _changed_something(step: Done) -> bool:
    return all(row["modified"] != step.given["expectedModified"] for row in step.rows)


def what_was_told_is_kept(held: Held, done: list[Done]) -> Iterator[str]:
    """Each state that somebody was told of stands in the history, as it was told."""
    for step in done:
        for row in step.rows if step.is_made else ():
            number = row["databaseId"]
            if "motivation" in row:
                yield from _note_is_kept(held, step, row)
            elif "text" in row:
                texts = [one["content"]["text"] for one in held.revisions.get(number, [])]
                if row["text"] not in [*texts, held.elements[number]["content"]["text"]]:
                    yield f"element {number} never said {row['text']!r}, which {step.name} told"


def _note_is_kept(held: Held, step: Done, row: Row) -> Iterator[str]:
    number, version = row["databaseId"], row["version"]
    if number not in held.notes:
        yield f"{step.name} told of note {number}, which isn't there"
        return
    kept = held.states(number).get(version)
    told = {name: row[name] for name in ("motivation", "body", "target")} | {"status": row["status"].lower()}
    if kept is None or any(kept[name] != value for name, value in told.items()):
        yield f"{step.name} told {row}, and kept is {kept}"


def nothing_was_made_but_what_was_told(held: Held, done: list[Done]) -> Iterator[str]:
    """What was refused has made nothing."""
    by_itself = ("commenting", "linking", "replying", "flagging")
    there = {note["id"] for note in held.notes.values() if note["motivation"] in by_itself}
    told = {
        row["databaseId"]
        for step in done
        if step.is_made and step.name in {*CREATES, "flagAnnotation"}
        for row in step.rows
        if "motivation" in row
    }
    if there != told | set(NOTES):
        yield f"notes {there ^ (told | set(NOTES))} are there or were told of, and not both"


# Once and no more


def a_vote_is_one_a_person(held: Held) -> Iterator[str]:
    once = Counter(
        (note["motivation"], note["parent_id"], note["creator_id"], _word(note))
        for note in held.notes.values()
        if note["motivation"] in {"upvoting", "flagging", "tagging"} and note["status"] != "deleted"
    )
    yield from (f"{times} times {what}" for what, times in once.items() if times > 1)


def _word(note: Row) -> str | None:
    word: str | None = note["body"]["value"] if note["motivation"] == "tagging" else None
    return word


def a_vote_is_what_its_person_said_last(held: Held, done: list[Done]) -> Iterator[str]:
    """Asked of those who sat at one screen: who sits at several has no last word."""
    screens = defaultdict(set)
    for step in done:
        screens[step.person].add(step.screen)
    last = {
        (int(step.given["annotationId"]), step.person): step.name
        for step in done
        if step.is_made and step.name in {"upvoteAnnotation", "removeUpvote"} and len(screens[step.person]) == 1
    }
    for (note_id, person), said in last.items():
        votes = [
            one
            for one in held.answers[note_id]
            if one["motivation"] == "upvoting" and one["creator_id"] == person and one["status"] == "active"
        ]
        if len(votes) != (said == "upvoteAnnotation"):
            yield f"{person} said {said} of note {note_id}, which has {len(votes)} votes of theirs"


def a_key_makes_one_thing(held: Held, done: list[Done]) -> Iterator[str]:
    made: dict[tuple[int, str], set[tuple[int, ...]]] = defaultdict(set)
    for step in done:
        ids = tuple(row["databaseId"] for row in step.rows)
        # What has gone out of their sight isn't told again.
        if step.is_made and "idempotencyKey" in step.given and ids:
            made[step.person, step.given["idempotencyKey"]].add(ids)
    kept = Counter((row["user_id"], row["key"]) for row in held.keys)
    yield from (f"the key {key} is there {times} times" for key, times in kept.items() if times > 1)
    for row in held.keys:
        known = set(held.elements) | set(held.notes)
        if not row["created_ids"] or not set(row["created_ids"]) <= known:
            yield f"the key {row['key']} has made {row['created_ids']}"
    for key, answers in made.items():
        most = max(answers, key=len)
        if any(not set(ids) <= set(most) for ids in answers):
            yield f"the key {key} was answered with {answers}"


# Threads


def answers_stand_where_their_notes_stand(held: Held) -> Iterator[str]:
    inherited = ("document_element_id", "document_id", "document_collection_id", "classroom_id", "classroom_gone")
    for parent_id, answers in held.answers.items():
        for answer in answers:
            for name in inherited:
                if answer[name] != held.notes[parent_id][name]:
                    yield f"note {answer['id']} has the {name} {answer[name]}, and what it answers another"


def no_note_answers_itself(held: Held) -> Iterator[str]:
    for note in held.notes.values():
        above, steps = note["parent_id"], 0
        while above is not None and steps <= len(held.notes):
            above, steps = held.notes[above]["parent_id"], steps + 1
        if above is not None:
            yield f"note {note['id']} answers itself"


# Whole rows


def versions_are_without_gaps(held: Held) -> Iterator[str]:
    for rows, kept, name in ((held.notes, held.versions, "version"), (held.elements, held.revisions, "revision")):
        for number, row in rows.items():
            numbers = sorted(one[name] for one in [*kept.get(number, []), row])
            if numbers != list(range(1, len(numbers) + 1)):
                yield f"the {name}s of {number} are {numbers}"


def notes_know_their_places(held: Held) -> Iterator[str]:
    for note in held.notes.values():
        element = held.elements[note["document_element_id"]]
        document = held.documents[element["document_id"]]
        place = (document["id"], document["document_collection_id"])
        if (note["document_id"], note["document_collection_id"]) != place:
            yield f"note {note['id']} stands on element {element['id']} and isn't in {place}"


def positions_are_unique(held: Held) -> Iterator[str]:
    for rows, parent in ((held.elements, "document_id"), (held.documents, "document_collection_id")):
        places = Counter((row[parent], row["position"]) for row in rows.values())
        yield from (f"{times} times {parent} and position {place}" for place, times in places.items() if times > 1)


def numbers_of_the_sequences_are_unique(held: Held) -> Iterator[str]:
    for column in ("body", "target"):
        numbers = Counter(one["id"] for note in held.notes.values() for one in _leaves(note[column]))
        yield from (f"{times} have the number {number} as {column}" for number, times in numbers.items() if times > 1)


# Passages


def passages_are_what_they_quote(held: Held) -> Iterator[str]:
    for note in held.notes.values():
        lost = False
        for target in _leaves(note["target"]):
            if target.get("genji:anchoring", {}).get("method") == "orphan":
                lost = True
            elif "selector" in target:
                yield from _misquoted(held, note, target)
        if note["is_orphan"] != lost:
            yield f"note {note['id']} says is_orphan {note['is_orphan']}: {note['target']}"


def _misquoted(held: Held, note: Row, target: Row) -> Iterator[str]:
    quote, position = target["selector"]
    text = held.elements[int(target["source"].partition("/")[2])]["content"]["text"]
    start, end = position["start"], position["end"]
    before, after = text[:start], text[end:]
    if (
        text[start:end] != quote["exact"]
        or not before.endswith(quote["prefix"])
        or not after.startswith(quote["suffix"])
    ):
        yield f"note {note['id']} quotes {quote} at {start}, where stands {text[start:end]!r}"


def _leaves(value: Any) -> Iterator[Row]:
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif isinstance(value, dict):
        yield value


OF_ANSWERS = (
    every_step_was_answered,
    nobody_overwrote_what_they_did_not_know,
    what_was_told_is_kept,
    nothing_was_made_but_what_was_told,
    a_vote_is_what_its_person_said_last,
    a_key_makes_one_thing,
)
OF_ROWS = (
    a_vote_is_one_a_person,
    answers_stand_where_their_notes_stand,
    no_note_answers_itself,
    versions_are_without_gaps,
    notes_know_their_places,
    positions_are_unique,
    numbers_of_the_sequences_are_unique,
    passages_are_what_they_quote,
)


# What people see afterwards


async def _seen_complaints(room: Room, held: Held) -> list[str]:
    """Everybody sees whole threads and true counts, by a plan and by the general executor alike."""
    found: list[str] = []
    for person in (None, *PEOPLE):
        viewer = ANONYMOUS if person is None else room.viewers[person]
        planned, general = await Both(room).ask(Operation(_THREADS, {}, None), viewer)
        if not planned.is_planned or planned.body != general.body:
            found.append(f"{person} is told {planned} and {general}")
            continue
        nodes = data_of(planned)["annotations"]["nodes"]
        found += [f"{person}: {complaint}" for node in nodes for complaint in _ill_seen(held, node, person)]
    return found


def _is_in_use(note: Row, person: int | None) -> bool:
    return bool(note["status"] == "active" or (note["status"] == "private" and note["creator_id"] == person))


def _ill_seen(held: Held, node: Row, person: int | None) -> Iterator[str]:
    number, answered = int(node["databaseId"]), node["replyTo"]
    if held.notes[number]["parent_id"] is not None:
        if answered is None:
            yield f"note {number} is in sight, and what it answers isn't"
        elif any(node[name] != answered[name] for name in ("element", "document", "collection")):
            yield f"note {number} is shown elsewhere than what it answers: {node}"
    answers = [one for one in held.answers[number] if _is_in_use(one, person)]
    voters = [one["creator_id"] for one in answers if one["motivation"] == "upvoting"]
    replies = [one["id"] for one in answers if one["motivation"] == "replying"]
    tags = sorted({one["body"]["value"] for one in answers if one["motivation"] == "tagging"})
    shown = {"upvoteCount": len(voters), "viewerHasUpvoted": person in voters, "tags": tags}
    for name, value in shown.items():
        if node[name] != value:
            yield f"{name} of note {number} is {node[name]}, and there are {value}"
    if sorted(one["databaseId"] for one in node["replies"]["nodes"]) != sorted(replies)[:20]:
        yield f"note {number} shows the replies {node['replies']}, and has {replies}"
