"""A good file becomes one frozen value."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.fields import HostPort
from rollwatch.config.secrets import SecretStore
from rollwatch.config.thresholds import Override
from rollwatch.errors import ConfigError
from support.config_kinds import LineSpec, WebSpec, load

if TYPE_CHECKING:
    from pathlib import Path

FULL = """\
environment: production
location: fra1
defaults: {interval: 20s, timeout: 4s}
reference_check: {address: "[2001:db8::1]:53"}
host:
  enabled: yes
  mounts: [/, /var]
  processes: [{name: db, pid_file: run/db.pid}, {name: api, match: "^api "}]
services:
  api:
    owner: back end
    links: {logs_url: "https://logs.example.com/q?x=1"}
    probes:
      health:
        kind: web
        url: https://api.example.com/health
        interval: 1m
        expect: {status: [200, 300-399, 2xx], json: status == 'healthy', body: ok}
        retries: 3
        verify: off
        mode: {field: ab}
      port: {kind: line, address: "api.example.com:443"}
      far: {kind: line, address: "api.example.com:444", locations: [ams1, nyc1]}
      near: {kind: line, address: "api.example.com:445", locations: [fra1]}
    thresholds:
      http_p95_seconds: {P1: 800ms, P2: off}
      cache_hit_ratio: {P2: off}
      browser_heap_bytes: {P1: 200MiB, P2: 1e8}
  "2": {}
"""
MINIMAL = """\
environment: test
services:
  api:
    probes:
      a: {kind: line, address: "db:5432"}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rollwatch.yml"
    path.write_text(FULL)
    return path


def test_everything_a_file_says_is_in_the_config(path: Path) -> None:
    config = load(path)

    assert (config.environment, config.location) == ("production", "fra1")
    assert list(config.services) == ["api", "2"]
    assert config.services["api"].owner == "back end"
    assert config.services["api"].links.logs_url == "https://logs.example.com/q?x=1"
    assert config.reference_check is not None
    assert config.reference_check.address == HostPort("2001:db8::1", 53)
    assert config.host.enabled
    assert config.host.mounts == ("/", "/var")
    assert config.host.processes[0].pid_file == path.parent / "run/db.pid"
    assert config.host.processes[1].match is not None
    assert config.host.processes[1].match.search("api --serve")


def test_a_probe_has_the_type_of_its_kind_and_values_ready_to_use(path: Path) -> None:
    probe = load(path).probes[0]

    assert (probe.id, probe.service, probe.name, probe.kind) == ("api/health", "api", "health", "web")
    assert isinstance(probe.spec, WebSpec)
    assert probe.spec.interval == 60.0
    assert probe.spec.url.render() == "https://api.example.com/health"
    assert probe.spec.expect.status is not None
    assert probe.spec.expect.status.contains(304)
    assert probe.spec.expect.json_ is not None
    assert probe.spec.expect.json_.holds({"status": "healthy"})
    assert probe.spec.verify is False
    assert probe.spec.mode != {"field": "ab"}


def test_defaults_hold_where_a_probe_says_nothing(path: Path) -> None:
    health, port, _ = load(path).probes

    assert (health.spec.interval, health.spec.timeout) == (60.0, 4.0)
    assert (port.spec.interval, port.spec.timeout) == (20.0, 4.0)


def test_thresholds_are_overridden_in_their_unit_and_off_is_an_infinity(path: Path) -> None:
    service = load(path).services["api"]

    assert service.overrides == (
        Override("http_p95_seconds", "P1", 0.8),
        Override("http_p95_seconds", "P2", math.inf),
        Override("browser_heap_bytes", "P1", 200 * 1024**2),
        Override("browser_heap_bytes", "P2", 1e8),
        Override("cache_hit_ratio", "P2", -math.inf),
    )
    assert load(path).services["2"].overrides == ()


def test_objectives_are_those_the_service_sets_and_off_is_0(path: Path) -> None:
    path.write_text(FULL.replace("    owner: back end\n", "    slo: {availability: 0.9995, latency: off}\n"))
    config = load(path)

    assert list(config.services["api"].slo.objectives()) == [("availability", 0.9995), ("latency", 0.0)]
    assert list(config.services["2"].slo.objectives()) == []


def test_a_probe_is_p0_unless_it_says_something_else(path: Path) -> None:
    path.write_text(FULL.replace("        retries: 3\n", "        priority: none\n"))

    assert [probe.spec.priority for probe in load(path).probes] == ["none", "P0", "P0"]


def test_a_probe_of_another_location_is_checked_and_does_not_run(path: Path) -> None:
    config = load(path)

    assert [probe.id for probe in config.probes] == ["api/health", "api/port", "api/near"]
    assert [probe.id for probe in config.elsewhere] == ["api/far"]


def test_the_location_given_wins_over_the_file(path: Path) -> None:
    config = load(path, location="ams1")

    assert config.location == "ams1"
    assert [probe.id for probe in config.probes] == ["api/health", "api/port", "api/far"]


def test_the_location_is_local_where_nobody_says_one(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(MINIMAL)

    assert load(tmp_path / "r.yml").location == "local"


def test_a_location_given_that_is_no_name_is_refused(path: Path) -> None:
    with pytest.raises(
        ConfigError, match="location: the location given on the command line or in ROLLWATCH_LOC"
    ):
        load(path, location="Fra 1")


def test_secrets_and_files_of_another_location_are_not_needed_here(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(
        """\
environment: test
location: fra1
services:
  api:
    probes:
      a:
        kind: web
        url: http://x/${file:gone}
        locations: [ams1]
        ca_file: gone.pem
        headers: {A: "${env:GONE}"}
"""
    )

    config = load(tmp_path / "r.yml")

    assert config.probes == ()
    assert config.elsewhere[0].spec.url.masked == "http://x/***"
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path / "r.yml", location="ams1")
    assert len(refusal.value.problems) == 3


def test_two_loads_of_one_file_are_equal_so_that_a_reload_keeps_its_probes(path: Path) -> None:
    store = SecretStore(path.parent, {})

    before, after = load(path, store=store), load(path, store=store)

    assert before.probes == after.probes
    assert before == after


def test_a_changed_probe_differs_and_the_others_do_not(path: Path) -> None:
    before = load(path).probes
    path.write_text(FULL.replace("retries: 3", "retries: 4"))

    after = load(path).probes

    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True, True]


def test_the_config_can_not_be_changed(path: Path) -> None:
    config = load(path)

    with pytest.raises(dataclasses.FrozenInstanceError):
        config.location = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.services["new"] = config.services["api"]  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        config.probes[0].spec.timeout = 1.0


def test_a_byte_order_mark_and_windows_line_ends_are_taken(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())

    assert isinstance(load(tmp_path / "r.yml").probes[0].spec, LineSpec)


def test_aliases_and_merge_keys_save_writing(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(
        """\
environment: test
services:
  api:
    probes:
      a: &a {kind: line, address: "a:1", interval: 30s, timeout: 3s}
      b: {address: "b:1", <<: *a}
      c: {<<: [{timeout: 2s}, *a], interval: 40s}
      d: *a
"""
    )

    probes = {probe.name: probe.spec for probe in load(tmp_path / "r.yml").probes}

    assert (str(probes["b"].address), probes["b"].interval) == ("b:1", 30.0)
    assert (str(probes["c"].address), probes["c"].interval, probes["c"].timeout) == ("a:1", 40.0, 2.0)
    assert probes["d"] == probes["a"]


def test_a_mistake_in_merged_keys_is_said_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(
        """\
environment: test
services:
  api:
    probes:
      a: &a
        kind: line
        adress: "a:1"
        address: "a:1"
      b: {<<: *a}
"""
    )

    with pytest.raises(ConfigError) as refusal:
        load(tmp_path / "r.yml")

    assert [(p.line, p.path) for p in refusal.value.problems] == [
        (7, "services.api.probes.a.adress"),
        (7, "services.api.probes.b.adress"),
    ]
