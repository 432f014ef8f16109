"""The pages as HTML: escaped by the template engine, and what an answer with one looks like."""

from __future__ import annotations

import asyncio
from functools import cache, wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import jinja2
import structlog
from aiohttp import web

from rollwatch.rollback.ports import JournalFailed
from rollwatch.rollback.web.declined import Declined
from rollwatch.rollback.web.session import SignedOut
from rollwatch.serving.negotiation import HTML
from rollwatch.serving.page_words import ago, clock_time, iso, utc
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.static_files import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.serving.route import Handler, Request

__all__ = ["answer_page", "page_files", "page_handler", "root_of", "see_other"]

_log = structlog.get_logger(__name__)

_NAMES = (
    "history",
    "login",
    "message",
    "now",
    "now_live",
    "onward",
    "rollback",
    "rollback_live",
    "trigger",
)
# That of every answer, with our script and what it fetches.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def page_files() -> StaticFiles:
    """Style, script and icons; read once in the life of the process."""
    return StaticFiles("rollwatch.rollback.web")


async def answer_page(name: str, *, status: int = 200, root: str = "", **shown: Any) -> web.Response:
    """The page `name`. `root` leads from its address to `/`; every list in `shown` is bounded."""
    if not _templates.cache_info().currsize:
        await asyncio.to_thread(_templates)
    text = _templates()[name].render(root=root, **shown)
    return web.Response(
        status=status, text=text, content_type=HTML, headers={"Content-Security-Policy": _POLICY}
    )


def page_handler(handler: Handler) -> Handler:
    """`handler`, with what it raises as a page that says what is wrong."""

    @wraps(handler)
    async def answer(request: Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except SignedOut:
            return _to_login(request)
        except Declined as declined:
            return await _message(request, declined.status, declined.message, declined.remedy)
        except JournalFailed as failure:
            _log.error("journal_failed", why=failure.why, path=request.path[:200])
            return await _message(
                request,
                503,
                "The journal can't be used now.",
                "What was asked for may not have been done: look at the page again in a moment. "
                "The log says what is wrong with the journal.",
            )
        except Refusal as refusal:
            response = await _message(request, refusal.status, refusal.message, refusal.remedy)
            response.headers.update(refusal.headers)
            if refusal.closes:
                response.force_close()
            return response

    return answer


def _to_login(request: Request) -> web.StreamResponse:
    """To the login, and back to this page afterwards; a form is not sent again."""
    reads = request.method in {"GET", "HEAD"}
    query = {"next": request.path_qs[:400]} if reads else {"ended": "1"}
    return see_other(f"{root_of(request)}login?{urlencode(query)}")


def see_other(address: str) -> web.Response:
    """Read `address` now; relative, since a proxy may have us below a path."""
    return web.Response(status=303, headers={"Location": address})


def root_of(request: Request) -> str:
    """What leads from the address of `request` to `/`."""
    return "../" * (request.path.count("/") - 1)


async def _message(request: Request, status: int, message: str, remedy: str) -> web.Response:
    return await answer_page("message", status=status, root=root_of(request), message=message, remedy=remedy)


@cache
def _templates() -> Mapping[str, jinja2.Template]:
    """Every page, read and compiled: some 50 ms, which is too long for the loop."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rollwatch.rollback.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(static=page_files().url, session=None, notice=None)
    environment.filters.update(ago=ago, clock_time=clock_time, iso=iso, utc=utc)
    for name in ("base.html", "parts.html", "acts.html"):
        environment.get_template(name)
    page_files().load()
    return {name: environment.get_template(f"{name}.html") for name in _NAMES}
