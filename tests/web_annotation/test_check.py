"""What is an annotation, what isn't, and where it is told why."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genji_graphql.web_annotation import check
from genji_graphql.web_annotation.check import Problem, body_problems, problems, target_problems
from tests.web_annotation.examples import EXAMPLES, annotation, selected
from tests.web_annotation.refusals import REFUSALS
from tests.web_annotation.strategies import ANNOTATIONS, MEMBERS, RESOURCES, WRONG, objects_in


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_is_an_annotation(example: Any) -> None:
    assert problems(example) == []


@pytest.mark.parametrize(("refused", "pointer"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_none_is_refused_where_it_is_wrong(refused: Any, pointer: str) -> None:
    first, *_ = problems(refused)
    assert first.pointer == pointer
    assert first.message[0].isupper()
    assert first.message.endswith(".")


def test_all_that_is_wrong_is_told() -> None:
    body = {"type": "TextualBody", "value": 5, "textDirection": "up"}
    assert {problem.pointer for problem in problems(annotation(body=["urn:x:1", body], rights=""))} == {
        "/rights", "/body/1/value", "/body/1/textDirection",
    }  # fmt: skip


def test_so_much_that_is_wrong_is_not_told() -> None:
    assert len(problems(annotation(via=["not an IRI"] * 500))) == check.MAX_PROBLEMS
    assert len(problems(annotation(via=["\0"] * 500))) == check.MAX_PROBLEMS


def test_what_is_too_much_is_not_looked_into() -> None:
    assert problems(annotation(target=5, body="\0")) == [Problem("/body", "A text can't have the character U+0000.")]


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_no_member_is_just_anything(name: str, wrong: Any) -> None:
    (first, *_) = problems(annotation(**{name: wrong}))
    assert first.pointer.startswith(f"/{name}")


@given(ANNOTATIONS)
@settings(deadline=None)
def test_what_is_drawn_is_an_annotation(drawn: Any) -> None:
    assert problems(drawn) == []


@given(ANNOTATIONS, st.data())
@settings(deadline=None)
def test_whatever_lacks_what_it_needs_is_refused(drawn: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["@context", "type", "target"]))
    spoilt = {each: value for each, value in drawn.items() if each != name}
    assert [problem.pointer for problem in problems(spoilt)] == [f"/{name}"]


@given(ANNOTATIONS, st.data())
@settings(deadline=None)
def test_whatever_is_wrong_is_found_at_any_depth(drawn: Any, data: st.DataObject) -> None:
    spoilt = deepcopy(drawn)
    at, inner = data.draw(st.sampled_from(list(objects_in(spoilt))))
    name = data.draw(st.sampled_from(["id", "type"]))
    inner[name] = data.draw(st.sampled_from([None, 5, True, [[]], "", {}]))
    # A resource without its type may be of another kind, which lacks something else.
    assert any(problem.pointer.startswith(f"{at}/{name}") for problem in problems(spoilt))


@given(st.recursive(st.none() | st.integers() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)))
@settings(deadline=None)
def test_anything_at_all_can_be_checked(anything: Any) -> None:
    assert problems(anything) != []
    assert isinstance(body_problems(anything), list)
    assert isinstance(target_problems(anything), list)
    problems(annotation(body=anything, target=anything, creator=anything, stylesheet=anything))


# What clients send directly

_OLDER = {
    "id": 1,
    "type": "Text",
    "source": "DocumentElements/2",
    "selector": {
        "type": "TextQuoteSelector",
        "value": "my youn",
        "refined_by": {"type": "TextPositionSelector", "start": 3, "end": 10},
    },
}


@given(RESOURCES)
@settings(deadline=None)
def test_the_standards_own_are_taken(drawn: Any) -> None:
    assert body_problems(drawn) == target_problems(drawn) == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"type": "TextualBody", "value": "The theme.", "format": "text/plain", "language": "en"},
        {"id": 1, "type": "TextualBody", "value": "…", "format": "text/plain", "language": "en"},
        [{"id": 0, "value": "a"}, "https://scholars.example/essay", {"source": "document:3", "purpose": "linking"}],
        {"type": "Choice", "items": [{"id": 2**31 - 1, "value": "a"}, "DocumentElements/2"]},
    ],
)
def test_bodies_of_all_dialects_are_taken(body: Any) -> None:
    assert body_problems(body) == []


@pytest.mark.parametrize(
    "target",
    [
        {"source": "document_element:42", "selector": {"type": "TextQuoteSelector", "exact": "a", "prefix": "b"}},
        [_OLDER],
        [[_OLDER, _OLDER], [_OLDER], _OLDER],
        [{"id": 9, "source": "Annotation/1"}],
        "Annotation/1",
        "RG9jdW1lbnQ6Mw==",
        [[["element:1"]], "https://library.example/genji"],
    ],
)
def test_targets_of_all_dialects_are_taken(target: Any) -> None:
    assert target_problems(target) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("I think so.", ""),
        (5, ""),
        ([["https://scholars.example/essay"]], "/0"),
        ({"type": "TextualBody"}, "/value"),
        ({"id": -1, "value": "a"}, "/id"),
        ({"id": 2**31, "value": "a"}, "/id"),
        ({"id": True, "value": "a"}, "/id"),
        ({"id": 1.5, "value": "a"}, "/id"),
        ({"value": "a\0"}, "/value"),
        ([{"value": "a"}, {"type": "Choice", "items": [{"type": "TextualBody", "value": 1}]}], "/1/items/0/value"),
        ([{"value": "a"}] * (check.MAX_BODIES + 1), ""),
    ],
)
def test_a_body_is_refused_where_it_is_wrong(body: Any, pointer: str) -> None:
    assert [problem.pointer for problem in body_problems(body)] == [pointer]


@pytest.mark.parametrize(
    ("target", "pointer"),
    [
        (None, ""),
        ([], ""),
        ([[], [[]]], ""),
        ("somewhere", ""),
        ("DocumentElements/0", ""),
        ("users/1", ""),
        ([[_OLDER], [_OLDER, {"id": 1}]], None),
        ([[_OLDER], [_OLDER, {"type": "Text"}]], "/1/1/id"),
        ({"source": "element 42"}, "/source"),
        ({"source": "element:42", "selector": {"type": "TextQuoteSelector", "value": 5}}, "/selector/value"),
        ({"source": "element:42", "selector": {"type": "TextQuoteSelector"}}, "/selector/exact"),
        (
            {"source": "element:42", "selector": {"type": "CssSelector", "value": "p", "refined_by": {"type": 1}}},
            "/selector/refined_by/type",
        ),
        ([["element:1"] * 600, ["element:2"] * 401], ""),
    ],
)
def test_a_target_is_refused_where_it_is_wrong(target: Any, pointer: str | None) -> None:
    assert [problem.pointer for problem in target_problems(target)] == ([] if pointer is None else [pointer])


def test_limits_let_a_large_annotation_in() -> None:
    text = "あ" * (check.MAX_BYTES // 3 - 1000)
    assert problems(annotation(body={"type": "TextualBody", "value": text})) == []
    quote = {"type": "CssSelector", "value": "p"}
    assert problems(selected([quote] * check.MAX_SELECTORS)) == []
    assert problems(annotation(target=["urn:x:1"] * check.MAX_TARGETS)) == []
