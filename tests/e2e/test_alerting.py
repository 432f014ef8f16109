"""Faults in real productions, told by the shipped rules and routes to the right people, and then resolved.

Several demo productions run side by side, each in an environment of its own with an exporter of its own; one
Prometheus and one Alertmanager judge and route with the shipped files, in which every duration is divided by
`FACTOR` (support/compressed.py). Each receiver of the shipped routes has a webhook beside it that writes down
what it was told and when. Everything is broken at once; `FAULTS` says who must hear of what.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollwatch.demo.faults import FAULTS, Fault
from support.alerting_lab import Lab, Place, alerting_lab
from support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(420)

FACTOR = 15
"""Every duration of the shipped files is so much shorter. Probes run every second instead of every 15 s."""
TOLD_WITHIN_S = 120.0
RESOLVED_WITHIN_S = 120.0
CALM_S = 8.0
AT_LEAST_BROKEN_S = 25.0
"""So long that what comes later than the first alert has its chance to be wrong."""

BROKEN = {
    "one": (Fault.HEALTH_DOWN, Fault.WS_DROP, Fault.PROVIDER_DOWN, Fault.SCRIPT_ERROR),
    "two": (Fault.COMPONENT_DOWN, Fault.FEED_STALE, Fault.ALL_PROVIDERS_DOWN),
    "three": (Fault.API_5XX, Fault.BAD_GREEKS, Fault.DRIFTING_PNL),
    "four": (Fault.SLOW, Fault.NODE_STUCK, Fault.WS_REFUSE),
    "five": (Fault.FAILING_PAYMENTS, Fault.CERTIFICATE_EXPIRED, Fault.FEED_CHANNEL_STALE),
}
"""By environment; at most one fault of a service."""
KILLED = "six"
"""The environment whose exporter is killed."""

SERVICES = {
    "api": "api",
    "front": "web",
    "gateway": "web",
    "payments": "api",
    "feed": "feed",
    "primary": "market-data",
    "node": "chain",
    "trading": "trading",
}
"""Whose alerts a broken part of the production raises."""

EVERYBODY = {
    "P0": {"pagerduty", "sms", "slack", "email", "events"},
    "P1": {"slack", "email", "events"},
    "P2": {"slack", "events"},
    "rollback": {"nobody"},
}
"""Who is told by priority (requirements A1); the rollback handler does not run here."""

BUSY = {"ExporterOverloaded", "EscalatedP1", "EscalatedP2"}
"""What may come besides: this machine has other tests to run, and a P1 may outlast a compressed hour."""


@dataclass
class Case:
    """One fault in one place, and what it is known by."""

    name: str
    environment: str
    service: str
    alerts: frozenset[str]
    companions: frozenset[str]
    broken_at: float = 0.0
    told_at: dict[str, float] = field(default_factory=dict)


def cases() -> list[Case]:
    found = [
        Case(fault, place, SERVICES[info.part], frozenset(info.alerts), frozenset(info.companions))
        for place, faults in BROKEN.items()
        for fault in faults
        for info in (FAULTS[fault],)
    ]
    return [*found, Case("exporter-killed", "", "rollwatch", frozenset({"ExporterDown"}), frozenset())]


def receivers_of(priority: str, service: str) -> set[str]:
    found = EVERYBODY[priority]
    # Its team has a channel of its own.
    return {f"{one}/trading" if one == "slack" else one for one in found} if service == "trading" else found


class Watch:
    """What was told since the faults were switched on."""

    def __init__(self, lab: Lab, found: list[Case]) -> None:
        self.lab = lab
        self.cases = found
        self._before = len(lab.recorder.told)

    def told(self, case: Case, alert: str, status: str) -> set[str]:
        """Which receivers have been told so of an alert of a case."""
        return {
            one.receiver
            for one in self.lab.recorder.told[self._before :]
            if one.place == (case.environment, case.service) and (one.name, one.status) == (alert, status)
        }

    def priority(self, alert: str) -> str:
        return next(one.labels["priority"] for one in self.lab.recorder.told if one.name == alert)

    def missing(self, status: str) -> list[str]:
        """Which receivers have yet to be told."""
        found = []
        for case in self.cases:
            for alert in sorted(case.alerts):
                told = self.told(case, alert, status)
                wanted = receivers_of(self.priority(alert), case.service) if told else {"anybody"}
                found += [f"{case.name}: {alert} {status} to {one}" for one in sorted(wanted - told)]
        return found

    def unexpected(self) -> set[str]:
        """What nothing that was broken explains, or what somebody heard who should not."""
        allowed = {
            (case.environment, case.service, alert)
            for case in self.cases
            for alert in case.alerts | case.companions
        }
        return {
            f"{one.name} of {one.place} to {one.receiver}"
            for one in self.lab.recorder.told[self._before :]
            if one.name not in BUSY | {"Watchdog"}
            and (
                (*one.place, one.name) not in allowed
                or one.receiver not in receivers_of(one.labels["priority"], one.place[1])
            )
        }

    def first(self, case: Case, alert: str) -> float:
        """When a person could first know of it."""
        return min(
            one.at
            for one in self.lab.recorder.told[self._before :]
            if one.place == (case.environment, case.service)
            and (one.name, one.status) == (alert, "firing")
            and one.receiver != "events"
        )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("lab")
    # Only there are visitors needed: their beacons are what a broken script shows in.
    places = [Place(name, visitors=12 if name == "one" else 0) for name in (*BROKEN, KILLED)]
    with alerting_lab(directory, places, FACTOR) as lab:
        yield lab


def test_each_fault_is_told_to_the_right_people_and_then_resolved(lab: Lab) -> None:
    _until_calm(lab)
    watch = Watch(lab, cases())

    _break_everything(lab, watch.cases)
    broken_at = time.monotonic()
    _eventually_nothing(lambda: watch.missing("firing"), TOLD_WITHIN_S)
    time.sleep(max(0.0, broken_at + AT_LEAST_BROKEN_S - time.monotonic()))
    assert not watch.unexpected()
    _write_detection(watch)
    _inbox_got_what_people_read(lab)

    _mend_everything(lab)
    _eventually_nothing(lambda: watch.missing("resolved"), RESOLVED_WITHIN_S)
    assert not watch.unexpected()
    assert not [(rule["name"], rule["lastError"]) for rule in lab.rules() if rule["health"] != "ok"]


def _until_calm(lab: Lab) -> None:
    """Some rules say something only when they have seen a little; nothing of it may be trouble."""
    wait_for(lambda: lab.query("count(count by (environment) (probe:down:ratio)) == 6"), "verdicts", 90)
    wait_for(lambda: lab.query("count(service:http_errors:ratio) >= 6"), "requests", 90)
    time.sleep(CALM_S)
    told = {one.name for one in lab.recorder.told}
    assert told <= BUSY | {"Watchdog"}
    assert "Watchdog" in told


def _break_everything(lab: Lab, found: list[Case]) -> None:
    for case in found:
        case.broken_at = time.monotonic()
        if case.environment:
            lab.control(case.environment).switch_on(Fault(case.name))
        else:
            lab.kill_exporter(KILLED)


def _mend_everything(lab: Lab) -> None:
    for place in BROKEN:
        lab.control(place).heal()
    lab.start_exporter(KILLED)


def _eventually_nothing(missing: object, within_s: float) -> None:
    assert callable(missing)
    deadline = time.monotonic() + within_s
    while left := missing():
        assert time.monotonic() < deadline, "\n".join(left)
        time.sleep(0.25)


def _inbox_got_what_people_read(lab: Lab) -> None:
    """Beside what the webhooks were told: messages of the shipped templates came by each channel."""

    def lacks() -> list[str]:
        said = [(one["channel"], json.dumps(one["payload"])) for one in lab.inbox("one")]
        wanted = [
            *((channel, "HealthDown") for channel in ("slack", "email", "pager", "webhook")),
            ("sms", "P0"),  # so many at once are told in fewer messages
            ("slack", "ProviderUptimeLow"),
            ("slack", "#trading"),
            ("email", "JavascriptErrorsHigh"),
        ]
        return [
            f"{word} by {channel}"
            for channel, word in wanted
            if not any(by == channel and word in text for by, text in said)
        ]

    _eventually_nothing(lacks, 30)


def _write_detection(watch: Watch) -> None:
    """How long each took, beside what it can't be shorter than: for people, and for `make bench`."""
    holds = {rule["name"]: rule["duration"] for rule in watch.lab.rules() if rule["type"] == "alerting"}
    rows = [
        {
            "fault": case.name,
            "alert": alert,
            "priority": watch.priority(alert),
            "seconds": round(watch.first(case, alert) - case.broken_at, 2),
            "for_seconds": holds[alert],
        }
        for case in watch.cases
        for alert in sorted(case.alerts)
    ]
    path = Path(__file__).parents[2] / ".cache" / "detection.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"factor": FACTOR, "probe_interval_seconds": 1, "faults": rows}, indent=1))
