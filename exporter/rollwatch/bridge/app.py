"""The bridge process: builds every part, owns the loop's tasks, ends in bounded time."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import structlog

from rollwatch import __version__
from rollwatch.bridge.access import Gate
from rollwatch.bridge.channels.watchdog import Watchdog
from rollwatch.bridge.deliveries_route import deliveries_routes
from rollwatch.bridge.digest_clock import DigestClock
from rollwatch.bridge.exposing import BridgeExposition
from rollwatch.bridge.http_client import HttpClient
from rollwatch.bridge.intake import BODY_MAX, AlertIntake
from rollwatch.bridge.lanes import Lanes
from rollwatch.bridge.metrics import BridgeMetrics
from rollwatch.bridge.parts import Parts
from rollwatch.bridge.reloading import BridgeReloader
from rollwatch.bridge.storage.database import Database, StorageFailed
from rollwatch.bridge.storage.queue import Queue
from rollwatch.bridge.storage.reports import Reports
from rollwatch.bridge.storage.summaries import Summaries
from rollwatch.bridge.tempo import Tempo
from rollwatch.clock import SystemClock
from rollwatch.config.secrets import SecretStore
from rollwatch.metrics.store import Store
from rollwatch.serving.app import build_app
from rollwatch.serving.health import Health
from rollwatch.serving.limits import Limits
from rollwatch.serving.route import Route
from rollwatch.serving.secret_watch import watch_secrets
from rollwatch.serving.server import serve
from rollwatch.serving.signals import signals
from rollwatch.serving.web_config_file import WebConfigSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web

    from rollwatch.bridge.settings import BridgeSettings
    from rollwatch.clock import Clock
    from rollwatch.serving.server import Listener

__all__ = ["Access", "Bridge", "bridging", "run_bridge"]

_log = structlog.get_logger(__name__)

_USER_AGENT = f"rollwatch-bridge/{__version__}"
_LOOK_EVERY_S = 15.0
_PRUNE_EVERY_S = 3600.0


class Bridge(NamedTuple):
    """A bridge at work."""

    parts: Parts
    listener: Listener


class Access(StrEnum):
    """The roles of tokens in --web.config.file; Alertmanager's token is in rollwatch.yml."""

    READ = "read"
    """Metrics and health."""


async def run_bridge(settings: BridgeSettings) -> None:
    """Take and send until SIGTERM or SIGINT.

    Raises ConfigError if a configuration can't be used, UsageError if the address is none, CantStart if the
    address or the database can't be had.
    """
    stop, hang_up = signals()
    async with bridging(settings, SystemClock(), random.random, Tempo(), hang_up):
        await stop.wait()
        _log.info("stopping")


@asynccontextmanager
async def bridging(
    settings: BridgeSettings,
    clock: Clock,
    rng: Callable[[], float],
    tempo: Tempo,
    hang_up: asyncio.Event,
) -> AsyncIterator[Bridge]:
    """Take and send while the context lasts; `hang_up` has the file read again. Raises as `run_bridge`."""
    secrets = SecretStore(settings.config_file.parent, settings.environ)
    reloader = await asyncio.to_thread(BridgeReloader, settings.config_file, secrets)
    config, digest = await reloader.load()
    web_config = await WebConfigSource.opened(settings.web_config_file, Access)
    async with AsyncExitStack() as stack:
        database = await Database.opened(settings.storage_path)
        stack.push_async_callback(database.close)
        parts = _build(database, clock, rng, tempo)
        stack.push_async_callback(parts.http.close)
        found = await parts.queue.recover()
        if found:
            _log.warning(
                "bridge_sending_again", deliveries=found, why="the process ended while they were being sent"
            )
        parts.metrics.remember(await parts.reports.states())
        stack.push_async_callback(parts.lanes.close)
        reloader.apply(config, digest, parts)
        app = _web_app(parts, reloader, web_config)
        listener = await stack.enter_async_context(serve(app, settings.listen_address))
        _log.info(
            "started", version=__version__, environment=config.environment, storage=str(settings.storage_path)
        )
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(parts.digest_clock.live(), name="bridge-digest-clock"),
                group.create_task(parts.watchdog.live(), name="bridge-watchdog"),
                group.create_task(_reload_on(hang_up, reloader, parts), name="bridge-reload"),
                group.create_task(watch_secrets(secrets), name="bridge-secrets"),
                group.create_task(_keep_house(parts), name="bridge-housekeeping"),
                group.create_task(_fail_with(parts.lanes), name="bridge-lanes"),
            ]
            try:
                yield Bridge(parts, listener)
            finally:
                for task in tasks:
                    task.cancel()


def _build(database: Database, clock: Clock, rng: Callable[[], float], tempo: Tempo) -> Parts:
    store = Store()
    metrics = BridgeMetrics(store, clock)
    queue, reports, summaries = Queue(database, clock), Reports(database), Summaries(database)
    http, gate = HttpClient(clock, _USER_AGENT, timeout_s=tempo.call_timeout_s), Gate()
    lanes = Lanes(queue, reports, metrics, clock, rng)
    watchdog = Watchdog(http, metrics, clock, rng)
    return Parts(
        clock=clock,
        tempo=tempo,
        user_agent=_USER_AGENT,
        store=store,
        metrics=metrics,
        database=database,
        queue=queue,
        reports=reports,
        summaries=summaries,
        http=http,
        gate=gate,
        lanes=lanes,
        watchdog=watchdog,
        digest_clock=DigestClock(summaries, lanes, clock),
        intake=AlertIntake(gate, queue, lanes, watchdog, metrics),
    )


def _web_app(parts: Parts, reloader: BridgeReloader, web_config: WebConfigSource) -> web.Application:
    readers = frozenset({Access.READ})
    health = Health(
        program="rollwatch bridge",
        version=__version__,
        clock=parts.clock,
        alive=lambda: None,
        ready=lambda: parts.metrics.storage_problem,
        checks={
            "configuration": lambda: reloader.problem,
            "web_configuration": lambda: web_config.problem,
            "watchdog": lambda: parts.watchdog.problem,
        },
    )
    routes = [
        *parts.intake.routes(),
        *deliveries_routes(parts.gate, parts.reports, lambda: parts.digest_clock.next_at),
        *health.routes(readers),
        Route("GET", "/metrics", BridgeExposition(parts).answer, readers),
    ]
    return build_app(routes, web_config, limits=replace(Limits(), body_bytes=BODY_MAX))


async def _reload_on(hang_up: asyncio.Event, reloader: BridgeReloader, parts: Parts) -> None:
    while True:
        await hang_up.wait()
        hang_up.clear()
        await reloader.reload(parts)


async def _keep_house(parts: Parts) -> None:
    """Forget what is old, see whether the disk is back, and whether Watchdog still comes."""
    prune_at = parts.clock.monotonic()
    while True:
        try:
            if parts.clock.monotonic() >= prune_at or parts.metrics.storage_problem is not None:
                while await parts.queue.prune():
                    pass
                await parts.lanes.give_up_orphans()
                await parts.database.check()
                parts.metrics.storage_worked(True)
                prune_at = parts.clock.monotonic() + _PRUNE_EVERY_S
        except StorageFailed as failure:
            parts.metrics.storage_worked(False)
            _log.error("bridge_storage_failed", why=failure.why)
        parts.watchdog.look()
        await asyncio.sleep(_LOOK_EVERY_S)


async def _fail_with(lanes: Lanes) -> None:
    await lanes.died.wait()
    raise AssertionError("a task that sends has ended by itself; the log says why")
