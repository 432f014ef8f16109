"""The session of a request: its cookie, and whether the request may come under this name at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yarl import URL

from rollwatch.rollback.web.session import SignedOut
from rollwatch.serving.access import PRINCIPAL
from rollwatch.serving.app import WEB
from rollwatch.serving.origin import check_origin, check_reader
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from rollwatch.rollback.web.session import Session, Sessions
    from rollwatch.serving.route import Request

__all__ = ["Visits"]


class Visits:
    """`public_url` is where people reach the page through a proxy, now."""

    def __init__(self, sessions: Sessions, public_url: Callable[[], str | None]) -> None:
        self._sessions = sessions
        self._public_url = public_url

    def check_place(self, request: Request) -> None:
        """Raise Refusal for a page of another site, and for a name that could have been rebound.

        Stricter than the listener itself: a cookie, unlike a token, comes along by itself.
        """
        _check_host(request)
        public = self._public()
        hosts = request.app[WEB].current.known_hosts | ({public.host} if public and public.host else set())
        check_origin(request.method, request.headers, hosts, asks_who=False)
        check_reader(request.headers, hosts)

    def of(self, request: Request, *, uses: bool = True) -> Session | None:
        """The session, if there is one; who it is stands in the access log then."""
        session_id = request.cookies.get(self._cookie(request))
        if session_id is None:
            return None
        session = self._sessions.find(session_id, request.app[WEB].current, uses=uses)
        if session is not None:
            request[PRINCIPAL] = session.principal
        return session

    def needed(self, request: Request, *, uses: bool = True) -> Session:
        """The session. Raises SignedOut, and Refusal as `check_place`."""
        self.check_place(request)
        session = self.of(request, uses=uses)
        if session is None:
            raise SignedOut
        return session

    def begin(self, request: Request, response: web.StreamResponse, session_id: str) -> None:
        """Hand the id out; whatever session the browser had before ends."""
        self.end(request, response)
        response.set_cookie(
            self._cookie(request),
            session_id,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._is_secure(request),
        )

    def end(self, request: Request, response: web.StreamResponse) -> None:
        """Sign out."""
        name = self._cookie(request)
        session_id = request.cookies.get(name)
        if session_id is not None:
            self._sessions.end(session_id)
            response.del_cookie(
                name, path="/", httponly=True, samesite="Strict", secure=self._is_secure(request)
            )

    def _cookie(self, request: Request) -> str:
        # Cookies know no ports: two handlers on one host would sign each other's people out.
        prefix = "__Host-" if self._is_secure(request) else ""
        return f"{prefix}rollwatch_rollback_{request.url.port or 0}"

    def _is_secure(self, request: Request) -> bool:
        public = self._public()
        return request.secure or (
            public is not None and public.scheme == "https" and public.host == request.url.host
        )

    def _public(self) -> URL | None:
        url = self._public_url()
        return None if url is None else URL(url)


def _check_host(request: Request) -> None:
    try:
        _ = (request.url.host, request.url.port)
    except ValueError:
        raise Refusal(
            400, "host_invalid", "The Host header names no host.", "Open the page by its address."
        ) from None
