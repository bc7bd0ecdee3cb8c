"""When a classroom can be joined by its link, around the borders."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genji_graphql.access.joining import is_open, today

DAY = timedelta(days=1)
START, END = date(2026, 9, 1), date(2026, 12, 18)

days = st.dates()
near_start = st.integers(-40, 40).map(lambda apart: START + apart * DAY)


@pytest.mark.parametrize(
    ("start", "end", "on", "is_joinable"),
    [
        (START, END, date(2026, 8, 1), True),
        (START, END, START, True),
        (START, END, date(2026, 9, 15), True),
        (START, END, date(2026, 9, 16), False),
        (START, date(2026, 9, 10), date(2026, 9, 10), True),
        (START, date(2026, 9, 10), date(2026, 9, 11), False),
        (START, None, date(2026, 9, 15), True),
        (START, None, date(2026, 9, 16), False),
        (None, END, END, True),
        (None, END, END + DAY, False),
        (None, None, date.max, True),
        (START, START, START, True),
        (START, START, START + DAY, False),
    ],
)
def test_both_borders_are_still_good(start: date | None, end: date | None, on: date, is_joinable: bool) -> None:
    assert is_open(start, end, on) is is_joinable


@given(start=st.none() | near_start, end=st.none() | near_start, on=near_start)
def test_it_is_open_until_the_first_of_its_borders(start: date | None, end: date | None, on: date) -> None:
    borders = [border for border in (start and date.fromordinal(start.toordinal() + 14), end) if border]

    assert is_open(start, end, on) is all(on <= border for border in borders)


@given(start=st.none() | days, end=st.none() | days, on=days, later=days)
def test_what_is_closed_never_opens_again(start: date | None, end: date | None, on: date, later: date) -> None:
    first, second = sorted((on, later))

    assert is_open(start, end, first) >= is_open(start, end, second)


@given(start=days, end=days, on=days)
def test_nobody_joins_after_the_end_whenever_it_began(start: date, end: date, on: date) -> None:
    if on > end:
        assert not is_open(start, end, on)


@pytest.mark.parametrize("start", [date.min, date.max])
def test_the_ends_of_the_calendar_are_days_like_others(start: date) -> None:
    assert is_open(start, None, start)


def test_it_is_today_by_utc() -> None:
    before = datetime.now(UTC).date()
    found = today()
    assert before <= found <= datetime.now(UTC).date()
