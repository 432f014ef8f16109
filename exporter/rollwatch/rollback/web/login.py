"""Signing in and out at the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import structlog
from yarl import URL

from rollwatch.rollback.web.api_exchange import READERS
from rollwatch.rollback.web.page import answer_page, page_handler, see_other
from rollwatch.rollback.web.page_form import check_form, read_form
from rollwatch.serving.access import PASSWORDS, Principal, known_token
from rollwatch.serving.app import WEB
from rollwatch.serving.route import ANYONE, Route
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from rollwatch.rollback.web.login_gate import LoginGate
    from rollwatch.rollback.web.session import Sessions
    from rollwatch.rollback.web.session_visit import Visits
    from rollwatch.serving.route import Request
    from rollwatch.serving.web_config import WebConfig

__all__ = ["LoginRoutes"]

_log = structlog.get_logger(__name__)

_PLACE = re.compile(r"/((rollbacks/[A-Za-z0-9._:-]{1,128}|history|trigger)(\?[A-Za-z0-9._/:=&%-]{0,300})?)?")
_SECRET_MAX = 4096


class _Known(NamedTuple):
    """Whose credentials were given, and what is kept to see that they still do."""

    principal: Principal
    proof: bytes


class _Refused(NamedTuple):
    why: str
    """For the log."""
    message: str


class LoginRoutes:
    """A token of the web configuration, or one of its users, becomes a session."""

    def __init__(self, sessions: Sessions, visits: Visits, gate: LoginGate, environment: str) -> None:
        self._sessions = sessions
        self._visits = visits
        self._gate = gate
        self._environment = environment

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/login", page_handler(self._form), ANYONE),
            Route("POST", "/login", page_handler(self._enter), ANYONE),
            Route("POST", "/logout", page_handler(self._leave), ANYONE),
        ]

    async def _form(self, request: Request) -> web.StreamResponse:
        self._visits.check_place(request)
        place = _local(request.query.get("next", ""))
        if self._visits.of(request) is not None:
            return see_other(f".{place}")
        if _comes_from_elsewhere(request):
            # A link in a chat or a mail: the browser has kept the cookie back. Our own page gets it.
            return await answer_page("onward", environment=self._environment)
        return await self._shown(request, place)

    async def _enter(self, request: Request) -> web.StreamResponse:
        self._visits.check_place(request)
        form = await read_form(request)
        place = _local(form.get("next", ""))
        address = request.remote or ""
        with self._gate.trying(address):
            found = await _recognised(form, request)
            if isinstance(found, _Refused):
                _log.warning("login_failed", client=address, why=found.why)
                await self._gate.failed(address)
                return await self._shown(request, place, found.message, status=403)
            self._gate.succeeded(address)
        principal = found.principal
        _log.info("login", client=address, kind=principal.kind, who=principal.name, role=principal.role)
        response = see_other(f".{place}")
        self._visits.begin(request, response, self._sessions.begin(principal, found.proof))
        return response

    async def _leave(self, request: Request) -> web.StreamResponse:
        session = self._visits.needed(request)
        check_form(session, await read_form(request))
        _log.info("logout", client=request.remote, who=session.name)
        response = see_other("login")
        self._visits.end(request, response)
        return response

    async def _shown(
        self, request: Request, place: str, trouble: str = "", *, status: int = 200
    ) -> web.StreamResponse:
        config = request.app[WEB].current
        return await answer_page(
            "login",
            status=status,
            environment=self._environment,
            place=place,
            trouble=trouble,
            has_ended="ended" in request.query,
            has_tokens=any(token.role in READERS for token in config.tokens),
            has_users=bool(config.users),
        )


async def _recognised(form: Mapping[str, str], request: Request) -> _Known | _Refused:
    """Raises Refusal 429 where too many passwords are being checked."""
    config = request.app[WEB].current
    token = form.get("token", "")[:_SECRET_MAX]
    if token:
        return _by_token(token, config)
    name, password = form.get("user", "")[:256], form.get("password", "")[:_SECRET_MAX]
    if not (name and password and config.users):
        return _Refused("nothing_given", "Nothing was given. Type a token.")
    try:
        is_right = await request.app[PASSWORDS].verify(config.users, name, password, request.remote or "")
    except UnicodeEncodeError:
        is_right = False
    stored = config.users.get(name)
    if is_right and stored is not None:
        return _Known(Principal("user", name), stored.encode())
    return _Refused("password_wrong", "The user name or the password is wrong.")


def _by_token(token: str, config: WebConfig) -> _Known | _Refused:
    known = known_token(token, config)
    if known is None:
        return _Refused("token_unknown", "This token is not known here.")
    if known.role not in READERS:
        return _Refused(
            "role_has_no_page",
            f"The token {clean(known.name, 64)} has the role {known.role}, which is for programs. "
            "Use one with the role read, trigger or approve.",
        )
    return _Known(Principal("token", known.name, known.role), known.sha256)


def _local(place: str) -> str:
    """A page of ours, as a path; whatever else is asked for becomes `/`."""
    return place if _PLACE.fullmatch(place) else "/"


def _comes_from_elsewhere(request: Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "cross-site"
    referrer = request.headers.get("Referer")
    if referrer is None:
        return False
    try:
        return URL(referrer).host != request.url.host
    except ValueError:
        return False
