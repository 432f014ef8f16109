"""The whole REST API, in one list of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.web.api_acting import ActingApi
from rollwatch.rollback.web.api_deployments import DeploymentsApi
from rollwatch.rollback.web.api_reading import ReadingApi
from rollwatch.rollback.web.idempotency import Idempotency
from rollwatch.rollback.web.openapi import openapi_route

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.web.api_deployments import Reporting
    from rollwatch.rollback.web.explaining import Explainer
    from rollwatch.rollback.web.service import RollbackService
    from rollwatch.serving.route import Route

__all__ = ["api_routes"]


def api_routes(
    service: RollbackService,
    explainer: Explainer,
    journal: Journal,
    clock: Clock,
    *,
    environment: str,
    services: Callable[[], Collection[str]],
    report: Reporting | None = None,
) -> list[Route]:
    """Everything under /api/monitoring but the intake. `services` are those of which deployments are taken.

    `report` records a deployment; else it goes to the journal and nothing follows from it.
    """
    idempotency = Idempotency(journal, clock)
    deployments = DeploymentsApi(
        journal, clock, idempotency, environment=environment, services=services, report=report
    )
    return [
        *ReadingApi(service, explainer).routes(),
        *ActingApi(service, idempotency).routes(),
        *deployments.routes(),
        openapi_route(),
    ]
