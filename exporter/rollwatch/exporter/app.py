"""The exporter process: builds every part, owns the loop's tasks, ends in bounded time."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from rollwatch import __version__
from rollwatch.clock import SystemClock
from rollwatch.config.secrets import SecretStore
from rollwatch.engine.delivery import delivery_to
from rollwatch.engine.engine import Engine
from rollwatch.exporter.arrivals import Arrivals, Nobody, listening
from rollwatch.exporter.exposing import Exposition
from rollwatch.exporter.hosting import HostWatch
from rollwatch.exporter.reloading import Loader, Reloader
from rollwatch.exporter.routes import Access, exporter_routes
from rollwatch.ingest.browser.script import read_script
from rollwatch.metrics import catalogue as m
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.probers import discover
from rollwatch.probers._network import Network
from rollwatch.probers.contract import ProbeEnv
from rollwatch.serving.app import build_app
from rollwatch.serving.health import Health
from rollwatch.serving.secret_watch import watch_secrets
from rollwatch.serving.server import serve
from rollwatch.serving.signals import signals
from rollwatch.serving.web_config_file import WebConfigSource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from rollwatch.clock import Clock
    from rollwatch.exporter.settings import ExporterSettings

__all__ = ["USER_AGENT", "run_exporter"]

_log = structlog.get_logger(__name__)

USER_AGENT = f"rollwatch/{__version__}"


async def run_exporter(settings: ExporterSettings) -> None:
    """Probe and serve until SIGTERM or SIGINT.

    Raises ConfigError if the configuration or the web configuration can't be used, UsageError if the
    address is none, CantStart if it can't be had.
    """
    clock = SystemClock()
    kinds = discover()
    secrets = SecretStore(settings.config_file.parent, settings.environ)
    specs = {name: kind.spec for name, kind in kinds.items()}
    loader = Loader(settings.config_file, specs, secrets, settings.location)
    config = await loader.load()
    store = Store()
    location = config.location

    def count_fold(metric: str) -> None:
        store.counter(m.ROLLWATCH_LABEL_FOLDS_TOTAL, (location, metric)).inc()

    names = BoundedNames(on_fold=count_fold)
    arrivals = Arrivals(
        config,
        store,
        clock,
        secret=os.urandom(32),
        on_fold=count_fold,
        script=await asyncio.to_thread(read_script),
        is_listening=settings.ingest_address is not None,
    )
    stop, hang_up = signals()
    async with AsyncExitStack() as stack:
        network = Network(clock=clock)
        stack.push_async_callback(network.close)
        env = ProbeEnv(clock=clock, rng=random.random, user_agent=USER_AGENT, network=network)
        engine = Engine(kinds, store, names, env, location=location, deliver=delivery_to(arrivals.board))
        host = HostWatch(store, clock)
        reloader = Reloader(loader, engine, (arrivals, host), store, clock, location=location)

        async def refresh() -> None:
            await arrivals.refresh()
            await engine.refresh()

        exposition = Exposition(store, refresh, clock, location=location, log_dropped=settings.log_dropped)
        web_config, ingest_config = await _open_web_configs(settings, store, location)
        health = _health(engine, web_config, ingest_config, clock)
        routes = exporter_routes(
            monitor=engine,
            health=health,
            render=exposition.render,
            reload=reloader.reload,
            arrivals=arrivals,
        )
        count = _counting(store, location)
        app = build_app(routes, web_config)
        app.on_response_prepare.append(count)
        await stack.enter_async_context(engine.running())
        await stack.enter_async_context(serve(app, settings.listen_address))
        await reloader.apply(config)
        await stack.enter_async_context(
            listening(
                arrivals,
                health.liveness(),
                address=settings.ingest_address,
                web_config=ingest_config,
                on_response=count,
            )
        )
        for name, work in arrivals.works():
            engine.adopt(work, name)
        engine.adopt(host.live(), "host-watch")
        engine.adopt(_reload_on(hang_up, reloader), "reload-on-hangup")
        failures = store.counter(m.ROLLWATCH_SECRET_REFRESH_FAILURES_TOTAL, (location,))
        engine.adopt(watch_secrets(secrets, failures.inc), "secrets")
        _log.info(
            "started",
            version=__version__,
            environment=config.environment,
            location=location,
            services=len(config.services),
            probes=len(config.probes),
        )
        await stop.wait()
        _log.info("stopping")


async def _open_web_configs(
    settings: ExporterSettings, store: Store, location: str
) -> tuple[WebConfigSource, WebConfigSource]:
    """Of the operators' listener, and of the one for browsers and applications."""

    def show(_: bool) -> None:
        gauge.set(own.problem is None and ingest.problem is None)

    own = await WebConfigSource.opened(settings.web_config_file, Access, on_reload=show)
    ingest = await WebConfigSource.opened(settings.ingest_config_file, Nobody, on_reload=show)
    if settings.web_config_file is not None or settings.ingest_config_file is not None:
        gauge = store.gauge(m.ROLLWATCH_WEB_CONFIG_LAST_RELOAD_SUCCESSFUL, (location,))
        gauge.set(1)
    return own, ingest


def _health(
    engine: Engine, web_config: WebConfigSource, ingest_config: WebConfigSource, clock: Clock
) -> Health:
    def alive() -> str | None:
        overdue = engine.overdue()
        if not overdue:
            return None
        return f"{len(overdue)} probes have not run for three intervals, {overdue[0]} among them."

    def ready() -> str | None:
        return None if engine.is_configured else "The configuration is not in force yet."

    return Health(
        program="rollwatch exporter",
        version=__version__,
        clock=clock,
        alive=alive,
        ready=ready,
        checks={
            "configuration": lambda: engine.config_problem,
            "web_configuration": lambda: web_config.problem,
            "ingest_web_configuration": lambda: ingest_config.problem,
        },
    )


def _counting(store: Store, location: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Counts what this process itself answered, by route."""

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        resource = request.match_info.route.resource
        handler = "none" if resource is None else resource.canonical
        key = (location, handler, str(response.status))
        store.counter(m.ROLLWATCH_WEB_REQUESTS_TOTAL, key).inc()

    return count


async def _reload_on(hang_up: asyncio.Event, reloader: Reloader) -> None:
    while True:
        await hang_up.wait()
        hang_up.clear()
        await reloader.reload()
