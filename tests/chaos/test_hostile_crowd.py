"""Three hundred hostile targets of every kind beside fifty healthy ones: the healthy do not notice."""

from __future__ import annotations

from pathlib import Path

from support.hostile import BAD_HTTP, SLOW
from support.processes import running_exporter, wait_for
from support.siege import ends_cleanly, figures, http_probe, memory_mib, results, targets, write_config

HOSTILE = 300
HEALTHY = 50
MEMORY_MIB = 400


def test_healthy_targets_stay_up_in_a_hostile_crowd(tmp_path: Path) -> None:
    with targets() as bad, targets() as good:
        kinds = {name: (bad.serve(them.behave), them) for name, them in (BAD_HTTP | SLOW).items()}
        names = list(kinds)
        wanted: dict[str, str] = {}
        probes = {}
        for nth in range(HOSTILE):
            server, them = kinds[names[nth % len(names)]]
            extra = ", max_redirects: 5"
            probes[f"bad{nth}"] = http_probe(server.url(), interval="8s", timeout="3s", extra=extra)
            wanted[f"bad{nth}"] = them.reason.value
        healthy = [good.serve() for _ in range(5)]
        for nth in range(HEALTHY):
            probes[f"good{nth}"] = http_probe(healthy[nth % 5].url(), interval="2s", timeout="2s")
        with running_exporter(write_config(tmp_path / "rollwatch.yml", probes)) as exporter:
            pid = exporter.process.popen.pid
            peak = 0.0

            def each_has_run() -> bool:
                nonlocal peak
                peak = max(peak, memory_mib(pid))
                ended = results(exporter)
                return all(ended.reasons(probe) for probe in probes)

            wait_for(each_has_run, "a run of every probe", 45)
            now = figures(exporter)
            for probe in probes:
                reasons = set(now.reasons(probe))
                if probe in wanted:
                    assert reasons <= {wanted[probe], "overloaded"}, (probe, reasons)
                else:
                    # Where the machine has no CPU left for us, that is said, and nobody is blamed.
                    assert "ok" in reasons, (probe, reasons)
                    assert reasons <= {"ok", "overloaded"}, (probe, reasons)
            if not any("overloaded" in now.reasons(probe) for probe in probes):
                assert sum(now.by_probe("rollwatch_probe_skipped_runs_total").values()) == 0
            assert peak < MEMORY_MIB
            ends_cleanly(exporter)
