"""The inbox: plays the services that tell people, and shows what would have gone to whom.

Slack's incoming webhooks, Twilio's Messages API, PagerDuty's Events API v2, a generic webhook, and what teams
keep events in, Sentry and Datadog; mail comes by `inbox_mail`. Who sends must know the token, as there.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production import inbox_forms
from rollwatch.demo.production.inbox_messages import Channel, Message
from rollwatch.demo.production.inbox_page import page, shipped
from rollwatch.demo.production.part import Part, PartEnv

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from rollwatch.demo.production.inbox_messages import Draft

__all__ = ["ACCOUNT", "PART"]

ACCOUNT = "AC0000000000000000000000000000demo"
"""Of Twilio: which account the messages are of."""
_LARGEST = 1_048_576
_LARGE = 65_536
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def _build(env: PartEnv) -> web.Application:
    routes = _Routes(env)
    app = web.Application(middlewares=[_secured], client_max_size=_LARGEST)
    app.router.add_get("/", routes.page)
    app.router.add_get("/inbox.css", _file("inbox.css", "text/css"))
    app.router.add_get("/icon.svg", _file("icon.svg", "image/svg+xml"))
    app.router.add_get("/messages", routes.messages)
    app.router.add_post("/slack/{token}", routes.slack)
    app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", routes.twilio)
    app.router.add_post("/v2/enqueue", routes.pagerduty)
    app.router.add_post("/webhook/{token}", routes.webhook)
    app.router.add_post("/api/{project}/envelope/", routes.sentry)
    app.router.add_post("/api/v1/events", routes.datadog)
    app.router.add_route("*", "/watchdog/{token}", routes.watchdog)
    return app


class _Routes:
    """Each answers as the service it plays: what is taken, a wrong token, a wrong body."""

    def __init__(self, env: PartEnv) -> None:
        self._env = env
        self._inbox = env.inbox

    async def page(self, request: web.Request) -> web.Response:
        wanted = request.query.get("channel", "")
        channel = Channel(wanted) if wanted in set(Channel) else None
        text = await page(
            self._inbox, channel, self._env.clock.wall(), is_paused=request.query.get("refresh") == "0"
        )
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    async def messages(self, request: web.Request) -> web.Response:
        """`?since=N`: those after the N-th; `last` is what to ask with next."""
        since = request.query.get("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) < 12):
            return web.json_response({"error": "since is the number of a message, 0 or above"}, status=400)
        found = [_as_json(message) for message in self._inbox.since(int(since))]
        answer = {
            "messages": found,
            "last": self._inbox.taken,
            "watchdog": {"heard": self._inbox.heartbeats, "last_at": self._inbox.heartbeat_at},
        }
        body = await asyncio.to_thread(json.dumps, answer)
        return web.Response(text=body, content_type="application/json")

    async def slack(self, request: web.Request) -> web.Response:
        if self._env.board.is_on(Fault.SLACK_DOWN):
            return web.Response(status=503, text="service_unavailable")
        if not self._knows(request.match_info["token"]):
            return web.Response(status=403, text="invalid_token")
        if not await self._take(request, inbox_forms.slack_message):
            return web.Response(status=400, text="invalid_payload")
        return web.Response(text="ok")

    async def twilio(self, request: web.Request) -> web.Response:
        if not self._is_account(request):
            body = {"code": 20003, "message": "Authenticate", "status": 401}
            return web.json_response(body, status=401)
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            message = self._inbox.take(inbox_forms.sms(form))
        except ValueError as error:
            return web.json_response({"code": 21604, "message": str(error), "status": 400}, status=400)
        sid = f"SM{message.number:032x}"
        return web.json_response({"sid": sid, "status": "queued", "to": form["To"]}, status=201)

    async def pagerduty(self, request: web.Request) -> web.Response:
        found: list[Any] = []

        def read(body: Any) -> Draft:
            found.append(body)
            if not (isinstance(body, dict) and self._knows(str(body.get("routing_key")))):
                raise ValueError("Invalid routing key")
            return inbox_forms.pager_event(body)

        if not await self._take(request, read):
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": []}
            return web.json_response(body, status=400)
        key = found[0].get("dedup_key") or f"demo-{self._inbox.taken}"
        return web.json_response(
            {"status": "success", "message": "Event processed", "dedup_key": key}, status=202
        )

    async def webhook(self, request: web.Request) -> web.Response:
        if not self._knows(request.match_info["token"]):
            return web.json_response({"error": "unauthorized"}, status=401)
        if not await self._take(request, inbox_forms.webhook_message):
            return web.json_response({"error": "send a JSON object"}, status=400)
        return web.json_response({"ok": True})

    async def sentry(self, request: web.Request) -> web.Response:
        said = f"{request.headers.get('X-Sentry-Auth', '')} {request.query_string}"
        if f"sentry_key={self._env.tokens.inbox}" not in said:
            return web.json_response({"detail": "bad sentry DSN public key"}, status=403)
        body = await request.read()
        try:
            self._inbox.take(inbox_forms.sentry_envelope(body))
        except ValueError:
            return web.json_response({"detail": "invalid envelope"}, status=400)
        return web.json_response({"id": f"{self._inbox.taken:032x}"})

    async def datadog(self, request: web.Request) -> web.Response:
        if not self._knows(request.headers.get("DD-API-KEY", "")):
            return web.json_response({"errors": ["Forbidden"]}, status=403)
        if not await self._take(request, inbox_forms.datadog_event):
            return web.json_response({"errors": ["Invalid payload"]}, status=400)
        return web.json_response({"status": "ok"}, status=202)

    async def watchdog(self, request: web.Request) -> web.Response:
        if not self._knows(request.match_info["token"]):
            return web.Response(status=404)
        self._inbox.beat()
        return web.Response(text="OK")

    async def _take(self, request: web.Request, read: Callable[[Any], Draft]) -> bool:
        """Whether its JSON body was one to keep."""
        content = await request.read()
        try:
            body = (
                await asyncio.to_thread(json.loads, content) if len(content) > _LARGE else json.loads(content)
            )
            self._inbox.take(read(body))
        except ValueError:
            return False
        return True

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._env.tokens.inbox.encode())

    def _is_account(self, request: web.Request) -> bool:
        wanted = base64.b64encode(f"{ACCOUNT}:{self._env.tokens.inbox}".encode())
        offered = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        is_known = hmac.compare_digest(offered, b"Basic " + wanted)
        return is_known and request.match_info["account"] == ACCOUNT


def _file(name: str, content_type: str) -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        headers = {"Cache-Control": "no-cache"}
        return web.Response(text=await shipped(name), content_type=content_type, headers=headers)

    return answer


@web.middleware
async def _secured(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = response.headers.get("Cache-Control", "no-store")
    return response


def _as_json(message: Message) -> dict[str, Any]:
    draft = message.draft
    return {
        "number": message.number,
        "at": message.at,
        "channel": draft.channel,
        "to": draft.to,
        "title": draft.title,
        "text": draft.text,
        "facts": dict(draft.facts),
        "links": [{"text": words, "url": url} for words, url in draft.links],
        "payload": draft.payload,
    }


PART = Part(name="inbox", title="inbox", path="/", build=_build)
