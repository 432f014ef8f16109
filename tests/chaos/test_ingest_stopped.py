"""The exporter stands still for seconds (SIGSTOP) while everything comes in: it is taken late, and once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from support.arrivals import FIGURES, SESSIONS, Sender, config_text, receiving
from support.processes import wait_for
from support.siege import ends_cleanly, http_probe, more_runs, targets

STOPPED_S = 2.5
SHORT_LIVED = FIGURES.replace(
    "queue_length: {type: gauge,", "queue_length: {type: gauge, stale_after: 1s, expire_after: 2s,"
)
STALE = "rollwatch_figure_last_update_timestamp_seconds"


def test_what_comes_while_we_stand_still_is_taken_afterwards(tmp_path: Path) -> None:
    with targets() as production:
        probes = {f"p{n}": http_probe(production.serve().url()) for n in range(5)}
        (tmp_path / "app.log").touch()
        with receiving(tmp_path, config_text(probes, figures=SHORT_LIVED)) as here:
            more_runs(here.exporter, "p0", "ok", runs=1)
            with Sender(here, every_s=0.01) as sender, Sender(here, every_s=0.01) as other:
                wait_for(lambda: sender.of("add").get(200, 0) >= 10, "pushes to be taken")
                assert here.push({"name": "queue_length", "labels": {"queue": "q"}, "value": 7}) == 200
                stopped_at = time.time()
                here.exporter.process.signal(signal.SIGSTOP)
                time.sleep(STOPPED_S)
                here.exporter.process.signal(signal.SIGCONT)
                # Too old now: it is not shown as if it were of today.
                assert here.total("queue_length") == 0
                assert here.push({"name": "queue_length", "labels": {"queue": "q"}, "value": 8}) == 200
                taken = sender.of("add")[200]
                wait_for(lambda: sender.of("add")[200] >= taken + 10, "more pushes to be taken")
            lines = sender.lines + other.lines
            wait_for(lambda: here.total("rollwatch_http_requests_total") == lines, "the lines to be read")
            seen = more_runs(here.exporter, "p0", "ok", runs=1)
            answers = sender.answers + other.answers
            # Nothing was refused, lost or taken twice.
            assert set(answers) == {("add", 200), ("total", 200), ("beacon", 204)}
            assert seen.total("orders_total") == answers["add", 200]
            assert seen.total("rollwatch_browser_page_views_total") == answers["beacon", 204]
            ended = seen.total("rollwatch_browser_session_duration_seconds_count")
            sessions = min(answers["beacon", 204], SESSIONS)
            assert (seen.total("rollwatch_browser_active_sessions"), ended) == (sessions, 0)
            (updated_at,) = [
                s.value for s in seen.samples if s.name == STALE and s.labels["figure"] == "orders_total"
            ]
            assert stopped_at + STOPPED_S <= updated_at <= time.time()
            blamed = {probe: set(seen.reasons(probe)) - {"ok", "overloaded"} for probe in probes}
            assert {probe: said for probe, said in blamed.items() if said} == {}
            ends_cleanly(here.exporter)
