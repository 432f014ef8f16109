"""The forms of the page: each checks session, origin, form and role, acts, and sends the browser on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import orjson
import structlog

from rollwatch.rollback.model.words import Level, Role, State
from rollwatch.rollback.web.api_bodies import (
    BreakerBody,
    CancelBody,
    MarkBody,
    PauseBody,
    ResumeBody,
    TriggerBody,
)
from rollwatch.rollback.web.api_exchange import APPROVERS, TRIGGERERS
from rollwatch.rollback.web.declined import Declined
from rollwatch.rollback.web.idempotency import Answer, Idempotency
from rollwatch.rollback.web.page import page_handler, see_other
from rollwatch.rollback.web.page_form import check_form, checked, read_form
from rollwatch.rollback.web.page_story import REAL_WITHIN_S
from rollwatch.rollback.web.page_words import STATES
from rollwatch.rollback.web.service import Wish
from rollwatch.rollback.web.session import Notice
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from aiohttp import web

    from rollwatch.rollback.model.record import Rollback
    from rollwatch.rollback.web.page_parts import PageParts
    from rollwatch.rollback.web.session import Session
    from rollwatch.serving.route import Handler, Request

__all__ = ["ActingPages"]

_log = structlog.get_logger(__name__)

Form = Mapping[str, str]


class Done(NamedTuple):
    """Where the browser goes, below `/`, and what is said there."""

    place: str
    message: str


Act = Callable[["Session", Form], Awaitable[Done]]


class ActingPages:
    """Who acts is the name of the token or user that signed in."""

    def __init__(self, parts: PageParts) -> None:
        self._parts = parts
        self._service = parts.service
        self._idempotency = Idempotency(parts.journal, parts.clock)

    def routes(self) -> list[Route]:
        acts: tuple[tuple[str, frozenset[Role], Act, Callable[[Form], str]], ...] = (
            ("approve", APPROVERS, self._approve, _to_rollback),
            ("cancel", TRIGGERERS, self._cancel, _to_rollback),
            ("pause", TRIGGERERS, self._pause, _to_now),
            ("resume", TRIGGERERS, self._resume, _to_now),
            ("breaker", TRIGGERERS, self._breaker, _to_now),
            ("mark", TRIGGERERS, self._mark, _to_now),
            ("dry-run", TRIGGERERS, self._dry_run, _to_trigger),
            ("trigger", TRIGGERERS, self._trigger, _to_rollback),
        )
        return [
            Route("POST", f"/act/{name}", page_handler(self._acting(roles, act, back)), ANYONE)
            for name, roles, act, back in acts
        ]

    def _acting(self, roles: frozenset[Role], act: Act, back: Callable[[Form], str]) -> Handler:
        async def handle(request: Request) -> web.StreamResponse:
            session = self._parts.visits.needed(request)
            form = await read_form(request)
            check_form(session, form)
            if not session.may(roles):
                raise _not_allowed(session, roles)
            try:
                place, message = await act(session, form)
                session.notice = Notice("up", message)
            except Declined as declined:
                place = back(form) if declined.status != 404 else "."
                session.notice = Notice("down", declined.message, declined.remedy)
            return see_other(f"../{place}")

        return handle

    async def _approve(self, session: Session, form: Form) -> Done:
        row = await self._service.approve(_id_of(form), session.name)
        return Done(f"rollbacks/{row.id}", "Approved. Every guard is asked once more, then it begins.")

    async def _cancel(self, session: Session, form: Form) -> Done:
        body = checked(CancelBody, {"actor": session.name, "reason": form.get("reason")})
        row = await self._service.cancel(_id_of(form), body.actor, body.reason)
        said = "It stops before anything is changed." if row.state.is_open else "Cancelled."
        return Done(f"rollbacks/{row.id}", said)

    async def _pause(self, session: Session, form: Form) -> Done:
        body = checked(
            PauseBody,
            {
                "actor": session.name,
                "reason": form.get("reason"),
                "service": form.get("service") or None,
            },
        )
        await self._service.pause(body.service, body.actor, body.reason)
        return Done(".", f"Rollbacks of {body.service or 'every service'} are paused.")

    async def _resume(self, session: Session, form: Form) -> Done:
        body = checked(ResumeBody, {"actor": session.name, "service": form.get("service") or None})
        _, was_paused = await self._service.resume(body.service, body.actor)
        whose = body.service or "every service"
        if was_paused:
            return Done(".", f"The pause of {whose} has ended.")
        return Done(".", f"There was no pause of {whose} (any more).")

    async def _breaker(self, session: Session, form: Form) -> Done:
        body = checked(BreakerBody, {"actor": session.name, "service": form.get("service")})
        await self._service.close_breaker(body.service, body.actor)
        return Done(".", f"Automatic rollbacks of {body.service} are counted anew.")

    async def _mark(self, session: Session, form: Form) -> Done:
        said = {"good": True, "bad": False, "nothing": None}
        if form.get("good") not in said:
            raise Declined(400, "form_invalid", "Nothing was marked.", "Use one of the buttons.")
        body = checked(MarkBody, {"actor": session.name, "good": said[form["good"]]})
        found = await self._parts.journal.mark(
            _id_of(form), good=body.good, actor=body.actor, now=self._parts.clock.wall()
        )
        if found is None:
            raise Declined(
                404, "unknown_deployment", "There is no deployment of this id.", "Reload the page."
            )
        _log.info("deployment_marked", deployment=found.id, good=body.good, actor=body.actor)
        words = {True: "good", False: "bad", None: "neither good nor bad"}[body.good]
        return Done(".", f"{found.release.service} {found.release.shown} is marked as {words}.")

    async def _dry_run(self, session: Session, form: Form) -> Done:
        body = checked(
            TriggerBody,
            {
                "service": form.get("service"),
                "reason": form.get("reason"),
                "actor": session.name,
                "level": form.get("level", "manual"),
                "target": form.get("target") or None,
                "dry_run": True,
            },
        )
        row = await self._service.trigger(
            Wish(body.service, body.reason, body.actor, Level(body.level), body.target, dry_run=True)
        )
        return Done(f"rollbacks/{row.id}", "Nothing was done: this is what would be decided.")

    async def _trigger(self, session: Session, form: Form) -> Done:
        """What the dry run was about, and nothing else; once, however often the form is sent."""
        dry = (await self._service.whole(_id_of(form))).rollback
        self._check_dry_run(dry, session, form)
        wish = Wish(dry.service, dry.reason or "", session.name, dry.level, dry.wanted_target)

        async def once() -> Answer:
            row = await self._service.trigger(wish)
            return Answer(200, orjson.dumps({"id": row.id, "state": row.state}).decode())

        asked = ("POST", "/act/trigger", dry.id.encode())
        answer = await self._idempotency.once(f"page-{dry.id}", session.principal, asked, once)
        told = orjson.loads(answer.body)
        state = State(told["state"])
        said = "It was asked for." if state.is_open else f"It is over at once: {STATES[state].word}."
        return Done(f"rollbacks/{told['id']}", said)

    def _check_dry_run(self, dry: Rollback, session: Session, form: Form) -> None:
        """Raises Declined where it is no fresh dry run of who asks, or the service was not typed."""
        is_theirs = dry.dry_run and dry.state is State.DRY_RUN and dry.actor == session.name
        if not is_theirs or self._parts.clock.wall() - dry.created_at >= REAL_WITHIN_S:
            raise Declined(
                409,
                "dry_run_needed",
                "Nothing was done: there is no dry run of yours that is younger than 15 minutes.",
                "Make a new dry run, read what it says, and go on from there.",
            )
        if dry.level is Level.EMERGENCY and form.get("confirm", "") != dry.service:
            raise Declined(
                400,
                "not_confirmed",
                "Nothing was done: the name of the service was not typed as it is.",
                f"Type {dry.service} to confirm the emergency.",
            )


def _id_of(form: Form) -> str:
    return form.get("id", "")[:128]


def _to_now(_: Form) -> str:
    return "."


def _to_rollback(form: Form) -> str:
    found = _id_of(form)
    return f"rollbacks/{found}" if found.replace("-", "").isalnum() and found.isascii() else "."


def _to_trigger(form: Form) -> str:
    return f"trigger?level={'emergency' if form.get('level') == Level.EMERGENCY else 'manual'}"


def _not_allowed(session: Session, roles: frozenset[Role]) -> Refusal:
    return Refusal(
        403,
        "role_missing",
        f"Nothing was done: {session.name} has the role {session.principal.role}.",
        f"This needs {' or '.join(sorted(roles))}: log in with such a token.",
    )
