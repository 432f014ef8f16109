"""The image, the Compose file and the systemd units, as far as they can be checked without running them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "exporter/Dockerfile").read_text()
UNITS = {path.stem: path.read_text() for path in sorted((ROOT / "deploy").glob("*.service"))}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def _instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [
        (line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in joined.splitlines() if line.strip()
    ]


def _last_stage() -> dict[str, str]:
    instructions = _instructions()
    start = max(index for index, (word, _) in enumerate(instructions) if word == "FROM")
    return dict(instructions[start:])


def _accepts(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command line with --help: an option that does not exist would be an error."""
    command = [sys.executable, "-m", "rollwatch", *argv, "--help"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_all_that_the_image_copies_exists_and_is_not_ignored() -> None:
    admitted = {
        line[1:]
        for line in (ROOT / "exporter/Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = [
        args.split()[:-1]
        for word, args in _instructions()
        if word == "COPY" and not args.startswith("--from")
    ]
    sources = [source for sources in copied for source in sources]
    assert len(sources) >= 5
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in admitted, f"{source} never reaches the build: exporter/Dockerfile.dockerignore"


def test_the_image_pins_all_that_builds_the_wheel() -> None:
    (names,) = re.findall(r"keep = /\^\(([a-z|-]+)\)==/", DOCKERFILE)
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    needed, queue = set[str](), ["hatchling"]
    while queue:
        name = queue.pop()
        needed.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            found = canonicalize_name(requirement.name)
            if found not in needed and (requirement.marker is None or requirement.marker.evaluate()):
                queue.append(found)
    assert needed == set(names.split("|"))
    assert needed <= pinned


def test_the_image_runs_as_nobody_in_particular() -> None:
    user = _last_stage()["USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), (
        "numeric, so that Kubernetes can tell it is not root"
    )


def test_the_images_are_pinned_by_a_tag() -> None:
    images = [args.split()[0] for word, args in _instructions() if word == "FROM"]
    assert images
    for image in images:
        assert re.fullmatch(r"python:3\.\d+-slim-\w+|node:\d+-\w+-slim", image), image


def test_the_image_holds_a_browser_script_of_its_own_making() -> None:
    stages: dict[str, list[tuple[str, str]]] = {}
    for word, args in _instructions():
        if word == "FROM":
            steps = stages.setdefault(args.partition(" AS ")[2], [])
        steps.append((word, args))
    assert ("RUN", "tools/rum --require") in stages["rum"], "an image without the script must not come about"
    static = "exporter/rollwatch/ingest/static"
    (taken,) = [
        i for i, step in enumerate(stages["build"]) if step == ("COPY", f"--from=rum /src/{static} {static}")
    ]
    (packed,) = [i for i, (_, args) in enumerate(stages["build"]) if "pip wheel" in args]
    assert taken < packed
    # What tools/rum compares the script with: else the build of the wheel would take it for an old one.
    copied = " ".join(args for word, args in stages["build"][:packed] if word == "COPY")
    assert {"tools/rum", "tools/build_hook.py", "exporter/rum"} <= set(copied.split())
    ignored = (ROOT / "exporter/Dockerfile.dockerignore").read_text().splitlines()
    assert static in ignored, "one that lies around in the checkout must not be taken"


def test_the_images_command_is_one_that_rollwatch_understands() -> None:
    stage = _last_stage()
    assert json.loads(stage["ENTRYPOINT"]) == ["rollwatch"]
    done = _accepts(json.loads(stage["CMD"]))
    assert done.returncode == 0, done.stderr


def test_the_health_check_is_python_that_asks_healthy() -> None:
    command = json.loads(_last_stage()["HEALTHCHECK"].partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert ":9717/-/healthy" in command[2]


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_compose_service_is_closed_to_the_network_and_cannot_write(name: str) -> None:
    service: dict[str, Any] = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, service in COMPOSE["services"].items()
        if service["image"] == "rollwatch" and service.get("command")
    ],
)
def test_a_compose_command_is_one_that_rollwatch_understands(name: str) -> None:
    service = COMPOSE["services"][name]
    done = _accepts([*service.get("entrypoint", ["rollwatch"])[1:], *service["command"]])
    assert done.returncode == 0, done.stderr


def test_the_image_has_what_strategies_run() -> None:
    installed = next(args for word, args in _instructions() if word == "RUN" and "apt-get install" in args)
    assert {"git", "openssh-client"} <= set(installed.split())
    user = _last_stage()["USER"].partition(":")[0]
    assert f"useradd --uid {user} " in installed, "ssh refuses to run for a user without a name"


def test_the_handlers_container_keeps_its_journal_and_its_health() -> None:
    service: dict[str, Any] = COMPOSE["services"]["rollback"]
    options = dict(part.partition("=")[::2] for part in service["command"])
    storage = options["--storage.path"]
    assert f"rollback:{storage}" in service["volumes"]
    assert "rollback" in COMPOSE["volumes"]
    # A new volume belongs to whom the directory in the image belongs to.
    assert re.search(rf"install -d -m 0700 -o 65532 -g 65532 (\S+ )*{storage}\b", DOCKERFILE)
    assert f"--home-dir {storage} " in DOCKERFILE
    (port,) = service["ports"]
    assert f":{port.rpartition(':')[2]}/-/healthy" in service["healthcheck"]["test"][-1]
    assert options["--web.listen-address"].rpartition(":")[2] == port.rpartition(":")[2]


def test_every_process_has_a_unit() -> None:
    assert set(UNITS) == {"rollwatch-bridge", "rollwatch-exporter", "rollwatch-rollback"}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_its_program_with_options_it_has(name: str) -> None:
    line = re.search(r"^ExecStart=(.*)$", UNITS[name], re.MULTILINE)
    assert line is not None
    program, *argv = shlex.split(line[1])
    assert program == "/opt/rollwatch/bin/rollwatch"
    assert argv[0] == name.removeprefix("rollwatch-")
    done = _accepts(argv)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize(
    "setting",
    [
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "RestartPreventExitStatus=2",
        "WantedBy=multi-user.target",
    ],
)
def test_a_unit_keeps_its_promises(setting: str, name: str) -> None:
    assert setting in UNITS[name].splitlines()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("rollwatch-exporter", "DynamicUser=yes"),
        ("rollwatch-bridge", "DynamicUser=yes"),
        ("rollwatch-bridge", "StateDirectoryMode=0700"),
        # Its home has the key that git pushes with.
        ("rollwatch-rollback", "User=rollwatch-rollback"),
        ("rollwatch-rollback", "Environment=HOME=/var/lib/rollwatch-rollback"),
        ("rollwatch-rollback", "StateDirectoryMode=0700"),
        # What it has begun goes on when it is ended.
        ("rollwatch-rollback", "KillMode=process"),
    ],
)
def test_a_unit_has_what_its_program_needs(name: str, setting: str) -> None:
    assert setting in UNITS[name].splitlines()


@pytest.mark.parametrize("name", ["rollwatch-bridge", "rollwatch-rollback"])
def test_what_a_unit_stores_outlives_it(name: str) -> None:
    assert f"StateDirectory={name}" in UNITS[name].splitlines()
    assert f" --storage.path=/var/lib/{name}\n" in UNITS[name]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_a_unit(name: str, tmp_path: Path) -> None:
    unit = tmp_path / f"{name}.service"
    unit.write_text(UNITS[name].replace("/opt/rollwatch/bin/rollwatch", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
