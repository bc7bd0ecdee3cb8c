"""What a client selected, checked against the text."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genji_graphql.anchoring.anchor import Ambiguous, Anchor, Misplaced, NotThere, OutOfRange, Unit, anchor_at, resolve
from genji_graphql.anchoring.surroundings import REACH

TEXT = "御ゑ𠅘子院のかゝせ給て。The sea was calm; the wind was low."


def stands(text: str, **told: Any) -> str:
    """The passage that is found, with brackets around it in its text."""
    anchor = resolve(text, **told)
    assert anchor == anchor_at(text, anchor.start, anchor.end)
    return f"{text[: anchor.start]}[{anchor.exact}]{text[anchor.end :]}"


def test_an_anchor_has_what_stands_there_and_around_it() -> None:
    assert anchor_at(TEXT, 2, 5) == Anchor(2, 5, "𠅘子院", "御ゑ", "のかゝせ給て。The sea was calm; the win")
    assert anchor_at("a" * 100, 40, 60).prefix == "a" * REACH


@pytest.mark.parametrize(("start", "end"), [(0, 0), (3, 2), (-1, 2), (0, 99), (99, 100)])
def test_what_is_no_passage_is_refused(start: int, end: int) -> None:
    with pytest.raises(OutOfRange) as refused:
        anchor_at(TEXT, start, end)
    assert refused.value.code == "OUT_OF_RANGE"


def test_a_selection_beyond_the_text_is_answered_with_what_the_text_has_of_it() -> None:
    with pytest.raises(OutOfRange) as refused:
        resolve(TEXT, start=40, end=99)
    assert refused.value.nearest == anchor_at(TEXT, 40, len(TEXT))


def test_an_empty_selection_or_none_is_refused() -> None:
    nothing: list[dict[str, Any]] = [{}, {"exact": ""}, {"start": 3}, {"start": 3, "end": 3}, {"prefix": "sea"}]
    for told in nothing:
        with pytest.raises(OutOfRange):
            resolve(TEXT, **told)


def test_offsets_alone_are_taken_as_they_are() -> None:
    assert stands(TEXT, start=2, end=5) == TEXT.replace("𠅘子院", "[𠅘子院]")


def test_the_offsets_of_a_browser_count_some_characters_twice() -> None:
    assert stands(TEXT, start=2, end=6, unit=Unit.UTF16) == TEXT.replace("𠅘子院", "[𠅘子院]")
    assert stands(TEXT, start=4, end=6, unit=Unit.UTF16, exact="子院") == TEXT.replace("子院", "[子院]")
    assert stands("plain", start=1, end=3, unit=Unit.UTF16) == "p[la]in"


@pytest.mark.parametrize(("start", "end"), [(3, 6), (0, 3)])
def test_an_offset_within_a_character_is_refused(start: int, end: int) -> None:
    with pytest.raises(OutOfRange) as refused:
        resolve(TEXT, start=start, end=end, unit=Unit.UTF16, exact="子院")
    assert refused.value.nearest == anchor_at(TEXT, 2, 3)


def test_a_quote_that_stands_once_is_found_without_offsets_or_with_wrong_ones() -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"start": 0, "end": 4},
        {"start": 400, "end": 404},
        {"start": -1, "end": 3},
        {"start": 9},
    ]
    for told in wrong:
        assert stands(TEXT, exact="calm", **told) == TEXT.replace("calm", "[calm]")


def test_of_several_places_the_offsets_decide() -> None:
    at = TEXT.rindex("was")
    assert stands(TEXT, exact="was", start=at, end=at + 3).endswith("wind [was] low.")
    assert stands(TEXT, exact="was", start=at).endswith("wind [was] low.")


def test_of_several_places_the_context_decides() -> None:
    assert stands(TEXT, exact="was", prefix="the wind ") == TEXT.replace("wind was", "wind [was]")
    assert stands(TEXT, exact="was", suffix=" calm; the") == TEXT.replace("was calm", "[was] calm")
    assert stands(TEXT, exact="was", prefix="the wild ", suffix=" low.") == TEXT.replace("wind was", "wind [was]")


def test_context_that_fits_another_place_is_believed_more_than_offsets() -> None:
    at = TEXT.index("was")
    assert stands(TEXT, exact="was", start=at, end=at + 3, prefix="the wind ", suffix=" low.").endswith("[was] low.")
    # That fits nowhere says nothing.
    assert stands(TEXT, exact="was", start=at, end=at + 3, prefix="in the garden it ").endswith(
        "[was] calm; the wind was low."
    )


def test_what_nothing_decides_is_refused_with_the_nearest_place() -> None:
    text = "Team Alpha wins. Team Alpha loses. Team Alpha rests."
    vague: list[dict[str, Any]] = [{}, {"prefix": "XXX"}, {"prefix": "s. "}, {"start": 18, "end": 22}]
    for told in vague:
        with pytest.raises(Ambiguous) as refused:
            resolve(text, exact="Team Alpha", **told)
        assert refused.value.code == "SELECTOR_AMBIGUOUS"
    assert refused.value.nearest == anchor_at(text, 17, 27)


def test_what_stands_nowhere_is_refused_with_the_nearest_passage() -> None:
    with pytest.raises(NotThere) as refused:
        resolve(TEXT, exact="the wing was slow")
    assert refused.value.code == "SELECTOR_NOT_FOUND"
    assert refused.value.nearest
    assert "wind was" in refused.value.nearest.exact

    with pytest.raises(NotThere) as refused:
        resolve(TEXT, exact="ぜんぜん")
    assert refused.value.nearest is None


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("un café noir", "cafe\u0301", "un [café] noir"),
        ("un cafe\u0301 noir", "café", "un [cafe\u0301] noir"),
        ("ạ̄ b", "a\u0304\u0323", "[ạ̄] b"),
        ("각하", "\u1100\u1161\u11a8", "[각]하"),
        ("one\r\ntwo", "one\ntwo", "[one\r\ntwo]"),
        ("one \n  two", "one two", "[one \n  two]"),
        ("one two", "one two \r\n", "[one two]"),
        ("が", "か\u3099", "[が]"),
    ],
)
def test_what_looks_the_same_is_the_same(text: str, quote: str, found: str) -> None:
    assert stands(text, exact=quote) == found
    assert stands(text, exact=quote, start=0, end=1) == found


@pytest.mark.parametrize(("text", "quote"), [("un café", "un cafe"), ("각하", "\u1100\u1161"), ("wind", "Wind")])
def test_a_letter_without_its_accent_is_another(text: str, quote: str) -> None:
    with pytest.raises(NotThere):
        resolve(text, exact=quote)


def test_a_letter_can_be_selected_without_the_accent_that_is_a_character_of_its_own() -> None:
    assert stands("cafe\u0301", start=0, end=4, exact="cafe") == "[cafe]\u0301"


LETTERS = st.text("abe\u0301\u0300é𠅘👩‍ \n\r각", max_size=40)


@settings(deadline=None)
@given(LETTERS, LETTERS, LETTERS, st.sampled_from(["NFC", "NFD"]))
def test_what_was_selected_is_what_is_found_or_it_is_refused(before: str, quote: str, after: str, form: Any) -> None:
    text = before + quote + after
    told: dict[str, Any] = {
        "exact": unicodedata.normalize(form, quote),
        "prefix": before[-REACH:],
        "suffix": after[:REACH],
    }
    try:
        anchor = resolve(text, **told)
    except Misplaced as refused:
        assert refused.nearest is None or refused.nearest.exact in text  # noqa: PT017 - it may be taken as well
        return
    assert unicodedata.normalize(form, anchor.exact).split() == told["exact"].split()
    assert text[anchor.start : anchor.end] == anchor.exact


@settings(deadline=None)
@given(LETTERS.filter(bool), st.data())
def test_the_offsets_of_a_browser_are_those_of_its_own_string(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = (len(text[:at].encode("utf-16-le", "surrogatepass")) // 2 for at in (start, end))
    assert resolve(text, start=first, end=last, unit=Unit.UTF16) == anchor_at(text, start, end)


@pytest.mark.parametrize("letter", ["a", "\u0301", "𠅘", "\n", "e\u0301"])
def test_a_text_of_one_letter_is_answered_too(letter: str) -> None:
    text = letter * 20_000
    for quote in (letter, letter * 1_000, letter * 19_000 + "b", "b"):
        with pytest.raises(Misplaced):
            resolve(text, exact=quote, prefix="b" * 1_000)
