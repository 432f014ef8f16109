"""The process behind `rollwatch demo serve`: every part on its port, and the control endpoint."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from rollwatch.demo import certificates
from rollwatch.demo.announcement import announce, running_ports
from rollwatch.demo.configuration import write_config
from rollwatch.demo.control.server import control_app
from rollwatch.demo.production.listener import Listener
from rollwatch.demo.production.part import PartEnv, Tokens
from rollwatch.demo.production.registry import CONTROL, PARTS
from rollwatch.demo.switchboard import Switchboard
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.demo.production.part import Part
    from rollwatch.demo.rundir import RunDir

__all__ = ["Production", "serve"]


class Production:
    """All parts, listening from `start` to `stop`. Raises DemoError if a port is taken."""

    def __init__(self, run_dir: RunDir, ports: Mapping[str, int], *, seed: int, clock: Clock) -> None:
        self._run_dir = run_dir
        self._wanted = ports
        self._seed = seed
        self._clock = clock
        self._stack = AsyncExitStack()
        self.board = Switchboard(clock)
        self.ports: dict[str, int] = {}
        """The port of each part and of the control endpoint, once started."""

    async def start(self) -> None:
        """Listen everywhere; after an error nothing listens."""
        try:
            tokens = await asyncio.to_thread(self._prepare)
            for part in PARTS:
                await self._start_part(part, tokens)
            await self._start_control()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Close every part, the control endpoint first."""
        await self._stack.aclose()

    def _prepare(self) -> Tokens:
        self._run_dir.prepare()
        certificates.make(self._run_dir.tls, self._clock.wall())
        return Tokens(
            primary=self._run_dir.keep_secret("primary"),
            fallback=self._run_dir.keep_secret("fallback"),
            feed=self._run_dir.keep_secret("feed"),
        )

    async def _start_part(self, part: Part, tokens: Tokens) -> None:
        env = PartEnv(
            board=self.board,
            clock=self._clock,
            rng=random.Random(f"{self._seed}/{part.name}"),  # noqa: S311  made-up figures, repeatable
            tokens=tokens,
            tls_dir=self._run_dir.tls,
        )
        listener = Listener(part.build(env), self._wanted[part.name], part.title)
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

    async def _start_control(self) -> None:
        token = await asyncio.to_thread(self._run_dir.keep_secret, self._run_dir.control_token.name)
        listener = Listener(control_app(self.board, token), self._wanted[CONTROL], "control")
        self._stack.push_async_callback(listener.close)
        await listener.open(None)
        self.ports[CONTROL] = listener.port


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def serve(
    run_dir: RunDir,
    ports: Mapping[str, int],
    *,
    seed: int,
    interval: str,
    clock: Clock,
    say: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM. Once everything listens, the run directory says so."""
    if await asyncio.to_thread(running_ports, run_dir) is not None:
        raise DemoError(
            f"a demo production is already running in {run_dir.path}. "
            "Use it, stop it, or start another with --run-dir and --base-port"
        )
    production = Production(run_dir, ports, seed=seed, clock=clock)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await production.start()
    try:
        await asyncio.to_thread(_announce, run_dir, production.ports, interval)
        for part in PARTS:
            scheme = "http" if part.tls is None else "https"
            say(f"{part.title}: {scheme}://127.0.0.1:{production.ports[part.name]}{part.path}")
        say(f"control: 127.0.0.1:{production.ports[CONTROL]}")
        await stopping.wait()
    finally:
        await asyncio.to_thread(run_dir.production.unlink, missing_ok=True)
        await production.stop()


def _announce(run_dir: RunDir, ports: Mapping[str, int], interval: str) -> None:
    write_config(run_dir, ports, interval=interval)
    # Last, because it tells others that all of the above is there.
    announce(run_dir, ports)
