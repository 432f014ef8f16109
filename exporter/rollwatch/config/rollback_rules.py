"""What rollbacks need of the rest of the file: probes that exist, and release units of such services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.mistake import did_you_mean
from rollwatch.config.signals import Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from rollwatch.config.document import ServiceSpec

__all__ = ["rollback_troubles"]


def rollback_troubles(plain: object, services: Mapping[str, ServiceSpec]) -> Iterator[Trouble]:
    """What does not fit together, in the file as written; places are from its root.

    `services` are those that are good by themselves: of the others only the name is known.
    """
    for name, spec in services.items():
        yield from _unknown_probes(name, spec)
    yield from _of_units(_mapping(plain, "rollback", "units"), services, _mapping(plain, "services"))


def _unknown_probes(service: str, spec: ServiceSpec) -> Iterator[Trouble]:
    named = () if spec.rollback is None else spec.rollback.verify.probes
    for index, probe in enumerate(named):
        if probe not in spec.probes:
            place = ("services", service, "rollback", "verify", "probes", index)
            remedy = did_you_mean(probe, spec.probes)
            yield Trouble(place, f"is no probe of {service}", remedy)


def _of_units(
    units: Mapping[str, object], services: Mapping[str, ServiceSpec], declared: Collection[str]
) -> Iterator[Trouble]:
    unit_of: dict[str, str] = {}
    for unit, members in units.items():
        if unit in declared:
            message = "is the name of a service, too, and such a unit is what a service alone is"
            yield Trouble(("rollback", "units", unit), message, "Rename the unit.")
        for index, service in enumerate(members if isinstance(members, list) else ()):
            if not isinstance(service, str):  # said of the section itself
                continue
            place = ("rollback", "units", unit, index)
            if service not in declared:
                yield Trouble(place, "is no service of this file", did_you_mean(service, declared))
            elif service in services and services[service].rollback is None:
                message = "says nothing of rollbacks, so that the unit never could be taken back"
                yield Trouble(place, message, f"Add services.{service}.rollback, or remove it here.")
            elif service in unit_of:
                where = "here" if unit_of[service] == unit else f"in the unit {unit_of[service]}"
                yield Trouble(place, f"stands {where} already: a service is in one unit", "Remove one.")
            unit_of.setdefault(service, unit)


def _mapping(plain: object, *keys: str) -> dict[str, object]:
    for key in keys:
        plain = plain.get(key) if isinstance(plain, dict) else None
    return plain if isinstance(plain, dict) else {}
