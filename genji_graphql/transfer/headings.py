"""Recognises the headings of chapters in plain text, where only its words tell a heading from a short paragraph."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from genji_graphql.transfer.white_space import joined

_MOST_LINES = 3
_LONGEST = 200
_LONGEST_TITLE_APART = 80
_FULL_LINE = 50  # a line this long may have been too short for its heading

# How the divisions of a work lie in each other.
_RANKS = {"volume": 1, "part": 2, "book": 3, "act": 3, "chapter": 4, "canto": 4, "letter": 4, "stave": 4}
_RANKS |= {"scene": 5, "section": 5}
_KINDS = {kind: kind for kind in _RANKS} | {"chap": "chapter", "vol": "volume"}
_KINDS |= dict.fromkeys("章回話帖", "chapter") | dict.fromkeys("巻卷編篇", "book")
_KINDS |= {"部": "part", "幕": "act", "場": "scene", "節": "section"}

_ONES = ("one two three four five six seven eight nine", "first second third fourth fifth sixth seventh eighth ninth")
_TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth",
)
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth",
)
_WORDS = {word: value for words in _ONES for value, word in enumerate(words.split(), 1)}
_WORDS |= {
    f"{ten}-{one}": 10 * tens + ones for tens, ten in enumerate(_TENS[0].split(), 2) for one, ones in _WORDS.items()
}
_WORDS |= {word: value for words in _TEENS for value, word in enumerate(words.split(), 10)}
_WORDS |= {word: 10 * value for words in _TENS for value, word in enumerate(words.split(), 2)}
_ANY_WORD = "|".join(sorted(_WORDS, key=len, reverse=True)).replace("-", "[- ]")

_ROMAN = re.compile("M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_CJK_VALUES = {digit: value for value, digit in enumerate("〇一二三四五六七八九")} | {"両": 2, "两": 2}
_CJK_POWERS = {"十": 10, "百": 100, "千": 1000}

_NUMBERED = re.compile(
    r"(?P<kind>volume|vol|part|book|act|chapter|chap|canto|letter|stave|section|scene)\.?\s+(?:the\s+)?"
    rf"(?P<number>\d{{1,4}}|[ivxlcdm]+|{_ANY_WORD})"
    r"(?![\w’'-])\s*(?P<stop>[.:;)\]—–-]*)\s*(?P<title>.*)",
    re.IGNORECASE,
)
_NUMBERED_CJK = re.compile(
    r"第\s*(?P<number>\d{1,4}|[〇一二三四五六七八九両两十百千]{1,8})\s*(?P<kind>[章回話帖巻卷編篇部幕場節])"
    r"(?:$|[\s.:．：。、・—―–-]+|(?=[「『(（]))(?P<title>.*)"
)
_MATTER = re.compile(
    r"(?P<word>prologue|epilogue|preface|foreword|introduction|afterword|postscript|conclusion|etymology|extracts|"
    r"dedication|contents|interlude|induction|envoi|finale|appendix)"
    r"(?:\s+(?:[A-Z]|[IVX]+|\d{1,2})\b)?[.:—–-]*(?:\s+(?P<title>.*))?",
    re.IGNORECASE,
)
_MATTER_CJK = re.compile(
    "序章?|序文|終章|跋文?|楔子|プロローグ|エピローグ|まえがき|あとがき|はしがき|はじめに|おわりに|凡例|目次"
)
_MARKDOWN = re.compile(r"(#{1,2})\s+(\S.*?)[\s#]*")

_SMALL_WORDS = {"a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "of", "on", "or", "the", "to"}
_SMALL_WORDS |= {"upon", "with"}


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    kind: str
    number: int | None
    rank: int
    title: str

    @property
    def slug(self) -> str:
        if self.number is not None:
            return f"{self.kind}-{self.number}"
        return "-".join(re.findall(r"\w+", self.text.casefold()))[:60] or self.kind


def headings(block: list[str]) -> list[Heading]:
    """Those that a block of lines consists of: none for a paragraph, and none for the lines of a table of contents."""
    if len(block) > _MOST_LINES or sum(map(len, block)) > _LONGEST:
        return []
    first, *others = [_heading(line.strip()) for line in block]
    if first is None:
        return []
    if not any(others):
        return [first] if not others else _wrapped(first, block[0].strip(), joined(block[1:]))
    found = [first, *filter(None, others)]
    descending = all(outer.rank < inner.rank for outer, inner in pairwise(found))
    return found if descending and len(found) == len(block) else []


def is_markdown(line: str) -> bool:
    # The pattern would take its time over a line without end.
    return line.startswith("#") and len(line) <= _LONGEST and _MARKDOWN.fullmatch(line) is not None


def with_title_apart(heading: Heading, line: str, block: list[str]) -> Heading | None:
    """The heading, which ended with this line, and the block after it, where that is its title or the rest of it;
    None where it is a paragraph.
    """
    text = block[0].strip()
    if heading.number is None or len(block) > 1 or len(text) > _LONGEST_TITLE_APART or headings(block):
        return None
    if heading.title:
        goes_on = len(line) >= _FULL_LINE and line[-1].isalnum() and _is_title(text.rstrip("."))
    else:
        goes_on = _is_title(text)
    return _with(heading, text) if goes_on else None


def _wrapped(heading: Heading, line: str, rest: str) -> list[Heading]:
    goes_on = (heading.title and len(line) >= _FULL_LINE) or _is_title(rest.rstrip("."))
    return [_with(heading, rest)] if goes_on else []


def _with(heading: Heading, title: str) -> Heading:
    return replace(heading, text=joined([heading.text, title]), title=f"{heading.title} {title}".strip())


def _heading(line: str) -> Heading | None:
    if markdown := _MARKDOWN.fullmatch(line):
        text, rank = markdown[2], len(markdown[1])
        known = _in_words(text)
        return replace(known, rank=rank) if known else Heading(text, "heading", None, rank, text)
    return _in_words(line.strip("_*=[] "))


def _in_words(line: str) -> Heading | None:
    if found := _NUMBERED_CJK.fullmatch(line):
        kind = _KINDS[found["kind"]]
        return Heading(line, kind, _number(found["number"]), _RANKS[kind], found["title"])
    if _MATTER_CJK.fullmatch(line):
        return Heading(line, "heading", None, _RANKS["chapter"], line)
    if not line[:1].isupper():
        return None
    # A sentence may begin like a heading: "Part two was lost." "Conclusion: he was right."
    if found := _NUMBERED.fullmatch(line):
        kind, number, title = found["kind"].lower(), _number(found["number"]), found["title"]
        if number is None or (title and not found["stop"] and (title[0].islower() or title[0] in ",;")):
            return None
        kind = _KINDS.get(kind, kind)
        return Heading(line, kind, number, _RANKS[kind], title)
    if (found := _MATTER.fullmatch(line)) and (found["word"].isupper() or not found["title"]):
        return Heading(line, "heading", None, _RANKS["chapter"], line)
    return None


def _number(given: str) -> int | None:
    if given.isdecimal():
        return int(given)
    if given[0] in _CJK_VALUES or given[0] in _CJK_POWERS:
        return _cjk_number(given)
    word = given.lower().replace(" ", "-")
    return _WORDS[word] if word in _WORDS else _roman_number(given)


def _roman_number(given: str) -> int | None:
    roman = given.upper()
    if given not in (roman, roman.lower()) or not _ROMAN.fullmatch(roman):
        return None
    values = [_ROMAN_VALUES[letter] for letter in roman]
    return sum(-value if value < after else value for value, after in pairwise([*values, 0]))


def _cjk_number(given: str) -> int:
    """Written by powers, as 二十五, or digit by digit, as 二五."""
    if not any(power in given for power in _CJK_POWERS):
        return int("".join(str(_CJK_VALUES[digit]) for digit in given))
    total = digit = 0
    for letter in given:
        if letter in _CJK_POWERS:
            total += (digit or 1) * _CJK_POWERS[letter]
            digit = 0
        else:
            digit = _CJK_VALUES[letter]
    return total + digit


def _is_title(text: str) -> bool:
    """In capitals, or capitalised word by word and not ending as a sentence does."""
    words = text.split()
    capitalised = all(not word[0].islower() or word in _SMALL_WORDS for word in words)
    return text.isupper() or (capitalised and text[-1:].isalnum() and text[0].isupper())
