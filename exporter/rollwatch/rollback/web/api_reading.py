"""What can be read: how things stand, history, one rollback, and what would be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.intake.alerts import BODY_MAX
from rollwatch.rollback.model.words import State
from rollwatch.rollback.web.api_exchange import (
    BASE,
    READERS,
    answered,
    guarded,
    path_id,
    read_json_body,
)
from rollwatch.rollback.web.api_query import limit_of, service_of, text_of
from rollwatch.rollback.web.api_shapes import explanation_json, rollback_json, status_json, whole_json
from rollwatch.rollback.web.api_types_status import HistoryJson
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import Route

if TYPE_CHECKING:
    from aiohttp import web

    from rollwatch.rollback.web.explaining import Explainer
    from rollwatch.rollback.web.service import RollbackService
    from rollwatch.serving.route import Request

__all__ = ["ReadingApi"]


class ReadingApi:
    """Changes nothing."""

    def __init__(self, service: RollbackService, explainer: Explainer) -> None:
        self._service = service
        self._explainer = explainer

    def routes(self) -> list[Route]:
        places = (
            ("GET", "/rollback/status", self._status),
            ("GET", "/rollback/history", self._history),
            ("POST", "/rollback/explain", self._explain),
            ("GET", "/rollback/{id}", self._whole),
        )
        return [
            Route(method, f"{BASE}{path}", guarded(handler), READERS, is_open=False)
            for method, path, handler in places
        ]

    async def _status(self, _: Request) -> web.StreamResponse:
        return answered(status_json(await self._service.overview()))

    async def _history(self, request: Request) -> web.StreamResponse:
        limit = limit_of(request)
        # One more than is shown, to know whether there is another page.
        rows = await self._service.history(
            limit=limit + 1,
            before=text_of(request, "before"),
            service=service_of(request),
            state=_state_of(request),
        )
        shown = [rollback_json(row) for row in rows[:limit]]
        return answered(HistoryJson(rollbacks=shown, next=shown[-1].id if len(rows) > limit else None))

    async def _whole(self, request: Request) -> web.StreamResponse:
        return answered(whole_json(await self._service.whole(path_id(request))))

    async def _explain(self, request: Request) -> web.StreamResponse:
        body = await read_json_body(request, BODY_MAX)
        return answered(explanation_json(await self._explainer.explain(body)))


def _state_of(request: Request) -> State | None:
    word = request.query.get("state")
    if word is None:
        return None
    if word not in set(State):
        raise Refusal(400, "state_invalid", "state is none of ours.", f"One of {', '.join(State)}.")
    return State(word)
