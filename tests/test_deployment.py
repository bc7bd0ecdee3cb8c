"""The image, the compose file and the operator's page: valid, safe by default, and true to the settings there are."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from genji_graphql.settings import Settings

ROOT = Path(__file__).parents[1]
OURS = ["api", "migrations"]
ODD_PASSWORD = "p@ss!#:/ $word"


def variable(name: str, field: FieldInfo) -> str:
    """The environment variable that a setting is told by; where there are several, the first."""
    alias = field.validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias or name.upper())


VARIABLES = {variable(name, field): field for name, field in Settings.model_fields.items()}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return parsed


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, as pairs such as ("USER", "10001:10001")."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line]
    return [(name, arguments) for name, arguments in lines]


@pytest.fixture(scope="module")
def final_stage(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    last = max(at for at, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


# The compose file


def test_the_compose_file_keeps_to_the_specification() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_password_is_asked_for(services: dict[str, Any]) -> None:
    asked = [
        value
        for service in services.values()
        for name, value in service["environment"].items()
        if name.endswith("PASSWORD") and value is not None
    ]
    assert len(asked) == 3
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in asked)


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(services: dict[str, Any], service: str) -> None:
    assert set(services[service]["environment"]) <= set(VARIABLES)


@pytest.mark.parametrize("service", OURS)
def test_settings_read_the_environment_as_it_is_given(
    services: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in services[service]["environment"].items():
        if value is not None:
            monkeypatch.setenv(name, re.sub(r"^\$\{POSTGRES_PASSWORD:.*\}$", lambda _: ODD_PASSWORD, value))
    url = Settings().sqlalchemy_url
    assert (url.host, url.port, url.username, url.password) == ("postgres", 5432, "genji", ODD_PASSWORD)
    assert url.database == services["postgres"]["environment"]["POSTGRES_DB"]
    assert url.username == services["postgres"]["environment"]["POSTGRES_USER"]


def test_no_password_is_written_down(services: dict[str, Any]) -> None:
    passwords = [
        value
        for service in services.values()
        for name, value in service["environment"].items()
        if value is not None and ("PASSWORD" in name or "URL" in name)
    ]
    assert len(passwords) == 3
    assert all(re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", password) for password in passwords)
    assert re.findall(r"^POSTGRES_PASSWORD=.*$", (ROOT / ".env.example").read_text(), re.MULTILINE) == [
        "POSTGRES_PASSWORD="
    ]


@pytest.mark.parametrize("service", OURS)
def test_our_containers_may_do_little(services: dict[str, Any], service: str) -> None:
    ours = services[service]
    assert ours["read_only"] is True
    assert ours["tmpfs"] == ["/tmp"]
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]
    user = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", ours["user"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_only_the_api_is_published_and_on_this_machine_only(services: dict[str, Any]) -> None:
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "api": ["127.0.0.1:8000:8000"]
    }


def test_postgres_keeps_its_data_and_tells_when_it_is_ready(services: dict[str, Any]) -> None:
    postgres = services["postgres"]
    major = re.fullmatch(r"postgres:(\d+)[.\w-]*", postgres["image"])
    assert major
    assert int(major[1]) >= 18, "older images keep their data in another folder"
    assert postgres["volumes"] == ["postgres:/var/lib/postgresql"]
    assert "postgres" in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["volumes"]
    assert postgres["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_the_api_waits_for_postgres_and_the_migrations(services: dict[str, Any]) -> None:
    assert services["migrations"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["api"]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "migrations": {"condition": "service_completed_successfully"},
    }


def test_what_follows_migrations_is_said_to_alembic(services: dict[str, Any]) -> None:
    migrations = services["migrations"]
    assert migrations["entrypoint"] == ["alembic"]
    assert migrations["command"] == ["upgrade", "head"]
    assert migrations["healthcheck"] == {"disable": True}


# The image


def test_the_dockerfile_has_no_findings() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "Dockerfile"], cwd=ROOT, capture_output=True, text=True
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_image_runs_genji_and_not_as_root(final_stage: list[tuple[str, str]]) -> None:
    told = dict(final_stage)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", told["USER"])
    assert json.loads(told["ENTRYPOINT"]) == ["genji"]
    assert json.loads(told["CMD"]) == ["run"]


def test_what_is_copied_is_not_ignored(instructions: list[tuple[str, str]]) -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        Path(source).parts[0]
        for name, arguments in instructions
        if name == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }
    assert copied == let_in


def test_the_image_has_all_that_alembic_needs(
    services: dict[str, Any], final_stage: list[tuple[str, str]], tmp_path: Path
) -> None:
    folder = dict(final_stage)["WORKDIR"]
    assert services["migrations"]["volumes"] == [f"./alembic:{folder}/alembic"]
    assert ("COPY", "alembic alembic") in final_stage
    assert ("COPY", "pyproject.toml ./") in final_stage

    shutil.copytree(ROOT / "alembic", tmp_path / "alembic")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    history = subprocess.run([sys.executable, "-m", "alembic", "history"], cwd=tmp_path, capture_output=True, text=True)
    assert history.returncode == 0, history.stderr
    assert "(head)" in history.stdout


class Health(BaseHTTPRequestHandler):
    """Well at /health, and nowhere else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def healthy_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_health_check_asks_the_server(final_stage: list[tuple[str, str]], healthy_port: int) -> None:
    _, code = dict(final_stage)["HEALTHCHECK"].split(" CMD ")
    python, *arguments = json.loads(code)
    assert python == "python"

    def exit_code(port: int) -> int:
        environment = {**os.environ, "GENJI_PORT": str(port)}
        return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True).returncode

    assert exit_code(healthy_port) == 0
    assert exit_code(1) != 0


# The operator's page


def test_every_setting_is_explained_with_its_default() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \|\s*(.*?)\s*\|", page, re.MULTILINE))
    assert rows.keys() == VARIABLES.keys()
    defaults = {name: shown(field.default) for name, field in VARIABLES.items() if field.default_factory is None}
    assert {name: rows[name] for name in defaults} == defaults


def shown(default: object) -> str:
    if default is None:
        return ""
    plain = default.value if isinstance(default, Enum) else default
    return f"`{str(plain).lower() if isinstance(plain, bool) else plain}`"
