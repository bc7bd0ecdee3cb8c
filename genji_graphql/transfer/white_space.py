"""What becomes of the ends of lines and of other layout when text is joined."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable

NO_BREAK = "\0"
"""Stands in raw text where a line ends within a word. No text of ours holds this character."""

# Scripts written without spaces, with their punctuation and full-width forms. Hangul is written with spaces.
unspaced = re.compile(
    "[\u2e80-\u312f\u3190-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff9f\U00016fe0-\U0003ffff]"
)

# The white space of XML. The ideographic space is text: it sets off verse.
_SPACE = re.compile(f"[ \t\r\n{NO_BREAK}]+")


def line_joint(before: str, after: str) -> str:
    """What stands for the end of a line within running text: a space, but nothing within Chinese or Japanese."""
    return "" if unspaced.match(before[-1]) and unspaced.match(after[0]) else " "


def joined(lines: list[str]) -> str:
    """Running text from its lines. A dash at the end of one joins it to the next, unless it stands apart."""
    text = [lines[0].strip()]
    for line in map(str.strip, lines[1:]):
        last = text[-1]
        dashed = line[0] == "—" or (last[-1] in "-‐–—" and last[-2:-1].strip() != "")
        text += ("" if dashed else line_joint(last, line), line)
    return "".join(text)


def folded(raw: str) -> str:
    return folding(raw)[0] if _SPACE.search(raw) else raw


def folding(raw: str) -> tuple[str, Callable[[int], int], Callable[[int], int]]:
    """The folded text, and where what begins, or ends, at an offset of the raw text does so in it."""
    kept: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    lost = [0]  # characters lost before each run of white space, and in all
    last = 0
    for run in _SPACE.finditer(raw):
        begin, end = run.span()
        inside = begin > 0 and end < len(raw)
        space = _space(run.group(), raw[begin - 1], raw[end]) if inside else ""
        kept += (raw[last:begin], space)
        begins.append(begin)
        ends.append(end)
        lost.append(lost[-1] + end - begin - len(space))
        last = end
    kept.append(raw[last:])

    def begins_at(offset: int) -> int:
        run = bisect_right(begins, offset)
        return max(offset, ends[run - 1] if run else 0) - lost[run]

    def ends_at(offset: int) -> int:
        run = bisect_left(begins, offset)
        if run and offset <= ends[run - 1]:
            return begins[run - 1] - lost[run - 1]
        return offset - lost[run]

    return "".join(kept), begins_at, ends_at


def _space(run: str, before: str, after: str) -> str:
    if NO_BREAK in run:
        return ""
    return line_joint(before, after) if "\n" in run else " "
