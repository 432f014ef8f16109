"""What Prometheus knows of a fault: whether it is older than a deployment, whether it is still there, whether
it is over.

That an alert is not in `ALERTS` says nothing where nobody has looked: each answer that rests on its absence
needs a series of the service that was there at the same time, and a rule that is evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.evidence.peer import NoAnswer
from rollwatch.rollback.evidence.prometheus_api import PrometheusApi
from rollwatch.rollback.evidence.selector import exactly, one_of, selector
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.clock import Clock
    from rollwatch.rollback.evidence.peer import Peer
    from rollwatch.rollback.evidence.prometheus_api import Points
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.policy.facts import Known

__all__ = ["FAULT_WINDOW_S", "Prometheus"]

FAULT_WINDOW_S = 900.0
"""How long before a deployment nothing of its fault may have been there."""
_PARTS = 5
"""The window's parts, each of which must have data: a gap of less than two of them may go unseen."""
_SKEW_S = 60.0
_WIDTH = 120


class Prometheus:
    """Asks about the faults of a service: an alert and its paging twin, with any other labels.

    `window_s` / 5 must be longer than the scrape interval.
    """

    def __init__(self, peer: Peer, clock: Clock, *, window_s: float = FAULT_WINDOW_S) -> None:
        self._api = PrometheusApi(peer)
        self._clock = clock
        self._window_s = window_s

    async def fault_before(self, alert: RollbackAlert, deployed_at: float) -> Known[bool]:
        """Whether the alert or its twin was pending or firing in the window before `deployed_at`."""
        part_s = self._window_s / _PARTS
        span = f"[{part_s * 1000:.0f}ms]"
        questions = {
            "fault": f"count(count_over_time({_active(alert)}{span}))",
            "data": f"count(count_over_time({_witness(alert)}{span}))",
        }
        start = deployed_at - (_PARTS - 1) * part_s
        try:
            found = await self._api.at(questions, start=start, end=deployed_at, step_s=part_s)
        except NoAnswer as error:
            return Unanswered(error.why)
        if found["fault"]:
            return True
        if len(found["data"]) < _PARTS:
            return Unanswered(
                f"Prometheus has no data of {_named(alert)} for all of the {self._window_s / 60:g} min "
                "before the deployment: it, the exporter or the probe did not run all the time"
            )
        return False

    async def still_firing(self, alert: RollbackAlert) -> Known[bool]:
        """Whether the alert fires now: its name, service, environment, and probe and component if it has."""
        firing = selector("ALERTS", _own(alert), exactly("alertname", alert.name), 'alertstate="firing"')
        try:
            found = await self._look(alert, {"there": f"count({firing})"})
        except NoAnswer as error:
            return Unanswered(error.why)
        return bool(found["there"])

    async def recovered(self, alert: RollbackAlert) -> Known[bool]:
        """Whether neither alert nor twin is pending or firing, and the probe, if any, is UP somewhere."""
        questions = {"there": f"count({_active(alert)})"}
        if alert.labels.get("probe"):
            questions["is_up"] = f"max({_witness(alert)})"
        try:
            found = await self._look(alert, questions)
        except NoAnswer as error:
            return Unanswered(error.why)
        return not found["there"] and all(value == 1 for _, value in found.get("is_up", ()))

    async def _look(self, alert: RollbackAlert, questions: Mapping[str, str]) -> Mapping[str, Points]:
        """What is so now. Raises NoAnswer, also where `there` is empty and that may mean nothing."""
        found = await self._api.now(
            {**questions, "data": f"count({_witness(alert)})", "time": "vector(time())"}
        )
        asked_at = self._now(found["time"])
        if not found["there"]:
            await self._has_looked(alert, found["data"], asked_at)
        return found

    def _now(self, points: Points) -> float:
        """Prometheus' time. Raises NoAnswer if it is not ours: an old answer, or a wrong clock."""
        now = points[0][1] if points else 0.0
        apart = abs(now - self._clock.wall())
        if not apart <= _SKEW_S:
            raise NoAnswer(f"Prometheus' clock and this host's are {apart:.0f} s apart")
        return now

    async def _has_looked(self, alert: RollbackAlert, data: Points, now: float) -> None:
        """Raises NoAnswer unless the absence of the alert means that all is well."""
        if not data:
            raise NoAnswer(f"Prometheus has no data of {_named(alert)} now: is the exporter up?")
        rules = await self._api.rules(alert.name)
        name = clean(alert.name, _WIDTH)
        if not rules:
            raise NoAnswer(f"Prometheus has no rule {name} any more")
        for rule in rules:
            if not rule.is_healthy:
                raise NoAnswer(f"Prometheus can't evaluate its rule {name}")
            if now - rule.evaluated_at > 3 * rule.interval_s + _SKEW_S / 2:
                raise NoAnswer(
                    f"Prometheus last evaluated its rule {name} {now - rule.evaluated_at:.0f} s ago"
                )


def _active(alert: RollbackAlert) -> str:
    """Of any probe or component of the service: the fault of one is no new fault of another."""
    names = [alert.name] if alert.paging_twin is None else [alert.name, alert.paging_twin]
    return selector("ALERTS", _place(alert), one_of("alertname", names), 'alertstate=~"pending|firing"')


def _witness(alert: RollbackAlert) -> str:
    """What is there as long as the exporter is scraped and the probe, if the alert has one, decides."""
    if probe := alert.labels.get("probe"):
        return selector("probe_success", {**_place(alert), "probe": probe})
    return selector("rollwatch_service_info", _place(alert))


def _place(alert: RollbackAlert) -> dict[str, str]:
    return {"service": alert.service, "environment": alert.environment}


def _own(alert: RollbackAlert) -> dict[str, str]:
    """Not all of its labels: what Prometheus adds on the way to Alertmanager is not in `ALERTS`."""
    more = {name: alert.labels[name] for name in ("probe", "component") if alert.labels.get(name)}
    return {**_place(alert), **more}


def _named(alert: RollbackAlert) -> str:
    probe = alert.labels.get("probe")
    service = clean(alert.service, _WIDTH)
    return f"probe {clean(probe, _WIDTH)} of {service}" if probe else service
