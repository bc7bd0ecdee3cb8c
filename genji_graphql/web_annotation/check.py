"""Is it an annotation of the W3C's? And if not, what is wrong, and where?

Web Annotation Data Model, sections 3 and 4. Only what the recommendation says MUST be so is demanded; what it leaves
open is open here, and members that it doesn't know are kept, as JSON-LD wants it. Limits keep them small.

The rules yield what they find, one after another, and each knows where it is. A rule of the site's own dialects
(`ours`) also takes what the platform's clients write: numbers for ids, sources such as `document_element:42`,
`refined_by`, a quote under `value`, targets in inner arrays.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from math import isfinite

from genji_graphql.reads.web_annotation import JsonValue, place_of
from genji_graphql.web_annotation.terms import CONTEXT, MAX_IRI, SETS, is_iri, moment_of, types_of

MAX_BYTES = 256 * 1024
"""How large a whole annotation, body or target may be, written as JSON without blanks."""
MAX_DEPTH = 32
"""How deep arrays and objects may stand in each other."""
MAX_MEMBERS = 1000
"""How many members or items any object or array may have."""
MAX_STRING = 100_000
"""How many characters any text may have."""
MAX_WORD = 255
"""How many characters a name, a word, a format or a language may have."""
MAX_DIGITS = 1000
"""How many digits a number may have before or after its point; PostgreSQL holds more."""
MAX_BODIES = 100
MAX_TARGETS = 1000
MAX_SELECTORS = 50
"""How many selectors, states or refinements one resource may have side by side."""
MAX_POSITION = 2**53 - 1
"""The largest whole number that every client reads exactly (RFC 7493, section 2.2)."""
MAX_PROBLEMS = 100
"""How many problems are told at once."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, told to a person, and where: the JSON Pointer (RFC 6901) of a member, be it there or missing."""

    pointer: str
    message: str


Rule = Callable[[JsonValue, str, bool], Iterator[Problem]]


def problems(annotation: JsonValue) -> list[Problem]:
    """What keeps this JSON, already decoded, from being a valid annotation: at most MAX_PROBLEMS, none if it is one."""
    return _told(annotation, _annotation(annotation, "", False))


def body_problems(value: JsonValue) -> list[Problem]:
    """What is wrong with a body, or several, in any of the three dialects. None is no body, which is fine."""
    return _told(value, _NO_PROBLEMS if value is None else _bodies(value, "", True))


def target_problems(value: JsonValue) -> list[Problem]:
    """What is wrong with a target, or several, in any of the three dialects. There has to be one."""
    return _told(value, _targets(value, "", True))


def resource_problems(value: JsonValue) -> list[Problem]:
    """What is wrong with one body or target in the W3C's own form. How much it is isn't limited."""
    return list(_resource(value, "", False))


def selector_problems(value: JsonValue) -> list[Problem]:
    """What is wrong with one selector in the W3C's own form. How much it is isn't limited."""
    return list(_selector(value, "", False))


_NO_PROBLEMS: Iterator[Problem] = iter(())


def _told(value: JsonValue, found: Iterator[Problem]) -> list[Problem]:
    """The limits come first: what keeps to them can be walked through without fear."""
    return list(islice(_unfit(value), MAX_PROBLEMS)) or list(islice(found, MAX_PROBLEMS))


# Limits, and what no database holds


def _unfit(value: JsonValue) -> Iterator[Problem]:
    """Whatever it means. Not recursive, since it may be nested without end."""
    size = 0
    waiting: list[tuple[JsonValue, str, int]] = [(value, "", 1)]
    while waiting:
        one, at, depth = waiting.pop()
        inside = _inside(one, at)
        if inside and depth > MAX_DEPTH:
            yield Problem(at, f"This is nested more than {MAX_DEPTH} levels deep.")
        elif len(inside) > MAX_MEMBERS:
            yield Problem(at, f"At most {MAX_MEMBERS} may stand side by side.")
        else:
            waiting += [(item, inner, depth + 1) for item, inner in reversed(inside)]
        if isinstance(one, dict):
            yield from chain.from_iterable(_unfit_text(name, at) for name in one)
        elif isinstance(one, str):
            yield from _unfit_text(one, at)
        elif not isinstance(one, list):
            yield from _unfit_number(one, at)
        size += _size(one)
        if size > MAX_BYTES:
            yield Problem("", f"This is larger than {MAX_BYTES // 1024} KiB.")
            return


def _inside(value: JsonValue, at: str) -> Sequence[tuple[JsonValue, str]]:
    """What stands in an array or object, each with its pointer."""
    if isinstance(value, dict):
        return [(item, f"{at}/{_escaped(str(name))}") for name, item in value.items()]
    return [(item, f"{at}/{n}") for n, item in enumerate(value)] if isinstance(value, list) else []


def _escaped(name: str) -> str:
    """A member's name in a pointer. RFC 6901, section 3."""
    return name.replace("~", "~0").replace("/", "~1")


def _size(value: JsonValue) -> int:
    """About how many bytes it takes beside what stands in it."""
    if isinstance(value, dict):
        return 2 + sum(4 + _bytes(str(name)) for name in value)
    return 2 + (_bytes(value) if isinstance(value, str) else len(value) if isinstance(value, list) else 4)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _unfit_text(text: str, at: str) -> Iterator[Problem]:
    if len(text) > MAX_STRING:
        yield Problem(at, f"A text may have at most {MAX_STRING} characters.")
    elif "\0" in text:
        yield Problem(at, "A text can't have the character U+0000.")
    elif not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        yield Problem(at, "Half of a character stands here without its other half.")


_TOO_MANY_DIGITS = 10**MAX_DIGITS


def _unfit_number(value: JsonValue, at: str) -> Iterator[Problem]:
    if isinstance(value, bool | None):
        return
    if not isinstance(value, int | float | Decimal):
        yield Problem(at, "This is nothing that JSON has.")
    elif isinstance(value, int):
        if abs(value) >= _TOO_MANY_DIGITS:
            yield Problem(at, f"A number may have at most {MAX_DIGITS} digits.")
    elif not isfinite(value):
        yield Problem(at, "This is not a number.")
    elif isinstance(value, Decimal) and max(abs(value.adjusted()), len(value.as_tuple().digits)) > MAX_DIGITS:
        yield Problem(at, f"A number may have at most {MAX_DIGITS} digits.")


# Values


def _text(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(at, "This has to be one text.")


def _word(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if not isinstance(value, str) or not value.strip():
        yield Problem(at, "This has to be a text that isn't empty.")
    elif len(value) > MAX_WORD:
        yield Problem(at, f"This may have at most {MAX_WORD} characters.")


def _iri(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if not is_iri(value):
        yield Problem(at, f"This has to be an IRI of at most {MAX_IRI} characters, such as https://example.org/page.")


def _mail(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if not is_iri(value) or not value.lower().startswith("mailto:"):
        yield Problem(at, "This has to be an e-mail address as an IRI, such as mailto:somebody@example.org.")


def _sha1(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if not isinstance(value, str) or len(value) != 40 or not set(value.lower()) <= set("0123456789abcdef"):
        yield Problem(at, "This has to be a SHA-1 hash in 40 hexadecimal digits.")


def _moment(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    """Section 3.3.1 wants UTC; other zones are as exact, and read."""
    if moment_of(value) is None:
        yield Problem(at, "This has to be a date and time with its zone, such as 2026-01-31T12:00:00Z.")


def _position(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_POSITION:
        yield Problem(at, "This has to be a whole number from 0.")


def _direction(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    if value not in ("ltr", "rtl", "auto"):
        yield Problem(at, "This has to be ltr, rtl or auto.")


def _name(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    """What a resource is known by. `element:42` has the form of an IRI, but is only our dialects' word for one."""
    if not isinstance(value, str) or place_of(value) is None:
        yield from _iri(value, at, ours)
    elif not ours:
        yield Problem(
            at, "This has to be an IRI. What this site has is known by one that ends with, for instance, /elements/42."
        )


def _identity(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    if not (ours and number):
        yield from _name(value, at, ours)


# Values of values


def _some(rule: Rule, most: int = MAX_MEMBERS) -> Rule:
    """One value, or a list of them."""

    def check(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield from rule(value, at, ours)
        elif len(value) > most:
            yield Problem(at, f"There may be at most {most} of these.")
        else:
            for n, item in enumerate(value):
                yield from rule(item, f"{at}/{n}", ours)

    return check


def _or_iri(rule: Rule) -> Rule:
    """An object, or the IRI where there is one."""

    def check(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
        if isinstance(value, str):
            yield from _iri(value, at, ours)
        elif isinstance(value, dict):
            yield from rule(value, at, ours)
        else:
            yield Problem(at, "This has to be an object, or an IRI.")

    return check


def _members(
    value: dict[str, JsonValue], at: str, ours: bool, rules: Mapping[str, Rule], needed: Sequence[str] = ()
) -> Iterator[Problem]:
    for name in needed:
        if name not in value:
            yield Problem(f"{at}/{name}", f"The member {name} is missing.")
    for name, rule in rules.items():
        if name in value:
            yield from rule(value[name], f"{at}/{name}", ours)


# Agents and audience: sections 3.3.2 and 3.3.3


@_or_iri
def _agent(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    yield from _members(value, at, ours, _AGENT)


@_or_iri
def _audience(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    yield from _members(value, at, ours, {"id": _iri, "type": _some(_word)})


_AGENT: dict[str, Rule] = {
    "id": _iri,
    "type": _some(_word),
    "name": _some(_word),
    "nickname": _word,
    "email": _some(_mail),
    "email_sha1": _some(_sha1),
    "homepage": _some(_iri),
}

# What annotations, bodies and targets may say of themselves: sections 3.2.1, 3.2.2 and 3.3
_ABOUT: dict[str, Rule] = {
    "type": _some(_word),
    "created": _moment,
    "modified": _moment,
    "generated": _moment,
    "creator": _some(_agent),
    "generator": _some(_agent),
    "audience": _some(_audience),
    "accessibility": _some(_text),
    "rights": _some(_iri),
    "canonical": _iri,
    "via": _some(_iri),
}
_RESOURCE: dict[str, Rule] = {
    **_ABOUT,
    "id": _identity,
    "format": _some(_word),
    "language": _some(_word),
    "processingLanguage": _word,
    "textDirection": _direction,
    "purpose": _some(_word),
}


# Selectors: section 4.2


@_or_iri
def _selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    yield from _specifier(value, at, ours)
    for kind in sorted(types_of(value) & _SELECTORS.keys()):
        yield from _SELECTORS[kind](value, at, ours)


def _specifier(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    """What selectors and states share: a type, or else an IRI, and what refines them. Sections 4.2.9 and 4.3.3."""
    yield from _members(value, at, ours, {"id": _identity, "type": _some(_word)}, () if "id" in value else ("type",))
    for name in ("refinedBy", "refined_by"):
        if name in value and (ours or name == "refinedBy"):
            yield from _refinement(value[name], f"{at}/{name}", ours)
        elif name in value:
            yield Problem(f"{at}/{name}", "The standard writes refinedBy.")


def _refinement(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    """A selector may be refined by selectors and states, a state by both."""

    def either(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
        state = isinstance(value, dict) and types_of(value) & _STATES.keys()
        return (_state if state else _selector)(value, at, ours)

    return _some(either, MAX_SELECTORS)(value, at, ours)


def _fragment_selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    return _members(value, at, ours, {"value": _text, "conformsTo": _iri}, ["value"])


def _value_selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    return _members(value, at, ours, {"value": _text}, ["value"])


def _quote_selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    exact = "value" if ours and "exact" not in value and "value" in value else "exact"
    return _members(value, at, ours, {exact: _text, "prefix": _text, "suffix": _text}, [exact])


def _position_selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    wrong = list(_members(value, at, ours, {"start": _position, "end": _position}, ["start", "end"]))
    yield from wrong
    if not wrong and value["start"] > value["end"]:
        yield Problem(f"{at}/end", "The end can't come before the start.")


def _svg_selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    """The drawing is here, or at the IRI of the selector."""
    return _members(value, at, ours, {"value": _text}, () if "id" in value else ["value"])


def _range_selector(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    ends: dict[str, Rule] = {"startSelector": _selector, "endSelector": _selector}
    return _members(value, at, ours, ends, list(ends))


_SELECTORS: dict[str, Rule] = {
    "FragmentSelector": _fragment_selector,
    "CssSelector": _value_selector,
    "XPathSelector": _value_selector,
    "TextQuoteSelector": _quote_selector,
    "TextPositionSelector": _position_selector,
    "DataPositionSelector": _position_selector,
    "SvgSelector": _svg_selector,
    "RangeSelector": _range_selector,
}


# States: section 4.3


@_or_iri
def _state(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    yield from _specifier(value, at, ours)
    for kind in sorted(types_of(value) & _STATES.keys()):
        yield from _STATES[kind](value, at, ours)


def _time_state(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    """A moment or several, or else the start and the end of a time."""
    rules = {"sourceDate": _some(_moment), "sourceDateStart": _moment, "sourceDateEnd": _moment, "cached": _some(_iri)}
    ends = ("sourceDateStart", "sourceDateEnd")
    given = [name for name in ends if name in value]
    yield from _members(value, at, ours, rules, ends if given else ())
    if "sourceDate" in value:
        for name in given:
            yield Problem(f"{at}/{name}", "A state has either sourceDate or a start and an end.")
    start, end = (moment_of(value.get(name)) for name in ends)
    if start is not None and end is not None and start > end:
        yield Problem(f"{at}/sourceDateEnd", "The end can't come before the start.")


def _request_state(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    return _members(value, at, ours, {"value": _text}, ["value"])


_STATES: dict[str, Rule] = {"TimeState": _time_state, "HttpRequestState": _request_state}


# Bodies and targets: section 3.2


def _resource(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from _name(value, at, ours)
    elif isinstance(value, dict):
        rules, needed = _kind(value)
        yield from _members(value, at, ours, {**_RESOURCE, **rules}, needed)
    else:
        yield Problem(at, "This has to be a resource: an object, or an IRI.")


def _kind(value: dict[str, JsonValue]) -> tuple[Mapping[str, Rule], Sequence[str]]:
    """What its type, or else its members, make of it: the rules for its members, and those that it needs."""
    types = types_of(value)
    if types & SETS:
        return {"items": _items}, ["items"]
    if "SpecificResource" in types:
        return _SPECIFIC, ["source"]
    if "TextualBody" in types:
        return {"value": _text}, ["value"]
    if "source" in value:
        return _SPECIFIC, []
    if "value" in value:
        return {"value": _text}, []
    return ({"items": _items}, []) if "items" in value and "id" not in value else ({}, ["id"])


def _items(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    """Section 3.2.7: the order matters, so it is a list."""
    if not isinstance(value, list) or not value:
        yield Problem(at, "This has to be a list with at least one resource.")
    else:
        yield from _some(_resource)(value, at, ours)


@_or_iri
def _stylesheet(value: dict[str, JsonValue], at: str, ours: bool) -> Iterator[Problem]:
    """Section 4.4."""
    yield from _members(value, at, ours, {"id": _iri, "value": _text}, () if "id" in value else ["value"])
    if value.get("type", "CssStylesheet") not in ("CssStylesheet", ["CssStylesheet"]):
        yield Problem(f"{at}/type", "This has to be CssStylesheet.")


# Sections 4 and 4.3 to 4.6
_SPECIFIC: dict[str, Rule] = {
    "source": _resource,
    "selector": _some(_selector, MAX_SELECTORS),
    "state": _some(_state, MAX_SELECTORS),
    "styleClass": _some(_word),
    "renderedVia": _some(_agent),
    "scope": _some(_resource),
}

_bodies = _some(_resource, MAX_BODIES)


def _targets(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    """Section 3.2.6: at least one. Our older clients nest those of one passage of a link."""
    leaves = list(_leaves(value, at, ours))
    if not leaves:
        yield Problem(at, "There has to be at least one target.")
    elif len(leaves) > MAX_TARGETS:
        yield Problem(at, f"There may be at most {MAX_TARGETS} targets.")
    else:
        for leaf, pointer in leaves:
            yield from _resource(leaf, pointer, ours)


def _leaves(value: JsonValue, at: str, nested: bool) -> Iterator[tuple[JsonValue, str]]:
    if not isinstance(value, list):
        yield value, at
    else:
        for item, pointer in _inside(value, at):
            yield from _leaves(item, pointer, nested) if nested else [(item, pointer)]


# The annotation: section 3.1


def _annotation(value: JsonValue, at: str, ours: bool) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(at, "An annotation has to be an object.")
        return
    yield from _members(value, at, ours, _ANNOTATION, ["@context", "type", "target"])
    if "type" in value and "Annotation" not in types_of(value):
        yield Problem(f"{at}/type", "One of the types has to be Annotation.")
    if "body" in value and "bodyValue" in value:
        yield Problem(f"{at}/bodyValue", "An annotation has either body or bodyValue.")


def _context(value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    contexts = value if isinstance(value, list) else [value]
    if CONTEXT not in contexts:
        yield Problem(at, f"One of the contexts has to be {CONTEXT}.")
    for context, pointer in _inside(value, at) if isinstance(value, list) else ():
        if not isinstance(context, dict) and not is_iri(context):
            yield Problem(pointer, "A context has to be an IRI, or an object.")


def _keyword(_value: JsonValue, at: str, _ours: bool) -> Iterator[Problem]:
    yield Problem(at, "The standard writes id and type without @.")


_ANNOTATION: dict[str, Rule] = {
    **_ABOUT,
    "@context": _context,
    "@id": _keyword,
    "@type": _keyword,
    "id": _iri,
    "motivation": _some(_word),
    "body": _bodies,
    "bodyValue": _text,
    "target": _targets,
    "stylesheet": _stylesheet,
}
