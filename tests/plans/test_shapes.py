"""Texts that come in parts are cut apart as if they were one."""

from hypothesis import given
from hypothesis import strategies as st

from genji_graphql.plans.holes import Rope, pieces_of
from genji_graphql.plans.shapes import LIST, Texts, split

_texts = st.lists(st.one_of(st.binary(max_size=3), st.just(b"a" * 2000)).map(lambda text: text.replace(LIST, b"")))


def whole(text: Rope) -> bytes:
    return b"".join(pieces_of(text))


@given(texts=_texts, marks=st.integers(0, 5))
def test_a_text_is_cut_at_its_marks_be_they_near_or_far(texts: list[bytes], marks: int) -> None:
    together = LIST.join(texts)
    assert split(together, LIST, marks) == together.split(LIST)


@given(texts=_texts.filter(bool), data=st.data())
def test_texts_in_parts_are_told_apart(texts: list[bytes], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(texts) - 1)))) if len(texts) > 1 else []
    parts = [LIST.join(texts[start:end]) for start, end in zip([0, *cuts], [*cuts, len(texts)], strict=True)]
    told = Texts(parts, [1] * len(texts))
    assert [whole(text) for text in told.apart] == texts
    some = data.draw(st.lists(st.sampled_from(range(len(texts))), unique=True))
    assert told.some(some).parts == [texts[number] for number in some]


@given(parts=st.lists(st.binary(max_size=5).map(lambda text: text.replace(LIST, b"")), min_size=1))
def test_one_text_in_parts_stays_one(parts: list[bytes]) -> None:
    told = Texts(parts, [7], b",")
    assert [whole(text) for text in told.apart] == [b",".join(parts)]
    assert told.some([0]).parts == [b",".join(parts)]
