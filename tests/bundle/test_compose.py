"""docker-compose.yml, as far as it can be checked without an engine; and every check is seen to fail."""

from __future__ import annotations

import copy
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
EXAMPLE = (ROOT / ".env.example").read_text()
DOCS = (ROOT / "docs/compose.md").read_text()
OWN = {"./config", "./bundle", "./secrets"}
"""Directories that people make themselves; docs/compose.md says how."""
Found = Iterator[str]
File = dict[str, Any]


def services(file: File) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from file["services"].items()


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Source, target and mode, with variables as they are by default."""
    plain = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(volume)) for volume in service.get("volumes", [])]
    split = [volume.split(":") for volume in plain]
    return [(one[0], one[1], one[2] if len(one) > 2 else "rw") for one in split]


def images_are_pinned(file: File) -> Found:
    for name, service in services(file):
        if "build" not in service and not re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", service["image"]):
            yield f"{name}: {service['image']} is no certain version"


def ports_are_on_loopback(file: File) -> Found:
    for name, service in services(file):
        yield from (
            f"{name}: {port}" for port in service.get("ports", []) if not port.startswith("127.0.0.1:")
        )


def no_port_is_taken_twice_in_a_profile(file: File) -> Found:
    seen: dict[tuple[str, str], str] = {}
    for name, service in services(file):
        for profile in service["profiles"]:
            for port in service.get("ports", []):
                if (profile, port) in seen:
                    yield f"{profile}: {port} of {name} and {seen[profile, port]}"
                seen[profile, port] = name


def everything_has_a_profile(file: File) -> Found:
    """What has none starts with each, and takes its ports."""
    yield from (name for name, service in services(file) if not service.get("profiles"))


def dependencies_are_in_the_same_profiles(file: File) -> Found:
    """docker-compose 1.29 has no optional ones."""
    for name, service in services(file):
        for other, how in service.get("depends_on", {}).items():
            if not set(service["profiles"]) <= set(file["services"][other]["profiles"]):
                yield f"{name} needs {other}, which is not in all of its profiles"
            if set(how) != {"condition"}:
                yield f"{name} needs {other} in a way that old versions don't know"


def what_is_waited_for_can_be_seen_to_be_well(file: File) -> Found:
    for name, service in services(file):
        for other, how in service.get("depends_on", {}).items():
            target = file["services"][other]
            check = target.get("healthcheck", {})
            if how["condition"] == "service_healthy" and "test" not in check:
                yield f"{name} waits for {other}, which has no health check"
            if how["condition"] == "service_completed_successfully" and target["restart"] != "no":
                yield f"{name} waits for the end of {other}, which is started again"


def everything_is_checked_or_says_why_not(file: File) -> Found:
    for name, service in services(file):
        check = service.get("healthcheck")
        is_from_image = check is None and service["image"] == "rollwatch"
        said = str(service.get("ports", "")) + str(service.get("command", ""))
        if is_from_image and ":9717" not in said:
            yield f"{name}: the image asks port 9717, which it has not"
        if check is None and not is_from_image:
            yield f"{name} has no health check"
        if (
            check == {"disable": True}
            and "#" not in TEXT.split(f"\n  {name}:\n")[1].split("healthcheck: {disable")[0]
        ):
            yield f"{name} has no health check, and nothing says why"


def limits_and_logs_are_bounded(file: File) -> Found:
    for name, service in services(file):
        for key in ("mem_limit", "cpus", "pids_limit", "logging"):
            if key not in service:
                yield f"{name} has no {key}"


def nothing_can_do_more_than_it_must(file: File) -> Found:
    for name, service in services(file):
        if (
            not service.get("read_only")
            or service.get("cap_drop") != ["ALL"]
            or not service.get("security_opt")
        ):
            yield name
        if service.get("privileged") or service.get("network_mode") == "host":
            yield name


def what_is_mounted_exists(file: File) -> Found:
    for name, service in services(file):
        for source, _, _ in mounts(service):
            base = "/".join(source.split("/")[:2])
            if source.startswith(".") and base not in OWN and not (ROOT / source).is_dir():
                yield f"{name}: {source} is no directory of the repository"
            if base in OWN and f"`{base[2:]}" not in DOCS:
                yield f"{name}: docs/compose.md does not speak of {base}"
            if not source.startswith((".", "/")) and source not in file["volumes"]:
                yield f"{name}: {source} is no volume"


def configuration_is_read_only(file: File) -> Found:
    for name, service in services(file):
        for source, target, mode in mounts(service):
            if source.startswith(".") and mode != "ro" and target != "/bundle":
                yield f"{name} may write to {source}"


def volumes_are_used(file: File) -> Found:
    used = {source for _, service in services(file) for source, _, _ in mounts(service)}
    yield from (name for name in file["volumes"] if name not in used)


def no_secret_is_in_the_environment(file: File) -> Found:
    for name, service in services(file):
        for key, value in service.get("environment", {}).items():
            is_secret = re.search(r"PASSWORD|SECRET|TOKEN|KEY", key)
            if is_secret and not re.search(r"_FILE$", key):
                yield f"{name}: {key}={value}"


def old_compose_knows_every_key(file: File) -> Found:
    yield from (key for key in ("name", "include", "version", "secrets", "configs") if key in file)
    yield from (
        name for name, service in services(file) if "start_interval" in service.get("healthcheck", {})
    )


CHECKS: tuple[Callable[[File], Found], ...] = (
    images_are_pinned,
    ports_are_on_loopback,
    no_port_is_taken_twice_in_a_profile,
    everything_has_a_profile,
    dependencies_are_in_the_same_profiles,
    what_is_waited_for_can_be_seen_to_be_well,
    everything_is_checked_or_says_why_not,
    limits_and_logs_are_bounded,
    nothing_can_do_more_than_it_must,
    what_is_mounted_exists,
    configuration_is_read_only,
    volumes_are_used,
    no_secret_is_in_the_environment,
    old_compose_knows_every_key,
)
BROKEN: dict[Callable[[File], Found], Callable[[File], object]] = {
    images_are_pinned: lambda file: file["services"]["grafana"].update(image="grafana/grafana:latest"),
    ports_are_on_loopback: lambda file: file["services"]["grafana"].update(ports=["3000:3000"]),
    no_port_is_taken_twice_in_a_profile: lambda file: file["services"]["bridge"].update(
        ports=["127.0.0.1:3000:3000"]
    ),
    everything_has_a_profile: lambda file: file["services"]["exporter"].pop("profiles"),
    dependencies_are_in_the_same_profiles: lambda file: file["services"]["grafana"].update(
        depends_on={"prometheus": {"condition": "service_healthy"}}
    ),
    what_is_waited_for_can_be_seen_to_be_well: lambda file: file["services"]["demo"].pop("healthcheck"),
    everything_is_checked_or_says_why_not: lambda file: file["services"]["grafana"].pop("healthcheck"),
    limits_and_logs_are_bounded: lambda file: file["services"]["grafana"].pop("mem_limit"),
    nothing_can_do_more_than_it_must: lambda file: file["services"]["grafana"].update(network_mode="host"),
    what_is_mounted_exists: lambda file: file["services"]["grafana"]["volumes"].append("./grafana/no:/no:ro"),
    configuration_is_read_only: lambda file: file["services"]["grafana"]["volumes"].append(
        "./grafana/dashboards:/dashboards"
    ),
    volumes_are_used: lambda file: file["volumes"].update(forgotten=None),
    no_secret_is_in_the_environment: lambda file: file["services"]["grafana"]["environment"].update(
        GF_SECURITY_ADMIN_PASSWORD="admin"
    ),
    old_compose_knows_every_key: lambda file: file.update(name="rollwatch"),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_file_is_as_it_should_be_and_would_be_refused_otherwise(check: Callable[[File], Found]) -> None:
    assert list(check(COMPOSE)) == []
    broken = copy.deepcopy(COMPOSE)
    BROKEN[check](broken)
    assert list(check(broken)) != []


@pytest.mark.parametrize("profiles", ["demo", "all", "exporter,grafana", "prometheus", "rollback", "bundle"])
def test_compose_accepts_it_with_each_choice(profiles: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["docker-compose", "config", "--quiet"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COMPOSE_PROFILES": profiles},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_variable_is_explained_and_every_explained_one_is_used() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) | {"COMPOSE_PROFILES"}
    explained = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert used == set(explained)
    defaults = dict(re.findall(r"(?<!\$)\$\{(\w+):-([^}]*)\}", TEXT))
    assert {name: explained[name] for name in defaults} == defaults


def test_grafana_is_provisioned_with_what_its_container_has() -> None:
    sources = (ROOT / "grafana/provisioning/datasources/rollwatch.yml").read_text()
    (provider,) = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/rollwatch.yml").read_text())[
        "providers"
    ]
    for name in ("grafana", "demo-grafana"):
        service = COMPOSE["services"][name]
        assert set(re.findall(r"\$(\w+)", sources)) <= set(service["environment"])
        targets = {target: source for source, target, _ in mounts(service)}
        assert targets["/etc/grafana/provisioning"] == "./grafana/provisioning"
        assert targets[provider["options"]["path"]] == "./grafana/dashboards"
        home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        assert (ROOT / "grafana/dashboards" / Path(home).relative_to(provider["options"]["path"])).is_file()
    uids = re.findall(r"uid: (\w+)", sources, re.IGNORECASE)
    assert {"prometheus", "alertmanager"} == set(uids)


def test_the_page_says_where_everything_is() -> None:
    for name, service in services(COMPOSE):
        assert f"`{name}`" in DOCS, name
        for port in service.get("ports", []):
            assert port.split(":")[1] in DOCS
    for source in COMPOSE["volumes"]:
        assert f"`{source}`" in DOCS
