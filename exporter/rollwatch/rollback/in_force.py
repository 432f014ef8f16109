"""The configuration in force, as the handler's parts need it; exchanged whole by a reload.

What a running rollback has begun with it keeps: its plan, and the strategies of that plan.
"""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.rollback.evidence.exporter_view import watched
from rollwatch.rollback.evidence.sources import Sources
from rollwatch.rollback.plan import ServicePlan, UnitPlan
from rollwatch.rollback.rules import unit_of, unit_rules
from rollwatch.rollback.strategies.registry import make_strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.config import Config
    from rollwatch.config.rollback import ServiceRollbackSpec
    from rollwatch.config.rollback_handler import HandlerSpec
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.words import Mode
    from rollwatch.rollback.policy.facts import Known
    from rollwatch.rollback.ports import ServiceNow
    from rollwatch.rollback.strategies.strategy import Strategy
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["InForce"]


class InForce:
    """Is the `Plans` and the `Evidence` of the handler. Empty before the first `apply`."""

    def __init__(self, tools: StrategyTools, user_agent: str) -> None:
        self._tools = tools
        self._user_agent = user_agent
        self._config: Config | None = None
        self._plans: Mapping[str, UnitPlan] = {}
        self._strategies: dict[str, Strategy] = {}
        self._sources: Sources | None = None
        self._retired: list[Strategy | Sources] = []
        self.changed = asyncio.Event()
        """Set by each `apply`; whoever waits for it clears it."""

    @property
    def config(self) -> Config:
        if self._config is None:
            raise AssertionError("asked before the first configuration was applied")
        return self._config

    @property
    def handler(self) -> HandlerSpec:
        """The section `rollback` of the file."""
        if self.config.rollback is None:
            raise AssertionError("a file without it is refused at load")
        return self.config.rollback

    @property
    def strategies(self) -> Mapping[str, Strategy]:
        """By service; always those of now."""
        return MappingProxyType(self._strategies)

    def apply(self, config: Config) -> None:
        """Put it in force. What it replaces is closed by `close_retired`."""
        if config.rollback is None:
            raise AssertionError("a file without it is refused at load")
        specs = _specs(config)
        self._retired.extend(self._strategies.values())
        if self._sources is not None:
            self._retired.append(self._sources)
        strategies = {
            name: make_strategy(name, config.environment, spec, self._tools) for name, spec in specs.items()
        }
        self._strategies.clear()
        self._strategies.update(strategies)
        probes = (*config.probes, *config.elsewhere)
        self._sources = Sources(
            config.rollback.prometheus,
            config.rollback.exporter,
            config.rollback.alertmanager,
            clock=self._tools.clock,
            environment=config.environment,
            watched={name: watched(name, probes, spec.verify.probes) for name, spec in specs.items()},
            user_agent=self._user_agent,
            fault_window_s=config.rollback.fault_window,
        )
        plans: dict[str, UnitPlan] = {}
        for rules in unit_rules(config).values():
            plan = UnitPlan(
                rules,
                {
                    name: ServicePlan(specs[name], strategies[name], self._tools.config_dir)
                    for name in rules.services
                },
            )
            plans |= dict.fromkeys(rules.services, plan)
        self._plans = plans
        self._config = config
        self.changed.set()

    async def close_retired(self) -> None:
        """Close what earlier configurations left; call it while no rollback runs."""
        while self._retired:
            await self._retired.pop().close()

    async def close(self) -> None:
        """Close everything."""
        await self.close_retired()
        for strategy in self._strategies.values():
            await strategy.close()
        if self._sources is not None:
            await self._sources.close()

    def of(self, environment: str, service: str) -> UnitPlan | None:
        """As `Plans` says."""
        return self._plans.get(service) if environment == self.config.environment else None

    def units(self) -> Mapping[str, str]:
        """The release unit of each service."""
        return unit_of(self.config)

    def modes(self) -> Mapping[str, Mode]:
        """The mode of each release unit."""
        return {plan.rules.unit: plan.rules.mode for plan in self._plans.values()}

    async def fault_before(self, alert: RollbackAlert, deployed_at: float) -> Known[bool]:
        """As `Evidence` says."""
        return await self._evidence.fault_before(alert, deployed_at)

    async def still_firing(self, alert: RollbackAlert) -> Known[bool]:
        """As `Evidence` says."""
        return await self._evidence.still_firing(alert)

    async def recovered(self, alert: RollbackAlert) -> Known[bool]:
        """As `Evidence` says."""
        return await self._evidence.recovered(alert)

    async def service_now(self, service: str) -> Known[ServiceNow]:
        """As `Evidence` says."""
        return await self._evidence.service_now(service)

    async def silenced(self, alert: RollbackAlert) -> Known[bool]:
        """As `Evidence` says."""
        return await self._evidence.silenced(alert)

    @property
    def _evidence(self) -> Sources:
        if self._sources is None:
            raise AssertionError("asked before the first configuration was applied")
        return self._sources


def _specs(config: Config) -> Mapping[str, ServiceRollbackSpec]:
    services = config.services.items()
    return {name: service.rollback for name, service in services if service.rollback is not None}
