"""The browser script: what it is made of, on machines with npm and without, and which archives hold it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUM = ROOT / "exporter/rum"
STATIC = "exporter/rollwatch/ingest/static/rum.js"

_TOOLS_OF_THE_SYSTEM = (
    *("sh", "sha256sum", "cut", "cat", "dirname", "mkdir", "rm", "mv", "tail", "grep", "sed", "env", "git"),
)
_LIBRARY = "var webVitals=function(t){return t}({});\n//# sourceMappingURL=web-vitals.iife.js.map\n"
_NPM = """echo "$PWD $*" >>../../npm-calls
mkdir -p node_modules/web-vitals/dist
printf '{\\n  "version": "6.2.3",\\n}\\n' >node_modules/web-vitals/package.json
cp ../../library.js node_modules/web-vitals/dist/web-vitals.iife.js"""


@dataclass
class Machine:
    """A copy of what makes the script, with a PATH of its own: only programs that are put there exist."""

    checkout: Path
    bin: Path

    def has_npm(self, script: str = _NPM) -> None:
        path = self.bin / "npm"
        path.write_text(f"#!/bin/sh\nset -e\n{script}\n")
        path.chmod(0o755)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.checkout,
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    @property
    def script(self) -> Path:
        return self.checkout / STATIC

    @property
    def npm_calls(self) -> list[str]:
        log = self.checkout / "npm-calls"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout = tmp_path / "checkout"
    (checkout / "tools").mkdir(parents=True)
    for tool in ("rum", "build_hook.py"):
        shutil.copy(ROOT / "tools" / tool, checkout / "tools")
    shutil.copytree(RUM, checkout / "exporter/rum", ignore=shutil.ignore_patterns("node_modules"))
    (checkout / "exporter/rollwatch/ingest").mkdir(parents=True)
    (checkout / "library.js").write_text(_LIBRARY)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in (*_TOOLS_OF_THE_SYSTEM, "cp"):
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return Machine(checkout, programs)


def test_it_is_one_function_that_waits_for_its_settings(machine: Machine) -> None:
    machine.has_npm()
    done = machine.run("tools/rum", "--require")
    assert (done.returncode, done.stderr) == (0, "")
    text = machine.script.read_text()
    licence, _, rest = text.partition("(function (settings) {\n")
    assert licence.startswith("/*! rollwatch ")
    assert licence.endswith(" */\n")
    assert "web-vitals 6.2.3 | Copyright 2020 Google LLC | Apache-2.0" in licence
    assert rest.startswith('"use strict";\nvar webVitals=')
    assert rest.endswith((RUM / "src/rum.js").read_text() + "})\n")
    assert "sourceMappingURL" not in text


def test_when_nothing_changed_npm_is_not_asked(machine: Machine) -> None:
    machine.has_npm()
    machine.run("tools/rum")
    (machine.bin / "npm").unlink()
    done = machine.run("tools/rum", "--require")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(machine.npm_calls) == 1
    assert " ci " in machine.npm_calls[0]
    assert "--ignore-scripts" in machine.npm_calls[0]


@pytest.mark.parametrize("source", ["src/rum.js", "package-lock.json"])
def test_a_changed_source_makes_it_anew(machine: Machine, source: str) -> None:
    machine.has_npm()
    machine.run("tools/rum")
    before = machine.script.read_text()
    with (machine.checkout / "exporter/rum" / source).open("a") as file:
        file.write("\n")
    assert machine.run("tools/rum").returncode == 0
    assert machine.script.read_text() != before


@pytest.mark.parametrize(("argv", "code"), [([], 0), (["--require"], 2)], ids=["wished for", "required"])
def test_without_npm_it_says_what_is_missing_and_what_that_means(
    machine: Machine, argv: list[str], code: int
) -> None:
    done = machine.run("tools/rum", *argv)
    assert done.returncode == code
    assert not machine.script.exists()
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert "npm is missing" in lines[0]
    assert "apt-get install nodejs npm" in lines[0]
    assert "/rum.js with 503" in lines[1]


@pytest.mark.parametrize(("argv", "code"), [([], 0), (["--require"], 1)], ids=["wished for", "required"])
def test_when_npm_fails_the_old_one_stays(machine: Machine, argv: list[str], code: int) -> None:
    machine.has_npm()
    machine.run("tools/rum")
    before = machine.script.read_text()
    (machine.checkout / "exporter/rum/src/rum.js").write_text("new();\n")
    machine.has_npm("echo 'npm error network request to the registry failed'; exit 1")
    done = machine.run("tools/rum", *argv)
    assert done.returncode == code
    assert "request to the registry failed" in done.stderr
    assert "the old one stays in use" in done.stderr
    assert machine.script.read_text() == before


def test_a_file_that_is_not_the_pinned_one_is_said(machine: Machine) -> None:
    machine.has_npm("echo 'npm error code EINTEGRITY'; exit 1")
    done = machine.run("tools/rum", "--require")
    assert done.returncode == 1
    assert "not the one that was pinned" in done.stderr


def test_the_lock_holds_a_hash_and_no_address() -> None:
    text = (RUM / "package-lock.json").read_text()
    assert "resolved" not in text
    assert "://" not in text
    packages = json.loads(text)["packages"]
    wanted = json.loads((RUM / "package.json").read_text())["dependencies"]
    assert re.fullmatch(r"6\.\d+\.\d+", wanted["web-vitals"]), "pinned exactly"
    for name, version in wanted.items():
        entry = packages[f"node_modules/{name}"]
        assert entry["version"] == version
        assert entry["integrity"].startswith("sha512-")


def test_ours_is_small() -> None:
    assert (RUM / "src/rum.js").stat().st_size < 8192


@pytest.mark.parametrize("with_npm", [True, False])
def test_archives_can_be_made_with_npm_and_without(machine: Machine, tmp_path: Path, with_npm: bool) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore"):
        shutil.copy(ROOT / name, machine.checkout)
    (machine.checkout / "exporter/rollwatch/__init__.py").write_text('"""Small."""\n')
    dashboards = machine.checkout / "grafana/dashboards/rollwatch"
    dashboards.mkdir(parents=True)
    (dashboards / "home.json").write_text("{}\n")
    if with_npm:
        machine.has_npm()
    # The source archive, and from it the wheel, as pip does it.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), "."]
    done = machine.run(*build)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert ("rollwatch/ingest/static/rum.js" in archive.namelist()) is with_npm
        assert "rollwatch/bundle/grafana/rollwatch/home.json" in archive.namelist()
    assert ("npm is missing" in done.stdout + done.stderr) is not with_npm
    (sources,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(sources) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    assert {"exporter/rum/src/rum.js", "exporter/rum/package-lock.json", "tools/rum"} <= inside
    assert not any("node_modules" in name for name in inside)
    assert len(machine.npm_calls) == int(with_npm), "what is in the source archive is not made again"
