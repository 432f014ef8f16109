"""A bridge in this process, and far ends that answer as the real ones do (their documented answers)."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import aiohttp
import orjson
from aiohttp import web

from rollwatch.bridge.app import Bridge, bridging
from rollwatch.bridge.channels.channel import Pace
from rollwatch.bridge.settings import BridgeSettings
from rollwatch.bridge.tempo import Tempo
from rollwatch.bridge.words import ChannelName
from rollwatch.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FAST",
    "NUMBER",
    "TOKEN",
    "Call",
    "FarEnd",
    "Running",
    "configuration",
    "datadog",
    "far_end",
    "running_bridge",
    "sentry",
    "twilio",
]

TOKEN = "the-token-of-the-bridge"
NUMBER = "+4915112345678"
_QUICK = Pace(burst=1000, every_s=0.001, give_up_s=86_400.0, longest_wait_s=0.2)
FAST = Tempo(
    {
        ChannelName.SMS: Pace(1000, 0.001, 7200.0, longest_wait_s=0.2, at_once=500, gather_s=0.2),
        ChannelName.DIGEST: _QUICK,
        ChannelName.WEBHOOK: _QUICK,
        ChannelName.SENTRY: _QUICK,
        ChannelName.DATADOG: _QUICK,
    },
    call_timeout_s=10.0,
    mail_deadline_s=10.0,
)
"""Nobody waits; a machine that is busy changes no outcome."""


@dataclass(frozen=True)
class Call:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), strict_parsing=True).items()}


Answering = Callable[[Call], web.Response | Awaitable[web.Response]]


@dataclass
class FarEnd:
    """A server that keeps what it gets."""

    answer: Answering
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    first: deque[Answering] = field(default_factory=deque)
    """Answers before `answer` comes into use, one for each call."""

    async def handle(self, request: web.Request) -> web.Response:
        call = Call(request.method, request.path_qs, dict(request.headers), await request.read())
        self.calls.append(call)
        found = (self.first.popleft() if self.first else self.answer)(call)
        return found if isinstance(found, web.Response) else await found

    async def came(self, count: int, *, within_s: float = 20.0) -> list[Call]:
        """The calls, once there are so many."""
        async with asyncio.timeout(within_s):
            while len(self.calls) < count:
                await asyncio.sleep(0.01)
        return self.calls


def ok(_: Call) -> web.Response:
    return web.Response(text="ok")


def status(code: int, body: str = "", headers: dict[str, str] | None = None) -> Answering:
    return lambda _: web.Response(status=code, text=body, headers=headers)


@asynccontextmanager
async def far_end(answer: Answering = ok) -> AsyncIterator[FarEnd]:
    """On port 0 of loopback."""
    end = FarEnd(answer)
    app = web.Application(client_max_size=16 * 1024**2)
    app.router.add_route("*", "/{tail:.*}", end.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    end.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield end
    finally:
        await runner.cleanup()


def twilio(call: Call) -> web.Response:
    """https://www.twilio.com/docs/messaging/api/message-resource, and its errors."""

    def error(http: int, code: int, message: str) -> web.Response:
        more = f"https://www.twilio.com/docs/errors/{code}"
        return web.json_response(
            {"code": code, "message": message, "more_info": more, "status": http}, status=http
        )

    login = base64.b64encode(b"AC1:auth").decode()
    if call.headers.get("Authorization") != f"Basic {login}":
        return error(401, 20003, "Authenticate")
    if call.path != "/2010-04-01/Accounts/AC1/Messages.json":
        return error(404, 20404, "The requested resource was not found")
    form = call.form()
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return error(400, 21603, "A 'From' phone number is required.")
    if not form.get("Body"):
        return error(400, 21602, "Message body is required.")
    if form["To"].endswith("0000"):
        return error(400, 21211, f"The 'To' number {form['To']} is not a valid phone number.")
    return web.json_response(
        {"sid": "SM0123456789abcdef0123456789abcdef", "status": "queued", "error_code": None}, status=201
    )


def sentry(call: Call) -> web.Response:
    """The envelope endpoint; https://develop.sentry.dev/sdk/foundations/transport/envelopes/."""
    if "sentry_key=key" not in call.headers.get("X-Sentry-Auth", "") or call.path != "/api/1/envelope/":
        detail = "event submission rejected with_reason: ProjectId"
        return web.json_response({"detail": detail}, status=403)
    head, item, event = call.body.split(b"\n")[:3]
    if orjson.loads(item)["length"] != len(event):
        return web.json_response({"detail": "invalid event envelope"}, status=400)
    return web.json_response({"id": orjson.loads(head)["event_id"]})


def datadog(call: Call) -> web.Response:
    """https://docs.datadoghq.com/api/latest/events/#post-an-event (v1)."""
    if call.headers.get("DD-API-KEY") != "dd-key":
        return web.json_response({"errors": ["Forbidden"]}, status=403)
    event = call.json()
    if not event.get("title") or not event.get("text"):
        return web.json_response({"errors": ["Bad Request"]}, status=400)
    return web.json_response({"status": "ok", "event": {"id": 1}}, status=202)


def configuration(directory: Path, bridge: str, notifications: str = "", services: str = "") -> Path:
    """A configuration file with this inside `bridge`, `notifications` and `services`."""
    account = (
        '  twilio: {account_sid: AC1, auth_token: auth, from: "+15005550006", url: "http://127.0.0.1:1"}'
    )
    path = directory / "rollwatch.yml"
    path.write_text(
        f"""
environment: production
services:
  api: {{probes: {{health: {{kind: http, url: "http://127.0.0.1:1/"}}}}}}
{services}
notifications:
  sms: {{to: ["{NUMBER}"]}}
  bridge: {{url: "http://127.0.0.1:9719", token_file: secrets/bridge}}
{notifications}
bridge:
  token: {TOKEN}
{"" if "twilio" in bridge else account}
{bridge}
"""
    )
    return path


class Running:
    """A bridge, and what a client of it needs."""

    def __init__(self, bridge: Bridge, session: aiohttp.ClientSession, hang_up: asyncio.Event) -> None:
        self.parts = bridge.parts
        self.url = bridge.listener.url
        self.hang_up = hang_up
        self._session = session

    async def post(self, route: str, body: bytes, token: str | None = TOKEN) -> tuple[int, str]:
        """What Alertmanager does."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._session.post(
            f"{self.url}/alerts/{route}", data=io.BytesIO(body), headers=headers
        ) as response:
            return response.status, await response.text()

    async def get(self, path: str, token: str | None = TOKEN) -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._session.get(f"{self.url}{path}", headers=headers) as response:
            return response.status, await response.text()

    async def deliveries(self, query: str = "") -> list[dict[str, Any]]:
        code, text = await self.get(f"/api/deliveries{query}")
        assert code == 200, text
        return list(orjson.loads(text)["deliveries"])

    async def settled(self, *, within_s: float = 20.0) -> list[dict[str, Any]]:
        """The deliveries, once none waits any more."""
        async with asyncio.timeout(within_s):
            while True:
                found = await self.deliveries()
                if all(one["state"] in {"sent", "given_up", "kept"} for one in found):
                    return found
                await asyncio.sleep(0.02)

    async def metric(self, name: str, **labels: str) -> float | None:
        """The value of a series; None if there is none."""
        code, text = await self.get("/metrics", token=None)
        assert code == 200
        said = ",".join(f'{label}="{value}"' for label, value in labels.items())
        for line in text.splitlines():
            if line.startswith(f"{name}{{{said}}} "):
                return float(line.rpartition(" ")[2])
        return None


@asynccontextmanager
async def running_bridge(
    config: Path, storage: Path | None = None, *, tempo: Tempo = FAST, clock: Any = None
) -> AsyncIterator[Running]:
    """A bridge on port 0."""
    settings = BridgeSettings(config, "127.0.0.1:0", None, storage or config.parent / "data", {})
    hang_up = asyncio.Event()
    async with (
        bridging(settings, clock or SystemClock(), lambda: 0.5, tempo, hang_up) as bridge,
        aiohttp.ClientSession() as session,
    ):
        yield Running(bridge, session, hang_up)
