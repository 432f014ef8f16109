"""What check-config says of a good file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.describe import describe
from rollwatch.config.reference import reference
from support.config_kinds import KINDS, load

if TYPE_CHECKING:
    from pathlib import Path


def lines(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "rollwatch.yml"
    path.write_text(text)
    return describe(load(path, env={"A": "secret a", "B": "secret b"}))


def test_a_good_file_is_summed_up_without_its_secrets(tmp_path: Path) -> None:
    text = """\
environment: production
location: fra1
host: {enabled: true, service: machines}
services:
  api:
    probes:
      a: {kind: web, url: "http://localhost/${env:B}", token: "${env:A}"}
      b: {kind: web, url: "http://localhost/${env:A}"}
      c: {kind: line, address: "db:5432"}
      d: {kind: line, address: "db:5432", locations: [ams1]}
    thresholds: {http_p95_seconds: {P1: 1, P2: off}}
  feed:
    probes:
      e: {kind: line, address: "db:5432"}
"""
    assert lines(tmp_path, text) == [
        "environment production, location fra1",
        "2 services: api, feed",
        "4 probes: 2 line, 2 web",
        "1 probe for other locations: api/d",
        "2 thresholds overridden",
        "2 secrets read: env:A, env:B",
        "host figures for the service machines",
    ]


def test_what_should_be_mended_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o644)
    text = """\
environment: test
services:
  empty: {}
  away: {probes: {a: {kind: line, address: "db:5432", locations: [ams1]}}}
  data: {probes: {b: {kind: web, url: "http://localhost/", role: fallback, token: "${file:token}"}}}
  both:
    probes:
      c: {kind: web, url: "http://localhost/", role: fallback}
      d: {kind: web, url: "http://localhost/", role: primary, token: abc}
"""
    written_out = "a secret stands in the file. Write ${file:PATH} or ${env:NAME} instead."
    assert [line for line in lines(tmp_path, text) if line.startswith("warning: ")] == [
        f"warning: services.both.probes.d.token: {written_out}",
        "warning: services.empty: nothing is probed and nothing arrives. Add probes, push or logs.",
        "warning: services.away: every probe runs in another location.",
        "warning: services.data: a provider is a fallback and none is primary. Give one role: primary.",
        "warning: ${file:token} can be read by every user of this host. Run chmod o-r on the file.",
    ]


def test_a_file_without_probes_says_so(tmp_path: Path) -> None:
    assert "0 probes" in lines(tmp_path, "environment: test\nservices: {api: {}}\n")


def test_the_reference_has_every_key_with_its_type_bounds_default_and_meaning() -> None:
    page = reference(KINDS)

    for row in (
        "| `pid_file` | file | — | The file the process writes its id to. |",
        "| `timeout` | duration, more than 0s and at most 10s | `2s` | How long the connect may take. |",
        "| `body_limit` | size, at least 1KiB and at most 1MiB | `64KiB` | The longest body. |",
        "| `wait` | duration, at least 1s and less than 1m | — | A pause. |",
        "| `retries` | whole number, more than -1 | `0` | How often. |",
        "| `verify` | true or false | `true` | Whether. |",
        "| `level` | `low` or `high` | `low` | How. |",
        "| `kind` | `web` | required | `web` |",
        "| `mode` | true or false or mapping, see below | `false` | Whether, or how. |",
        "| `checks` | list of mapping, see below | — | What is checked. |",
        "| `names` | mapping of names to whole number | — | Numbers by name. |",
        "| `status` | status codes | — | Good statuses. |",
        "### `kind: line`",
        "#### `checks[]`",
        "| `cpu_ratio` | CPU in use over what may be used | ratio | above |  | 0.8 |  |  |  |",
        "| `http_average_seconds` | average latency over 3 min | seconds | above |  |  |  |  | 5s |",
    ):
        assert row in page.splitlines()
