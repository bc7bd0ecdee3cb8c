"""Notes on every line of a real text, carried to its next edition."""

from collections import Counter

import pytest

from benchmarks import anchoring
from genji_graphql.anchoring.anchor import anchor_at
from genji_graphql.anchoring.carrying import Carried, Method, carry, carry_across
from tests.anchoring.edits import Edited, Verdict, verdicts
from tests.data import genji_revisions


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    return anchoring.pairs(genji_revisions())


def spans(text: str) -> list[tuple[int, int]]:
    return [(start, min(start + 8, len(text))) for start in range(0, len(text), 8)] + [(0, len(text))]


def test_no_note_on_a_corrected_line_is_misplaced_or_lost_where_its_text_stays(lines: list[dict[str, str]]) -> None:
    counts: Counter[Verdict] = Counter()
    for line in lines:
        old, new = line["old"], line["new"]
        if old == new:
            continue
        edited = Edited(old, new, list(anchoring.origins(old, new, 0)))
        known = set(edited.places)
        anchors = [
            anchor_at(old, start, end)
            for start, end in spans(old)
            # What was corrected itself has no place that the two lines alone tell.
            if 3 * len(known & set(range(start, end))) >= 2 * (end - start)
        ]
        for verdict, found in verdicts(carry, edited, anchors).items():
            assert verdict not in {Verdict.WRONG, Verdict.MISSED} or found == []
            counts[verdict] += len(found)

    assert counts[Verdict.RIGHT] > 600
    assert counts[Verdict.ORPHAN] < counts[Verdict.RIGHT] / 50


@pytest.mark.parametrize("keys", ["the same", "others"])
def test_no_note_on_any_line_goes_to_another_line(lines: list[dict[str, str]], keys: str) -> None:
    old = [(line["id"], line["old"]) for line in lines]
    new = [(line["id"] if keys == "the same" else f"new {line['id']}", line["new"]) for line in lines]
    anchors = [(key, anchor_at(text, start, end)) for key, text in old for start, end in spans(text)]

    carried = carry_across(old, new, anchors)

    methods = Counter(one.method for one in carried)
    assert methods[Method.ORPHAN] < 100
    corrected = {line["id"] for line in lines if line["old"] != line["new"]}
    order = {line["id"]: number for number, line in enumerate(lines)}
    for (key, _), one in zip(anchors, carried, strict=True):
        assert (
            one.key is None
            or _line(one) == key
            or (
                # The newer edition breaks some lines a little earlier or later; then both were corrected.
                {key, _line(one)} <= corrected and abs(order[_line(one)] - order[str(key)]) == 1
            )
        )


def _line(carried: Carried) -> str:
    return str(carried.key).removeprefix("new ")


@pytest.mark.parametrize("keys", ["the same", "others"])
def test_no_note_on_a_deleted_line_goes_to_another(lines: list[dict[str, str]], keys: str) -> None:
    lines = lines[:5_000]
    old = [(line["id"], line["old"]) for line in lines]
    new = [
        (line["id"] if keys == "the same" else f"new {line['id']}", line["new"])
        for number, line in enumerate(lines)
        if number % 10
    ]
    anchors = [(key, anchor_at(text, start, end)) for key, text in old for start, end in spans(text)]

    carried = carry_across(old, new, anchors)

    gone = {line["id"] for line in lines[::10]}
    for (key, anchor), one in zip(anchors, carried, strict=True):
        if key in gone:
            assert one.method is Method.ORPHAN, (anchor, one)
        else:
            assert one.key in {None, key, f"new {key}"}, (anchor, one)
