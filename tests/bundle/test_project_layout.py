"""The shape of the repository: contracts that name every kind, readable files, commands that exist."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from rollwatch.probers import discover

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted(
    path for root in ("exporter/rollwatch", "grafana/source") for path in (ROOT / root).rglob("*.py")
)
TARGETS = (
    "setup",
    "rum",
    "up",
    "down",
    "stack",
    "screens",
    "check",
    "test",
    "mutants",
    "bench",
    "soak",
    "chaos",
    "wheel",
    "lock",
    "docs",
    "clean",
)


def test_the_independence_contract_names_every_kind_of_probe() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (independence,) = [contract for contract in contracts if contract["type"] == "independence"]
    assert set(independence["modules"]) == {f"rollwatch.probers.{name}" for name in discover()}


def test_every_kind_of_probe_has_its_page() -> None:
    pages = {path.stem for path in (ROOT / "docs/probers").glob("*.md")}
    assert set(discover()) - pages == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_readable(module: Path) -> None:
    text = module.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= 400


def test_make_alone_says_what_there_is() -> None:
    done = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    shown = re.findall(r"^  make (\w+) +\S", done.stdout, re.MULTILINE)
    assert set(shown) == {*TARGETS, "help"}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_can_be_made(target: str) -> None:
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def test_ci_runs_what_a_person_runs() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[-1] == "exec make test"
