"""Single sign-on through a CAS server (protocol 2 or 3): whom it vouches for is signed in."""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

import httpx2
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.database import Json, Sessions, Turn, take_turn
from genji_graphql.errors import Invalid, NotAllowed, Unavailable
from genji_graphql.identity import accounts, names
from genji_graphql.identity.limits import Limits
from genji_graphql.identity.tokens import Issued, hash_of
from genji_graphql.models import SsoConfiguration, SsoIdentity, User, UserPassword, folded
from genji_graphql.settings import Settings, is_this_machine
from genji_graphql.vocabulary import RoleName

log = logging.getLogger(__name__)

TIMEOUT = 10.0
MAX_ANSWER_BYTES = 65_536
MAX_ADDRESS = 2_000
REMEMBERED_SECONDS = 600
NAMESPACE = "http://www.yale.edu/tp/cas"
MAPPING = {"email": "mail", "first_name": "givenName", "last_name": "sn"}
"""The usual attributes; without one for `username` it is the name that the server knows the person by."""

_TICKET = re.compile(r"ST-[\w.-]{1,253}", re.ASCII)
_ATTRIBUTE = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_VALIDATE = {2: "serviceValidate", 3: "p3/serviceValidate"}


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the server knows, and what it tells of them."""

    subject: str
    attributes: Mapping[str, str]


class Cas:
    """Asks the CAS server, and takes each ticket once."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT) -> None:
        self.service = f"{settings.base_url}/sign-in"
        self.timeout = timeout
        self._used: dict[bytes, float] = {}
        # The client logs each address that it asks, and ours hold tickets.
        logging.getLogger("httpx2").setLevel(logging.WARNING)

    def login_url(self, configuration: SsoConfiguration) -> str:
        """Where a browser goes to sign in. It comes back to `/sign-in?ticket=…`."""
        return f"{urljoin(configuration.server_url, 'login')}?{urlencode({'service': self.service})}"

    async def vouched(self, configuration: SsoConfiguration, ticket: str) -> Vouched:
        """Whom the server gave this ticket to."""
        if not _TICKET.fullmatch(ticket):
            raise _not_accepted()
        # Before anything is awaited, so that the same ticket can't be under way twice.
        self._use(ticket)
        version = configuration.protocol_version
        address = urljoin(configuration.server_url, _VALIDATE[version])
        query = urlencode({"service": self.service, "ticket": ticket}, quote_via=quote)
        try:
            async with asyncio.timeout(self.timeout):
                answer = await _fetch(f"{address}?{query}")
            return _read(answer, version)
        except (TimeoutError, httpx2.HTTPError, _Unreadable) as reason:
            log.warning("The CAS server at %s failed: %s", address, str(reason) or type(reason).__name__)
            raise Unavailable("The sign-in server doesn't answer as it should. Try again in a moment.") from None

    def _use(self, ticket: str) -> None:
        # The server refuses a used ticket itself; this holds even where it doesn't.
        now = time.monotonic()
        self._used = {used: at for used, at in self._used.items() if at > now - REMEMBERED_SECONDS}
        if hash_of(ticket) in self._used:
            raise _not_accepted()
        self._used[hash_of(ticket)] = now


async def sign_in_with_cas(
    sessions: Sessions, limits: Limits, cas: Cas, *, ticket: str, lifetime: timedelta, address: str | None = None
) -> Issued:
    """A session for whom the CAS server gave the ticket to. Who comes for the first time gets an account."""
    await limits.count("sign in with CAS", address=address)
    async with sessions() as session:
        configuration = await enabled_configuration(session)
    if configuration is None:
        raise NotAllowed("Single sign-on isn't set up on this site.")
    vouched = await cas.vouched(configuration, ticket)
    async with sessions.begin() as session:
        user_id = await _person(session, configuration, vouched)
        if not await session.scalar(
            select(User.id).where(User.id == user_id, User.is_active).with_for_update(read=True)
        ):
            raise NotAllowed("This account is closed. Ask an administrator of the site.")
        return await accounts.start_session(session, user_id, lifetime)


async def configuration(session: AsyncSession) -> SsoConfiguration | None:
    """What was said last, whether people sign in by it or not."""
    return await session.scalar(select(SsoConfiguration))


async def enabled_configuration(session: AsyncSession) -> SsoConfiguration | None:
    """The configuration that people sign in by, or None while single sign-on is off."""
    return await session.scalar(select(SsoConfiguration).where(SsoConfiguration.enabled))


async def configure(
    session: AsyncSession,
    settings: Settings,
    *,
    server_url: str,
    updated_by_id: int,
    enabled: bool = True,
    protocol_version: int = 3,
    attribute_mapping: Mapping[str, str] | None = None,
    email_domain: str | None = None,
) -> SsoConfiguration:
    """Say through which server people sign in. Whether the viewer may is the caller's question."""
    if protocol_version not in _VALIDATE:
        raise Invalid("CAS is spoken in its versions 2 and 3.", field="protocolVersion")
    row = {
        "enabled": enabled,
        "server_url": server_address(server_url, private=settings.sso_private_network),
        "protocol_version": protocol_version,
        "attribute_mapping": Json.of(_mapping(attribute_mapping or {})),
        "email_domain": _domain(email_domain),
        "updated_by_id": updated_by_id,
    }
    stored = upsert(SsoConfiguration).values(id=1, **row)
    stored = stored.on_conflict_do_update(index_elements=["id"], set_=row | {"updated_at": func.now()})
    configuration = await session.scalar(stored.returning(SsoConfiguration).execution_options(populate_existing=True))
    assert configuration is not None  # noqa: S101 - an upsert without a condition gives its row
    return configuration


def server_address(given: str, *, private: bool = False) -> str:
    """The address of a CAS server as it is kept, ending in a slash.

    It is asked by us, from inside the site's network: an address that names a machine in there is refused, however it
    is spelt, unless `private` networks are allowed.
    """
    malformed = _bad_address("That is not an address such as https://cas.example.org/cas/.")
    if not re.fullmatch(rf"[!-~]{{1,{MAX_ADDRESS}}}", given.strip()) or "\\" in given:
        raise malformed
    try:
        url = urlsplit(given.strip())
        port, host = url.port, (url.hostname or "").rstrip(".")
    except ValueError:
        raise malformed from None
    if not host:
        raise malformed
    if url.scheme != "https" and not (private and url.scheme == "http"):
        raise _bad_address("The sign-in server must be reached by https://.")
    if "@" in url.netloc or url.query or "?" in given or "#" in given:
        raise _bad_address("The address can't hold a user name, a password, a query or a fragment.")
    if not private and _is_private(host):
        raise _bad_address("The address is that of a machine in a private network.")
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return urlunsplit((url.scheme, netloc, url.path.rstrip("/") + "/", "", ""))


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        # 127.1, 0x7f000001 and 2130706433 are addresses as well; no name in the DNS ends in a number.
        return is_this_machine(host) or bool(re.fullmatch(r"\d+|0x[\da-f]*", host.rpartition(".")[2]))


def _mapping(given: Mapping[str, str]) -> dict[str, str]:
    if unknown := given.keys() - {"username", *MAPPING}:
        raise Invalid(
            f"Only username, email, first_name and last_name are taken over, not {', '.join(sorted(unknown))}.",
            field="attributeMapping",
        )
    if not all(_ATTRIBUTE.fullmatch(attribute) for attribute in given.values()):
        raise Invalid("That is not the name of an attribute.", field="attributeMapping")
    return dict(given)


def _domain(given: str | None) -> str | None:
    if not given:
        return None
    try:
        return names.email(f"name@{given.strip().removeprefix('@')}").partition("@")[2]
    except Invalid:
        raise Invalid("That is not a domain such as example.org.", field="emailDomain") from None


# The person


async def _person(session: AsyncSession, configuration: SsoConfiguration, vouched: Vouched) -> int:
    known = select(SsoIdentity.user_id).where(SsoIdentity.subject == vouched.subject)
    if (user_id := await session.scalar(known)) is not None:
        return user_id
    await take_turn(session, Turn.FIRST_SIGN_IN)
    if (user_id := await session.scalar(known)) is not None:
        return user_id
    user_id = await _first_time(session, configuration, vouched)
    session.add(SsoIdentity(user_id=user_id, subject=vouched.subject))
    await session.flush()
    return user_id


async def _first_time(session: AsyncSession, configuration: SsoConfiguration, vouched: Vouched) -> int:
    mapping = MAPPING | configuration.attribute_mapping.decoded()
    told = {ours: vouched.attributes.get(theirs) for ours, theirs in mapping.items()}
    username = _username(told.get("username") or vouched.subject)
    holder = (
        await session.execute(
            select(
                User.id,
                select(UserPassword.id).where(UserPassword.user_id == User.id).exists().label("has_password"),
                select(SsoIdentity.id).where(SsoIdentity.user_id == User.id).exists().label("is_somebody_else"),
            ).where(folded(User.username) == folded(username))
        )
    ).one_or_none()
    if holder is None:
        user_id = await accounts.add_person(
            session,
            username=username,
            email=await _free_email(session, told["email"], username, configuration.email_domain),
            first_name=_name(told["first_name"]),
            last_name=_name(told["last_name"]),
        )
        await accounts.add_role(session, user_id, RoleName.STUDENT)
        return user_id
    # An account that somebody opened with a password isn't handed over to a namesake, nor is a namesake's.
    if holder.has_password or holder.is_somebody_else:
        raise Invalid(
            f"The user name {username} belongs to another account already. Sign in with its password, "
            "or ask an administrator of the site.",
            code="TAKEN",
        )
    return int(holder.id)


def _username(given: str) -> str:
    try:
        return names.username(given)
    except Invalid as reason:
        raise Invalid(
            f"The sign-in server calls you by a name that can't be a user name here. {reason} "
            "An administrator can choose another attribute for it.",
            code=reason.code,
        ) from None


async def _free_email(session: AsyncSession, told: str | None, username: str, domain: str | None) -> str | None:
    """The address that was told, or else the one at the site's domain; none rather than another person's."""
    given = told or (f"{username}@{domain}" if domain else None)
    try:
        email = names.email(given) if given else None
    except Invalid:
        return None
    taken = email and await session.scalar(select(User.id).where(folded(User.email) == folded(email)))
    return None if taken else email


def _name(given: str | None) -> str | None:
    try:
        return names.person_name(given, "name")
    except Invalid:
        return None


# The server's answer


class _Unreadable(Exception):
    """What came back is no answer."""


async def _fetch(address: str) -> bytes:
    # No proxy and no .netrc from the environment; no redirect, which might lead to a machine that was never checked.
    async with (
        httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=TIMEOUT) as client,
        client.stream("GET", address, headers={"Accept": "application/xml", "Accept-Encoding": "identity"}) as answer,
    ):
        if answer.status_code != 200:
            raise _Unreadable(f"it answered with the status {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise _Unreadable("its answer is compressed, which nobody asked for")
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise _Unreadable(f"its answer is larger than {MAX_ANSWER_BYTES} bytes")
        return bytes(body)


def _read(body: bytes, version: int) -> Vouched:
    from cas import CASClientV2, CASClientV3  # type: ignore[import-untyped]  # brings a second HTTP client along

    named = _check(_parsed(body))
    subject, attributes, _ = {2: CASClientV2, 3: CASClientV3}[version].parse_response_xml(body)
    if not subject or subject != named:
        raise _Unreadable("it names nobody")
    try:
        subject = names.normalised(subject, 255, "ticket", "name").casefold()
    except Invalid as reason:
        raise _Unreadable(str(reason)) from None
    first = {name: value[0] if isinstance(value, list) else value for name, value in attributes.items()}
    return Vouched(subject, {name: value for name, value in first.items() if value})


def _parsed(body: bytes) -> Element:
    """The root of the answer, which has no document type: entities, and all that is done with them, need one."""
    guard = expat.ParserCreate("UTF-8")
    guard.StartDoctypeDeclHandler = _refuse_document_type
    guard.XmlDeclHandler = _refuse_other_encodings
    try:
        guard.Parse(body, True)
        return ElementTree.fromstring(body)  # noqa: S314 - guarded
    except (expat.ExpatError, ElementTree.ParseError):
        raise _Unreadable("its answer isn't XML in UTF-8") from None


def _refuse_document_type(*_: object) -> None:
    raise _Unreadable("its answer has a document type")


def _refuse_other_encodings(_version: str, encoding: str | None, _standalone: int) -> None:
    # Nothing that is read as one text here, and as another by whoever believes the declaration.
    if encoding is not None and encoding.upper() != "UTF-8":
        raise _Unreadable("its answer isn't XML in UTF-8")


def _check(root: Element) -> str:
    """The one name that the server vouches for, in an answer of the one form that there is."""
    if root.tag != f"{{{NAMESPACE}}}serviceResponse" or len(root) != 1:
        raise _Unreadable("its answer isn't one of CAS")
    (told,) = root
    if told.tag == f"{{{NAMESPACE}}}authenticationFailure":
        raise _not_accepted()
    users = told.findall(f"{{{NAMESPACE}}}user")
    if told.tag != f"{{{NAMESPACE}}}authenticationSuccess" or len(users) != 1 or len(users[0]):
        raise _Unreadable("its answer isn't one of CAS")
    return users[0].text or ""


def _not_accepted() -> Invalid:
    return Invalid("The sign-in server didn't accept that ticket. Sign in once more.", code="WRONG_CREDENTIALS")


def _bad_address(sentence: str) -> Invalid:
    return Invalid(sentence, field="serverUrl")
