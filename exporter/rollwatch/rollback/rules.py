"""From what the file says of services and units to the rules the policy judges by."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.config.clock_fields import Weekday
from rollwatch.config.rollback_handler import SystemicSpec
from rollwatch.rollback.policy.rules import Freeze, UnitRules, Weekly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.config import Config
    from rollwatch.config.rollback import ServiceRollbackSpec
    from rollwatch.config.rollback_handler import WeeklyFreezeSpec

__all__ = ["unit_of", "unit_rules"]

_DAYS = tuple(Weekday)
_MINUTES_OF_DAY = 1440


def unit_rules(config: Config) -> Mapping[str, UnitRules]:
    """The rules of each release unit, by its name: those of the file, then each service that is in none.

    Where the members of a unit differ, the most careful of them counts for all.
    """
    handler = config.rollback
    specs = _specs(config)
    systemic = SystemicSpec() if handler is None else handler.systemic
    freezes = tuple(
        Freeze(freeze.from_.timestamp(), freeze.to.timestamp(), freeze.reason)
        for freeze in (() if handler is None else handler.freezes)
    )
    weekly = tuple(_weekly(freeze) for freeze in (() if handler is None else handler.weekly_freezes))
    found: dict[str, UnitRules] = {}
    for unit, services in _members(config).items():
        members = [specs[service] for service in services]
        triggers = {
            service: MappingProxyType({name: trigger.window for name, trigger in spec.triggers.items()})
            for service, spec in zip(services, members, strict=True)
        }
        found[unit] = UnitRules(
            unit=unit,
            environment=config.environment,
            services=services,
            mode=min((spec.mode for spec in members), key=lambda mode: mode.boldness),
            triggers=MappingProxyType(triggers),
            # Windows belong to alerts, each judged by its own; this one is for what is looked at beside.
            window_s=max(window for windows in triggers.values() for window in windows.values()),
            alert_age_max_s=min(spec.alert_age for spec in members),
            settle_s=max(spec.settle for spec in members),
            approval_ttl_s=min(spec.approve_within for spec in members),
            healthy_after_s=max(spec.healthy_after for spec in members),
            allow_migration=all(spec.allow_migration for spec in members),
            limit_count=min(spec.limit.count for spec in members),
            limit_window_s=max(spec.limit.within for spec in members),
            systemic_units=systemic.units,
            systemic_window_s=systemic.within,
            freezes=freezes,
            weekly=weekly,
        )
    return MappingProxyType(found)


def unit_of(config: Config) -> Mapping[str, str]:
    """The release unit of each service that can be taken back; one that is in none is its own."""
    units = _members(config)
    return MappingProxyType({service: unit for unit, services in units.items() for service in services})


def _specs(config: Config) -> Mapping[str, ServiceRollbackSpec]:
    services = config.services.items()
    return {name: service.rollback for name, service in services if service.rollback is not None}


def _members(config: Config) -> Mapping[str, tuple[str, ...]]:
    """Services by unit, in the order in which they are taken back."""
    units = {} if config.rollback is None else dict(config.rollback.units)
    taken = {service for services in units.values() for service in services}
    return units | {name: (name,) for name in _specs(config) if name not in taken}


def _weekly(spec: WeeklyFreezeSpec) -> Weekly:
    return Weekly(
        _minute(spec.from_day, spec.from_time),
        _minute(spec.to_day, spec.to_time),
        spec.time_zone,
        spec.reason,
    )


def _minute(day: Weekday, time: str) -> int:
    """Minutes since Monday 00:00."""
    hours, minutes = time.split(":")
    return _DAYS.index(day) * _MINUTES_OF_DAY + int(hours) * 60 + int(minutes)
