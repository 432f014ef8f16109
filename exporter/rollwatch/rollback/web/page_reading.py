"""The pages that are read: what happens now, one rollback, history, the form of a trigger."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from rollwatch.rollback.model.words import Level, State
from rollwatch.rollback.web.api_exchange import APPROVERS, TRIGGERERS, path_id
from rollwatch.rollback.web.api_query import service_of, text_of
from rollwatch.rollback.web.page import answer_page, page_handler, root_of
from rollwatch.rollback.web.page_model import deployment_row, row_of
from rollwatch.rollback.web.page_now import live_view, switch_rows
from rollwatch.rollback.web.page_story import story_view
from rollwatch.rollback.web.page_words import STATES
from rollwatch.rollback.web.session import SignedOut
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from rollwatch.rollback.web.page_parts import PageParts
    from rollwatch.rollback.web.session import Session
    from rollwatch.serving.route import Handler, Request

__all__ = ["ReadingPages"]

_PAGE = 25
_DEPLOYMENTS = 10
_NAMEABLE = re.compile(r"[A-Za-z0-9._/-]{1,128}")


class ReadingPages:
    """Every page needs a session; none changes anything."""

    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        pages: tuple[tuple[str, Handler], ...] = (
            ("/", self._now),
            ("/rollbacks/{id}", self._rollback),
            ("/history", self._history),
            ("/trigger", self._trigger),
        )
        pieces: tuple[tuple[str, Handler], ...] = (
            ("/live", self._now_live),
            ("/rollbacks/{id}/live", self._rollback_live),
        )
        return [
            *(Route("GET", path, page_handler(handler), ANYONE) for path, handler in pages),
            *(Route("GET", path, page_handler(_piece(handler)), ANYONE) for path, handler in pieces),
        ]

    async def _now(self, request: Request) -> web.StreamResponse:
        session = self._parts.visits.needed(request)
        overview = await self._parts.service.overview()
        settings = self._parts.settings()
        return await self._page(
            "now",
            request,
            session,
            now=overview.now,
            live=live_view(overview),
            pauses=overview.pauses,
            switches=await switch_rows(settings, self._parts.journal, overview),
            deployments=[
                deployment_row(one) for one in await self._parts.journal.deployments(limit=_DEPLOYMENTS)
            ],
        )

    async def _now_live(self, request: Request) -> web.StreamResponse:
        session = self._parts.visits.needed(request, uses=False)
        overview = await self._parts.service.overview()
        return await self._page(
            "now_live", request, session, root="", is_piece=True, now=overview.now, live=live_view(overview)
        )

    async def _rollback(self, request: Request) -> web.StreamResponse:
        session = self._parts.visits.needed(request)
        return await self._page("rollback", request, session, **await self._story(request, session))

    async def _rollback_live(self, request: Request) -> web.StreamResponse:
        session = self._parts.visits.needed(request, uses=False)
        story = await self._story(request, session)
        return await self._page("rollback_live", request, session, root="../", is_piece=True, **story)

    async def _story(self, request: Request, session: Session) -> dict[str, Any]:
        now = self._parts.clock.wall()
        whole = await self._parts.service.whole(path_id(request))
        return {"now": now, "story": story_view(whole, self._parts.settings(), session, now)}

    async def _history(self, request: Request) -> web.StreamResponse:
        session = self._parts.visits.needed(request)
        before = text_of(request, "before") if request.query.get("before") else None
        service = service_of(request) if request.query.get("service") else None
        state = _state_of(request)
        found = await self._parts.service.history(
            limit=_PAGE + 1, before=before, service=service, state=state
        )
        now = self._parts.clock.wall()
        kept = {"service": service or "", "state": "" if state is None else state.value}
        older = urlencode({**kept, "before": found[_PAGE - 1].id}) if len(found) > _PAGE else None
        return await self._page(
            "history",
            request,
            session,
            now=now,
            rows=[row_of(row, now) for row in found[:_PAGE]],
            services=self._services(service),
            states=[(one.value, STATES[one].word) for one in State],
            chosen=kept,
            is_first=before is None,
            newest=urlencode(kept),
            older=older,
        )

    async def _trigger(self, request: Request) -> web.StreamResponse:
        session = self._parts.visits.needed(request)
        if not session.may(TRIGGERERS):
            raise Refusal(
                403,
                "role_missing",
                f"{session.name} may only read.",
                "Log in with a token of the role trigger or approve.",
            )
        wanted = request.query.get("service", "")
        return await self._page(
            "trigger",
            request,
            session,
            services=self._services(wanted if _NAMEABLE.fullmatch(wanted) else None),
            chosen=wanted,
            level="emergency" if request.query.get("level") == Level.EMERGENCY else "manual",
        )

    def _services(self, chosen: str | None) -> list[str]:
        """Those of the configuration; in history one that has left it can be asked for as well."""
        names = {switch.service for switch in self._parts.settings().switches}
        return sorted(names | ({chosen} if chosen else set()))

    async def _page(
        self,
        name: str,
        request: Request,
        session: Session,
        *,
        root: str | None = None,
        is_piece: bool = False,
        **shown: Any,
    ) -> web.Response:
        notice = None
        if not is_piece:
            notice, session.notice = session.notice, None
        return await answer_page(
            name,
            root=root_of(request) if root is None else root,
            environment=self._parts.environment,
            session=session,
            notice=notice,
            every_ms=round(self._parts.every_s * 1000),
            may_trigger=session.may(TRIGGERERS),
            may_approve=session.may(APPROVERS),
            **shown,
        )


def _piece(handler: Handler) -> Handler:
    """A part of a page, for its script: it must not follow us to the login."""

    async def answer(request: Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except SignedOut:
            return web.Response(status=401, text="Signed out.\n")

    return answer


def _state_of(request: Request) -> State | None:
    word = request.query.get("state", "")
    return State(word) if word in set(State) else None
