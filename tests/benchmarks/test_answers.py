"""Answers are brought into one form, and no difference between them gets lost."""

import json
from typing import Any

import pytest

from benchmarks.serving.answers import comparable, difference
from genji_graphql.reads.ids import global_id


def read(answer: Any) -> Any:
    return comparable(json.dumps(answer).encode())


def test_the_same_answer_looks_the_same_whoever_gave_it() -> None:
    ours = {
        "data": {
            "annotations": {
                "nodes": [
                    {
                        "id": global_id("Annotation", 7),
                        "status": "ACTIVE",
                        "created": "2025-06-01T02:00:00+02:00",
                        "viewerCan": {"edit": True},
                    }
                ]
            }
        },
        "extensions": {"cost": {"requested": 1}},
    }
    theirs = {
        "annotations": [{"id": 7, "status": "active", "created": "2025-06-01T00:00:00.000000+00:00", "edit": True}]
    }
    assert difference(read(ours), read(theirs)) is None


def test_what_is_computed_is_held_against_the_rows_it_is_computed_from() -> None:
    computed = {"upvoteCount": 2, "viewerHasUpvoted": False, "tags": ["court", "poem"]}
    tagged = [{"body": {"value": word}} for word in ("poem", "court", "poem")]
    related = {"upvoteCount": {"totalCount": 2}, "viewerHasUpvoted": {"nodes": []}, "tags": {"nodes": tagged}}
    assert read(related) == computed
    assert read({"viewerHasUpvoted": {"nodes": [{"rowId": 1}]}}) == {"viewerHasUpvoted": True}


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        ([1, 2], [2, 1], "[0]"),
        ([1], [1, 2], "the whole"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, ".a[0].b"),
        ({"a": None}, {}, "the whole"),
        ({"a": 1}, {"a": True}, ".a"),
        ({"a": 1}, {"a": "1"}, ".a"),
        ({"created": "2025-06-01T00:00:00Z"}, {"created": "2025-06-01T00:00:00.000001Z"}, ".created"),
        ({"id": global_id("Document", 1)}, {"id": 2}, ".id"),
    ],
)
def test_a_difference_is_found_and_named(one: Any, other: Any, place: str) -> None:
    found = difference(read({"data": one}), read({"data": other}))
    assert found is not None
    assert found.startswith(f"{place}:")


def test_an_answer_with_errors_is_no_answer() -> None:
    with pytest.raises(ValueError, match="went wrong"):
        read({"data": None, "errors": [{"message": "went wrong"}]})
