"""Why a change was not made."""

import strawberry

from genji_graphql.schema.node import Node


@strawberry.interface(description="Why a change was not made, for the person who asked for it.")
class UserError:
    message: str = strawberry.field(description="What is wrong, in a sentence.")
    code: str = strawberry.field(description="The same for programs.")
    field: str | None = strawberry.field(default=None, description="The field of the input that is to blame.")


@strawberry.type(description="The input can't be taken.")
class ValidationError(UserError): ...


@strawberry.type(description="A document in the input, such as an annotation in JSON-LD, isn't what it should be.")
class MalformedDocument(UserError):
    pointer: str = strawberry.field(default="", description="Where in the document: a JSON Pointer (RFC 6901).")


@strawberry.type(description="A passage of a text.")
class TextPassage:
    start: int = strawberry.field(description="Its first code point, counted from 0.")
    end: int = strawberry.field(description="The code point after its last.")
    exact: str = strawberry.field(description="Its words.")
    prefix: str = strawberry.field(description="What stands just before it.")
    suffix: str = strawberry.field(description="What stands just after it.")


@strawberry.type(description="What was selected isn't in the text, or in several places of it.")
class SelectorError(UserError):
    nearest: TextPassage | None = strawberry.field(
        default=None, description="The passage that comes nearest to what was selected, if any does."
    )


@strawberry.type(description="There is no such thing, or not for this viewer.")
class NotFound(UserError): ...


@strawberry.type(description="The viewer may not do this.")
class PermissionDenied(UserError): ...


@strawberry.type(description="Somebody else was first.")
class Conflict(UserError):
    current: Node | None = strawberry.field(
        default=None, description="What it is now; null where no one thing was changed by others."
    )


@strawberry.type(description="It was tried too often.")
class TooManyAttempts(UserError):
    retry_after: int = strawberry.field(default=0, description="In how many seconds it may be tried again.")


ERROR_TYPES = [
    Conflict,
    MalformedDocument,
    NotFound,
    PermissionDenied,
    SelectorError,
    TooManyAttempts,
    ValidationError,
]


@strawberry.type(description="What came of a change. It was made where there are no errors.")
class Payload:
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was not made; empty where it was."
    )
