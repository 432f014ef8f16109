"""All probes of one configuration at work, and the exchange of one configuration for the next."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from rollwatch.config.thresholds import required_buckets
from rollwatch.engine.delivery import nothing_delivered
from rollwatch.engine.loopwatch import LoopWatch
from rollwatch.engine.recorder import Recorder
from rollwatch.engine.reference import ReferenceCheck
from rollwatch.engine.runner import Runner
from rollwatch.engine.service import ServiceWatch
from rollwatch.engine.view import Explained, ProductionView, RunRefused
from rollwatch.engine.watch import ProbeWatch
from rollwatch.errors import ConfigError, Problem
from rollwatch.metrics import catalogue as m

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config, ProbeDef, Service
    from rollwatch.engine.delivery import Deliver
    from rollwatch.metrics.bounded import BoundedNames
    from rollwatch.metrics.store import Store
    from rollwatch.probers.contract import ProbeEnv, Prober, ProberKind

__all__ = ["Engine"]

_log = structlog.get_logger(__name__)

_REFERENCE_INTERVAL_S = 15.0
_STOP_WITHIN_S = 2.0
_REFRESH_SLICE = 25


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a probe at work was built from; equal means it can go on as it is."""

    definition: ProbeDef
    environment: str
    buckets: tuple[float, ...]
    limits: frozenset[float]
    """What latency is judged by: bounds that every histogram of latency must have."""


@dataclass(frozen=True, slots=True)
class _AtWork:
    identity: _Identity
    watch: ProbeWatch
    tasks: tuple[asyncio.Task[None], ...]


class Engine:
    """Runs what a configuration says. Use inside `async with engine.running():`, then `apply` a Config.

    One TaskGroup owns every task; leaving the context cancels and awaits all of them.
    """

    def __init__(
        self,
        kinds: Mapping[str, ProberKind],
        store: Store,
        names: BoundedNames,
        env: ProbeEnv,
        *,
        location: str,
        deliver: Deliver = nothing_delivered,
    ) -> None:
        """`deliver` takes the figures and records that runs read."""
        self._deliver = deliver
        self._kinds = kinds
        self._store = store
        self._names = names
        self._env = env
        self._clock: Clock = env.clock
        self._location = location
        self._started_at = self._clock.wall()
        self._config: Config | None = None
        self._config_loaded_at = self._started_at
        self._config_problem: str | None = None
        self._at_work: dict[str, _AtWork] = {}
        self._services: dict[str, ServiceWatch] = {}
        self._group: asyncio.TaskGroup | None = None
        own = (location,)
        lag = store.histogram(m.ROLLWATCH_LOOP_LAG_SECONDS, own)
        self._start_lag = store.histogram(m.ROLLWATCH_PROBE_START_LAG_SECONDS, own)
        self._network_gauge = store.gauge(m.ROLLWATCH_OWN_NETWORK_UP, own)
        self._loop_watch = LoopWatch(self._clock, lag.observe)
        self._own_tasks: list[asyncio.Task[None]] = []
        self._reference: ReferenceCheck | None = None
        # One for all, so that probes a reload leaves alone ask the reference that is in force by then.
        self._runner = Runner(
            self._clock, lag_since=self._loop_watch.lag_since, own_network_is_up=self._own_network_is_up
        )
        self._reference_task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own the tasks. On leaving, every task is cancelled and awaited."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self.adopt(self._loop_watch.live(), "loop-watch")
                try:
                    yield
                finally:
                    self._group = None
                    self._cancel_all()
        except ExceptionGroup as failures:
            # What the user of this context raised is that alone, not a group of one.
            if len(failures.exceptions) == 1:
                raise failures.exceptions[0] from None
            raise

    def _cancel_all(self) -> None:
        for task in self._own_tasks:
            task.cancel()
        if self._reference_task is not None:
            self._reference_task.cancel()
        for at_work in self._at_work.values():
            for task in at_work.tasks:
                task.cancel()

    def adopt(self, work: Coroutine[object, object, None], name: str) -> None:
        """Own another task of the process: it ends with the engine, and its failure ends the engine."""
        self._own_tasks.append(self._start(work, name))

    def _start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        if self._group is None:
            work.close()
            raise RuntimeError("the engine is not running")
        return self._group.create_task(work, name=name)

    async def apply(self, config: Config) -> None:
        """Make `config` the one in force: new and changed probes start, gone ones and their series end.

        Unchanged probes go on undisturbed. Raises ConfigError, and changes nothing, if a prober can't be
        built; bounded by the time cancelled runs take to end (2 s).
        """
        wanted = {definition.id: self._identity(config, definition) for definition in config.probes}
        fresh = {
            probe_id: self._build(identity.definition)
            for probe_id, identity in wanted.items()
            if probe_id not in self._at_work or self._at_work[probe_id].identity != identity
        }
        gone = [p for p in self._at_work if p not in wanted or p in fresh]
        predecessors = await self._stop(gone)
        await self._configure_reference(config)
        self._configure_services(config)
        for probe_id, prober in fresh.items():
            self._at_work[probe_id] = self._set_to_work(wanted[probe_id], prober, predecessors.get(probe_id))
        self._config = config
        self._config_loaded_at = self._clock.wall()
        self._config_problem = None

    def refuse(self, problem: str) -> None:
        """Remember that a newer configuration was refused, for everyone who looks at the state."""
        self._config_problem = problem

    def _identity(self, config: Config, definition: ProbeDef) -> _Identity:
        service = config.services[definition.service]
        own = definition.spec.buckets
        default = m.PROBE_ALL_DURATION_SECONDS.buckets if own is None else own
        limits = required_buckets(service.thresholds)
        return _Identity(definition, config.environment, tuple(sorted({*default, *limits})), limits)

    def _build(self, definition: ProbeDef) -> Prober:
        try:
            env = replace(self._env, figures=definition.figures) if definition.figures else self._env
            return self._kinds[definition.kind].build(definition.spec, env)
        except (OSError, ValueError) as error:
            problem = Problem("", None, definition.id, f"can't be set up: {error}", "")
            raise ConfigError([problem]) from error

    async def _stop(self, probe_ids: Iterable[str]) -> dict[str, ProbeWatch]:
        """End these probes and their series; what they were."""
        stopped = {probe_id: self._at_work.pop(probe_id) for probe_id in probe_ids}
        tasks = [task for at_work in stopped.values() for task in at_work.tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
            for task in pending:
                _log.error("task_did_not_end", task=task.get_name())
        for at_work in stopped.values():
            at_work.watch.close()
            definition = at_work.identity.definition
            self._services[definition.service].forget_probe(definition.name)
        return {probe_id: at_work.watch for probe_id, at_work in stopped.items()}

    async def _configure_reference(self, config: Config) -> None:
        if self._config is not None and self._config.reference_check == config.reference_check:
            return
        if self._reference_task is not None:
            self._reference_task.cancel()
            await asyncio.wait([self._reference_task], timeout=_STOP_WITHIN_S)
            self._reference = self._reference_task = None
        self._network_gauge.clear()
        check = config.reference_check
        if check is None:
            return
        self._reference = ReferenceCheck(
            check.address.host,
            check.address.port,
            check.timeout,
            self._clock,
            lambda is_up: self._network_gauge.set(1.0 if is_up else 0.0),
        )
        self._reference_task = self._start(self._reference.live(_REFERENCE_INTERVAL_S), "reference-check")

    async def _own_network_is_up(self) -> bool:
        return self._reference is None or await self._reference.is_up()

    def _configure_services(self, config: Config) -> None:
        moved = self._config is not None and self._config.environment != config.environment
        for name in list(self._services):
            if moved or name not in config.services:
                self._services.pop(name).close()
        for name, service in config.services.items():
            known = self._services.get(name)
            if known is not None:
                known.configure(service)
            else:
                self._services[name] = self._watch_service(service, config.environment)

    def _watch_service(self, service: Service, environment: str) -> ServiceWatch:
        return ServiceWatch(
            service,
            self._store,
            self._names,
            self._clock,
            environment=environment,
            location=self._location,
        )

    def _set_to_work(self, identity: _Identity, prober: Prober, predecessor: ProbeWatch | None) -> _AtWork:
        definition = identity.definition
        kind = self._kinds[definition.kind]
        recorder = Recorder(
            self._store,
            kind,
            (definition.service, identity.environment, definition.name, kind.name, self._location),
            role=kind.role(definition.spec),
            priority=definition.spec.priority,
            interval_s=definition.spec.interval,
            timeout_s=definition.spec.timeout,
            buckets=identity.buckets,
            limits=identity.limits,
            names=self._names,
        )
        watch = ProbeWatch(
            definition,
            kind,
            prober,
            recorder=recorder,
            runner=self._runner,
            clock=self._clock,
            grid_key=f"{definition.id}@{self._location}",
            on_version=self._services[definition.service].report_version,
            deliver=self._deliver,
            on_lag=self._start_lag.observe,
        )
        if predecessor is not None:
            watch.succeed(predecessor)
        tasks = [self._start(watch.live(), f"probe:{definition.id}")]
        background = watch.background
        if background is not None:
            tasks.append(self._start(watch.live_background(background), f"session:{definition.id}"))
        return _AtWork(identity, watch, tuple(tasks))

    def overdue(self) -> list[str]:
        """Probes that should have run long ago; any is a reason to restart the process."""
        return [probe_id for probe_id, at_work in self._at_work.items() if at_work.watch.is_overdue()]

    @property
    def is_configured(self) -> bool:
        """Whether a configuration is in force."""
        return self._config is not None

    @property
    def config_problem(self) -> str | None:
        """Why the newest configuration was refused, if it was."""
        return self._config_problem

    async def refresh(self) -> None:
        """Bring the series of sessions up to date, before an exposition; in slices, not to stall the loop."""
        watches = [a.watch for a in self._at_work.values() if a.watch.background is not None]
        for index, watch in enumerate(watches, start=1):
            watch.refresh()
            if index % _REFRESH_SLICE == 0:
                await asyncio.sleep(0)

    async def run_now(self, probe_id: str) -> Explained:
        """Run one probe out of turn. Raises RunRefused: unknown probe, already running, too soon."""
        at_work = self._at_work.get(probe_id)
        if at_work is None:
            raise RunRefused(f"no probe {probe_id!r} runs here", None)
        return await at_work.watch.run_now()

    def view(self) -> ProductionView:
        """The state now."""
        by_service: dict[str, list[ProbeWatch]] = {name: [] for name in self._services}
        for at_work in self._at_work.values():
            by_service[at_work.identity.definition.service].append(at_work.watch)
        services = (
            self._services[name].view(sorted((w.view() for w in watches), key=lambda view: view.name))
            for name, watches in sorted(by_service.items())
        )
        return ProductionView(
            environment="" if self._config is None else self._config.environment,
            location=self._location,
            generated_at=self._clock.wall(),
            started_at=self._started_at,
            config_loaded_at=self._config_loaded_at,
            config_problem=self._config_problem,
            loop_lag_s=self._loop_watch.lag_since(self._clock.monotonic() - 60),
            services=tuple(services),
        )
