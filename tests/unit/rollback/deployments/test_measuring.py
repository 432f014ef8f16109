"""Figures about deployments are made of what the journal holds of the last month, once a minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rollwatch.metrics.rollback_catalogue import DORA_CHANGE_FAIL, DORA_DEPLOYMENTS, DORA_RECOVERY
from rollwatch.metrics.store import Store
from rollwatch.rollback.deployments.measuring import Measuring
from rollwatch.rollback.journal_port import CarriedOut
from rollwatch.rollback.metrics import HandlerMetrics
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, State
from support.manual_clock import ManualClock

_DAY_S = 86_400.0
_NOW = 100 * _DAY_S
_WHERE = ("web", "production")


def _deployment(version: str, ago_s: float) -> Deployment:
    release = Release(*_WHERE, version=version)
    at = _NOW - ago_s
    return Deployment(version, release, DeploymentState.FINISHED, DeploymentSource.REPORTED, at, at)


@dataclass
class _Journal:
    """Of service `web`: 1.1 was taken back by a rollback that the service `api` began."""

    asked: list[str] = field(default_factory=list)

    async def deployed(self, environment: str, service: str, **_: Any) -> list[Deployment]:
        self.asked.append(service)
        return [_deployment("1.1", 2 * _DAY_S), _deployment("1.0", 9 * _DAY_S)] if service == "web" else []

    async def carried_out(self, environment: str, states: object, **_: Any) -> list[CarriedOut]:
        bad, good = (Release(*_WHERE, version=version) for version in ("1.1", "1.0"))
        going = (Going("web", bad, good, "1.1"),)
        return [CarriedOut("rb-1", environment, State.SUCCEEDED, _NOW - 2 * _DAY_S + 300, going)]


async def test_a_service_counts_the_rollbacks_that_another_of_its_unit_began() -> None:
    store, clock, journal = Store(), ManualClock(wall=_NOW), _Journal()
    metrics = HandlerMetrics(store, began_at=_NOW)
    metrics.configure([_WHERE, ("idle", "production")])
    measuring = Measuring(journal, metrics, clock)  # type: ignore[arg-type]

    await measuring.refresh(["web", "idle", "gone"], "production")
    await measuring.refresh(["web", "idle", "gone"], "production")

    assert journal.asked == ["web", "idle", "gone"]
    assert store.gauge(DORA_DEPLOYMENTS, _WHERE).value == 2 / 30
    assert store.gauge(DORA_CHANGE_FAIL, _WHERE).value == 0.5
    assert store.gauge(DORA_RECOVERY, _WHERE).value == 300
    # Nothing was ever deployed of it, or it is not declared any more.
    assert store.gauge(DORA_DEPLOYMENTS, ("idle", "production")).value is None
    assert store.gauge(DORA_DEPLOYMENTS, ("gone", "production")).value is None
