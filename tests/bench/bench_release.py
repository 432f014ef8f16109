"""From a bad release to a verified good one in the demo: what the handler takes, and what is waited for."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from bench.harness import Table, Target
from rollwatch.demo.announcement import running_stack
from rollwatch.demo.releases.handler import Handler
from rollwatch.demo.rundir import RunDir
from support.demo_up import overview_of, started
from support.processes import free_port

__all__ = ["run"]

ROUNDS = 2
"""As many as the limit of automatic rollbacks allows in a day."""
SETTLE_S = 5.0
VERIFY_S = 10.0
"""Three looks in a row, 5 s apart, as the demo's configuration has it."""
WITHIN_S = 120.0
"""About two minutes, as people are promised."""


def run() -> Table:
    """About seven minutes, nearly all of it waiting."""
    table = Table(
        title="From a bad release to a verified good one",
        method=(
            f"`rollwatch demo up`, then `rollwatch demo bad-release` {ROUNDS} times: a real repository, "
            "Prometheus and Alertmanager at the demo's pace (5 s; windows of 1 min). Times are those of the "
            "journal. To be waited for, from the alert on: `settle`, three looks in a row "
            f"({VERIFY_S:g} s), and until Prometheus has the alert no more. The handler's own is the rest: "
            "Alertmanager's call, judging, reverting, CI's deployment (2 s), fresh probe runs, asking again."
        ),
        headers=(
            "round",
            "release to alert, s",
            "alert to decision, s",
            "revert, s",
            "verified, s",
            "recovered, s",
            "in all, s",
            "handler's own, s",
        ),
    )
    with tempfile.TemporaryDirectory() as directory:
        run_dir = RunDir(Path(directory) / "run")
        names = ("prometheus", "alertmanager", "rollback")
        options = [word for name in names for word in (f"--{name}-port", str(free_port()))]
        with started(run_dir, "--alerting", *options) as demo:
            overview_of(demo)
            for number in range(1, ROUNDS + 1):
                row, own_s = _round(run_dir)
                table.rows.append((str(number), *row, f"{own_s:.1f}"))
                all_s = float(row[-1])
                table.targets.append(
                    Target(
                        f"round {number}: verified within {WITHIN_S:g} s", f"{all_s:.1f} s", all_s < WITHIN_S
                    )
                )
    return table


def _round(run_dir: RunDir) -> tuple[tuple[str, ...], float]:
    argv = [sys.executable, "-m", "rollwatch", "demo", "bad-release", "--run-dir", str(run_dir.path)]
    subprocess.run(argv, check=True, timeout=600, stdout=subprocess.DEVNULL)
    stack = running_stack(run_dir)
    handler = Handler(
        run_dir, urllib.parse.urlsplit(stack["rollback handler"]).port or 0, "rollback-operator"
    )
    newest = handler.call("GET", "/api/monitoring/rollback/history?limit=1")["rollbacks"][0]
    whole = handler.call("GET", f"/api/monitoring/rollback/{newest['id']}")
    at = {move["after"]: move["at"] for move in reversed(whole["transitions"])}
    steps = {step["kind"]: step for step in whole["steps"]}
    bad = whole["decision"]["going"][0]["bad_deployment"]
    deployments = handler.call("GET", "/api/monitoring/deployments?limit=20")["deployments"]
    released_at = next(one["ended_at"] for one in deployments if one["id"] == bad)
    fired_at = whole["alert"]["starts_at"]
    cleared_at = _cleared_at(stack["Prometheus"].rstrip("/"), fired_at)
    ended_at = at["succeeded"]
    revert_s = steps["execute"]["ended_at"] - steps["execute"]["started_at"]
    recovered_at = steps["recovery"]["ended_at"]
    verified_at = steps["verify"]["ended_at"]
    waited_s = SETTLE_S + VERIFY_S + max(0.0, cleared_at - verified_at)
    own_s = ended_at - fired_at - waited_s
    return (
        f"{fired_at - released_at:.1f}",
        f"{at['settling'] - fired_at:.1f}",
        f"{revert_s:.1f}",
        f"{verified_at - steps['execute']['ended_at']:.1f}",
        f"{recovered_at - verified_at:.1f}",
        f"{ended_at - released_at:.1f}",
    ), own_s


def _cleared_at(url: str, since: float) -> float:
    """When Prometheus last had the alert firing."""
    query = 'timestamp(ALERTS{alertname="RollbackHttpErrorRatio",alertstate="firing"})'
    words = {"query": query, "start": f"{since:.0f}", "end": f"{time.time():.0f}", "step": "1"}
    with urllib.request.urlopen(
        f"{url}/api/v1/query_range?{urllib.parse.urlencode(words)}", timeout=10
    ) as answer:
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return max(float(value) for series in result for _, value in series["values"])
