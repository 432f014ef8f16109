"""Deployments: CI reports them, people mark them, everybody who may read sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rollwatch.rollback.deployments.reported import BadReport, Reported, read_report
from rollwatch.rollback.model.release import Deployment
from rollwatch.rollback.model.words import DeploymentSource
from rollwatch.rollback.web.api_bodies import MarkBody
from rollwatch.rollback.web.api_exchange import (
    BASE,
    DEPLOYERS,
    READERS,
    TRIGGERERS,
    acting,
    answered,
    guarded,
    path_id,
    reading,
    signed,
)
from rollwatch.rollback.web.api_query import limit_of, service_of, time_of
from rollwatch.rollback.web.api_shapes import deployment_json
from rollwatch.rollback.web.api_types_release import DeploymentsJson
from rollwatch.rollback.web.declined import Declined
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import Route

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web
    from pydantic import BaseModel

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.web.idempotency import Idempotency
    from rollwatch.serving.route import Request

__all__ = ["DeploymentsApi", "Reporting"]

Reporting = Callable[[Reported], Awaitable[Deployment]]
"""Records what CI reports, and does what follows from it. Raises JournalFailed."""


class DeploymentsApi:
    """The routes below /deployments. `services` are those with a section rollback, now."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        idempotency: Idempotency,
        *,
        environment: str,
        services: Callable[[], Collection[str]],
        report: Reporting | None = None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._idempotency = idempotency
        self._environment = environment
        self._services = services
        self._report = report or self._record

    def routes(self) -> list[Route]:
        once = self._idempotency
        reported = acting(once, self._read, self._reported)
        marked = acting(once, reading(MarkBody), self._marked)
        return [
            Route("POST", f"{BASE}/deployments", reported, DEPLOYERS, is_open=False),
            Route("GET", f"{BASE}/deployments", guarded(self._list), READERS, is_open=False),
            Route("POST", f"{BASE}/deployments/{{id}}/mark", marked, TRIGGERERS, is_open=False),
        ]

    def _read(self, raw: bytes) -> Reported:
        try:
            return read_report(
                raw, services=self._services(), environment=self._environment, now=self._clock.wall()
            )
        except BadReport as bad:
            raise Refusal(400, "report_invalid", bad.why, bad.remedy) from None

    async def _reported(self, _: Request, reported: Reported) -> tuple[int, BaseModel]:
        return 200, deployment_json(await self._report(reported))

    async def _record(self, reported: Reported) -> Deployment:
        return await self._journal.record_deployment(
            reported.release,
            reported.state,
            DeploymentSource.REPORTED,
            at=reported.at,
            migration=reported.migration,
            committed_at=reported.committed_at,
            deployment_id=reported.deployment_id,
        )

    async def _list(self, request: Request) -> web.StreamResponse:
        found = await self._journal.deployments(
            service=service_of(request), limit=limit_of(request), before=time_of(request, "before")
        )
        return answered(DeploymentsJson(deployments=[deployment_json(one) for one in found]))

    async def _marked(self, request: Request, body: MarkBody) -> tuple[int, BaseModel]:
        actor = signed(body.actor, request)
        found = await self._journal.mark(
            path_id(request), good=body.good, actor=actor, now=self._clock.wall()
        )
        if found is None:
            raise Declined(
                404,
                "unknown_deployment",
                "There is no deployment of this id.",
                "GET /api/monitoring/deployments lists them.",
            )
        return 200, deployment_json(found)
