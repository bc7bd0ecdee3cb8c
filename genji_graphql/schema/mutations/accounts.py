"""Coming in, going out, and what lets somebody in."""

from datetime import datetime, timedelta

import strawberry

from genji_graphql import models
from genji_graphql.context import Context
from genji_graphql.errors import NotAllowed
from genji_graphql.identity import accounts, cas
from genji_graphql.identity.mail import reset_mail
from genji_graphql.identity.tokens import Issued
from genji_graphql.identity.viewer import viewer_of
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.user import User


@strawberry.input(description="A new account.")
class RegisterInput:
    username: str = strawberry.field(description="At least 3 letters, digits, and `_.-`.")
    email: str = strawberry.field(description="Where a link to a new password can be mailed.")
    password: str = strawberry.field(description="Of 8 to 128 characters, with a capital, a small letter and a digit.")
    first_name: str | None = option("The first name.")
    last_name: str | None = option("The last name.")


@strawberry.input(description="Who one is, and what proves it.")
class SignInInput:
    login: str = strawberry.field(description="The user name or the e-mail address.")
    password: str = strawberry.field(description="The password.")


@strawberry.input(description="Nothing needs to be said.")
class SignOutInput:
    everywhere: bool = strawberry.field(default=False, description="End one's other sessions as well.")


@strawberry.input(description="A new password for whoever knows the current one.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The current one.")
    new_password: str = strawberry.field(description="The new one.")


@strawberry.input(description="Who forgot their password.")
class RequestPasswordResetInput:
    login: str = strawberry.field(description="The user name or the e-mail address.")


@strawberry.input(description="A new password for whoever holds the link that was mailed.")
class ResetPasswordInput:
    token: str = strawberry.field(description="The token of the link.")
    password: str = strawberry.field(description="The new password.")


@strawberry.input(description="The ticket that the CAS server sent somebody back with.")
class SignInWithCasInput:
    ticket: str = strawberry.field(description="The ticket. It is good once.")


@strawberry.type(description="Who is signed in now.")
class SessionPayload(Payload):
    viewer: User | None = strawberry.field(default=None, description="Who that is.")
    token: str | None = strawberry.field(
        default=None,
        description="The token for `Authorization: Bearer`, this once. Null in a browser, which has a cookie.",
    )
    expires_at: datetime | None = strawberry.field(default=None, description="When the session ends by itself.")


@strawberry.type(description="The new account. It isn't signed in yet.")
class RegisterPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The account.")
    is_administrator: bool = strawberry.field(
        default=False, description="Is it the first of this site, and so its administrator's?"
    )


@strawberry.type(description="Nothing but the errors, if there are any.")
class DonePayload(Payload): ...


@mutation("Makes an account. The first of a site is its administrator's.", public=True)
async def register(info: Info, input: RegisterInput) -> RegisterPayload:
    context = info.context
    async with context.transaction() as session:
        made = await accounts.register(
            session,
            context.services.limits,
            username=input.username,
            email=input.email,
            password=input.password,
            first_name=input.first_name or None,
            last_name=input.last_name or None,
            address=context.address,
        )
        user = await session.get_one(models.User, made.user_id)
    return RegisterPayload(user=user, is_administrator=made.is_administrator)  # type: ignore[arg-type] # a row stands for its type


@mutation("Signs somebody in by their password.", public=True)
async def sign_in(info: Info, input: SignInInput) -> SessionPayload:
    context = info.context
    issued = await accounts.sign_in(
        context.services.writing,
        context.services.limits,
        login=input.login,
        password=input.password,
        lifetime=timedelta(seconds=context.services.settings.session_lifetime),
        address=context.address,
    )
    return await _started(context, issued)


@mutation("Signs somebody in whom the site's CAS server vouches for.", public=True)
async def sign_in_with_cas(info: Info, input: SignInWithCasInput) -> SessionPayload:
    context = info.context
    issued = await cas.sign_in_with_cas(
        context.services.writing,
        context.services.limits,
        context.services.cas,
        ticket=input.ticket,
        lifetime=timedelta(seconds=context.services.settings.session_lifetime),
        address=context.address,
    )
    return await _started(context, issued)


@mutation("Ends the session that one came with.")
async def sign_out(info: Info, input: SignOutInput) -> DonePayload:
    viewer = info.context.viewer
    if viewer.session_id is None or viewer.user_id is None:
        raise NotAllowed("An access token has no session to end; revoke it instead.")
    async with info.context.transaction() as session:
        await accounts.sign_out(session, viewer.session_id)
        if input.everywhere:
            await accounts.end_sessions(session, viewer.user_id)
    info.context.leave()
    return DonePayload()


@mutation("Changes one's password, and ends one's other sessions.")
async def change_password(info: Info, input: ChangePasswordInput) -> DonePayload:
    viewer, services = info.context.viewer, info.context.services
    if viewer.session_id is None or viewer.user_id is None:
        raise NotAllowed("An access token can't change the password; sign in with it.")
    await accounts.change_password(
        services.writing,
        services.limits,
        user_id=viewer.user_id,
        session_id=viewer.session_id,
        current=input.current_password,
        new=input.new_password,
    )
    return DonePayload()


@mutation("Mails a link to a new password, where there is such an account. The answer is the same.", public=True)
async def request_password_reset(info: Info, input: RequestPasswordResetInput) -> DonePayload:
    services = info.context.services
    async with info.context.transaction() as session:
        reset = await accounts.request_password_reset(
            session, services.limits, login=input.login, address=info.context.address
        )
    if reset is not None and (message := reset_mail(services.settings, reset)) is not None:
        services.mailer.send_soon(message)
    return DonePayload()


@mutation("Sets a new password with the link that was mailed, and ends all sessions.", public=True)
async def reset_password(info: Info, input: ResetPasswordInput) -> DonePayload:
    async with info.context.transaction() as session:
        await accounts.reset_password(
            session,
            info.context.services.limits,
            token=input.token,
            password=input.password,
            address=info.context.address,
        )
    return DonePayload()


async def _started(context: Context, issued: Issued) -> SessionPayload:
    async with context.services.reading() as session:
        context.enter(await viewer_of(session, issued.token), issued)
    viewer = await context.loaders.row(models.User, issued.user_id)
    return SessionPayload(
        viewer=viewer, token=None if context.is_from_our_pages() else issued.token, expires_at=issued.expires_at
    )


@strawberry.type
class AccountMutations:
    register: RegisterPayload = register
    sign_in: SessionPayload = sign_in
    sign_in_with_cas: SessionPayload = sign_in_with_cas
    sign_out: DonePayload = sign_out
    change_password: DonePayload = change_password
    request_password_reset: DonePayload = request_password_reset
    reset_password: DonePayload = reset_password
