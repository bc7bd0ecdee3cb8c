"""Contents cut and joined: what is said of a place in the text goes where that place goes.

These speak of places: ranges of formatting, verse, and the marks of notes. All else is said of the whole: each part has
it too, and of several that become one it is what the first says.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

Content = dict[str, Any]

_LOOKS = {"is_bold": "bold", "is_italic": "italic", "is_underlined": "underlined"}
"""What may be said of the whole of a text, and of a range of it."""


def part_of(content: Content, start: int, end: int) -> Content:
    """The content of a part of the text, which isn't empty."""
    part = content | {"text": content["text"][start:end]}
    if (ranges := _ranges(content)) is not None:
        part = _with_ranges(part, list(_cut(ranges, start, end)))
    if isinstance(content.get("verse"), list):
        part["verse"] = [_with_lines(one, start, end) for one in _cut(content["verse"], start, end)]
    if isinstance(content.get("notes"), list):
        part["notes"] = [_moved(one, "position", -start) for one in content["notes"] if _is_called(one, start, end)]
    return {name: value for name, value in part.items() if value != [] or content[name] == []}


def joined(contents: Sequence[Content], separator: str) -> Content:
    """One content of several, the texts with the separator between them."""
    texts = [content["text"] for content in contents]
    whole = contents[0] | {"text": separator.join(texts)}
    starts = list(accumulate((len(text) + len(separator) for text in texts), initial=0))
    placed = list(zip(contents, starts, strict=False))
    looks = {name: all(_styles(content).get(name) is True for content in contents) for name in _LOOKS}
    ranges = [one for content, start in placed for one in _shifted(_all_ranges(content, looks), start)]
    if ranges or any(_styles(content) for content in contents):
        told = {name: value for name, value in looks.items() if any(name in _styles(one) for one in contents)}
        whole = _with_styles(whole, told | {"formatting": ranges})
    for name, move in (("verse", _shifted), ("notes", _called)):
        lists = [(content[name], start) for content, start in placed if isinstance(content.get(name), list)]
        if lists:
            whole[name] = [one for given, start in lists for one in move(given, start)]
    return whole


# -- ranges: `{start, end, …}`


def _cut(ranges: Sequence[Any], start: int, end: int) -> Iterator[Any]:
    """What of the ranges lies in a part, counted from where that begins."""
    for one in ranges:
        if _is_range(one) and max(one["start"], start) < min(one["end"], end):
            yield one | {"start": max(one["start"], start) - start, "end": min(one["end"], end) - start}


def _shifted(ranges: Sequence[Any], by: int) -> Iterator[Any]:
    for one in ranges:
        if _is_range(one):
            moved = one | {"start": one["start"] + by, "end": one["end"] + by}
            yield (
                moved | {"lines": [[first + by, last + by] for first, last in _lines(one)]} if "lines" in one else moved
            )


def _with_lines(verse: Any, start: int, end: int) -> Any:
    """Verse of a part with those of its lines that are there."""
    if "lines" not in verse:
        return verse
    lines = ((max(first, start), min(last, end)) for first, last in _lines(verse))
    return verse | {"lines": [[first - start, last - start] for first, last in lines if first < last]}


def _lines(verse: Any) -> Iterator[tuple[int, int]]:
    for line in verse["lines"] if isinstance(verse["lines"], list) else []:
        match line:
            case [int(first), int(last)]:
                yield first, last


def _is_range(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("start"), int) and isinstance(value.get("end"), int)


# -- the marks of notes: `{position, …}`, before which character each stands


def _is_called(mark: Any, start: int, end: int) -> bool:
    """Is the mark in this part? Between two it belongs to the first, whose last word calls for it."""
    if not isinstance(mark, dict) or not isinstance(mark.get("position"), int):
        return False
    position: int = mark["position"]
    return start < position <= end or position == start == 0


def _called(marks: Sequence[Any], by: int) -> Iterator[Any]:
    for one in marks:
        if isinstance(one, dict) and isinstance(one.get("position"), int):
            yield _moved(one, "position", by)


def _moved(value: Content, name: str, by: int) -> Content:
    return value | {name: value[name] + by}


# -- formatting: `{alignment, …, text_styles: {is_bold, …, formatting: [range, …]}}`


def _styles(content: Content) -> Content:
    formatting = content.get("formatting")
    styles = formatting.get("text_styles") if isinstance(formatting, dict) else None
    return styles if isinstance(styles, dict) else {}


def _ranges(content: Content) -> list[Any] | None:
    found = _styles(content).get("formatting")
    return found if isinstance(found, list) else None


def _all_ranges(content: Content, looks: Content) -> list[Any]:
    """Its ranges, and as one more what is said of all of it and not of the others."""
    own = [kind for name, kind in _LOOKS.items() if _styles(content).get(name) is True and not looks[name]]
    whole = [{"start": 0, "end": len(content["text"]), "type": own}] if own else []
    return [*whole, *(_ranges(content) or [])]


def _with_ranges(content: Content, ranges: list[Any]) -> Content:
    return _with_styles(content, {"formatting": ranges})


def _with_styles(content: Content, styles: Content) -> Content:
    formatting = content.get("formatting")
    formatting = formatting if isinstance(formatting, dict) else {}
    return content | {"formatting": formatting | {"text_styles": _styles(content) | styles}}
