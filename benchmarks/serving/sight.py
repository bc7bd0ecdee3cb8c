"""The server's own conditions of visibility as SQL text, for statements that are written by hand."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, literal, select
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.access.visibility import visible, visible_notes
from genji_graphql.models import Annotation, Base, Document, DocumentCollection, DocumentElement

# Numbers that stand for the viewer's in a condition, which is compiled once for all viewers.
_STAND_INS = {"user": 1_900_000_001, "groups": 1_900_000_002, "taught": 1_900_000_003}
_SOMEBODY = Viewer(
    user_id=_STAND_INS["user"],
    group_ids=frozenset({_STAND_INS["groups"]}),
    taught_group_ids=frozenset({_STAND_INS["taught"]}),
)


@dataclass(frozen=True)
class Sight:
    """What an anonymous visitor sees, or somebody whose numbers are the parameters `user`, `groups` and `taught`.

    The conditions speak of the tables by their full names, as `app.annotations`.
    """

    viewer: Viewer

    @property
    def notes(self) -> str:
        """Notes proper of an element that is seen."""
        return _text(Annotation, visible_notes(self.viewer, DocumentElement))

    @property
    def notes_anywhere(self) -> str:
        """Notes proper, wherever they stand."""
        return _text(Annotation, visible_notes(self.viewer))

    @property
    def responses(self) -> str:
        """What answers an annotation that is seen."""
        return _text(Annotation, visible(Annotation, self.viewer, Annotation))

    @property
    def documents(self) -> str:
        return _text(Document, visible(Document, self.viewer))

    @property
    def collections(self) -> str:
        return _text(DocumentCollection, visible(DocumentCollection, self.viewer))

    def may(self, action: Action) -> str:
        """Whether the viewer may do this to an annotation that they see."""
        return _text(Annotation, allowed(Annotation, action, self.viewer))

    @property
    def own(self) -> str:
        """Whether the viewer wrote an annotation."""
        return "false" if self.viewer.is_anonymous else "app.annotations.creator_id = %(user)s::int"


VISITOR = Sight(ANONYMOUS)
SOMEBODY = Sight(_SOMEBODY)


@dataclass(frozen=True)
class Statement:
    """SQL with numbered parameters, and what stands in each."""

    sql: str
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Statement":
        """From SQL with named parameters, such as `%(id)s`."""
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
        return cls(re.sub(r"%\((\w+)\)s", lambda match: f"${1 + names.index(match[1])}", text), tuple(names))


@cache
def _compiler() -> Any:
    return dialect()  # type: ignore[no-untyped-call]


def _text(model: type[Base], condition: ColumnElement[bool]) -> str:
    # Within a SELECT from its table, so that the condition's own SELECTs are taken to speak of that one's rows.
    statement = select(literal(1)).select_from(model).where(condition)
    compiled = str(statement.compile(dialect=_compiler(), compile_kwargs={"literal_binds": True}))
    _, _, text = compiled.partition("WHERE ")
    text = text or "true"
    text = text.replace(str(_STAND_INS["user"]), "%(user)s::int")
    for name in ("groups", "taught"):
        text = text.replace(f"ARRAY[{_STAND_INS[name]}]", f"%({name})s::int[]")
        text = text.replace(f"IN ({_STAND_INS[name]})", f"= ANY (%({name})s::int[])")
    left = [name for name, number in _STAND_INS.items() if str(number) in text]
    if left:
        raise LookupError(f"A condition holds the viewer's {', '.join(left)} where it wasn't looked for.")
    return f"({text})"
