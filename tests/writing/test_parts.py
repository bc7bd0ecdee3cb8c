"""What is said of places in a text stays with these places when it is cut and joined."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genji_graphql.writes.parts import joined, part_of

KINDS = ("bold", "italic", "underlined")


def styled(text: str, *ranges: dict[str, Any], **more: Any) -> dict[str, Any]:
    styles = {f"is_{kind}": False for kind in KINDS} | {"formatting": list(ranges)}
    return {"text": text, "formatting": {"alignment": "left", "text_styles": styles}} | more


def test_ranges_are_cut_with_the_text() -> None:
    bold = {"start": 2, "end": 7, "type": ["bold"]}
    end = {"start": 8, "end": 9, "type": ["italic"]}
    content = styled("0123456789", bold, end, source="urn:x")
    assert part_of(content, 0, 5) == styled("01234", bold | {"end": 5}, source="urn:x")
    assert part_of(content, 5, 10) == styled(
        "56789", bold | {"start": 0, "end": 2}, {"start": 3, "end": 4, "type": ["italic"]}, source="urn:x"
    )


def test_verse_is_cut_with_its_lines() -> None:
    content = {
        "text": "ab\ncd\nef.",
        "verse": [{"start": 0, "end": 8, "lines": [[0, 2], [3, 5], [6, 8]], "type": "waka"}],
    }
    first, second, third = (part_of(content, start, end) for start, end in ((0, 4), (4, 8), (8, 9)))
    assert first == {"text": "ab\nc", "verse": [{"start": 0, "end": 4, "lines": [[0, 2], [3, 4]], "type": "waka"}]}
    assert second == {"text": "d\nef", "verse": [{"start": 0, "end": 4, "lines": [[0, 1], [2, 4]], "type": "waka"}]}
    assert third == {"text": "."}


def test_the_mark_of_a_footnote_stays_with_the_word_before_it() -> None:
    marks = [{"kind": "footnote", "note": note, "position": at} for note, at in ((1, 0), (2, 4), (3, 9))]
    content = {"text": "Some words", "notes": marks}
    first, second = part_of(content, 0, 4), part_of(content, 4, 10)
    assert [(mark["note"], mark["position"]) for mark in first["notes"]] == [(1, 0), (2, 4)]
    assert [(mark["note"], mark["position"]) for mark in second["notes"]] == [(3, 5)]
    again = joined([first, second], "")
    assert again == content


def test_what_was_said_of_one_as_a_whole_is_said_of_its_part_of_the_joined_text() -> None:
    bold = styled("Title")
    bold["formatting"]["text_styles"]["is_bold"] = True
    plain = styled("text", {"start": 0, "end": 1, "type": ["italic"]})
    both = joined([bold, plain], " ")
    assert both == styled(
        "Title text", {"start": 0, "end": 5, "type": ["bold"]}, {"start": 6, "end": 7, "type": ["italic"]}
    )
    assert joined([bold, bold], "\n")["formatting"]["text_styles"] == {
        "is_bold": True,
        "is_italic": False,
        "is_underlined": False,
        "formatting": [],
    }


def test_of_several_that_become_one_the_first_says_the_rest() -> None:
    one, two = {"text": "a", "source": "urn:1", "facs": "1.jpg"}, {"text": "b", "source": "urn:2", "verse": []}
    assert joined([one, two], "\n") == {"text": "a\nb", "source": "urn:1", "facs": "1.jpg", "verse": []}


def test_what_is_no_range_is_not_minded() -> None:
    odd: Any = {"text": "abcd", "formatting": "bold", "verse": [None, {"start": "0"}], "notes": [7, {"position": None}]}
    assert part_of(odd, 0, 2) == {"text": "ab", "formatting": "bold"}
    assert joined([odd, {"text": "e"}], "")["text"] == "abcde"
    looks: Any = styled("ab")
    looks["formatting"]["text_styles"]["formatting"] = None
    assert part_of(looks, 0, 1)["formatting"] == looks["formatting"]


RANGES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 10), st.sets(st.sampled_from(KINDS), min_size=1)).filter(
        lambda one: one[0] < one[1]
    ),
    max_size=5,
)


@given(RANGES, st.sets(st.sampled_from(KINDS)), st.sets(st.integers(1, 9), min_size=1))
def test_each_character_looks_as_it_did_after_a_cut_and_a_join(
    ranges: list[tuple[int, int, set[str]]], whole: set[str], at: set[int]
) -> None:
    content = styled("𠮷123456e\u03019", *({"start": s, "end": e, "type": sorted(kinds)} for s, e, kinds in ranges))
    content["formatting"]["text_styles"] |= {f"is_{kind}": True for kind in whole}
    parts = [part_of(content, start, end) for start, end in pairwise([0, *sorted(at), 10])]
    assert "".join(part["text"] for part in parts) == content["text"]
    assert [look for part in parts for look in looks_of(part)] == looks_of(content)
    assert looks_of(joined(parts, "")) == looks_of(content)


def looks_of(content: dict[str, Any]) -> list[set[str]]:
    styles = content["formatting"]["text_styles"]
    looks = [{kind for kind in KINDS if styles[f"is_{kind}"]} for _ in content["text"]]
    for one in styles["formatting"]:
        assert 0 <= one["start"] < one["end"] <= len(looks)
        for place in range(one["start"], one["end"]):
            looks[place] |= set(one["type"])
    return looks
