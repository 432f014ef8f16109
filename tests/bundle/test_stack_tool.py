"""`tools/stack`: whatever would stop the containers is said before, in one line with what to do."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

TOOL = Path(__file__).parents[2] / "tools/stack"


def loaded(path: Path) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("stack_tool", str(path))
    spec = importlib.util.spec_from_loader("stack_tool", loader)
    assert spec is not None
    tool = importlib.util.module_from_spec(spec)
    loader.exec_module(tool)
    return tool


def test_it_knows_the_ports_that_are_published() -> None:
    compose = yaml.safe_load((TOOL.parents[1] / "docker-compose.yml").read_text())
    published: dict[str, set[int]] = {}
    for service in compose["services"].values():
        ports = {int(port.split(":")[1]) for port in service.get("ports", [])}
        for profile in service["profiles"]:
            published.setdefault(profile, set()).update(ports)
    tool = loaded(TOOL)
    assert {name: set(ports) for name, ports in tool.PORTS.items()} == {
        name: ports for name, ports in published.items() if name not in {"all", "bundle"}
    }
    assert {port for name in tool.ALL for port in tool.PORTS[name]} == published["all"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory that has the tool, and nothing of what a person would write."""
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOL, tmp_path / "tools/stack")
    return tmp_path


def stack(checkout: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(checkout / "tools/stack"), *argv],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("profiles", "files", "says"),
    [
        ("", (), "copy .env.example to .env"),
        ("grafanna", (), "there is no profile 'grafanna'"),
        ("demo,grafana", (), "choose demo alone"),
        ("exporter", (), "config/rollwatch.yml is missing: write one"),
        ("rollback", ("config/rollwatch.yml",), "rollback-web.yml is missing: docs/rollback.md"),
        ("prometheus", (), "prometheus.yml is missing: write it with 'tools/stack bundle'"),
        ("alertmanager", (), "alertmanager.yml is missing: write it with 'tools/stack bundle'"),
        ("grafana", (), "grafana-admin-password is missing or empty: make one with 'tools/stack secrets'"),
    ],
)
def test_one_line_says_what_is_missing_and_what_to_do(
    checkout: Path, profiles: str, files: tuple[str, ...], says: str
) -> None:
    for name in files:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("services: {}\n")

    done = stack(checkout, "up", COMPOSE_PROFILES=profiles)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_an_env_file_chooses_too(checkout: Path) -> None:
    (checkout / ".env").write_text("# a comment\nCOMPOSE_PROFILES=grafana\nROLLWATCH_SECRETS_DIR=./kept\n")

    assert "kept/grafana-admin-password is missing" in stack(checkout, "check").stderr


def test_a_secret_is_made_once_and_kept(checkout: Path) -> None:
    first = stack(checkout, "secrets")
    password = (checkout / "secrets/grafana-admin-password").read_text()
    second = stack(checkout, "secrets")

    assert len(password.strip()) >= 24
    assert password.strip() not in first.stdout + first.stderr + second.stdout
    assert "was kept" in second.stdout
    assert (checkout / "secrets/grafana-admin-password").read_text() == password


def test_a_port_that_is_taken_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = loaded(checkout / "tools/stack")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        monkeypatch.setattr(tool, "PORTS", {"demo": (port,)})

        with pytest.raises(
            tool.Stop, match=rf"port {port} of 127\.0\.0\.1 is taken, and demo needs it: stop what"
        ):
            tool.check(frozenset({"demo"}))
        # It runs already, and the port is its own.
        tool.check(frozenset({"demo"}), has_ports=True)
    tool.check(frozenset({"demo"}))
