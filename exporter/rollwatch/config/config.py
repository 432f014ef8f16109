"""What runs: one loaded configuration, frozen; compared by value, so a reload keeps what did not change."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.config.ingest import IngestSpec
from rollwatch.config.notifications import Audience, NotificationsSpec
from rollwatch.config.signals import Signals
from rollwatch.config.slo import SloSpec
from rollwatch.config.thresholds import Override, overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.bridge import BridgeSpec
    from rollwatch.config.document import HostSpec, Links, ReferenceCheck
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.probe_spec import ProbeSpec
    from rollwatch.config.rollback import ServiceRollbackSpec
    from rollwatch.config.rollback_handler import HandlerSpec
    from rollwatch.config.template import SecretText

__all__ = ["Config", "ProbeDef", "Service"]


@dataclass(frozen=True, slots=True)
class ProbeDef:
    """One configured probe."""

    id: str
    """`service/probe`."""
    service: str
    name: str
    kind: str
    spec: ProbeSpec
    figures: Mapping[str, FigureDef] = field(default_factory=lambda: MappingProxyType({}))
    """The figures of the service that the probe reads, by name."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service, beside its probes."""

    name: str
    owner: str | None
    links: Links
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))
    """Overrides by threshold id and priority, in the threshold's unit; an infinity means off."""
    signals: Signals = field(default_factory=Signals)
    """What arrives at it by itself."""
    slo: SloSpec = field(default_factory=SloSpec)
    """The objectives it sets itself."""
    notifications: Audience = field(default_factory=Audience)
    """Who hears of its alerts; a channel that is None is as `Config.notifications` has it."""
    rollback: ServiceRollbackSpec | None = None
    """How it is taken back; None: never. Its secrets can be rendered if the rollback handler loaded it."""

    @property
    def overrides(self) -> tuple[Override, ...]:
        """The same, flat."""
        return overrides(self.thresholds)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything one file says, for one location."""

    environment: str
    location: str
    services: Mapping[str, Service]
    probes: tuple[ProbeDef, ...]
    """Those that run in `location`, in file order."""
    host: HostSpec
    reference_check: ReferenceCheck | None
    elsewhere: tuple[ProbeDef, ...] = ()
    """Valid, but for other locations: their secrets were not read."""
    ingest: IngestSpec = field(default_factory=IngestSpec)
    notifications: NotificationsSpec = field(default_factory=NotificationsSpec)
    """Who hears of alerts; nothing in it if the file has no such section."""
    bridge: BridgeSpec | None = None
    """What the bridge sends. Its secrets can be rendered if the bridge loaded it."""
    rollback: HandlerSpec | None = None
    """What the rollback handler needs. Its secrets can be rendered if the handler loaded it."""
    mail_password: SecretText | None = None
    """What `notifications.mail.password_file` holds, if the bridge loaded it and sends mail."""
    warnings: tuple[str, ...] = ()
    """What works but an operator should mend; whole sentences, free of secrets."""
