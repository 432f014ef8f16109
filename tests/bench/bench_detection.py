"""From a fault to the message: with the shipped intervals, and as the end-to-end test has them."""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import Table, Target
from rollwatch.demo.faults import Fault
from support.alerting_lab import Place, alerting_lab
from support.processes import wait_for

if TYPE_CHECKING:
    from support.alerting_lab import Lab
    from support.recorder import Told

__all__ = ["run"]

ROUNDS = 3
INTERVAL_S = 15.0
"""Of probes, scrapes and evaluations: the shipped one."""
WITHIN_S = 120.0
"""What requirement A5 asks."""
GROUP_WAIT_S = {"P0": 5.0, "P1": 10.0, "P2": 15.0}
"""How long Alertmanager waits for others of the same service, as shipped."""
FAULTS = {
    # Alert: what is broken; what it can't do without: half of the minute that its ratio looks at.
    "HealthDown": (Fault.HEALTH_DOWN, 0.0),
    "HttpErrorsCritical": (Fault.API_5XX, 30.0),
}
_COMPRESSED = Path(__file__).parents[2] / ".cache" / "detection.json"


def run() -> Table:
    """About ten minutes, nearly all of it waiting."""
    table = Table(
        title="From a fault to the message",
        method=(
            f"Shipped rules and routes with the shipped intervals ({INTERVAL_S:g} s for probes, scrapes and "
            f"evaluations), on a demo production per fault, {ROUNDS} times at random moments; from the "
            "switch to the call of the pager's receiver. Least: the window that the rule needs, its for, and "
            "the group wait of P0. Most by design: the same and one probe interval (requests: none), one "
            "scrape and one evaluation, and the for counted to the next evaluation. Compressed: the "
            "end-to-end test's own times, where every duration is divided by a factor, multiplied by it "
            "again; probes run every second there."
        ),
        headers=("alert", "least, s", "most, s", "median, s", "rounds, s"),
    )
    with tempfile.TemporaryDirectory() as directory:
        places = [Place(alert.lower()) for alert in FAULTS]
        with alerting_lab(Path(directory), places, 1, f"{INTERVAL_S:g}s") as lab:
            took = _rounds(lab)
            holds = {rule["name"]: rule["duration"] for rule in lab.rules() if rule["type"] == "alerting"}
    for alert, (_, window_s) in FAULTS.items():
        least = window_s + holds[alert] + GROUP_WAIT_S["P0"]
        most = least + INTERVAL_S * (3 if window_s else 4)
        rounds = took[alert]
        median = statistics.median(rounds)
        table.rows.append(
            (alert, f"{least:.0f}", f"{most:.0f}", f"{median:.1f}", " ".join(f"{one:.1f}" for one in rounds))
        )
        table.targets.append(
            Target(f"{alert} within {WITHIN_S:g} s", f"at most {max(rounds):.1f} s", max(rounds) < WITHIN_S)
        )
    table.rows += _compressed()
    return table


def _rounds(lab: Lab) -> dict[str, list[float]]:
    """Seconds per alert and round. Each fault is in a production of its own, all at the same time."""
    took: dict[str, list[float]] = {alert: [] for alert in FAULTS}
    wait_for(lambda: lab.query("count(service:http_errors:ratio_1m) == 2"), "rates", 600)
    for _ in range(ROUNDS):
        # Anywhere in the grid of probes, scrapes and evaluations.
        time.sleep(random.uniform(0, INTERVAL_S))
        for alert, seconds in _round(lab).items():
            took[alert].append(seconds)
    return took


def _round(lab: Lab) -> dict[str, float]:
    seen = len(lab.recorder.told)
    broken_at = {}
    for alert, (fault, _) in FAULTS.items():
        broken_at[alert] = time.monotonic()
        lab.control(alert.lower()).switch_on(fault)
    took = {
        alert: wait_for(partial(_told, lab, seen, alert, "firing"), alert, 2 * WITHIN_S).at - at
        for alert, at in broken_at.items()
    }
    for alert in FAULTS:
        lab.control(alert.lower()).heal()
    for alert in FAULTS:
        wait_for(partial(_told, lab, seen, alert, "resolved"), f"the end of {alert}", 300)
    return took


def _told(lab: Lab, seen: int, alert: str, status: str) -> Told | None:
    return next(
        (
            one
            for one in lab.recorder.told[seen:]
            if (one.receiver, one.name, one.status) == ("pagerduty", alert, status)
        ),
        None,
    )


def _compressed() -> list[tuple[str, ...]]:
    """What the end-to-end test measured when it last ran."""
    if not _COMPRESSED.exists():
        return []
    found = json.loads(_COMPRESSED.read_text())
    factor = found["factor"]
    return [
        (
            f"{row['alert']} ({row['fault']}), compressed by {factor}",
            f"{row['for_seconds'] * factor + GROUP_WAIT_S[row['priority']]:.0f}",
            "",
            f"{row['seconds'] * factor:.0f}",
            f"{row['seconds']:.1f} x {factor}",
        )
        for row in found["faults"]
    ]
