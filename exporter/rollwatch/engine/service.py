"""What is known of one service beside its probes: its facts, its release, what its config overrides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog

from rollwatch.engine.releases import ReleaseWatch
from rollwatch.engine.view import ProbeView, ServiceView
from rollwatch.figures.routes import route_label
from rollwatch.metrics import catalogue as m
from rollwatch.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.clock import Clock
    from rollwatch.config.config import Service
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.series import GaugeChild
    from rollwatch.metrics.store import Store

__all__ = ["ServiceWatch"]

_log = structlog.get_logger(__name__)

_VERSION_MAX = 64


class ServiceWatch:
    """One service at work. Its series are gone after `close`."""

    def __init__(
        self,
        service: Service,
        store: Store,
        names: BoundedNames,
        clock: Clock,
        *,
        environment: str,
        location: str,
    ) -> None:
        self._service = service
        self._store = store
        self._names = names
        self._clock = clock
        self._environment = environment
        self._location = location
        self._releases = ReleaseWatch()
        self._children: list[GaugeChild] = []
        self._release_child: GaugeChild | None = None
        self._changed_child: GaugeChild | None = None
        self.configure(service)

    def configure(self, service: Service) -> None:
        """Show what the configuration says of the service; what is known of its release stays."""
        for child in self._children:
            self._store.remove(child)
        self._children.clear()
        self._service = service
        self._show(m.ROLLWATCH_SERVICE_INFO, service.owner or "").set(1)
        for name, feature in service.signals.features.items():
            self._show(m.ROLLWATCH_FEATURE_INFO, name, "true" if feature.core else "false").set(1)
            # As the service's own metrics may have it, and as ours do.
            for endpoint in {*feature.endpoints, *map(route_label, feature.endpoints)}:
                self._show(m.ROLLWATCH_FEATURE_ENDPOINT_INFO, name, endpoint).set(1)
        for override in service.overrides:
            self._show(m.ROLLWATCH_THRESHOLD_OVERRIDE, override.threshold, override.priority).set(
                override.value
            )
        for objective, ratio in service.slo.objectives():
            self._show(m.ROLLWATCH_SLO_OBJECTIVE_RATIO, objective).set(ratio)
        for name, url in service.links.model_dump(exclude_none=True).items():
            self._show(m.ROLLWATCH_SERVICE_LINK_INFO, name.removesuffix("_url"), url).set(1)

    def _gauge(self, metric: MetricDef, *labels: str) -> GaugeChild:
        base = (self._service.name, self._environment, self._location)
        return self._store.gauge(metric, base + labels)

    def _show(self, metric: MetricDef, *labels: str) -> GaugeChild:
        child = self._gauge(metric, *labels)
        self._children.append(child)
        return child

    def report_version(self, probe: str, version: str | None) -> None:
        """A decided run of `probe` read `version`, or none. Remote text: cleaned and bounded here."""
        if version is None:
            self._releases.forget(probe)
            return
        cleaned = re.sub(r"[^A-Za-z0-9._/+-]", "_", version)[:_VERSION_MAX]
        before = self._releases.version
        if not cleaned or not self._releases.report(probe, cleaned, self._clock.wall()):
            return
        _log.info("release_seen", service=self._service.name, version=cleaned, was=before)
        if self._release_child is not None:
            self._store.remove(self._release_child)
            self._names.withdraw(
                m.ROLLWATCH_RELEASE_INFO.name, self._service.name, self._release_child.key[-1]
            )
        # A '+' is at home in a version, and not in the registry of names.
        name = cleaned.replace("+", "_")
        label = self._names.admit(m.ROLLWATCH_RELEASE_INFO.name, self._service.name, name)
        self._release_child = self._gauge(m.ROLLWATCH_RELEASE_INFO, label)
        self._release_child.set(1)
        if self._releases.changed_at is not None:
            self._changed_child = self._gauge(m.ROLLWATCH_RELEASE_CHANGED_TIMESTAMP_SECONDS)
            self._changed_child.set(self._releases.changed_at)

    def forget_probe(self, probe: str) -> None:
        """`probe` is no longer configured."""
        self._releases.forget(probe)

    def close(self) -> None:
        """Remove every series of the service."""
        for child in (*self._children, self._release_child, self._changed_child):
            if child is not None:
                self._store.remove(child)
        self._children.clear()
        self._names.forget(self._service.name)

    def view(self, probes: Sequence[ProbeView]) -> ServiceView:
        """How the service stands, given its probes."""
        verdicts = {probe.verdict for probe in probes}
        if Verdict.DOWN in verdicts:
            verdict = Verdict.DOWN
        elif Verdict.UNKNOWN in verdicts or not verdicts:
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.UP
        return ServiceView(
            name=self._service.name,
            owner=self._service.owner,
            verdict=verdict,
            version=self._releases.version,
            version_changed_at=self._releases.changed_at,
            probes=tuple(probes),
            links=self._service.links.model_dump(exclude_none=True),
        )
