"""How a change is asked for: one input, one payload, and errors for the person who asked.

A mutation is for people who are signed in, unless it says that it is public. What may fail on purpose comes back in
the payload's `errors`; a fault of ours is an error of the whole answer.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry

from genji_graphql.anchoring.anchor import Misplaced
from genji_graphql.context import Context
from genji_graphql.database import was_in_the_way
from genji_graphql.errors import (
    Conflict,
    GenjiError,
    Invalid,
    Malformed,
    NotAllowed,
    NotFound,
    Several,
    TooMany,
    Unavailable,
)
from genji_graphql.reads.filters import storable
from genji_graphql.schema import errors
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import plain

SIGN_IN = "Sign in to do this."
READ_ONLY = "This access token may only read."
_TRIES = 3
"""As often is a change begun, where somebody else's is in its way and it in theirs."""
_INPUT = strawberry.argument(description="What is asked for.")


def mutation(description: str, *, public: bool = False) -> Callable[[Any], Any]:
    """A field of Mutation from an async function of (info, input) that returns a payload."""

    def declare(change: Any) -> Any:
        payload, input_type = change.__annotations__["return"], change.__annotations__["input"]

        async def resolve(info: Info, input: Any) -> Any:
            try:
                await info.context.ask_again()
                _check(info, public)
                _check_text(input)
                return await _insisting(info.context, lambda: change(info, input))
            except Unavailable:
                raise
            except Several as error:
                return payload(errors=[told(one) for one in error.errors])
            except GenjiError as error:
                return payload(errors=[told(error)])

        resolve.__name__ = change.__name__
        resolve.__annotations__ = {"info": Info, "input": Annotated[input_type, _INPUT], "return": payload}
        return strawberry.mutation(resolver=resolve, description=description, metadata={"public": public})

    return declare


async def _insisting(context: Context, change: Callable[[], Awaitable[Any]]) -> Any:
    """Makes a change, which is one transaction, and begins it anew where PostgreSQL ended it in favour of another."""
    for _ in range(_TRIES - 1):
        try:
            return await change()
        except Exception as fault:
            if not was_in_the_way(fault):
                raise
            # What was loaded for it may not be so any more.
            context.become(context.viewer)
    return await change()


def told(error: GenjiError) -> "errors.UserError":
    """What a person is told of an error."""
    field = None if error.field is None else _camel(error.field)
    match error:
        case NotFound():
            return errors.NotFound(message=str(error), code="NOT_FOUND", field=field)
        case NotAllowed():
            return errors.PermissionDenied(message=str(error), code="FORBIDDEN", field=field)
        case Conflict():
            current: Any = error.current
            return errors.Conflict(message=str(error), code="CONFLICT", field=field, current=current)
        case TooMany():
            return errors.TooManyAttempts(
                message=str(error), code="TOO_MANY_ATTEMPTS", field=field, retry_after=error.retry_after
            )
        case Malformed():
            return errors.MalformedDocument(message=str(error), code=error.code, field=field, pointer=error.pointer)
        case Misplaced():
            nearest: Any = error.nearest
            return errors.SelectorError(message=str(error), code=error.code, field=field, nearest=nearest)
        case Invalid():
            return errors.ValidationError(message=str(error), code=error.code, field=field)
        case _:
            return errors.ValidationError(message=str(error), code="INVALID", field=field)


def _check(info: Info, public: bool) -> None:
    viewer = info.context.viewer
    if public or viewer.may_write:
        return
    raise NotAllowed(SIGN_IN if viewer.is_anonymous else READ_ONLY)


def _check_text(given: Any) -> None:
    try:
        _storable(plain(given), None)
    except RecursionError:
        raise Invalid("The input is nested too deeply.") from None


def _storable(value: Any, field: str | None) -> None:
    """Refuse text that PostgreSQL can't hold, wherever it stands in an input."""
    match value:
        case str():
            try:
                storable(value)
            except Invalid as error:
                raise Invalid(str(error), field=field) from None
        case dict():
            for name, item in value.items():
                _storable(name, field)
                _storable(item, field or name)
        case list():
            for item in value:
                _storable(item, field)


def _camel(name: str) -> str:
    """Within what is free in its keys they stay as they are; elsewhere a path is of places in lists and of fields."""
    field, dot, within = name.partition(".")
    if field not in _LISTS_OF_INPUTS:
        return _camel_word(field) + dot + within
    return ".".join(map(_camel_word, name.split(".")))


_LISTS_OF_INPUTS = {"annotations"}


def _camel_word(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
