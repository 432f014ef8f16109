"""How the services of a release unit are taken back, as the configuration in force says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rollwatch.config.rollback import HookSpec, ServiceRollbackSpec
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.policy.rules import UnitRules
    from rollwatch.rollback.strategies.strategy import Strategy

__all__ = ["PlannedHook", "Plans", "ServicePlan", "UnitPlan"]


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service's way back."""

    spec: ServiceRollbackSpec
    strategy: Strategy
    directory: Path
    """Where hooks and checks run."""


@dataclass(frozen=True, slots=True)
class PlannedHook:
    """A hook and the service it belongs to."""

    going: Going
    spec: HookSpec

    @property
    def name(self) -> str:
        """As the journal names its step: `api/drain`."""
        return f"{self.going.service}/{self.spec.name}"


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """A release unit. A rollback keeps the plan it began with, whatever is loaded meanwhile."""

    rules: UnitRules
    services: Mapping[str, ServicePlan]

    def hooks(self, going: Sequence[Going], *, before: bool) -> Iterator[PlannedHook]:
        """Those before or after the rollback, service by service in the order of `going`."""
        for one in going:
            plan = self.services.get(one.service)
            if plan is not None:
                for hook in plan.spec.before if before else plan.spec.after:
                    yield PlannedHook(one, hook)


class Plans(Protocol):
    """The configuration in force."""

    def of(self, environment: str, service: str) -> UnitPlan | None:
        """The unit of a service; None where nothing says how it is taken back."""
        ...
