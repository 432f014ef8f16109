"""The process behind `rollwatch demo serve`: every part, every sender, and the control endpoint."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp

from rollwatch.demo import certificates
from rollwatch.demo.announcement import announce, running_ports
from rollwatch.demo.configuration import write_config
from rollwatch.demo.control.server import control_app
from rollwatch.demo.production.inbox_mail import MailSink
from rollwatch.demo.production.inbox_messages import Inbox
from rollwatch.demo.production.listener import Listener
from rollwatch.demo.production.part import PartEnv, Tokens
from rollwatch.demo.production.postbox import Postbox
from rollwatch.demo.production.registry import CONTROL, MAIL, PARTS, SENDERS
from rollwatch.demo.production.sender import SenderEnv
from rollwatch.demo.stack.containers import write_files
from rollwatch.demo.switchboard import Switchboard
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.demo.production.part import Part
    from rollwatch.demo.production.sender import Sender
    from rollwatch.demo.production.settings import ProductionSettings

__all__ = ["Production", "serve"]


class Production:
    """All parts listen and all senders send from `start` to `stop`. Raises DemoError if a port is taken."""

    def __init__(self, settings: ProductionSettings, *, clock: Clock, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._say = say
        self._stack = AsyncExitStack()
        self._senders: set[asyncio.Task[None]] = set()
        self.board = Switchboard(clock)
        self.inbox = Inbox(clock)
        self.ports: dict[str, int] = {}
        """The port of each part, of the mail server and of the control endpoint, once started."""

    async def start(self) -> None:
        """Listen everywhere, then send; after an error nothing does."""
        try:
            tokens = await asyncio.to_thread(self._prepare)
            for part in PARTS:
                await self._start_part(part, tokens)
            await self._start_mail()
            await self._start_control()
            await self._start_senders(tokens)
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """End the senders, then close every part, the control endpoint first."""
        await self._stack.aclose()

    async def until_it_fails(self) -> None:
        """Wait for the end of a sender, which must not end by itself; raise what ended it."""
        done, _ = await asyncio.wait(self._senders, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task

    def _prepare(self) -> Tokens:
        run_dir = self._settings.run_dir
        run_dir.prepare()
        certificates.make(run_dir.tls, self._clock.wall())
        return Tokens(
            primary=run_dir.keep_secret("primary"),
            fallback=run_dir.keep_secret("fallback"),
            feed=run_dir.keep_secret("feed"),
            push_api=run_dir.keep_secret("push-api"),
            push_trading=run_dir.keep_secret("push-trading"),
            push_web=run_dir.keep_secret("push-web"),
            inbox=run_dir.keep_secret("inbox"),
        )

    def _rng(self, name: str) -> random.Random:
        """One of its own for each, so that no part changes another's figures."""
        return random.Random(f"{self._settings.seed}/{name}")  # noqa: S311  made-up figures, repeatable

    async def _start_part(self, part: Part, tokens: Tokens) -> None:
        env = PartEnv(
            board=self.board,
            clock=self._clock,
            rng=self._rng(part.name),
            tokens=tokens,
            tls_dir=self._settings.run_dir.tls,
            ingest_url=self._settings.ingest_url,
            inbox=self.inbox,
        )
        listener = Listener(part.build(env), self._settings.ports[part.name], part.title)
        self._stack.push_async_callback(listener.close)
        tls = None if part.tls is None else await asyncio.to_thread(part.tls, env)
        await listener.open(tls)
        self.ports[part.name] = listener.port
        if part.refused_by:
            follower = asyncio.create_task(self._follow(part, listener, tls), name=f"{part.name} port")
            self._stack.push_async_callback(_cancelled, follower)

    async def _follow(self, part: Part, listener: Listener, tls: ssl.SSLContext | None) -> None:
        """Open and close the part's port as its faults are switched."""
        seen = self.board.changes
        while True:
            seen = await self.board.changed(seen)
            if self.board.is_on(*part.refused_by):
                await listener.refuse()
            else:
                await listener.open(tls)

    async def _start_mail(self) -> None:
        sink = MailSink(self.inbox)
        self._stack.push_async_callback(sink.close)
        await sink.open(self._settings.ports[MAIL])
        self.ports[MAIL] = sink.port

    async def _start_control(self) -> None:
        run_dir = self._settings.run_dir
        token = await asyncio.to_thread(run_dir.keep_secret, run_dir.control_token.name)
        listener = Listener(control_app(self.board, token), self._settings.ports[CONTROL], "control")
        self._stack.push_async_callback(listener.close)
        await listener.open(None)
        self.ports[CONTROL] = listener.port

    async def _start_senders(self, tokens: Tokens) -> None:
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        postbox = Postbox(session, self._settings.ingest_url, self._say)
        for sender in SENDERS:
            task = asyncio.create_task(
                sender.work(self._sender_env(sender, tokens, postbox)), name=f"sender {sender.name}"
            )
            self._senders.add(task)
            self._stack.push_async_callback(_cancelled, task)

    def _sender_env(self, sender: Sender, tokens: Tokens, postbox: Postbox) -> SenderEnv:
        settings = self._settings
        return SenderEnv(
            board=self.board,
            clock=self._clock,
            rng=self._rng(sender.name),
            new_id=lambda: secrets.token_hex(16),
            tokens=tokens,
            postbox=postbox,
            logs=settings.run_dir.logs,
            interval_s=settings.interval_s,
            page=f"http://127.0.0.1:{self.ports['front']}",
            visitors=settings.visitors,
        )


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def serve(settings: ProductionSettings, *, clock: Clock, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Once everything listens, the run directory says so."""
    run_dir = settings.run_dir
    if await asyncio.to_thread(running_ports, run_dir) is not None:
        raise DemoError(
            f"a demo production is already running in {run_dir.path}. "
            "Use it, stop it, or start another with --run-dir and --base-port"
        )
    production = Production(settings, clock=clock, say=say)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await production.start()
    failing = asyncio.create_task(production.until_it_fails(), name="senders")
    stopped = asyncio.create_task(stopping.wait(), name="asked to stop")
    try:
        await asyncio.to_thread(_announce, settings, production.ports)
        if settings.has_stack_files:
            await asyncio.to_thread(write_files, run_dir, settings.stack)
        for part in PARTS:
            scheme = "http" if part.tls is None else "https"
            say(f"{part.title}: {scheme}://127.0.0.1:{production.ports[part.name]}{part.path}")
        say(f"inbox, mail: smtp://127.0.0.1:{production.ports[MAIL]}")
        say(f"control: 127.0.0.1:{production.ports[CONTROL]}")
        await asyncio.wait([failing, stopped], return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            await failing
    finally:
        await _cancelled(stopped)
        await _cancelled(failing)
        await asyncio.to_thread(run_dir.production.unlink, missing_ok=True)
        await production.stop()


def _announce(settings: ProductionSettings, ports: Mapping[str, int]) -> None:
    write_config(settings.run_dir, ports, settings.stack, interval=settings.interval)
    # Last, because it tells others that all of the above is there.
    announce(settings.run_dir, ports)
