"""The lock files: what they promise about every machine they are installed on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def _pins(lock: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by canonical name."""
    found = _PIN.findall((ROOT / lock).read_text())
    return {canonicalize_name(name): (version, hashes.count("sha256:")) for name, version, hashes in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_nothing_but_pins_with_hashes(lock: str) -> None:
    text = re.sub(r"^ *#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    rest = _PIN.sub("", text).strip()
    assert rest == "", f"not a pin with a hash: {rest[:200]!r}"
    assert len(_pins(lock)) > 20


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_path_of_this_machine(lock: str) -> None:
    forbidden = re.compile(r"^.*(?:://|--index|--find-links|--trusted-host|file:/|\s/).*$", re.MULTILINE)
    found = forbidden.findall((ROOT / lock).read_text())
    assert found == []


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["dependency-groups"]["dev"]),
        ("requirements-dev.lock", PROJECT["build-system"]["requires"]),
    ],
    ids=["runtime", "runtime in the development lock", "development", "what builds the wheel"],
)
def test_a_lock_satisfies_the_project(lock: str, wanted: list[str]) -> None:
    pins = _pins(lock)
    for text in wanted:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is in pyproject.toml and not in {lock}: run 'make lock'"
        assert requirement.specifier.contains(pins[name][0], prereleases=True), f"{name}: run 'make lock'"


def test_what_is_developed_with_is_what_runs() -> None:
    development = _pins("requirements-dev.lock")
    differing = {name for name, pin in _pins("requirements.lock").items() if development.get(name) != pin}
    assert differing == set()


@pytest.mark.parametrize("name", ["aiohttp", "httptools", "orjson", "pydantic-core", "google-re2", "uvloop"])
def test_a_compiled_package_has_the_hashes_of_all_platforms(name: str) -> None:
    # Python 3.11 to 3.13 on two architectures and a source archive are seven files already.
    assert _pins("requirements.lock")[name][1] >= 7
