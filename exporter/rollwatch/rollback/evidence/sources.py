"""All that can be asked, as one: Prometheus, the exporter, Alertmanager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.evidence.exporter_view import ExporterView
from rollwatch.rollback.evidence.peer import Peer, new_session
from rollwatch.rollback.evidence.prometheus import FAULT_WINDOW_S, Prometheus
from rollwatch.rollback.evidence.silences import Silences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.rollback_handler import PeerSpec
    from rollwatch.rollback.evidence.exporter_view import Watched
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.policy.facts import Known
    from rollwatch.rollback.ports import ServiceNow

__all__ = ["Sources"]


class Sources:
    """The `Evidence` of a running handler. Made on a running loop; whoever makes it closes it."""

    def __init__(
        self,
        prometheus: PeerSpec,
        exporter: PeerSpec,
        alertmanager: PeerSpec,
        *,
        clock: Clock,
        environment: str,
        watched: Mapping[str, Watched],
        user_agent: str,
        fault_window_s: float = FAULT_WINDOW_S,
    ) -> None:
        self._session = new_session(user_agent)
        self._prometheus = Prometheus(
            Peer("Prometheus", prometheus, self._session), clock, window_s=fault_window_s
        )
        self._exporter = ExporterView(
            Peer("the exporter", exporter, self._session), clock, environment, watched
        )
        self._silences = Silences(Peer("Alertmanager", alertmanager, self._session))

    async def fault_before(self, alert: RollbackAlert, deployed_at: float) -> Known[bool]:
        """As `Evidence` says."""
        return await self._prometheus.fault_before(alert, deployed_at)

    async def still_firing(self, alert: RollbackAlert) -> Known[bool]:
        """As `Evidence` says."""
        return await self._prometheus.still_firing(alert)

    async def recovered(self, alert: RollbackAlert) -> Known[bool]:
        """As `Evidence` says."""
        return await self._prometheus.recovered(alert)

    async def service_now(self, service: str) -> Known[ServiceNow]:
        """As `Evidence` says."""
        return await self._exporter.service_now(service)

    async def silenced(self, alert: RollbackAlert) -> Known[bool]:
        """As `Evidence` says."""
        return await self._silences.silenced(alert)

    async def close(self) -> None:
        """End its connections."""
        await self._session.close()
