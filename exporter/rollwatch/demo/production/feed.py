"""The WebSocket feed: subscribe to a channel, get an acknowledgement, then ticks; heartbeats in between.

Client: `{"op":"subscribe","ch":"BTC"}`, `unsubscribe`, `{"op":"ping"}`. Server: `ack`, `tick`, `heartbeat`,
`pong`, `error`, each in the key `type`. A token is checked where one is offered; `/private/feed` insists.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import math
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.answers import unavailable
from rollwatch.demo.production.part import Part, PartEnv

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["PART"]

_CHANNELS = {"BTC": 64_000.0, "ETH": 3_100.0, "SOL": 150.0}
_SILENT_CHANNEL = "ETH"
_SUBPROTOCOL = "market.v1"
_SECONDS_BETWEEN_TICKS = 0.25
_TICKS_BETWEEN_HEARTBEATS = 8
_MESSAGE_LIMIT = 4096


class _Feed:
    """Every open session, and what is sent to each."""

    def __init__(self, env: PartEnv) -> None:
        self._env = env
        self._sessions: set[_Session] = set()
        self._phases = {channel: env.rng.random() * math.tau for channel in _CHANNELS}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        socket = web.WebSocketResponse(protocols=(_SUBPROTOCOL,), max_msg_size=_MESSAGE_LIMIT, timeout=1.0)
        await socket.prepare(request)
        session = _Session(self, socket, request)
        self._sessions.add(session)
        try:
            await session.converse()
        finally:
            self._sessions.discard(session)
        return socket

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self._env.board.is_on(Fault.WS_REFUSE):
            return unavailable("the feed takes no sessions")
        offered = request.query.get("token")
        if offered is None:
            offered = request.headers.get("Authorization", "").removeprefix("Bearer ") or None
        if offered is None and not request.path.startswith("/private/"):
            return None
        if offered is None or not hmac.compare_digest(offered.encode(), self._env.tokens.feed.encode()):
            return web.json_response({"error": "unauthorized"}, status=401)
        return None

    async def obey_switches(self, _app: web.Application) -> AsyncIterator[None]:
        """While the application lives: end the open sessions when a fault says so."""
        task = asyncio.create_task(self._follow(), name="feed switches")
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _follow(self) -> None:
        seen = self._env.board.changes
        while True:
            if self._env.board.is_on(Fault.WS_DROP, Fault.WS_REFUSE):
                for session in tuple(self._sessions):
                    session.drop()
            seen = await self._env.board.changed(seen)

    async def end_sessions(self, _app: web.Application) -> None:
        """Say goodbye properly when the production stops."""
        async with asyncio.TaskGroup() as goodbyes:
            for session in self._sessions:
                goodbyes.create_task(
                    session.socket.close(code=WSCloseCode.GOING_AWAY, message=b"the demo stops"),
                    name="feed goodbye",
                )

    def is_silent(self, channel: str | None = None) -> bool:
        """Whether nothing is to be sent now (on this channel)."""
        board = self._env.board
        return board.is_on(Fault.FEED_STALE) or (
            channel == _SILENT_CHANNEL and board.is_on(Fault.FEED_CHANNEL_STALE)
        )

    @property
    def drops(self) -> bool:
        """Whether sessions are dropped as soon as they subscribe."""
        return self._env.board.is_on(Fault.WS_DROP)

    @property
    def now_ms(self) -> int:
        return int(self._env.clock.wall() * 1000)

    def price(self, channel: str) -> float:
        """A slow wave around the channel's base price: the same for every session at one moment."""
        swing = math.sin(self._env.clock.monotonic() / 20 + self._phases[channel])
        return round(_CHANNELS[channel] * (1 + 0.01 * swing), 2)


class _Session:
    """One client: its subscriptions, what it says and what it is sent."""

    def __init__(self, feed: _Feed, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._feed = feed
        self._request = request
        self._sequence: dict[str, int] = {}
        self.socket = socket

    async def converse(self) -> None:
        sender = asyncio.create_task(self._send_ticks(), name="feed session")
        try:
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    await self._answer(message.data)
                else:
                    await self._say(type="error", message="send JSON text")
        except ConnectionError:
            pass  # the client went away while it was answered
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sender

    def drop(self) -> None:
        """End the connection without a word: a reset, no close frame."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    async def _answer(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            await self._say(type="error", message="send a JSON object")
            return
        operation, channel = said.get("op"), said.get("ch")
        if operation == "ping":
            await self._say(type="pong", ts=self._feed.now_ms)
        elif operation not in ("subscribe", "unsubscribe"):
            await self._say(type="error", message="op is subscribe, unsubscribe or ping")
        elif not isinstance(channel, str) or channel not in _CHANNELS:
            await self._say(type="error", message=f"ch is one of {', '.join(_CHANNELS)}")
        elif self._feed.drops:
            self.drop()
        else:
            if operation == "subscribe":
                self._sequence.setdefault(channel, 0)
            else:
                self._sequence.pop(channel, None)
            if not self._feed.is_silent():
                await self._say(type="ack", op=operation, ch=channel)

    async def _send_ticks(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_TICKS)
            if ticks % _TICKS_BETWEEN_HEARTBEATS == 0 and not self._feed.is_silent():
                await self._say(type="heartbeat", ts=self._feed.now_ms)
            ticks += 1
            for channel in tuple(self._sequence):
                if self._feed.is_silent(channel):
                    continue
                self._sequence[channel] += 1
                await self._say(
                    type="tick",
                    ch=channel,
                    price=self._feed.price(channel),
                    seq=self._sequence[channel],
                    ts=self._feed.now_ms,
                )

    async def _say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))


def _build(env: PartEnv) -> web.Application:
    feed = _Feed(env)
    app = web.Application()
    app.router.add_get("/feed", feed.serve)
    app.router.add_get("/private/feed", feed.serve)
    app.cleanup_ctx.append(feed.obey_switches)
    app.on_shutdown.append(feed.end_sessions)
    return app


PART = Part(name="feed", title="WebSocket feed", path="/feed", build=_build)
