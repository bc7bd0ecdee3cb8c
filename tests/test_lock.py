"""The locks: exact, hashed, complete, and silent about where packages come from."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.lock", "requirements-node.lock"]
PIN = re.compile(r"[A-Za-z0-9._-]+==[^\s;]+( ; [^\\]+?)?( --hash=sha256:[0-9a-f]{64})+")


def pins(lock: str) -> list[str]:
    """Each package with its hashes, in one line."""
    return re.sub(r"\s*\\\n\s+", " ", (ROOT / lock).read_text()).splitlines()


def locked_versions() -> dict[str, set[str]]:
    """A package may be locked once for each of several platforms."""
    versions: dict[str, set[str]] = {}
    for pin in pins("requirements.lock"):
        name, version = pin.split(" ")[0].split("==")
        versions.setdefault(canonicalize_name(name), set()).add(version)
    return versions


def declared() -> list[Requirement]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [
        pyproject["build-system"]["requires"],
        pyproject["project"]["dependencies"],
        *pyproject["dependency-groups"].values(),
    ]
    return [Requirement(requirement) for group in groups for requirement in group]


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_has_one_version_and_its_hashes(lock: str) -> None:
    lines = pins(lock)
    assert lines
    assert [line for line in lines if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_what_pyproject_asks_for_is_locked(requirement: Requirement) -> None:
    versions = locked_versions().get(canonicalize_name(requirement.name), set())
    assert versions, f"{requirement.name} is missing; type: ./dev lock"
    assert all(requirement.specifier.contains(version) for version in versions), (
        f"{requirement} is not met by {versions}"
    )


@pytest.mark.parametrize("folder", ["web", "benchmarks/serving/postgraphile"])
def test_a_lock_of_npm_names_no_address(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    addresses = [
        f"{name}: {text}"
        for name, package in lock["packages"].items()
        # Whom a package asks for money is its own business, and nothing is fetched from there.
        for text in strings({key: value for key, value in package.items() if key != "funding"})
        if "://" in text
    ]
    assert addresses == []


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
