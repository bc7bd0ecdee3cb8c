"""Mail, sent to a real SMTP server on this machine."""

import asyncio
import logging
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from genji_graphql.identity.accounts import Reset
from genji_graphql.identity.mail import Mailer, reset_mail
from genji_graphql.settings import Settings, SmtpTls

TOKEN = "a-token-that-nobody-else-may-read"


class Inbox:
    """What a mail server took, and whom it let in."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.signed_in: list[tuple[bytes, bytes]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if envelope.rcpt_tos == ["refused@example.org"]:
            return f"554 I don't like {TOKEN}"
        self.envelopes.append(envelope)
        return "250 OK"

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, login: Any) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.signed_in.append((login.login, login.password))
        return AuthResult(success=login.password == b"p\xc3\xa4ss")

    @property
    def mails(self) -> list[EmailMessage]:
        parsed = (message_from_bytes(one.original_content or b"", policy=policy.SMTP) for one in self.envelopes)
        return [mail for mail in parsed if isinstance(mail, EmailMessage)]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def smtp(inbox: Inbox, settings: Settings) -> AsyncIterator[Settings]:
    """Settings with a mail server that answers."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(inbox, enable_SMTPUTF8=True, authenticator=inbox.authenticate, auth_require_tls=False),
        "127.0.0.1",
        0,
    )
    yield settings.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": server.sockets[0].getsockname()[1],
            "smtp_tls": SmtpTls.NONE,
            "base_url": "https://genji.example.org",
            "mail_from": "library@example.org",
        }
    )
    server.close()
    await server.wait_closed()


def mail(settings: Settings, email: str = "m@example.org", username: str = "murasaki") -> EmailMessage:
    message = reset_mail(settings, Reset(username, email, TOKEN))
    assert message is not None
    return message


async def test_a_mail_carries_the_link_to_whom_it_is_for(smtp: Settings, inbox: Inbox) -> None:
    await Mailer(smtp).send(mail(smtp))

    (envelope,), (sent,) = inbox.envelopes, inbox.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("library@example.org", ["m@example.org"])
    assert (sent["From"], sent["To"]) == ("library@example.org", "m@example.org")
    assert f"https://genji.example.org/reset-password#token={TOKEN}" in sent.get_content()
    assert "Hello murasaki," in sent.get_content()


async def test_addresses_and_names_beyond_ascii_arrive_whole(smtp: Settings, inbox: Inbox) -> None:
    await Mailer(smtp).send(mail(smtp, "清@example.org", "清少納言"))

    assert inbox.envelopes[0].rcpt_tos == ["清@example.org"]
    assert "Hello 清少納言," in inbox.mails[0].get_content()


@pytest.mark.parametrize(
    "address",
    [
        "m@example.org\nBcc: all@example.org",
        "m@example.org\r\n\r\nHello",
        "m@example.org, all@example.org",
        "M <m@example.org>",
        "",
        None,
    ],
)
def test_what_is_not_one_address_gets_no_mail(smtp: Settings, address: str | None) -> None:
    assert reset_mail(smtp, Reset("murasaki", address, TOKEN)) is None


async def test_the_password_of_the_mail_server_is_used_and_may_hold_any_letter(smtp: Settings, inbox: Inbox) -> None:
    given = Settings(smtp_username="genji", smtp_password="päss")  # type: ignore[arg-type]
    named = smtp.model_copy(update={"smtp_username": given.smtp_username, "smtp_password": given.smtp_password})

    await Mailer(named).send(mail(named))

    assert inbox.signed_in == [(b"genji", "päss".encode())]
    assert len(inbox.mails) == 1


async def test_nothing_is_sent_where_the_server_offers_no_tls(
    smtp: Settings, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    strict = smtp.model_copy(update={"smtp_tls": SmtpTls.STARTTLS})
    mailer = Mailer(strict)

    mailer.send_soon(mail(strict))
    await mailer.close()

    assert inbox.envelopes == []
    assert "could not be sent through 127.0.0.1" in caplog.text


async def test_a_mail_that_is_refused_is_logged_without_its_link(
    smtp: Settings, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.ERROR, "mail.log")  # the server's own
    mailer = Mailer(smtp)

    mailer.send_soon(mail(smtp, "refused@example.org"))
    await mailer.close()

    assert inbox.envelopes == []
    assert "could not be sent" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_mail_is_sent_while_the_answer_is_on_its_way(smtp: Settings, inbox: Inbox) -> None:
    mailer = Mailer(smtp)

    mailer.send_soon(mail(smtp))
    assert inbox.envelopes == []
    await mailer.close()

    assert len(inbox.envelopes) == 1


async def test_a_server_that_is_away_is_logged(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    away = settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": SmtpTls.NONE})
    mailer = Mailer(away)

    mailer.send_soon(mail(away))
    await mailer.close()

    assert "could not be sent through 127.0.0.1" in caplog.text


async def test_a_developer_without_a_mail_server_reads_the_link_in_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await Mailer(settings).send(mail(settings))

    assert f"http://127.0.0.1:8000/reset-password#token={TOKEN}" in caplog.text


async def test_a_site_without_a_mail_server_logs_no_link(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site = settings.model_copy(update={"base_url": "https://genji.example.org"})

    await Mailer(site).send(mail(site))

    assert "SMTP_HOST isn't set" in caplog.text
    assert TOKEN not in caplog.text
