"""Why a change was not made."""

import strawberry


@strawberry.interface(description="Why a change was not made, for the person who asked for it.")
class UserError:
    message: str = strawberry.field(description="What is wrong, in a sentence.")
    code: str = strawberry.field(description="The same for programs.")
    field: str | None = strawberry.field(default=None, description="The field of the input that is to blame.")


@strawberry.type(description="The input can't be taken.")
class ValidationError(UserError): ...


@strawberry.type(description="There is no such thing, or not for this viewer.")
class NotFound(UserError): ...


@strawberry.type(description="The viewer may not do this.")
class PermissionDenied(UserError): ...


@strawberry.type(description="Somebody else was first.")
class Conflict(UserError): ...


@strawberry.type(description="It was tried too often.")
class TooManyAttempts(UserError):
    retry_after: int = strawberry.field(default=0, description="In how many seconds it may be tried again.")


ERROR_TYPES = [Conflict, NotFound, PermissionDenied, TooManyAttempts, ValidationError]


@strawberry.type(description="What came of a change. It was made where there are no errors.")
class Payload:
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was not made; empty where it was."
    )
