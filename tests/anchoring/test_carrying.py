"""Where notes are after the text changed."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.naive_anchoring import NAIVE
from genji_graphql.anchoring import carrying, difference
from genji_graphql.anchoring.anchor import Anchor, anchor_at
from genji_graphql.anchoring.carrying import Carried, Method, carry, carry_across
from tests.anchoring.edits import Edited, Rule, Verdict, edits, passages, unmistakable, verdicts

TEAMS = "Team Alpha plays at home.\nTeam Beta plays at home.\nTeam Gamma plays at home."


def quoted(text: str, quote: str, nth: int = 1) -> Anchor:
    at = -1
    for _ in range(nth):
        at = text.index(quote, at + 1)
    return anchor_at(text, at, at + len(quote))


def carried(old: str, new: str, quote: str, nth: int = 1) -> Carried:
    (found,) = carry(old, new, [quoted(old, quote, nth)])
    return found


def where(found: Carried) -> tuple[Method, int, str]:
    assert found.anchor
    return found.method, found.anchor.start, found.anchor.exact


# In place


def test_a_note_on_a_text_that_stays_is_unchanged() -> None:
    found = carried(TEAMS, TEAMS, "Team Beta")

    assert where(found) == (Method.UNCHANGED, 26, "Team Beta")
    assert found.score == 1
    assert found.anchor == quoted(TEAMS, "Team Beta")


def test_a_note_before_the_change_is_unchanged_and_one_behind_it_is_mapped() -> None:
    new = TEAMS.replace("Team Beta", "The great Team Beta")

    assert where(carried(TEAMS, new, "Team Alpha")) == (Method.UNCHANGED, 0, "Team Alpha")
    assert where(carried(TEAMS, new, "Team Gamma")) == (Method.MAPPED, new.index("Team Gamma"), "Team Gamma")


def test_what_is_inserted_beside_a_passage_is_no_part_of_it() -> None:
    assert where(carried("a calm sea", "a very calm sea indeed", "calm sea")) == (Method.MAPPED, 7, "calm sea")


def test_what_is_inserted_within_a_passage_is_part_of_it() -> None:
    found = carried("The ship left the harbour at dawn.", "The ship left the old harbour at dawn.", "left the harbour")

    assert where(found) == (Method.MAPPED, 9, "left the old harbour")
    assert found.score == pytest.approx(32 / 36, abs=0.001)


def test_a_corrected_letter_at_the_edge_of_a_passage_stays_part_of_it() -> None:
    assert where(carried("いつれの御時にか", "いづれの御時にか", "つれの御時にか"))[2] == "づれの御時にか"
    assert where(carried("かきらぬ𠅘子院の", "かきらぬ亭子院の", "かきらぬ𠅘"))[2] == "かきらぬ亭"


def test_a_passage_that_lost_most_of_itself_is_an_orphan() -> None:
    assert carried("He saw the white whale at noon.", "He saw it at noon.", "the white whale").method is Method.ORPHAN


@pytest.mark.parametrize("quote", ["Team Alpha", "Team", "Team Alpha plays at home.", "plays at home", "home"])
def test_a_note_on_a_deleted_line_doesnt_go_to_its_neighbour(quote: str) -> None:
    for new in (TEAMS.partition("\n")[2], TEAMS.partition("\n")[2] + " Often."):
        assert carried(TEAMS, new, quote) == carrying.ORPHAN


def test_a_note_on_a_replaced_name_doesnt_go_to_the_new_name() -> None:
    assert carried(TEAMS, TEAMS.replace("Alpha", "Delta"), "Team Alpha").method is Method.ORPHAN


def test_a_line_that_was_moved_there_is_no_correction_of_a_quotes_first_line() -> None:
    old = "Beta\nTeam Alpha plays\nTeam Gamma plays\nGenji"
    new = "Genji\nTeam Alpha plays\nTeam Gamma plays\nBeta"

    assert where(carried(old, new, "Beta\nTeam Alpha"))[2] == "Team Alpha"


def test_a_line_that_was_moved_between_does_not_begin_a_quote_that_lost_its_beginning() -> None:
    old = "One line stays here\nThe Beta went\nTeam Gamma plays\nTeam Delta plays\nGenji rests"
    new = "One line stays here\nGenji rests\nTeam Gamma plays\nThe Beta went\nTeam Delta plays"

    assert where(carried(old, new, "went\nTeam Gamma plays"))[2] == "Team Gamma plays"


def test_a_character_that_was_moved_there_is_no_correction_of_a_quotes_first_one() -> None:
    old, new = "いろはにほへとちりぬるを", "をろはにほへとちりぬる"

    assert where(carried(old, new, "いろはにほへとち"))[2] == "ろはにほへとち"
    assert where(carried(old, old.replace("い", "ゐ"), "いろはにほへとち"))[2] == "ゐろはにほへとち"


def test_a_note_doesnt_go_to_a_like_word_of_a_text_that_was_written_anew() -> None:
    old = "Beyond the mill the road turned north again."

    for new in ("A stranger walked to the village, and nobody knew.", "They came to the village at dusk and slept."):
        assert carried(old, new, "the mill").method is Method.ORPHAN
    assert where(carried(old, old.replace("mill", "vill"), "the mill"))[2] == "the vill"


def test_a_passage_isnt_put_together_of_single_letters() -> None:
    assert carried("The whale is white.", "The wide hall, a lake, is white.", "whale").method is Method.ORPHAN


def test_a_word_that_stands_between_two_replaced_ones_is_found() -> None:
    old = "Yesterday evening Ahab thundered. Ahab slept. Ahab woke."
    new = "Tomorrow and so Ahab murmured soft. Ahab slept. Ahab woke."

    assert where(carried(old, new, "Ahab"))[1] == new.index("Ahab")


# Moved


def test_a_moved_paragraph_is_found_by_its_text() -> None:
    lines = TEAMS.split("\n")
    new = "\n".join([*lines[1:], "It rained all day in the town.", lines[0]])

    for quote in ("Team Alpha", "Team Alpha plays at home."):
        assert where(carried(TEAMS, new, quote)) == (Method.FOUND, new.index("Team Alpha"), quote)


def test_a_common_word_of_a_moved_paragraph_is_found_by_its_context() -> None:
    paragraphs = [
        "The sea was calm and the wind was low.",
        "The captain was asleep in the cabin below.",
        "The crew was at the oars and the sun was high.",
    ]
    old, new = "\n".join(paragraphs), "\n".join([paragraphs[2], paragraphs[1], paragraphs[0]])

    for nth in range(1, old.count("was") + 1):
        anchor = quoted(old, "was", nth)
        (found,) = carry(old, new, [anchor])
        assert found.anchor
        line = old.count("\n", 0, anchor.start)
        assert found.anchor.start == anchor.start - old.index(paragraphs[line]) + new.index(paragraphs[line])


def test_of_two_equal_paragraphs_that_went_no_note_takes_the_one_that_came() -> None:
    twice = "The same words were said once more by all."
    old = f"{twice}\nThe first day ended.\n{twice}\nThe second day ended."
    new = f"The first day ended.\nThe second day ended.\nThen the third.\n{twice}"

    outcomes = [carried(old, new, "said once more", nth) for nth in (1, 2)]
    assert sum(found.method is not Method.ORPHAN for found in outcomes) <= 1


# Across elements


def across(old: dict[str, str], new: dict[str, str], key: str, quote: str, nth: int = 1) -> Carried:
    (found,) = carry_across(list(old.items()), list(new.items()), [(key, quoted(old[key], quote, nth))])
    return found


def test_an_element_that_is_split_keeps_its_notes_on_both_sides() -> None:
    old = {"p1": "The sea was calm. The captain slept below.", "p2": "The sea was calm again."}
    new = {"p1": "The sea was calm.", "p1b": "The captain slept below.", "p2": "The sea was calm again."}

    assert across(old, new, "p1", "sea was calm").key == "p1"
    found = across(old, new, "p1", "captain slept")
    assert (found.key, where(found)) == ("p1b", (Method.FOUND, 4, "captain slept"))
    assert across(old, new, "p2", "sea was calm").key == "p2"


def test_elements_that_are_merged_keep_their_notes() -> None:
    old = {"p1": "The sea was calm.", "p2": "The captain slept below."}
    new = {"p1": "The sea was calm. The captain slept below."}

    found = across(old, new, "p2", "captain slept")
    assert (found.key, where(found)) == ("p1", (Method.FOUND, 22, "captain slept"))


def test_a_note_across_the_place_where_its_element_is_split_is_an_orphan() -> None:
    old = {"p1": "The sea was calm. The captain slept below."}
    new = {"p1": "The sea was calm.", "p2": "The captain slept below."}

    assert across(old, new, "p1", "calm. The captain").method is Method.ORPHAN


def test_elements_that_change_places_keep_their_notes() -> None:
    old = {"p1": "Team Alpha", "p2": "Team Beta"}

    found = across(old, {"p2": "Team Beta", "p1": "Team Alpha"}, "p1", "Team")
    assert (found.key, found.method) == ("p1", Method.UNCHANGED)


def test_a_new_edition_with_other_keys_is_known_by_its_text() -> None:
    old = {f"a{n}": line for n, line in enumerate(TEAMS.split("\n"))}
    new = {f"b{n}": line for n, line in enumerate(["A preface.", *TEAMS.split("\n")])}

    for n in range(3):
        for quote in ("Team", "home"):
            found = across(old, new, f"a{n}", quote)
            assert (found.key, found.method) == (f"b{n + 1}", Method.MAPPED)


def test_a_note_on_a_deleted_element_doesnt_go_to_one_that_looks_alike() -> None:
    old = {f"p{n}": line for n, line in enumerate(TEAMS.split("\n"))}
    for new in (
        {key: text for key, text in old.items() if key != "p1"},
        {f"q{key}": text for key, text in old.items() if key != "p1"},
        {**{key: text for key, text in old.items() if key != "p1"}, "p9": "Team Delta plays at home."},
    ):
        for quote in ("Team Beta", "Team", "plays at home", "Team Beta plays at home."):
            assert across(old, new, "p1", quote).method is Method.ORPHAN


def test_documents_may_be_empty() -> None:
    assert carry_across([], [], []) == []
    assert across({"p": "A text."}, {}, "p", "text").method is Method.ORPHAN
    assert across({"p": "A text."}, {"p": ""}, "p", "text").method is Method.ORPHAN
    assert across({"e": "", "p": "A text."}, {"e": "", "p": "A text.", "f": ""}, "p", "text").key == "p"


def test_two_elements_of_one_key_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="same key"):
        carry_across([("p", "a"), ("p", "b")], [], [])


def test_a_note_made_for_another_text_is_an_orphan() -> None:
    for anchor in (Anchor(0, 5, "other", "", ""), Anchor(90, 95, "other", "", "")):
        assert carry(TEAMS, TEAMS, [anchor]) == [carrying.ORPHAN]


# Whatever is edited


def check(rule: Rule, edited: Edited, anchors: Iterable[Anchor]) -> None:
    found = verdicts(rule, edited, list(anchors))
    assert found[Verdict.WRONG] == []
    assert found[Verdict.MISSED] == []


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_edit_of_lines_that_look_alike_misplaces_a_note_or_loses_one_that_stays(data: st.DataObject) -> None:
    edited = data.draw(edits())
    check(carry, edited, data.draw(passages(edited.old)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_edit_of_a_text_without_repetitions_misplaces_a_note_or_loses_one_that_stays(data: st.DataObject) -> None:
    edited = data.draw(unmistakable())
    anchors = []
    for _ in range(10):
        start = data.draw(st.integers(0, len(edited.old) - 1))
        anchors.append(
            anchor_at(edited.old, start, data.draw(st.integers(start + 1, min(start + 30, len(edited.old)))))
        )
    check(carry, edited, anchors)


def test_a_word_does_not_go_to_a_line_that_was_written_as_its_own_was_deleted() -> None:
    old = (
        "Team Alpha plays away 。Team Beta plays away 。Gamma is not here today 。"
        "いつれの Delta にか 。Genji 。Team Murasaki plays at home 。"
    )
    new = (
        "Team Alpha plays away 。Team ы plays at home 。Team Beta plays away 。Gamma is not here today 。"
        "Team ы plays away 。いつれの Delta にか 。"
    )
    assert carried(old, new, "plays", 3).method is Method.ORPHAN


ASTRAY = {
    "to the rest of a line with another name, that was written as its own was deleted": (
        "Delta is not here today 。源氏 。Beta is not here today 。",
        "Delta is not here today 。ыщ is not here today 。源氏 。",
        ("is not here today", 2),
    ),
    "to that, at the end of a text, where little is known of what follows": (
        "Murasaki is not here today \n源氏 is not here today \nTeam 紫の上 plays at home \n",
        "Murasaki is not here today \nTeam ы plays at home \n源氏 is not here today \n",
        ("home", 1),
    ),
    "to that, where each text has what follows once, but it isn't much": (
        "Team Alpha plays away 。いつれの Beta にか 。源氏 。𠅘子院 。Team 𠮟る plays at home 。",
        "いつれの Beta にか 。源氏 。Team ы plays at home 。𠅘子院 。",
        ("plays", 2),
    ),
    "to what is like it by the blanks around": (
        "Beta \nDelta \nAlpha \nいつれの Murasaki にか \nTeam Gamma plays away \n源氏 \nいつれの Genji にか \n",
        "いつれの Genji にか \nいつれの Murasaki にか \nBeta \nAlpha \nTeam Gamma plays away \n",
        ("にか \nTeam Gamma plays away \n源氏", 1),
    ),
    "to the last letter of a short line that was moved": (
        "Team étoile plays away \nGamma \nAlpha \nGenji \nBeta \n",
        "Team étoile plays away \nBeta \nGenji \n",
        ("Alpha \nGenji", 1),
    ),
}
STAY = {
    "between words that were inserted": (
        "いつれの Beta にか \nいつれの 𠮟る にか \n紫の上 \n",
        "いつれの Beta にか \nいつれの 𠮟る ы𐌰д̧ にか \nыщж𐌱̧ыщ̧̧ 紫の上 \n",
        ("にか", 2),
        2,
    ),
    "between one that was inserted and one that was deleted": (
        "いつれの 源氏 にか \nいつれの Alpha にか \nいつれの 𠅘子院 にか \n",
        "いつれの 源氏 ы̧𐌰жд𐌰ы にか \nAlpha にか \nいつれの 𠅘子院 にか \n",
        ("にか", 1),
        1,
    ),
    "at the end of a line, where the next begins with another word": (
        "いつれの 𠮟る にか \nいつれの Beta にか \nTeam Delta plays away \nTeam Genji plays away \n",
        "いつれの 𠮟る ы𐌰щ にか \nы𐌱дзд𐌱жыы Beta にか \nTeam Delta plays away \n",
        ("にか", 1),
        1,
    ),
    "between sentences that were deleted": (
        "Team 𠅘子院 plays away 。𠮟る 。Gamma 。",
        "𠮟る 。",
        ("𠮟る", 1),
        1,
    ),
    "between sentences that end alike": ("Delta 。Beta 。Gamma 。", "Beta 。", ("Beta", 1), 1),
    "though the last of lines that changed their order is short": (
        "いつれの Gamma にか \n紫の上 \nTeam étoile plays at home \nTeam Delta plays away \nいつれの Murasaki にか \n",
        "いつれの Murasaki にか \nTeam Delta plays away \nTeam étoile plays at home \nいつれの Gamma にか \n紫の上 \n",
        ("にか \n紫の上", 1),
        1,
    ),
    "across two lines that others went around": (
        "いつれの 𠮟る にか \nTeam Delta plays at home \nいつれの Genji にか \nTeam Alpha plays away \n"
        "いつれの Beta にか \nいつれの 紫の上 にか \n源氏 is not here today \n",
        "いつれの 𠮟る にか \nいつれの Beta にか \nいつれの 紫の上 にか \nいつれの Genji にか \n"
        "Team Alpha plays away \n源氏 is not here today \n",
        ("にか \nいつれの", 1),
        2,
    ),
}


@pytest.mark.parametrize("how", ASTRAY)
def test_no_note_goes_astray(how: str) -> None:
    old, new, quote = ASTRAY[how]
    assert carried(old, new, *quote) == carrying.ORPHAN


@pytest.mark.parametrize("how", STAY)
def test_a_note_stays_where_its_text_does(how: str) -> None:
    old, new, quote, nth = STAY[how]
    assert where(carried(old, new, *quote))[1:] == (quoted(new, quote[0], nth).start, quote[0])


# Bad rules are caught


def failure(rule: Rule) -> str | None:
    """How the check above fails on one of its edits."""
    drawn = []

    @settings(
        max_examples=200,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def checked(data: st.DataObject) -> None:
        edited = data.draw(edits())
        drawn.append(edited)
        check(rule, edited, data.draw(passages(edited.old)))

    try:
        checked()
    except AssertionError as failed:
        return f"{drawn[-1]}: {failed}"
    return None


def test_the_check_passes_ours() -> None:
    assert failure(carry) is None


@pytest.mark.parametrize("name", NAIVE)
def test_the_check_catches_simpler_rules(name: str) -> None:
    assert failure(NAIVE[name])


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (carrying, "LIKE", 0.0),
        (carrying, "FOREIGN", 0),
        (carrying, "moved_lines", lambda *_: []),
    ],
    ids=["whatever is mapped is taken", "neighbours are taken", "lines don't move"],
)
def test_the_check_catches_ours_where_a_rule_is_left_out(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, value: Any
) -> None:
    monkeypatch.setattr(module, name, value)
    assert failure(carry)


def test_where_changes_dont_slide_a_note_on_a_deleted_clause_goes_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = TEAMS.replace(".\n", ", ")
    new = old.partition(", ")[2]
    assert carried(old, new, "Team") == carrying.ORPHAN

    monkeypatch.setattr(difference, "_place_of_change", lambda *arguments: (0, -abs(arguments[-1])))
    assert carried(old, new, "Team") != carrying.ORPHAN


# However long


HOSTILE = {
    "one letter": ("a" * 20_000, "b" + "a" * 9_000 + "b" + "a" * 9_000 + "b"),
    "two letters in turn": ("ab" * 10_000, "ba" * 9_000 + "c" + "ab" * 9),
    "one line over and over": ("a line\n" * 3_000, "b" + "a line\n" * 2_000 + "c\n"),
    "accents": ("e" + "\u0301\u0300" * 10_000, "e" + "\u0300\u0301" * 10_000),
    "backwards": ("".join(map(chr, range(0x4E00, 0x9E00))), "".join(map(chr, range(0x9DFF, 0x4DFF, -1)))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_step_is_larger_than_its_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = HOSTILE[name]
    compared = []
    by_character = difference._by_character

    def counted(one: str, other: str, gap: difference.Gap) -> list[difference.Run]:
        compared.append(gap.pairs)
        return by_character(one, other, gap)

    monkeypatch.setattr(difference, "_by_character", counted)
    carry(old, new, [anchor_at(old, start, start + 500) for start in range(0, 15_000, 500)])

    assert max(compared, default=0) <= difference.MOST_PAIRS


def test_where_the_budget_is_spent_notes_are_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "BUDGET", 0)

    assert carried(TEAMS, f"A preface. {TEAMS}", "Team Gamma") == carrying.ORPHAN
