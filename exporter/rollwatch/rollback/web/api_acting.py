"""What can be done: trigger, approve, cancel, pause, resume, count anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import Level
from rollwatch.rollback.web.api_bodies import (
    ApproveBody,
    BreakerBody,
    CancelBody,
    PauseBody,
    ResumeBody,
    TriggerBody,
)
from rollwatch.rollback.web.api_exchange import APPROVERS, BASE, TRIGGERERS, acting, path_id, reading, signed
from rollwatch.rollback.web.api_shapes import pauses_json, rollback_json, triggered_json
from rollwatch.rollback.web.api_types_status import BreakerJson, PausesJson
from rollwatch.rollback.web.service import Wish
from rollwatch.serving.route import Route

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rollwatch.rollback.web.idempotency import Idempotency
    from rollwatch.rollback.web.service import RollbackService
    from rollwatch.serving.route import Handler, Request

__all__ = ["ActingApi"]


class ActingApi:
    """Every action needs a person's name; the token's is recorded beside it."""

    def __init__(self, service: RollbackService, idempotency: Idempotency) -> None:
        self._service = service
        self._idempotency = idempotency

    def routes(self) -> list[Route]:
        once = self._idempotency
        approvers: tuple[str, Handler] = (
            "/rollback/{id}/approve",
            acting(once, reading(ApproveBody), self._approve),
        )
        triggerers: tuple[tuple[str, Handler], ...] = (
            ("/rollback/trigger", acting(once, reading(TriggerBody), self._trigger)),
            ("/rollback/pause", acting(once, reading(PauseBody), self._pause)),
            ("/rollback/resume", acting(once, reading(ResumeBody), self._resume)),
            ("/rollback/breaker", acting(once, reading(BreakerBody), self._breaker)),
            ("/rollback/{id}/cancel", acting(once, reading(CancelBody), self._cancel)),
        )
        return [
            *(
                Route("POST", f"{BASE}{path}", handler, TRIGGERERS, is_open=False)
                for path, handler in triggerers
            ),
            Route("POST", f"{BASE}{approvers[0]}", approvers[1], APPROVERS, is_open=False),
        ]

    async def _trigger(self, request: Request, body: TriggerBody) -> tuple[int, BaseModel]:
        wish = Wish(
            service=body.service,
            reason=body.reason,
            actor=signed(body.actor, request),
            level=Level(body.level),
            target=body.target,
            dry_run=body.dry_run,
        )
        row = await self._service.trigger(wish)
        return 202 if row.state.is_open else 200, triggered_json(row)

    async def _approve(self, request: Request, body: ApproveBody) -> tuple[int, BaseModel]:
        row = await self._service.approve(path_id(request), signed(body.actor, request))
        return 200, rollback_json(row)

    async def _cancel(self, request: Request, body: CancelBody) -> tuple[int, BaseModel]:
        row = await self._service.cancel(path_id(request), signed(body.actor, request), body.reason)
        return 200, rollback_json(row)

    async def _pause(self, request: Request, body: PauseBody) -> tuple[int, BaseModel]:
        pauses = await self._service.pause(body.service, signed(body.actor, request), body.reason)
        return 200, PausesJson(pauses=pauses_json(pauses), changed=True)

    async def _resume(self, request: Request, body: ResumeBody) -> tuple[int, BaseModel]:
        pauses, changed = await self._service.resume(body.service, signed(body.actor, request))
        return 200, PausesJson(pauses=pauses_json(pauses), changed=changed)

    async def _breaker(self, request: Request, body: BreakerBody) -> tuple[int, BaseModel]:
        await self._service.close_breaker(body.service, signed(body.actor, request))
        return 200, BreakerJson(service=body.service)
