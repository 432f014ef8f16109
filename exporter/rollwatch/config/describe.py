"""A loaded configuration in a few lines, for the operator who asked whether the file is good."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rollwatch.config.rollback_words import Mode
from rollwatch.config.template import Template
from rollwatch.config.values import values_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.config.config import Config

__all__ = ["describe"]


def describe(config: Config) -> list[str]:
    """What was loaded: counts, names of secrets, warnings. Free of secrets."""
    return list(_lines(config))


def _lines(config: Config) -> Iterator[str]:
    yield f"environment {config.environment}, location {config.location}"
    kinds = Counter(probe.kind for probe in config.probes)
    by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    yield f"{_count(len(config.services), 'service')}: {', '.join(config.services)}"
    yield f"{_count(len(config.probes), 'probe')}{f': {by_kind}' if by_kind else ''}"
    if config.elsewhere:
        ids = ", ".join(probe.id for probe in config.elsewhere)
        yield f"{_count(len(config.elsewhere), 'probe')} for other locations: {ids}"
    overridden = [override for service in config.services.values() for override in service.overrides]
    if overridden:
        yield f"{_count(len(overridden), 'threshold')} overridden"
    yield from _arriving(config)
    yield from _told(config)
    yield from _taken_back(config)
    specs = [probe.spec for probe in config.probes]
    pushes = [service.signals.push for service in config.services.values() if service.signals.push]
    references = sorted(
        {
            reference
            for spec in (*specs, *pushes)
            for _, value in values_in(spec)
            if isinstance(value, Template)
            for reference in value.references
        }
    )
    if references:
        yield f"{_count(len(references), 'secret')} read: {', '.join(references)}"
    if config.host.enabled:
        yield f"host figures for the service {config.host.service}"
    for warning in config.warnings:
        yield f"warning: {warning}"


def _arriving(config: Config) -> Iterator[str]:
    """What comes by itself, service by service."""
    for name, service in config.services.items():
        signals = service.signals
        ways = ["pushes"] if signals.push is not None else []
        ways += ["browsers"] if signals.browser is not None else []
        ways += [_count(len(signals.logs), "log")] if signals.logs else []
        if signals.figures or ways:
            figures = _count(len(signals.figures), "figure")
            by = f"; fed by {', '.join(ways)}" if ways else ""
            yield f"{name}: {figures}{by}"


def _told(config: Config) -> Iterator[str]:
    """Who hears of alerts, and what the bridge does."""
    notifications = config.notifications
    ways = ", ".join(notifications.named())
    if ways:
        quiet = notifications.quiet_hours
        wait = f"; P2 and P3 wait from {quiet.from_} to {quiet.to} ({quiet.time_zone})" if quiet else ""
        yield f"alerts go to {ways}{wait}"
    own = {name: ", ".join(service.notifications.named()) for name, service in config.services.items()}
    yield from (f"alerts on {name} go to its own {named}" for name, named in own.items() if named)
    if config.bridge is not None:
        parts = ", ".join(
            name
            for name in type(config.bridge).model_fields
            if name != "token" and getattr(config.bridge, name)
        )
        yield f"the bridge sends {parts or 'nothing'}; its secrets are read by rollwatch bridge only"


def _taken_back(config: Config) -> Iterator[str]:
    """Which services may be taken back, and how."""
    words = {
        Mode.DRY_RUN: "only in dry runs",
        Mode.APPROVE: "when a person approves",
        Mode.AUTO: "automatically",
    }
    for name, service in config.services.items():
        if service.rollback is not None:
            yield f"{name} is taken back {words[service.rollback.mode]}, by {service.rollback.strategy.value}"
    if config.rollback is not None:
        for unit, services in config.rollback.units.items():
            yield f"the unit {unit} is taken back in this order: {', '.join(services)}"
        yield "the rollback handler's secrets are read by rollwatch rollback serve only"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
