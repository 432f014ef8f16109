"""Reloads without end, good and bad, while probes run: nothing grows and nobody is disturbed."""

from __future__ import annotations

import signal
from pathlib import Path

from support.processes import fetch, running_exporter, wait_for
from support.siege import (
    descriptors,
    ends_cleanly,
    figures,
    http_probe,
    memory_mib,
    more_runs,
    targets,
    write_config,
)

PROBES = 200
CHANGED = 20
RELOADS = 32
WARM_UP = 12


def test_reloads_leak_nothing_and_disturb_nobody(tmp_path: Path) -> None:
    with targets() as production:
        urls = [production.serve().url(f"/{nth}") for nth in range(4)]
        same = {f"p{n}": http_probe(urls[n % 4], interval="2s", timeout="2s") for n in range(CHANGED, PROBES)}
        here = {f"p{n}": http_probe(urls[n % 4], interval="2s", timeout="2s") for n in range(CHANGED)}
        there = {f"q{n}": http_probe(urls[n % 4], interval="2s", timeout="1s") for n in range(CHANGED)}
        config = write_config(tmp_path / "rollwatch.yml", same | here)
        texts = [config.read_text(), "services: [\n", write_config(config, same | there).read_text()]
        texts.append(texts[0] + "nonsense: 1\n")
        config.write_text(texts[0])
        with running_exporter(config) as exporter:
            pid = exporter.process.popen.pid
            wait_for(lambda: len(figures(exporter).by_probe("probe_success")) == PROBES, "a run of each")
            before = figures(exporter)
            fds = descriptors(pid)
            memory = 0.0
            for nth in range(RELOADS):
                if nth == WARM_UP:
                    memory = memory_mib(pid)
                config.write_text(texts[nth % 4])
                if nth % 3 == 2:
                    exporter.process.signal(signal.SIGHUP)
                else:
                    status = fetch(exporter.url + "/-/reload", method="POST")[0]
                    assert status == (400 if nth % 2 else 200)
            config.write_text(texts[0])
            assert fetch(exporter.url + "/-/reload", method="POST")[0] == 200
            more_runs(exporter, "p0", "ok")
            wait_for(lambda: len(figures(exporter).by_probe("probe_success")) == PROBES, "a run of each")
            after = figures(exporter)
            own = ("rollwatch_web_requests_total", "python_", "process_", "host_")
            assert {s for s in after.names ^ before.names if not s[0].startswith(own)} == set()
            for probe in same:
                was, now = before.reasons(probe), after.reasons(probe)
                assert set(now) == {"ok"}, (probe, now)
                assert now["ok"] >= was["ok"]
            skipped = after.by_probe("rollwatch_probe_skipped_runs_total")
            assert {probe for probe in same if skipped[probe]} == set()
            wait_for(lambda: descriptors(pid) <= fds + 8, "the descriptors to be closed")
            assert memory_mib(pid) - memory < 15
            # The last of many: reloads under way do not hold it back.
            for _ in range(5):
                exporter.process.signal(signal.SIGHUP)
            ends_cleanly(exporter)
