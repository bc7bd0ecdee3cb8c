"""Mail to people, through whichever SMTP server the settings name."""

import asyncio
import logging
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlsplit

import aiosmtplib

from genji_graphql.errors import Invalid
from genji_graphql.identity import names
from genji_graphql.identity.accounts import Reset
from genji_graphql.settings import Settings, SmtpTls

log = logging.getLogger(__name__)

TIMEOUT = 30


class Mailer:
    """Sends in the background, so that an answer neither waits for a mail server nor tells whether one was asked."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._under_way: set[asyncio.Task[None]] = set()

    def send_soon(self, message: EmailMessage) -> None:
        task = asyncio.create_task(self._try(message))
        # The event loop holds tasks weakly.
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, message: EmailMessage) -> None:
        settings = self.settings
        if settings.smtp_host is None:
            self._show(message)
            return
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username,
            password=password,
            use_tls=settings.smtp_tls is SmtpTls.TLS,
            # Told rather than left to the server to offer: whoever sits in between could take the offer out.
            start_tls=settings.smtp_tls is SmtpTls.STARTTLS,
            timeout=TIMEOUT,
        )

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._under_way)

    async def _try(self, message: EmailMessage) -> None:
        try:
            await self.send(message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # Neither the text, which may hold a link, nor the error's own, which may quote it.
            log.error("A mail could not be sent through %s: %s", self.settings.smtp_host, type(error).__name__)  # noqa: TRY400

    def _show(self, message: EmailMessage) -> None:
        """Without a mail server a developer reads the mail in the log; anywhere else its link has no place there."""
        if self.settings.is_local:
            log.warning("SMTP_HOST isn't set, so this is shown instead of sent.\n\n%s", message.get_content())
        else:
            log.error("SMTP_HOST isn't set, so a mail could not be sent.")


def reset_link(settings: Settings, token: str) -> str:
    """After a #, so that the token is in no server's log and no Referer header."""
    return f"{settings.base_url}/reset-password#token={token}"


def reset_mail(settings: Settings, reset: Reset) -> EmailMessage | None:
    """The mail with a way back in; None for whoever has no address, or something else in its place."""
    try:
        # One address and nothing more: an older system may have let a list in, or another header.
        local, _, domain = names.email(reset.email or "").rpartition("@")
    except Invalid:
        return None
    host = urlsplit(settings.base_url).hostname or "localhost"
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail_from or f"genji@{'localhost' if settings.is_local else host}"
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = "A new password for Genji"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        f"Hello {reset.username},\n\n"
        f"somebody asked for a new password for your account at {settings.base_url}. If it was you, follow this link "
        "within an hour:\n\n"
        f"{reset_link(settings, reset.token)}\n\n"
        "If it wasn't, do nothing: your password stays as it is.\n"
    )
    return message
