"""Reloads without end while everything comes in: what did not change loses nothing, what is gone is gone."""

from __future__ import annotations

import signal
from pathlib import Path

from support.arrivals import FIGURES, Reception, Sender, config_text, receiving
from support.processes import fetch, wait_for
from support.siege import Figures, ends_cleanly, http_probe, more_runs, targets

RELOADS = 60
PROBES = 20
OTHER_FIGURES = (
    FIGURES.replace("queue: any", "room: any, queue: any")
    .replace("buckets: [1, 10]", "buckets: [2, 20, 200]")
    .replace(", figures: {queue_length: {value: price, labels: {queue: symbol}}}", "")
    .replace(
        "    records:\n",
        "      extra_total: {type: counter, help: Extra., labels: {kind_of: [a, b]}, "
        "limits: {P1: {above: 3, per: 1m}}}\n    records:\n"
        "      quotes: {rules: [{field: bid, required: true}]}\n",
    )
    .replace("        figures: {queue_length: {value: price, labels: {queue: symbol}}}\n", "")
)
OTHER_LINES = """\
          - pattern: '"path": "(?P<path>[^"]+)"'
            figures:
              rollwatch_http_requests_total: {labels: {endpoint: path, code: "'200'"}}
              extra_total: {labels: {kind_of: "'a'"}}
"""
OTHER_BROWSER = "routes: ['/stocks/:symbol', '/x/*'], goals: [other], sample: 0.5, ignore_errors: {noise: b}"
# Made when they are first needed; and what depends on the answers themselves.
OWN = ("rollwatch_web_requests_total", "rollwatch_scrape_duration_seconds", "rollwatch_figure_faults_total")


def _reload(here: Reception) -> int:
    return int(fetch(here.exporter.url + "/-/reload", method="POST")[0])


def test_a_storm_of_reloads_costs_nothing_that_comes_in(tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    config = tmp_path / "rollwatch.yml"
    with targets() as production:
        url = production.serve().url()
        probes = {f"p{n}": http_probe(url) for n in range(PROBES)}
        one = config_text(probes)
        other = config_text(
            probes,
            figures=OTHER_FIGURES,
            lines=OTHER_LINES,
            browser=OTHER_BROWSER,
            top="ingest: {client_rate: 500, push_limit: 64KiB}\n",
        ).replace("file: app.log\n", "file: app.log\n        line_limit: 64KiB\n")
        elsewhere = one.replace("  web:\n", "  shop:\n")
        texts = [other, "services: [\n", elsewhere, one, one + "nonsense: 1\n"]
        with receiving(tmp_path, one) as here:
            wait_for(lambda: len(here.figures().by_probe("probe_success")) == PROBES, "a run of each probe")
            with Sender(here, every_s=0.01) as sender:
                wait_for(lambda: here.total("rollwatch_http_requests_total") >= 5, "everything to come in")
                before = here.figures()
                for nth in range(RELOADS):
                    config.write_text(texts[nth % 5])
                    if nth % 3 == 2:
                        here.exporter.process.signal(signal.SIGHUP)
                    else:
                        assert _reload(here) == (400 if nth % 5 in {1, 4} else 200)
                config.write_text(other)
                assert _reload(here) == 200
                taken = sender.of("add")[200]
                wait_for(lambda: sender.of("add")[200] >= taken + 5, "pushes under the other one")
                meanwhile = here.figures()
                config.write_text(one)
                assert _reload(here) == 200
                taken = sender.of("beacon")[204]
                wait_for(lambda: sender.of("beacon")[204] >= taken + 5, "beacons again")
            wait_for(
                lambda: here.total("rollwatch_http_requests_total") == sender.lines, "the lines to be read"
            )
            after = more_runs(here.exporter, "p0", "ok", runs=1)
            # To the last one, once.
            assert after.total("orders_total") == sender.of("add")[200]
            assert after.total("jobs_total") == sender.of("total")[200] - 1
            assert after.total("rollwatch_log_source_lines_total", result="taken") == sender.lines
            assert set(sender.of("add")) | set(sender.of("total")) <= {200, 422}
            assert set(sender.of("beacon")) <= {204, 404}
            _check_what_is_there(before, meanwhile, after)
            skipped = after.by_probe("rollwatch_probe_skipped_runs_total")
            assert all(set(after.reasons(probe)) <= {"ok", "overloaded"} for probe in probes)
            if not any("overloaded" in after.reasons(probe) for probe in probes):
                assert sum(skipped.values()) == 0
            assert [line for line in here.exporter.process.lines if "Traceback" in line] == []
            with Sender(here, every_s=0.0):
                for _ in range(5):
                    here.exporter.process.signal(signal.SIGHUP)
                ends_cleanly(here.exporter)


def _check_what_is_there(before: Figures, meanwhile: Figures, after: Figures) -> None:
    assert {s for s in after.names ^ before.names if not s[0].startswith(OWN)} == set()
    there = {name for name, _ in meanwhile.names}
    assert "extra_total" in there
    assert "extra_total" not in {name for name, _ in after.names}
    bounds = {s.labels["le"] for s in meanwhile.samples if s.name == "export_seconds_bucket"}
    assert bounds == {"2.0", "20.0", "200.0", "+Inf"}
    goals = {s.labels["goal"] for s in meanwhile.samples if s.name == "rollwatch_browser_goals_total"}
    assert goals == {"other"}
    services = {s.labels.get("service") for s in after.samples}
    assert services == {None, "web", "api"}
