"""What goes in comes out."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genji_graphql.database import Json
from genji_graphql.web_annotation.check import problems
from genji_graphql.web_annotation.reading import Parsed, read
from genji_graphql.web_annotation.terms import moment_of
from genji_graphql.web_annotation.writing import Creator, Stored, encoded, json_ld
from tests.web_annotation.examples import BASE, EXAMPLES, OWN
from tests.web_annotation.strategies import ANNOTATIONS


def as_row(parsed: Parsed, **site: Any) -> Stored:
    """What a row holds of an annotation, its JSON as PostgreSQL gives it."""

    def column(value: Any) -> Any:
        return None if value is None else Json.of(value)

    return Stored(
        id=7,
        motivation=parsed.motivation,
        body=column(parsed.body),
        target=column(parsed.target),
        generator=parsed.generator,
        generated=parsed.generated,
        other=column(parsed.other),
        **site,
    )


def through(given: Any, **site: Any) -> Any:
    return json.loads(encoded(json_ld(as_row(read(given, BASE), **site), BASE)))


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_comes_out_as_it_went_in(example: Any) -> None:
    assert through(example) == {**example, "id": OWN}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_reading_changes_nothing_in_what_it_reads(example: Any) -> None:
    before = deepcopy(example)
    json_ld(as_row(read(example, BASE)), BASE)
    assert example == before


@given(ANNOTATIONS)
@settings(max_examples=300, deadline=None)
def test_whatever_goes_in_comes_out(drawn: Any) -> None:
    assert through(drawn) == {**drawn, "id": OWN}


@given(ANNOTATIONS)
@settings(deadline=None)
def test_whatever_comes_out_goes_in_again(drawn: Any) -> None:
    once = through(drawn)
    assert problems(once) == []
    assert through(once) == once


@given(ANNOTATIONS, st.datetimes(timezones=st.just(UTC)), st.text())
@settings(deadline=None)
def test_the_site_sets_who_and_when(drawn: Any, moment: datetime, name: str) -> None:
    came_out = through(drawn, created=moment, modified=moment, creator=Creator(3, name))
    own = {"id", "created", "modified", "creator"}
    assert {each: value for each, value in came_out.items() if each not in own} == {
        each: value for each, value in drawn.items() if each not in own
    }
    assert came_out["creator"]["id"] == f"{BASE}/users/3"
    assert moment_of(came_out["created"]) == moment_of(came_out["modified"]) == moment
