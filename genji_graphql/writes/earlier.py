"""Targets of an earlier version of a note, in the texts as they are now."""

from collections.abc import Mapping

from genji_graphql.anchoring.anchor import Anchor, Misplaced
from genji_graphql.anchoring.carrying import FITTING, Method
from genji_graphql.anchoring.surroundings import fit
from genji_graphql.models import DocumentElement
from genji_graphql.writes.carrying import ANCHORING, is_orphaned
from genji_graphql.writes.targets import JsonValue, Selection, is_of_text, place_in, selection_of, selectors_of


def put_into(target: JsonValue, texts: Mapping[int, str]) -> JsonValue:
    """The targets, each where its words are now. What is in doubt is lost, and keeps its quote: nobody would see that
    it is in a wrong place. `texts` are those of the elements, by their numbers.
    """
    if isinstance(target, list):
        return [put_into(one, texts) for one in target]
    place = place_in(target)
    if place is None or place.model is not DocumentElement or not isinstance(target, dict) or "selector" not in target:
        return target
    given = target["selector"] if isinstance(target["selector"], list) else [target["selector"]]
    selection = selection_of(given)
    if selection is None:
        return target
    anchor, score = _found(selection, texts.get(place.row_id, ""))
    if anchor is None:
        return target | {ANCHORING: {"method": Method.ORPHAN, "score": score}}
    selectors = [*selectors_of(anchor), *(one for one in given if not is_of_text(one))]
    if selectors == given and not is_orphaned(target):
        return target
    return target | {"selector": selectors, ANCHORING: {"method": Method.FOUND, "score": score}}


def _found(selection: Selection, text: str) -> tuple[Anchor | None, float]:
    """Where its words are, if what stood around them is there as well; and how well that fits, from 0 to 1."""
    try:
        anchor = selection.found_in(text, "target")
    except Misplaced:
        return None, 0.0
    fitting = fit((selection.prefix, selection.suffix), (anchor.prefix, anchor.suffix))
    score = 1.0 if fitting is None else round(fitting, 3)
    return (anchor if score >= FITTING else None), score
