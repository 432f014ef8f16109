"""What the page says of the configuration in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.rules import unit_rules

if TYPE_CHECKING:
    from rollwatch.config.config import Config, Service
    from rollwatch.config.fields import HttpUrl
    from rollwatch.rollback.model.words import Mode

__all__ = ["PageSettings", "Switch", "page_settings"]


@dataclass(frozen=True, slots=True)
class Switch:
    """One service that can be taken back, and how. Durations in seconds."""

    service: str
    unit: str
    members: tuple[str, ...]
    """Of the unit, in the order in which they are taken back."""
    mode: Mode
    """In force: the most careful of the unit."""
    strategy: str
    triggers: tuple[str, ...]
    """Names of alerts."""
    limit_count: int
    limit_window_s: float
    links: tuple[tuple[str, str], ...] = ()
    """Words and address."""


@dataclass(frozen=True, slots=True)
class PageSettings:
    """`public_url` is where people reach the page; `prometheus_url` is None where it can't be shown."""

    switches: tuple[Switch, ...]
    public_url: str | None = None
    prometheus_url: str | None = None

    def of(self, service: str) -> Switch | None:
        return next((one for one in self.switches if one.service == service), None)


def page_settings(config: Config) -> PageSettings:
    """From the file. Pure."""
    handler = config.rollback
    return PageSettings(
        switches=tuple(
            Switch(
                service=name,
                unit=rules.unit,
                members=rules.services,
                mode=rules.mode,
                strategy=spec.rollback.strategy.value,
                triggers=tuple(rules.triggers.get(name, {})),
                limit_count=rules.limit_count,
                limit_window_s=rules.limit_window_s,
                links=_links(spec),
            )
            for rules in unit_rules(config).values()
            for name in rules.services
            if (spec := config.services[name]).rollback is not None
        ),
        public_url=None if handler is None or handler.public_url is None else handler.public_url.render(),
        prometheus_url=None if handler is None else _shown(handler.prometheus.url),
    )


def _links(service: Service) -> tuple[tuple[str, str], ...]:
    links = service.links
    found = (
        ("Logs", links.logs_url),
        ("Dashboard", links.dashboard_url),
        ("Runbook", links.runbook_url),
        ("Status page", links.status_page),
    )
    return tuple((words, str(url)) for words, url in found if url is not None)


def _shown(url: HttpUrl) -> str | None:
    if url.has_secret or url.masked != url.render():
        return None
    return url.render()
