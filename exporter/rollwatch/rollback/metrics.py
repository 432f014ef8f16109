"""The handler's own figures. What speaks of releases is read from the journal, at each scrape."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from rollwatch.metrics import rollback_catalogue as m
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rollwatch.metrics.store import Store
    from rollwatch.rollback.deployments.dora import DeploymentFigures
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.model.record import Pause, Rollback
    from rollwatch.rollback.model.release import Deployment
    from rollwatch.rollback.model.words import StepKind, StepState

__all__ = ["Delivered", "HandlerMetrics", "Peer", "Way"]

_REMEMBERED = 20_000
_ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.CANCELLED, State.UNKNOWN})


class Delivered(StrEnum):
    """What became of a notification of Alertmanager."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNAUTHORIZED = "unauthorized"
    UNWRITABLE = "unwritable"


class Way(StrEnum):
    """How people were told."""

    ALERTMANAGER = "alertmanager"
    FALLBACK = "fallback"
    LOST = "lost"


class Peer(StrEnum):
    """Whom the handler asks."""

    PROMETHEUS = "prometheus"
    EXPORTER = "exporter"
    ALERTMANAGER = "alertmanager"


class HandlerMetrics:
    """Counters of this process, and gauges of what the journal says."""

    def __init__(self, store: Store, began_at: float) -> None:
        self._store = store
        self._began_at = began_at
        self._services: tuple[tuple[str, str], ...] = ()
        self._counted: dict[tuple[str, str], None] = {}
        self.journal_problem: str | None = None
        """What is wrong with the journal, as far as the last write tells."""
        for delivered in Delivered:
            store.counter(m.HANDLER_NOTIFICATIONS_TOTAL, (delivered.value,))
        for way in Way:
            store.counter(m.HANDLER_EVENTS_TOTAL, (way.value,))
        store.gauge(m.HANDLER_EVENTS_FAILING, ()).set(0)
        self.journal_worked(True)

    def configure(self, services: Iterable[tuple[str, str]]) -> None:
        """Show these (service, environment), and no others."""
        wanted = tuple(services)
        for gone in set(self._services) - set(wanted):
            for gauge in (
                m.ROLLBACK_IN_PROGRESS,
                m.ROLLBACK_AWAITING,
                m.ROLLBACK_PAUSED,
                m.ROLLBACK_PLATFORM_UP,
                m.DORA_DEPLOYMENTS,
                m.DORA_CHANGE_FAIL,
                m.DORA_RECOVERY,
                m.DORA_SUCCESS,
                m.DORA_LEAD_TIME,
            ):
                self._store.discard(gauge, gone)
        self._services = wanted
        for service in wanted:
            for verdict in Verdict:
                self._store.counter(m.ROLLBACK_DECISIONS_TOTAL, (*service, verdict.value))
            for state in (DeploymentState.FINISHED, DeploymentState.FAILED):
                self._store.counter(m.DEPLOYMENTS_TOTAL, (*service, state.value))
        self._store.gauge(m.HANDLER_CONFIG_SUCCESSFUL, ()).set(1)

    def config_refused(self) -> None:
        self._store.gauge(m.HANDLER_CONFIG_SUCCESSFUL, ()).set(0)

    def delivered(self, outcome: Delivered) -> None:
        """A notification of Alertmanager was answered."""
        self._store.counter(m.HANDLER_NOTIFICATIONS_TOTAL, (outcome.value,)).inc()

    def told(self, alerts: int, *, worked: bool) -> None:
        """Alertmanager was to be told something."""
        self._store.gauge(m.HANDLER_EVENTS_FAILING, ()).set(not worked)
        if worked:
            self._store.counter(m.HANDLER_EVENTS_TOTAL, (Way.ALERTMANAGER.value,)).inc(alerts)

    def fell_back(self, *, worked: bool) -> None:
        """The fallback was to be told something."""
        way = Way.FALLBACK if worked else Way.LOST
        self._store.counter(m.HANDLER_EVENTS_TOTAL, (way.value,)).inc()

    def peer(self, peer: Peer, *, is_up: bool) -> None:
        self._store.gauge(m.HANDLER_PEER_UP, (peer.value,)).set(is_up)

    def platform(self, service: str, environment: str, *, is_up: bool) -> None:
        if (service, environment) in self._services:
            self._store.gauge(m.ROLLBACK_PLATFORM_UP, (service, environment)).set(is_up)

    def judged(self, service: str, environment: str, decision: Decision, seconds: float) -> None:
        """As `Observer` says; of a service that is declared: others are for the log only."""
        if (service, environment) not in self._services:
            return
        self._store.counter(m.ROLLBACK_DECISIONS_TOTAL, (service, environment, decision.verdict.value)).inc()
        if decision.verdict is Verdict.DENY and decision.unmet:
            guard = str(decision.unmet[0].guard)
            self._store.counter(m.ROLLBACK_DENIALS_TOTAL, (service, environment, guard)).inc()

    def step_done(self, kind: StepKind, service: str, state: StepState, seconds: float) -> None:
        self._store.histogram(m.ROLLBACK_STEP_DURATION, (kind.value, state.value)).observe(seconds)

    def journal_worked(self, is_working: bool) -> None:
        """As `Observer` says."""
        self._store.gauge(m.HANDLER_JOURNAL_WRITABLE, ()).set(is_working)
        self.journal_problem = (
            None if is_working else "The journal can't be written: nothing is taken, and nothing is done."
        )

    def show(
        self,
        *,
        recent: Sequence[Rollback],
        still_open: Sequence[Rollback],
        deployments: Sequence[Deployment],
        pauses: Sequence[Pause],
        figures: Mapping[str, float],
    ) -> None:
        """What the journal says now: its newest rollbacks and deployments, and all that are open."""
        for deployment in reversed(deployments):
            self._show_deployment(deployment)
        for rollback in reversed(recent):
            self._show_ended(rollback)
        for service, environment in self._services:
            ours = [row for row in still_open if _touches(row, service, environment)]
            running = any(row.state.is_running for row in ours)
            waiting = sum(row.state is State.AWAITING_APPROVAL for row in ours)
            paused = any(pause.service in {None, service} for pause in pauses)
            self._store.gauge(m.ROLLBACK_IN_PROGRESS, (service, environment)).set(running)
            self._store.gauge(m.ROLLBACK_AWAITING, (service, environment)).set(waiting)
            self._store.gauge(m.ROLLBACK_PAUSED, (service, environment)).set(paused)
        self._store.gauge(m.HANDLER_JOURNAL_ROWS, ()).set(figures.get("rows", 0))
        oldest = self._store.gauge(m.HANDLER_OLDEST_RECEIVED, ())
        received = figures.get("oldest_received_at")
        # The journal says 0 while nothing waits.
        if not received:
            oldest.clear()
        else:
            oldest.set(received)

    def show_deployment_figures(
        self, service: str, environment: str, found: DeploymentFigures | None
    ) -> None:
        """The figures of one service, None where nothing was ever deployed; what can't be said is absent."""
        if (service, environment) not in self._services:
            return
        for gauge, value in (
            (m.DORA_DEPLOYMENTS, None if found is None else found.per_day),
            (m.DORA_CHANGE_FAIL, None if found is None else found.change_fail_ratio),
            (m.DORA_RECOVERY, None if found is None else found.recovery_s),
            (m.DORA_SUCCESS, None if found is None else found.success_ratio),
            (m.DORA_LEAD_TIME, None if found is None else found.lead_time_s),
        ):
            child = self._store.gauge(gauge, (service, environment))
            if value is None:
                child.clear()
            else:
                child.set(value)

    def _show_deployment(self, deployment: Deployment) -> None:
        where = (deployment.release.service, deployment.release.environment)
        ended_at = deployment.ended_at
        if where not in self._services or ended_at is None or deployment.source is DeploymentSource.ROLLBACK:
            return
        outcome = deployment.state.value
        last = self._store.gauge(m.DEPLOYMENT_LAST, (*where, outcome))
        last.set(max(ended_at, last.value or 0))
        if self._is_new((deployment.id, outcome), ended_at):
            self._store.counter(m.DEPLOYMENTS_TOTAL, (*where, outcome)).inc()

    def _show_ended(self, rollback: Rollback) -> None:
        where = (rollback.service, rollback.environment)
        if where not in self._services or rollback.state not in _ENDED or not rollback.going:
            return
        outcome = rollback.state.value
        last = self._store.gauge(m.ROLLBACK_LAST, (*where, outcome))
        last.set(max(rollback.updated_at, last.value or 0))
        if self._is_new((rollback.id, outcome), rollback.updated_at):
            self._store.counter(m.ROLLBACKS_TOTAL, (*where, rollback.level.value, outcome)).inc()

    def _is_new(self, what: tuple[str, str], at: float) -> bool:
        """Whether it happened since the process began, and was not counted yet."""
        if what in self._counted or at < self._began_at:
            return False
        self._counted[what] = None
        if len(self._counted) > _REMEMBERED:
            del self._counted[next(iter(self._counted))]
        return True


def _touches(row: Rollback, service: str, environment: str) -> bool:
    if row.environment != environment:
        return False
    return row.service == service or any(one.service == service for one in row.going)
