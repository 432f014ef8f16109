"""A release breaks production and is taken back, and every expression of every dashboard shows "
"something of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rollwatch.demo.rundir import RunDir
from support.dashboard_data import afterwards, beside, has_run
from support.dashboard_queries import DASHBOARDS, Asked, asked_by, load, panels_of
from support.demo_up import Demo, eventually, started
from support.processes import fetch, free_port

WITHIN_S = 60.0
CACHE = Path(__file__).parents[2] / ".cache"
CHOSEN = {
    "counter": "larkspur_signals_posted_total",
    "gauge": "larkspur_open_orders",
    "funnel": "larkspur_funnel_total",
}


@pytest.mark.timeout(600)
def test_a_bad_release_is_taken_back_verified_told_and_seen_on_every_dashboard(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / "run")
    names = ("prometheus", "alertmanager", "rollback")
    options = [word for name in names for word in (f"--{name}-port", str(free_port()))]
    with started(run_dir, "--interval", "1s", "--alerting", *options) as demo:
        assert not eventually(lambda: not run_dir.stack.exists(), WITHIN_S), demo.logs()
        with beside(demo, tmp_path) as source:
            _taken_back(demo)
            afterwards(demo)
            has_run(
                source,
                "service:database_query:average_seconds{service='api'} and on () ALERTS{priority='P1'}",
            )
            has_run(source, "max_over_time(rollwatch_rollback_denials_total[1m])")
            faults: list[tuple[Asked, str]] = []

            def missing() -> object:
                faults[:] = [
                    (asked, fault)
                    for path in DASHBOARDS
                    for asked in asked_by(load(path))
                    if (fault := source.fault_of(asked, CHOSEN))
                ]
                return faults

            eventually(missing, WITHIN_S)
            table = coverage([asked for asked, _ in faults])
            print(f"\n{table}")
            CACHE.mkdir(exist_ok=True)
            (CACHE / "dashboard-coverage.txt").write_text(table)
            assert not faults, "\n".join(f"{asked.uid}: {asked.where}: {fault}" for asked, fault in faults)


def coverage(without: list[Asked]) -> str:
    """A line per dashboard: how many of its expressions find data."""
    rows = [f"{'dashboard':<26}{'panels':>8}{'expressions':>13}{'with data':>11}{'':>7}"]
    for path in DASHBOARDS:
        board = load(path)
        every = list(asked_by(board))
        found = len(every) - sum(1 for asked in without if asked.uid == board["uid"])
        panels = len(list(panels_of(board)))
        rows.append(f"{board['uid']:<26}{panels:>8}{len(every):>13}{found:>11}{found / len(every):>7.0%}")
    return "\n".join(rows) + "\n"


def _taken_back(demo: Demo) -> None:
    releases = demo.run_dir.releases / "api.git"
    story = subprocess.run(
        [
            *(sys.executable, "-m", "rollwatch", "demo", "bad-release"),
            *("--run-dir", str(demo.run_dir.path)),
        ],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )

    assert story.returncode == 0, f"{story.stdout}{story.stderr}{demo.logs()}"
    told = [
        *("pushed 1.5.0", "deployment of 1.5.0 finished", "RollbackHttpErrorRatio is firing"),
        *("settling: ", "executing: ", "rollback done", "verification done"),
        *("recovery, asked of Prometheus done", "succeeded: "),
    ]
    places = [story.stdout.find(line) for line in told]
    assert -1 not in places, story.stdout
    assert places == sorted(places), story.stdout
    git = ["git", "-C", str(releases), "log", "--format=%s%n%b", "main"]
    log = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    assert log.count("Rollwatch-Rollback: ") == 1
    assert json.loads(fetch(f"http://127.0.0.1:{demo.ports['api']}/health")[2])["version"] == "1.4.2"
    inbox = f"http://127.0.0.1:{demo.ports['inbox']}/messages"
    titles = "Rolling api (demo) back", "Rolled api (demo) back"

    def untold() -> object:
        messages = fetch(inbox)[2].decode()
        return [title for title in titles if title not in messages]

    assert not eventually(untold, WITHIN_S), demo.logs()
