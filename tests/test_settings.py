"""Settings, read from the environment as an operator sets it."""

import os
import re
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.engine import URL

from genji_graphql.database import create_engine
from genji_graphql.settings import DatabaseProfile, Settings

ODD_PASSWORD = "p@ss!#:/ %40?&=[]\\'\"$源氏"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("DATABASE_URL", "DB_", "GENJI_", "PG")):
            monkeypatch.delenv(name)


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def credentials(settings: Settings) -> dict[str, Any]:
    """What asyncpg is given to connect with."""
    engine = create_engine(settings)
    _, given = engine.dialect.create_connect_args(engine.url)
    return dict(given)


# Which database


def test_without_any_address_the_embedded_database_is_used() -> None:
    assert Settings().uses_embedded_database
    with pytest.raises(LookupError, match="neither DATABASE_URL nor DB_HOST"):
        _ = Settings().sqlalchemy_url


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"]
)
def test_any_usual_form_of_database_url_is_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    found = settings(monkeypatch, DATABASE_URL=f"{scheme}://reader:p%40ss@db.example:6543/texts")

    assert not found.uses_embedded_database
    assert found.sqlalchemy_url.drivername == "postgresql+asyncpg"
    assert credentials(found) == {
        "host": "db.example",
        "port": 6543,
        "user": "reader",
        "password": "p@ss",
        "database": "texts",
    }


@pytest.mark.parametrize(
    ("options", "tls"),
    [
        ("", None),
        ("?sslmode=require", "require"),
        ("?ssl=verify-full", "verify-full"),
        ("?sslmode=require&channel_binding=require", "require"),
        ("?channel_binding=prefer", None),
    ],
)
def test_libpqs_options_become_asyncpgs(monkeypatch: pytest.MonkeyPatch, options: str, tls: str | None) -> None:
    given = credentials(settings(monkeypatch, DATABASE_URL=f"postgresql://reader@db.example/texts{options}"))

    assert given.get("ssl") == tls
    assert given.keys() <= {"host", "user", "database", "ssl"}


def test_a_socket_is_an_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    by_url = settings(monkeypatch, DATABASE_URL="postgresql://reader@/texts?host=/run/postgresql&port=6543")
    assert credentials(by_url) | {"port": 6543} == {
        "host": "/run/postgresql",
        "port": 6543,
        "user": "reader",
        "database": "texts",
    }
    monkeypatch.delenv("DATABASE_URL")
    assert credentials(settings(monkeypatch, DB_HOST="/run/postgresql"))["host"] == "/run/postgresql"


def test_the_parts_take_a_password_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        DB_HOST="db.example",
        DB_PORT="6543",
        DB_NAME="texts/1",
        DB_USER="read@er",
        DB_PASSWORD=ODD_PASSWORD,
    )
    assert not found.uses_embedded_database
    assert credentials(found) == {
        "host": "db.example",
        "port": 6543,
        "user": "read@er",
        "password": ODD_PASSWORD,
        "database": "texts/1",
    }


def test_the_parts_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert credentials(settings(monkeypatch, DB_HOST="db.example")) == {
        "host": "db.example",
        "port": 5432,
        "user": "genji",
        "database": "genji",
    }


def test_database_url_goes_before_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch, DATABASE_URL="postgresql://one@first.example/a", DB_HOST="second.example", DB_PASSWORD="other"
    )
    assert credentials(found) == {"host": "first.example", "user": "one", "database": "a"}


def test_db_tls_is_for_an_address_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert credentials(settings(monkeypatch, DB_TLS="verify-full", DB_HOST="db.example"))["ssl"] == "verify-full"
    assert credentials(settings(monkeypatch, DATABASE_URL="postgresql://db.example/a"))["ssl"] == "verify-full"
    told = settings(monkeypatch, DATABASE_URL="postgresql://db.example/a?sslmode=disable")
    assert credentials(told)["ssl"] == "disable"


def test_another_database_keeps_the_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    url = URL.create("postgresql", "reader", ODD_PASSWORD, "db.example", 6543, "texts")
    found = settings(monkeypatch, DB_HOST="elsewhere", DB_POOL_SIZE="7").with_database(url)

    assert found.sqlalchemy_url == url.set(drivername="postgresql+asyncpg")
    assert found.db_pool_size == 7
    assert credentials(found)["password"] == ODD_PASSWORD


# How it is used


def test_the_defaults_are_for_a_server_of_ones_own() -> None:
    found = Settings()

    assert found.db_profile is DatabaseProfile.SERVER
    assert (found.db_pool_size, found.db_max_overflow, found.db_pool_timeout) == (5, 10, 5)
    assert (found.db_pool_recycle, found.db_pool_pre_ping, found.db_echo) == (3600, True, False)
    assert (found.db_max_retries, found.db_retry_delay_seconds, found.db_lock_timeout) == (5, 2, 5)
    assert (found.host, found.port) == ("127.0.0.1", 8000)


ALL = {
    "DB_POOL_SIZE": ("db_pool_size", "2", 2),
    "DB_MAX_OVERFLOW": ("db_max_overflow", "0", 0),
    "DB_POOL_TIMEOUT": ("db_pool_timeout", "1.5", 1.5),
    "DB_POOL_RECYCLE": ("db_pool_recycle", "-1", -1),
    "DB_POOL_PRE_PING": ("db_pool_pre_ping", "false", False),
    "DB_ECHO": ("db_echo", "1", True),
    "DB_MAX_RETRIES": ("db_max_retries", "0", 0),
    "DB_RETRY_DELAY_SECONDS": ("db_retry_delay_seconds", "0.25", 0.25),
    "DB_LOCK_TIMEOUT": ("db_lock_timeout", "0.5", 0.5),
    "GENJI_HOST": ("host", "0.0.0.0", "0.0.0.0"),
    "GENJI_PORT": ("port", "0", 0),
    "GENJI_WORKERS": ("workers", "4", 4),
    "GENJI_METRICS_PORT": ("metrics_port", "9100", 9100),
    "GENJI_METRICS_HOST": ("metrics_host", "0.0.0.0", "0.0.0.0"),
    "GENJI_MAX_PAGE_SIZE": ("max_page_size", "25", 25),
    "GENJI_MAX_BODY_BYTES": ("max_body_bytes", "2000", 2000),
    "GENJI_MAX_IMPORT_BYTES": ("max_import_bytes", "3000", 3000),
    "GENJI_REQUEST_CONNECTIONS": ("request_connections", "1", 1),
    "GENJI_CONNECTIONS": ("connections", "7", 7),
    "GENJI_CONNECTIONS_PER_ADDRESS": ("connections_per_address", "6", 6),
    "GENJI_CONNECTIONS_PER_ACCOUNT": ("connections_per_account", "5", 5),
    "GENJI_SUBSCRIPTIONS_PER_CONNECTION": ("subscriptions_per_connection", "4", 4),
    "GENJI_SUBSCRIPTIONS_PER_ACCOUNT": ("subscriptions_per_account", "3", 3),
    "GENJI_INIT_TIMEOUT": ("init_timeout", "0.5", 0.5),
}


@pytest.mark.parametrize("change_case", [str.upper, str.lower])
def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, change_case: Any) -> None:
    defaults = Settings()
    found = settings(monkeypatch, **{change_case(name): value for name, (_, value, _) in ALL.items()})

    for field, _, expected in ALL.values():
        assert getattr(found, field) == expected
        assert getattr(defaults, field) != expected


def test_every_setting_can_be_given_by_its_name() -> None:
    given: dict[str, Any] = {field: value for field, _, value in ALL.values()}
    found = Settings(**given)
    assert all(getattr(found, field) == expected for field, _, expected in ALL.values())


def test_what_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [*ALL, "DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_TLS", "DB_PROFILE"]
    assert settings(monkeypatch, **dict.fromkeys(names, "")) == Settings()
    assert Settings().uses_embedded_database


def test_a_variable_of_blanks_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, DATABASE_URL="  ").uses_embedded_database


def test_the_serverless_profile_keeps_few_connections_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, DB_PROFILE="serverless", DATABASE_URL="postgresql://reader@db.example/texts")

    assert found.db_profile is DatabaseProfile.SERVERLESS
    assert (found.db_pool_size, found.db_max_overflow, found.db_pool_recycle) == (1, 4, 300)
    assert found.purge_interval == 86_400
    assert credentials(found)["ssl"] == "require"


def test_what_is_set_goes_before_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        DB_PROFILE="serverless",
        DB_POOL_SIZE="3",
        DB_MAX_OVERFLOW="",
        db_pool_recycle="60",
        GENJI_PURGE_INTERVAL="600",
        DB_TLS="verify-full",
        DB_HOST="db.example",
    )
    assert (found.db_pool_size, found.db_max_overflow, found.db_pool_recycle) == (3, 4, 60)
    assert found.purge_interval == 600
    assert credentials(found)["ssl"] == "verify-full"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().db_pool_size = 6


# What can't be used

BAD_URLS = [
    "mysql://reader:hunter2@db.example/texts",
    "hunter2",
    "db.example:5432/hunter2",
    "postgresql://reader:hunter2@db.example:five/texts",
    "postgresql://reader:hunter2@db.example:99999/texts",
    "postgresql://reader:x@hunter2:hunter2@db.example/texts",
    "postgresql://reader:x@hunter2@db.example/texts",
    "postgresql://reader:hunter2@db.example/texts?connect_timeout=10&application_name=hunter2",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_address_that_cannot_be_used_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError) as told:
        settings(monkeypatch, DATABASE_URL=url)

    assert "DATABASE_URL" in str(told.value)
    assert "hunter2" not in str(told.value) + repr(told.value)
    assert not any("hunter2" in problem["msg"] for problem in told.value.errors())


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "http://hunter2@cache.example",
        "redis://",
        "redis://:hunter2@cache.example:five/0",
        "redis:///hunter2?a=1",
    ],
)
def test_a_redis_that_cannot_be_used_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError) as told:
        settings(monkeypatch, GENJI_REDIS_URL=url)

    assert "GENJI_REDIS_URL" in str(told.value)
    assert "hunter2" not in str(told.value) + repr(told.value)


@pytest.mark.parametrize(
    "url",
    ["redis://cache.example", "rediss://:p%40ss@cache.example:6380/3?ssl_ca_certs=/ca.pem", "unix:///run/redis.sock"],
)
def test_a_redis_is_taken_and_kept_secret(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    found = settings(monkeypatch, GENJI_REDIS_URL=url)
    assert found.redis_url is not None
    assert found.redis_url.get_secret_value() == url
    assert url not in repr(found)
    assert settings(monkeypatch, GENJI_REDIS_URL=" ").redis_url is None


def test_an_option_that_is_not_understood_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="an option that isn't understood here: connect_timeout, pgbouncer"):
        settings(monkeypatch, DATABASE_URL="postgresql://db.example/texts?pgbouncer=true&connect_timeout=5")


BAD_VALUES = {
    "DB_PORT": ["five", "0", "65536", "-1"],
    "DB_TLS": ["yes", "REQUIRE", "requires"],
    "DB_PROFILE": ["lambda"],
    "DB_POOL_SIZE": ["0", "many", "1.5"],
    "DB_MAX_OVERFLOW": ["-1"],
    "DB_POOL_TIMEOUT": ["0", "inf", "nan"],
    "DB_POOL_RECYCLE": ["-2"],
    "DB_POOL_PRE_PING": ["perhaps"],
    "DB_ECHO": ["perhaps"],
    "DB_MAX_RETRIES": ["-1"],
    "DB_RETRY_DELAY_SECONDS": ["-1", "inf"],
    # PostgreSQL counts whole milliseconds, and takes 0 to mean: wait for ever.
    "DB_LOCK_TIMEOUT": ["0", "-1", "0.0001", "inf"],
    "GENJI_PORT": ["65536", "-1", "http"],
    "GENJI_WORKERS": ["0", "two"],
    "GENJI_METRICS_PORT": ["65536", "-1"],
    "GENJI_MAX_PAGE_SIZE": ["0"],
    "GENJI_MAX_BODY_BYTES": ["0"],
    "GENJI_MAX_IMPORT_BYTES": ["0"],
    "GENJI_REQUEST_CONNECTIONS": ["0"],
    "GENJI_CONNECTIONS": ["0"],
    "GENJI_CONNECTIONS_PER_ADDRESS": ["0"],
    "GENJI_CONNECTIONS_PER_ACCOUNT": ["0"],
    "GENJI_SUBSCRIPTIONS_PER_CONNECTION": ["0"],
    "GENJI_SUBSCRIPTIONS_PER_ACCOUNT": ["0"],
    "GENJI_INIT_TIMEOUT": ["0", "inf"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_VALUES.items() for value in values])
def test_a_value_that_cannot_be_used_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ValidationError, match=re.compile(rf"^{name}$", re.MULTILINE | re.IGNORECASE)) as told:
        settings(monkeypatch, **{name: value})
    assert told.value.error_count() == 1


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch, DATABASE_URL="postgresql://reader:hunter2@db.example/texts", DB_PASSWORD="hunter2", DB_HOST="other"
    )
    for shown in (found, found.model_dump(), found.model_dump_json(), found.sqlalchemy_url, create_engine(found)):
        assert "hunter2" not in f"{shown} {shown!r}"

    monkeypatch.setenv("DB_PORT", "hunter2")
    with pytest.raises(ValidationError) as told:
        Settings()
    assert "hunter2" not in f"{told.value} {told.value!r}"
