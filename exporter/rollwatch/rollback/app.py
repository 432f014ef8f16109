"""The handler process: builds every part, owns the loop's tasks, ends in bounded time."""

from __future__ import annotations

import asyncio
import os
import random
import secrets as randomness
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import structlog

from rollwatch import __version__
from rollwatch.clock import SystemClock
from rollwatch.config.secrets import SecretStore
from rollwatch.errors import CantStart, SecretUnavailable
from rollwatch.metrics.store import Store
from rollwatch.rollback.deployments.measuring import Measuring
from rollwatch.rollback.deployments.watcher import Watcher
from rollwatch.rollback.events.channel import Channel
from rollwatch.rollback.events.poster import Poster
from rollwatch.rollback.evidence.gather import Gatherer
from rollwatch.rollback.evidence.peer import new_session
from rollwatch.rollback.exposing import HandlerExposition
from rollwatch.rollback.in_force import InForce
from rollwatch.rollback.intake.alerts import ALERTS_PATH, BODY_MAX, AlertIntake, IntakeOutcome
from rollwatch.rollback.journal.journal import SqlJournal, open_journal
from rollwatch.rollback.judge import Judge
from rollwatch.rollback.links import Links
from rollwatch.rollback.metrics import Delivered, HandlerMetrics
from rollwatch.rollback.model.words import Role
from rollwatch.rollback.parts import Parts
from rollwatch.rollback.peers import PeerWatch
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.policy.facts import Facts
from rollwatch.rollback.ports import JournalFailed
from rollwatch.rollback.reloading import HandlerReloader
from rollwatch.rollback.runner import Runner, Tools
from rollwatch.rollback.steps.proposal import PullRequests
from rollwatch.rollback.storage import JOURNAL, STATE, holding
from rollwatch.rollback.strategies.tools import StrategyTools
from rollwatch.rollback.tempo import Tempo
from rollwatch.rollback.web.api import api_routes
from rollwatch.rollback.web.explaining import Explainer
from rollwatch.rollback.web.page_routes import page_routes
from rollwatch.rollback.web.page_settings import page_settings
from rollwatch.rollback.web.service import RollbackService
from rollwatch.rollback.work import Worker
from rollwatch.serving.app import build_app
from rollwatch.serving.health import Health
from rollwatch.serving.limits import Limits
from rollwatch.serving.route import ANYONE, Route
from rollwatch.serving.secret_watch import watch_secrets
from rollwatch.serving.server import serve
from rollwatch.serving.signals import signals
from rollwatch.serving.web_config_file import WebConfigSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.rollback.intake.alerts import Arrival
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.policy.facts import Question
    from rollwatch.rollback.settings import HandlerSettings
    from rollwatch.serving.server import Listener

__all__ = ["Handler", "handling", "run_handler"]

_log = structlog.get_logger(__name__)

_USER_AGENT = f"rollwatch-rollback/{__version__}"
_KEEP_HOUSE_EVERY_S = 15.0
_PRUNE_EVERY_S = 3600.0


class Handler(NamedTuple):
    """A handler at work."""

    parts: Parts
    listener: Listener


async def run_handler(settings: HandlerSettings) -> tuple[str, ...]:
    """Take, judge and roll back until SIGTERM or SIGINT; the ids of rollbacks that were left in a call.

    Programs that those have started go on, if the process ends without cancelling the loop's tasks; the next
    handler looks what they came to. Raises ConfigError if a configuration can't be used, UsageError if the
    address is none, CantStart if the address or the journal can't be had.
    """
    stop, hang_up = signals()
    rng = random.Random()  # noqa: S311  for jitter
    async with handling(settings, SystemClock(), rng, Tempo(), hang_up) as handler:
        await stop.wait()
        _log.info("stopping")
        # What runs outside is given time to reach the journal, before anything it needs is closed.
        return await handler.parts.worker.end()


@asynccontextmanager
async def handling(
    settings: HandlerSettings, clock: Clock, rng: random.Random, tempo: Tempo, hang_up: asyncio.Event
) -> AsyncIterator[Handler]:
    """Work while the context lasts; `hang_up` has the file read again. Raises as `run_handler`."""
    secrets = SecretStore(settings.config_file.parent, settings.environ)
    reloader = await asyncio.to_thread(HandlerReloader, settings.config_file, secrets)
    config = await reloader.load()
    web_config = await WebConfigSource.opened(settings.web_config_file, Role)
    async with AsyncExitStack() as stack:
        stack.enter_context(holding(settings.storage_path))
        journal = await _opened_journal(settings, config, clock)
        stack.push_async_callback(journal.close)
        parts = await _build(settings, config, journal, clock, rng, tempo, stack)
        reloader.apply(config, parts)
        stack.push_async_callback(parts.in_force.close)
        app = _web_app(parts, reloader, web_config)
        listener = await stack.enter_async_context(serve(app, settings.listen_address))
        parts.links.address = listener.url
        _log.info(
            "started",
            version=__version__,
            environment=config.environment,
            services={service: mode.value for service, mode in parts.in_force.modes().items()},
        )
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(parts.worker.live(), name="rollback-worker"),
                group.create_task(parts.poster.live(), name="rollback-events"),
                group.create_task(_watch_deployments(parts), name="rollback-deployments"),
                group.create_task(parts.peers.live(), name="rollback-peers"),
                group.create_task(_reload_on(hang_up, reloader, parts), name="rollback-reload"),
                group.create_task(watch_secrets(secrets), name="rollback-secrets"),
                group.create_task(_keep_house(parts), name="rollback-housekeeping"),
            ]
            try:
                yield Handler(parts, listener)
            finally:
                await parts.worker.end()
                for task in tasks:
                    task.cancel()


async def _opened_journal(settings: HandlerSettings, config: Config, clock: Clock) -> SqlJournal:
    url = str(settings.storage_path / JOURNAL)
    handler = config.rollback
    if handler is not None and handler.journal is not None:
        try:
            url = handler.journal.render()
        except SecretUnavailable as missing:
            raise CantStart(f"the address of the journal can't be read: {missing}") from missing
    try:
        return await open_journal(url, clock=clock)
    except JournalFailed as failure:
        raise CantStart(
            f"{failure}. Nothing is taken or done without it; mend it and start again"
        ) from failure


async def _build(  # noqa: PLR0917
    settings: HandlerSettings,
    config: Config,
    journal: SqlJournal,
    clock: Clock,
    rng: random.Random,
    tempo: Tempo,
    stack: AsyncExitStack,
) -> Parts:
    store = Store()
    metrics = HandlerMetrics(store, clock.wall())
    tools = StrategyTools(
        clock=clock,
        environ=settings.environ,
        state_dir=settings.storage_path / STATE,
        rng=rng,
        config_dir=settings.config_file.absolute().parent,
    )
    in_force = InForce(tools, _USER_AGENT)
    session = new_session(_USER_AGENT)
    stack.push_async_callback(session.close)
    channel = Channel(session)
    links = Links(in_force)
    poster = Poster(journal, channel, clock, metrics, links)
    environment = config.environment
    gatherer = Gatherer(
        journal,
        in_force,
        in_force.strategies,
        clock,
        heard=lambda service, is_up: metrics.platform(service, environment, is_up=is_up),
    )
    runner_tools = Tools(
        journal=journal,
        evidence=in_force,
        events=poster,
        observer=metrics,
        proposer=PullRequests(tools),
        clock=clock,
        tempo=tempo,
        environ=settings.environ,
    )
    owner = f"{socket.gethostname()}:{os.getpid()}:{randomness.token_hex(4)}"
    worker = Worker(
        Judge(gatherer, decide, in_force, clock, metrics),
        Runner(in_force, runner_tools),
        runner_tools,
        owner=owner,
        rng=rng.random,
    )
    service = RollbackService(journal, clock, environment=environment, units=in_force.units, wake=worker.wake)
    return Parts(
        clock=clock,
        store=store,
        metrics=metrics,
        journal=journal,
        in_force=in_force,
        channel=channel,
        links=links,
        poster=poster,
        gatherer=gatherer,
        worker=worker,
        service=service,
        peers=PeerWatch(in_force, session, metrics),
    )


def _web_app(parts: Parts, reloader: HandlerReloader, web_config: WebConfigSource) -> web.Application:
    environment = parts.in_force.config.environment

    async def ask(question: Question) -> Decision:
        plan = parts.in_force.of(question.environment, question.service)
        if plan is None:
            return decide(question, Facts(now=parts.clock.wall(), deployments={}), None)
        return decide(question, await parts.gatherer.facts(question, plan.rules), plan.rules)

    health = Health(
        program="rollwatch rollback",
        version=__version__,
        clock=parts.clock,
        alive=lambda: None,
        ready=lambda: parts.metrics.journal_problem,
        checks={
            "configuration": lambda: reloader.problem,
            "web_configuration": lambda: web_config.problem,
            "events": lambda: parts.poster.problem,
            **{peer.value: parts.peers.check(peer) for peer in parts.peers.peers},
        },
    )
    intake = AlertIntake(
        parts.journal,
        parts.clock,
        parts.in_force.units,
        parts.worker.wake,
        on_arrival=partial(_count, parts.metrics),
    )
    routes = [
        *intake.routes(),
        *api_routes(
            parts.service,
            Explainer(ask, environment=environment),
            parts.journal,
            parts.clock,
            environment=environment,
            services=parts.in_force.strategies.keys,
        ),
        *page_routes(
            parts.service,
            parts.journal,
            parts.clock,
            environment=environment,
            settings=lambda: page_settings(parts.in_force.config),
            random_bytes=randomness.token_bytes,
        ),
        # Open, as those of every process of ours: without a token Prometheus could not tell a handler that is
        # dead from one that is well.
        *health.routes(ANYONE),
        Route("GET", "/metrics", HandlerExposition(parts).answer, ANYONE),
    ]
    app = build_app(routes, web_config, limits=replace(Limits(), body_bytes=BODY_MAX))

    async def count_strangers(request: web.Request, response: web.StreamResponse) -> None:
        if request.path == ALERTS_PATH and response.status in {401, 403}:
            parts.metrics.delivered(Delivered.UNAUTHORIZED)

    app.on_response_prepare.append(count_strangers)
    return app


def _count(metrics: HandlerMetrics, arrival: Arrival) -> None:
    metrics.delivered(Delivered(arrival.outcome.value))
    if arrival.outcome is IntakeOutcome.UNWRITABLE:
        metrics.journal_worked(False)


async def _watch_deployments(parts: Parts) -> None:
    """Look for deployments; anew after each reload."""
    while True:
        parts.in_force.changed.clear()
        watcher = Watcher(
            parts.journal,
            parts.in_force,
            parts.poster,
            parts.in_force.strategies,
            clock=parts.clock,
            environment=parts.in_force.config.environment,
        )
        task = asyncio.create_task(watcher.run(), name="rollback-watcher")
        changed = asyncio.create_task(parts.in_force.changed.wait(), name="rollback-changed")
        try:
            await asyncio.wait({task, changed}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            changed.cancel()
            task.cancel()
            await asyncio.wait({task, changed})


async def _reload_on(hang_up: asyncio.Event, reloader: HandlerReloader, parts: Parts) -> None:
    while True:
        await hang_up.wait()
        hang_up.clear()
        await reloader.reload(parts)


async def _keep_house(parts: Parts) -> None:
    """See whether the journal is back, forget what is old, count deployments, close what a reload left."""
    prune_at = parts.clock.monotonic()
    measuring = Measuring(parts.journal, parts.metrics, parts.clock)
    while True:
        try:
            if parts.clock.monotonic() >= prune_at:
                while await parts.journal.prune(parts.clock.wall() - parts.in_force.handler.keep):
                    pass
                prune_at = parts.clock.monotonic() + _PRUNE_EVERY_S
            await parts.journal.check()
            parts.metrics.journal_worked(True)
            await measuring.refresh(parts.in_force.strategies, parts.in_force.config.environment)
        except JournalFailed as failure:
            parts.metrics.journal_worked(False)
            _log.error("journal_failed", why=failure.why)
        if parts.worker.busy == 0:
            await parts.in_force.close_retired()
        await asyncio.sleep(_KEEP_HOUSE_EVERY_S)
