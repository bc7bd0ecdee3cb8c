"""What an operator can set, read from the environment once.

`docs/operating.md` is the operator's page; `docker-compose.yml` uses the same names (a test compares them).
"""

import os
from email.headerregistry import Address
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError


class DatabaseProfile(StrEnum):
    """Where PostgreSQL runs, which decides how connections are kept."""

    SERVER = "server"
    SERVERLESS = "serverless"


class SmtpTls(StrEnum):
    """How the way to the mail server is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Introspection(StrEnum):
    """Whom the schema is told."""

    EVERYBODY = "everybody"
    PEOPLE = "people"
    NOBODY = "nobody"


_SERVERLESS = {
    "db_pool_size": 1,
    "db_max_overflow": 4,
    "db_pool_recycle": 300,
    "db_tls": "require",
    "purge_interval": 86_400,
}

_RATE = r"^[1-9]\d* per ([1-9]\d* )?(second|minute|hour|day)s?$"

_URL_OPTIONS = {"host", "port", "ssl", "sslmode", "channel_binding", "target_session_attrs"}

_REDIS_OPTIONS = {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_check_hostname", "ssl_certfile", "ssl_keyfile"}


def is_this_machine(host: str) -> bool:
    """Whether a host name can only be this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _origin(value: str) -> str:
    """A scheme and a host, as browsers write them in the Origin header: lower case, no default port, nothing after."""
    url = urlsplit(value.strip())
    try:
        port = url.port
    except ValueError:
        port = -1
    bare = not (url.username or url.password or url.path.strip("/") or url.query or url.fragment)
    if url.scheme not in ("http", "https") or not url.hostname or not bare or port == -1:
        raise ValueError("An address like https://genji.example.org is needed, with nothing after the host")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    default = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{host}" + (f":{port}" if port and port != default else "")


def _data_dir() -> Path:
    # Root's home is closed to the account that PostgreSQL then runs as.
    return Path("/var/lib/genji") if os.name == "posix" and os.geteuid() == 0 else user_data_path("genji")


class Settings(BaseSettings):
    """Every setting of the server. Times are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,  # Docker Compose hands on a variable that isn't set as an empty one
        allow_inf_nan=False,
        hide_input_in_errors=True,  # a value that can't be used may be a password
    )

    # The database. Without DATABASE_URL and DB_HOST the embedded PostgreSQL is used.
    database_url: SecretStr | None = None
    db_host: str | None = None
    db_port: int = Field(default=5432, ge=1, le=65535)
    db_name: str = "genji"
    db_user: str = "genji"
    db_password: SecretStr | None = None
    db_tls: str | None = Field(default=None, pattern="^(disable|prefer|require|verify-ca|verify-full)$")

    db_profile: DatabaseProfile = DatabaseProfile.SERVER
    db_pool_size: int = Field(default=5, ge=1)
    db_max_overflow: int = Field(default=10, ge=0)
    db_pool_timeout: float = Field(default=5, gt=0)
    db_pool_recycle: int = Field(default=3600, ge=-1)
    db_pool_pre_ping: bool = True
    db_echo: bool = False
    db_max_retries: int = Field(default=5, ge=0)
    db_retry_delay_seconds: float = Field(default=2, ge=0)
    db_lock_timeout: float = Field(default=5, ge=0.001)
    """How long a migration waits for a lock before it gives up. PostgreSQL counts milliseconds, and 0 is forever."""

    data_dir: Path = Field(default_factory=_data_dir, validation_alias="GENJI_DATA_DIR")
    """Where the embedded PostgreSQL keeps its data."""

    # The server.
    host: str = Field(default="127.0.0.1", validation_alias="GENJI_HOST")
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="GENJI_PORT")
    workers: int = Field(default=1, ge=1, le=256, validation_alias="GENJI_WORKERS")
    """How many processes serve at that address."""
    metrics_host: str = Field(default="127.0.0.1", validation_alias="GENJI_METRICS_HOST")
    metrics_port: int | None = Field(default=None, ge=0, le=65535, validation_alias="GENJI_METRICS_PORT")
    """Where the first process tells its metrics; each of the others has the next port. Nowhere unless it is set."""
    max_page_size: int = Field(default=100, ge=1, validation_alias="GENJI_MAX_PAGE_SIZE")
    max_body_bytes: int = Field(default=4_000_000, ge=1_000, validation_alias="GENJI_MAX_BODY_BYTES")
    max_import_bytes: int = Field(default=100_000_000, ge=1_000, lt=2**31, validation_alias="GENJI_MAX_IMPORT_BYTES")
    request_connections: int = Field(default=3, ge=1, validation_alias="GENJI_REQUEST_CONNECTIONS")
    """How many database connections one request may hold at a time."""

    # What one request may ask for, and how long it may take.
    max_tokens: int = Field(default=1_500, ge=1, validation_alias="GENJI_MAX_TOKENS")
    max_depth: int = Field(default=25, ge=1, validation_alias="GENJI_MAX_DEPTH")
    max_root_fields: int = Field(default=50, ge=1, validation_alias="GENJI_MAX_ROOT_FIELDS")
    max_width: int = Field(default=200, ge=1, validation_alias="GENJI_MAX_WIDTH")
    max_aliases: int = Field(default=100, ge=0, validation_alias="GENJI_MAX_ALIASES")
    max_directives: int = Field(default=50, ge=0, validation_alias="GENJI_MAX_DIRECTIVES")
    max_cost_of_visitors: int = Field(default=500_000, ge=1, validation_alias="GENJI_MAX_COST_OF_VISITORS")
    max_cost_of_people: int = Field(default=1_000_000, ge=1, validation_alias="GENJI_MAX_COST_OF_PEOPLE")
    max_cost_of_administrators: int = Field(
        default=2_000_000, ge=1, validation_alias="GENJI_MAX_COST_OF_ADMINISTRATORS"
    )
    deadline: float = Field(default=30, gt=0, validation_alias="GENJI_DEADLINE")
    """How long an operation may take before it is given up."""
    connections: int = Field(default=10_000, ge=1, validation_alias="GENJI_CONNECTIONS")
    """How many WebSockets and streams of events one process holds open; so below."""
    connections_per_address: int = Field(default=500, ge=1, validation_alias="GENJI_CONNECTIONS_PER_ADDRESS")
    connections_per_account: int = Field(default=50, ge=1, validation_alias="GENJI_CONNECTIONS_PER_ACCOUNT")
    subscriptions_per_connection: int = Field(default=50, ge=1, validation_alias="GENJI_SUBSCRIPTIONS_PER_CONNECTION")
    subscriptions_per_account: int = Field(default=500, ge=1, validation_alias="GENJI_SUBSCRIPTIONS_PER_ACCOUNT")
    init_timeout: float = Field(default=10, gt=0, validation_alias="GENJI_INIT_TIMEOUT")
    """How long a WebSocket may be open before its client says who is there."""
    purge_interval: int = Field(default=3_600, ge=0, validation_alias="GENJI_PURGE_INTERVAL")
    """After how many seconds the server purges again what was deleted long ago; 0 for never."""
    events_kept_days: int = Field(default=7, ge=1, le=365, validation_alias="GENJI_EVENTS_KEPT_DAYS")
    """For how many days a client that was away can catch up with what happened to annotations."""
    redis_url: SecretStr | None = Field(default=None, validation_alias="GENJI_REDIS_URL")
    """Where a deployment of dozens of processes passes on what happens, so that one of them reads it for all."""
    introspection: Introspection | None = Field(default=None, validation_alias="GENJI_INTROSPECTION")
    trusted_documents: Path | None = Field(default=None, validation_alias="GENJI_TRUSTED_DOCUMENTS")
    """A manifest: a JSON object of documents by their SHA-256."""
    trusted_only: bool = Field(default=False, validation_alias="GENJI_TRUSTED_ONLY")

    # Accounts.
    base_url: str = Field(default="http://127.0.0.1:8000", validation_alias="GENJI_BASE_URL")
    """Where people reach the site: it stands in mails, decides how cookies are set, and is the origin we trust."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default_factory=tuple, validation_alias="GENJI_CORS_ORIGINS"
    )
    """Other sites whose pages may ask this server in the name of whoever is signed in."""
    session_lifetime: int = Field(default=1_209_600, ge=60, validation_alias="GENJI_SESSION_LIFETIME")
    sign_ins_per_account: str = Field(
        default="10 per 15 minutes", pattern=_RATE, validation_alias="GENJI_SIGN_INS_PER_ACCOUNT"
    )
    sign_ins_per_address: str = Field(
        default="100 per 15 minutes", pattern=_RATE, validation_alias="GENJI_SIGN_INS_PER_ADDRESS"
    )
    sso_private_network: bool = Field(default=False, validation_alias="GENJI_SSO_PRIVATE_NETWORK")
    """Whether a CAS server may be asked without TLS and at a private address, as in development."""

    # Mail. Without SMTP_HOST none is sent.
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: SmtpTls = SmtpTls.STARTTLS
    mail_from: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _profile(cls, given: dict[str, Any]) -> dict[str, Any]:
        """A profile sets what the environment leaves open."""
        if given.get("db_profile") == DatabaseProfile.SERVERLESS:
            return _SERVERLESS | given
        return given

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        # A complaint never quotes the value: it holds a password, and a piece of it may pass for a host or a port.
        malformed = (
            "DATABASE_URL is not a URL such as postgresql://user:password@host:5432/name, "
            "in which special characters of the password are percent-encoded (@ as %40)"
        )
        try:
            url = make_url(value.get_secret_value())
        except (ArgumentError, ValueError):
            raise ValueError(malformed) from None
        if "@" in (url.host or "") or not 0 < (url.port or 5432) < 65536:
            raise ValueError(malformed)
        if url.get_backend_name() not in {"postgresql", "postgres"}:
            raise ValueError("DATABASE_URL must begin with postgresql://")
        if unknown := url.query.keys() - _URL_OPTIONS:
            raise ValueError(f"DATABASE_URL has an option that isn't understood here: {', '.join(sorted(unknown))}")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        # A complaint never quotes the value, which may hold a password.
        try:
            url = urlsplit(value.get_secret_value())
            is_one = url.port != 0
        except ValueError:
            is_one = False
        if not is_one or url.scheme not in ("redis", "rediss", "unix") or not (url.hostname or url.path.strip("/")):
            raise ValueError("An address such as redis://:password@host:6379/0, rediss://… or unix:///path is needed")
        if unknown := dict(parse_qsl(url.query, keep_blank_values=True)).keys() - _REDIS_OPTIONS:
            raise ValueError(f"GENJI_REDIS_URL has an option that isn't understood here: {', '.join(sorted(unknown))}")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_our_origin(cls, value: str) -> str:
        origin = _origin(value)
        if origin.startswith("http:") and not is_this_machine(urlsplit(origin).hostname or ""):
            raise ValueError("GENJI_BASE_URL must begin with https://, unless it is this machine's own address")
        return origin

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _are_origins(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        given = value.replace(",", " ").split() if isinstance(value, str) else value
        return tuple(_origin(origin) for origin in given)

    @field_validator("mail_from")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                Address(addr_spec=value)
            except (ValueError, IndexError):
                raise ValueError("An e-mail address such as genji@example.org is needed") from None
        return value

    @property
    def is_secure(self) -> bool:
        """Whether people reach the site by TLS, as everywhere but on a developer's own machine."""
        return self.base_url.startswith("https:")

    @property
    def introspection_for(self) -> Introspection:
        """Whom the schema is told: unless it was said, everybody on a developer's machine, and people elsewhere."""
        return self.introspection or (Introspection.EVERYBODY if self.is_local else Introspection.PEOPLE)

    @property
    def is_local(self) -> bool:
        """Whether the site is for this machine alone."""
        return is_this_machine(urlsplit(self.base_url).hostname or "")

    @property
    def uses_embedded_database(self) -> bool:
        return self.database_url is None and self.db_host is None

    @property
    def sqlalchemy_url(self) -> URL:
        """The address for SQLAlchemy's asyncpg dialect; libpq's `sslmode` becomes asyncpg's `ssl`."""
        if self.database_url is not None:
            url = make_url(self.database_url.get_secret_value())
        elif self.db_host is not None:
            password = self.db_password.get_secret_value() if self.db_password else None
            url = URL.create("postgresql", self.db_user, password, self.db_host, self.db_port, self.db_name)
        else:
            raise LookupError("neither DATABASE_URL nor DB_HOST is set")
        query = dict(url.query)
        tls = query.pop("sslmode", None) or query.pop("ssl", None) or self.db_tls
        query.pop("channel_binding", None)  # libpq's own; asyncpg has no such option and refuses it
        return url.set(drivername="postgresql+asyncpg", query=query | ({"ssl": tls} if tls else {}))

    def with_database(self, url: URL) -> Self:
        """These settings, pointed at another database."""
        return self.model_copy(update={"database_url": SecretStr(url.render_as_string(hide_password=False))})
