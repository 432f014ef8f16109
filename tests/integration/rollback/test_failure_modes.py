"""Failure modes of docs/rollback-failure-modes.md that no other test shows whole: alert in, outcome out."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web

from rollwatch.clock import SystemClock
from rollwatch.config.rollback_handler import FallbackSpec, PeerSpec
from rollwatch.config.secrets import SecretStore
from rollwatch.metrics.store import Store
from rollwatch.rollback.events.channel import Channel
from rollwatch.rollback.events.poster import Poster
from rollwatch.rollback.evidence.peer import new_session
from rollwatch.rollback.metrics import HandlerMetrics
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, GuardResult, State
from rollwatch.rollback.policy.rules import Freeze
from support.processes import ROLLWATCH, fetch, free_port, running, wait_for
from support.rollback_fakes import FakeEvents
from support.rollback_world import ALERT, BAD, GOOD, World, alert, release, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rollwatch.rollback.model.record import Rollback

BAD_AGAIN = "c" * 40


async def _unmet(here: World, *alerts: Any) -> set[str]:
    """The guards that stood in the way; nothing was called and nothing was claimed."""
    row = await here.run(*alerts)
    assert row.state is State.DENIED
    assert here.ledger.lines == []
    stored = await here.journal.get(row.id)
    assert stored is not None
    assert stored.decision is not None
    assert await here.journal.transitions(row.id)
    trace = stored.decision.trace
    return {one.guard for one in trace if one.result in {GuardResult.FAIL, GuardResult.UNANSWERED}}


# What is refused, and kept with its reason (7, 8, 15, 16, 24, 25).


async def _fires_before_the_deployment(here: World) -> float:
    here.rule()
    return 600.0


async def _handler_was_down(here: World) -> float:
    here.rule(alert_age_max_s=30.0)
    return 60.0


async def _deployed_long_ago(here: World) -> float:
    triggers = MappingProxyType({"api": MappingProxyType({ALERT: 100.0})})
    here.rule(triggers=triggers, window_s=100.0)
    return 60.0


async def _clock_is_wrong(here: World) -> float:
    await here.deployed("api", BAD_AGAIN, ago_s=-3600)
    return 60.0


async def _is_frozen(here: World) -> float:
    now = time.time()
    here.rule(freezes=(Freeze(now - 60, now + 3600, "year's end"),))
    return 60.0


async def _is_silenced(here: World) -> float:
    here.evidence.silence = True
    return 60.0


async def _is_paused(here: World) -> float:
    await here.journal.pause("api", "anna", "the database moves", time.time())
    return 60.0


async def _schema_was_changed(here: World) -> float:
    await here.journal.record_deployment(
        release("api", BAD),
        DeploymentState.FINISHED,
        DeploymentSource.REPORTED,
        at=time.time() - 300,
        migration=True,
    )
    return 60.0


@pytest.mark.parametrize(
    ("happens", "guard"),
    [
        (_fires_before_the_deployment, "fault_not_older"),
        (_handler_was_down, "fresh"),
        (_deployed_long_ago, "recent_release"),
        (_clock_is_wrong, "clock"),
        (_is_frozen, "not_frozen"),
        (_is_silenced, "not_silenced"),
        (_is_paused, "not_paused"),
        (_schema_was_changed, "no_migration"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else value,
)
async def test_what_speaks_against_it_denies_it_and_is_written_down(
    tmp_path: Path, happens: Callable[[World], Any], guard: str
) -> None:
    async with world(tmp_path) as here:
        ago_s = await happens(here)
        assert guard in await _unmet(here, alert(ago_s=ago_s))


async def test_an_alert_that_flaps_is_one_rollback(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        first = alert(ago_s=30)
        row = await here.run(first)
        assert row.state is State.SUCCEEDED
        await here.tell(replace(first, is_firing=False))
        [again] = await here.tell(alert(ago_s=0))
        assert (await here.over(again)).state is State.DENIED
        assert len(here.ledger.lines) == 1


async def test_the_next_bad_release_is_taken_back_though_the_fingerprint_is_the_same(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert (await here.run(alert(ago_s=30))).state is State.SUCCEEDED
        await _next_bad_release(here)
        [again] = await here.tell(alert(ago_s=0))
        row = await here.over(again)
        assert row.state is State.SUCCEEDED
        assert [one.bad.commit for one in row.going] == [BAD_AGAIN]
        assert [one.target.commit for one in row.going] == [GOOD]
        assert len(here.ledger.lines) == 2


async def test_after_so_many_rollbacks_a_person_decides_until_the_breaker_is_closed(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.rule(limit_count=1)
        assert (await here.run(alert(ago_s=30))).state is State.SUCCEEDED
        await _next_bad_release(here)
        [again] = await here.tell(alert(ago_s=0))
        row = await here.over(again)
        assert row.state is State.DENIED
        assert _guards(row) == ["within_limit"]
        assert len(here.ledger.lines) == 1

        await here.journal.close_breaker("api", "anna", time.time())
        [after] = await here.tell(alert(ago_s=-0.1))
        assert (await here.over(after)).state is State.SUCCEEDED
        assert len(here.ledger.lines) == 2


async def test_ten_services_that_fail_at_once_are_no_matter_of_one_release(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        names = ["api", *(f"other-{number}" for number in range(9))]
        alerts = [replace(alert(name), fingerprint=f"{number:016x}") for number, name in enumerate(names)]
        taken = await here.journal.take([(one, one.service) for one in alerts], time.time())
        assert len(taken.new) == 10
        here.start()
        rows = [await here.over(rollback_id) for rollback_id in taken.new]
        assert {row.state for row in rows} == {State.DENIED}
        assert _guards(rows[0]) == ["not_systemic"]
        assert here.ledger.lines == []


async def _next_bad_release(here: World) -> None:
    here.strategies["api"].running = release("api", BAD_AGAIN)
    await here.deployed("api", BAD_AGAIN, ago_s=0)


def _guards(row: Rollback) -> list[str]:
    assert row.decision is not None
    return [str(answer.guard) for answer in row.decision.unmet]


# Whoever is told hangs (48).


@dataclass
class _Told(FakeEvents):
    poster: Poster | None = None

    def changed(self, rollback: Rollback, before: State | None) -> None:
        super().changed(rollback, before)
        assert self.poster is not None
        self.poster.changed(rollback, before)


@dataclass
class _Sinks:
    """An Alertmanager that takes everything and says nothing, and a fallback that works."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[dict[str, Any]] = field(default_factory=list)

    async def hang(self, _: web.Request) -> web.Response:
        self.asked.set()
        await asyncio.sleep(60)
        return web.Response()

    async def take(self, request: web.Request) -> web.Response:
        self.told.append(orjson.loads(await request.read()))
        return web.Response()


@asynccontextmanager
async def _sinks() -> AsyncIterator[_Sinks]:
    found = _Sinks()
    app = web.Application()
    app.router.add_post("/api/v2/alerts", found.hang)
    app.router.add_post("/fallback", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield found
    finally:
        await runner.cleanup()


async def test_whom_it_tells_may_hang_and_the_rollback_goes_on(tmp_path: Path) -> None:
    async with _sinks() as sinks, world(tmp_path) as here, new_session("test") as session:
        channel = Channel(session)
        context = {"secrets": SecretStore(tmp_path, {})}
        # Far longer than the rollback takes: what waits for Alertmanager is the poster alone.
        peer = PeerSpec.model_validate({"url": sinks.url, "timeout": "60s"}, context=context)
        fallback = FallbackSpec.model_validate({"url": f"{sinks.url}/fallback"}, context=context)
        channel.configure(peer, fallback)
        poster = Poster(
            here.journal, channel, SystemClock(), HandlerMetrics(Store(), time.time()), lambda *_: {}
        )
        poster.configure({"api": here.plan.rules.mode})
        here.events = _Told(poster=poster)
        task = asyncio.create_task(poster.live(), name="poster")
        try:
            ids = await here.tell(alert())
            here.start()
            row = await here.over(ids[0])
            assert row.state is State.SUCCEEDED
            async with asyncio.timeout(10):
                await sinks.asked.wait()
        finally:
            task.cancel()
            await asyncio.wait({task})
        # What could not be told is told the fallback, once.
        channel.configure(peer.model_copy(update={"timeout": 0.1}), fallback)
        await poster.post()
        await poster.post()
        assert [one["alert"] for one in sinks.told] == ["RollbackSucceeded"]
        assert sinks.told[0]["rollback_id"] == row.id


# A real handler: reload and end while a program runs (46, 49).

FILE = """\
environment: production
location: here
services:
  api:
    probes:
      health: {{kind: tcp, address: "127.0.0.1:{nobody}"}}
    rollback:
      strategy: command
      triggers: [RollbackHealthDown]
      command: {{run: [sh, -c, 'touch begun; until [ -e gate ]; do sleep 0.05; done; echo done >>ledger']}}
      after: [{{name: note, run: [sh, -c, 'echo {word} >>ledger']}}]
      verify: {{attempts: 1, every: 1s, in_a_row: 1}}
rollback:
  prometheus: {{url: "http://127.0.0.1:{nobody}"}}
  exporter: {{url: "http://127.0.0.1:{nobody}"}}
  alertmanager: {{url: "http://127.0.0.1:{nobody}"}}
"""


WEB = """\
tokens:
  - {name: lead, role: approve, file: lead}
  - {name: ci, role: deploy, file: ci}
"""


@dataclass
class _Handler:
    """A handler's process, with one release to go back to; its program waits for the file `gate`."""

    place: Path
    port: int
    nobody: int

    def write(self, word: str) -> None:
        (self.place / "rollwatch.yml").write_text(FILE.format(nobody=self.nobody, word=word))

    @property
    def argv(self) -> list[str]:
        options = ("--config.file", "rollwatch.yml", "--web.config.file", "web.yml", "--storage.path", "data")
        return [*ROLLWATCH, "rollback", "serve", *options, "--web.listen-address", f"127.0.0.1:{self.port}"]

    @property
    def ledger(self) -> list[str]:
        file = self.place / "ledger"
        return file.read_text().splitlines() if file.exists() else []

    def ask(self, path: str, body: dict[str, Any] | None = None, token: str = "lead") -> Any:
        """JSON of an answer with 2xx."""
        headers = {"Authorization": f"Bearer {_token(token)}", "Content-Type": "application/json"}
        data = None if body is None else orjson.dumps(body)
        method = "GET" if body is None else "POST"
        url = f"http://127.0.0.1:{self.port}{path}"
        status, _, answer = fetch(url, method=method, headers=headers, data=data)
        # 503 is what /health answers where something is wrong.
        assert status < 300 or path == "/health", answer
        return orjson.loads(answer)

    def begin(self) -> str:
        """A rollback whose program runs now; its id."""
        for version, at in (("1.4.1", time.time() - 7200), ("1.4.2", time.time())):
            said = {"service": "api", "state": "finished", "version": version, "at": at}
            self.ask("/api/monitoring/deployments", said, token="ci")
        wanted = {"service": "api", "reason": "a try", "actor": "anna", "level": "emergency"}
        rollback_id: str = self.ask("/api/monitoring/rollback/trigger", wanted)["id"]
        wait_for((self.place / "begun").exists, "the program's beginning")
        return rollback_id

    def over(self, rollback_id: str) -> str:
        """Its state, once it has ended."""

        def ended() -> str | None:
            found = self.ask(f"/api/monitoring/rollback/{rollback_id}")
            return None if found["is_open"] else str(found["state"])

        return wait_for(ended, "the end of the rollback")


def _token(name: str) -> str:
    return f"a-token-of-the-{name}-0123456789"


@pytest.fixture
def handler(tmp_path: Path) -> _Handler:
    (tmp_path / "web.yml").write_text(WEB)
    for name in ("lead", "ci"):
        (tmp_path / name).write_text(_token(name))
    found = _Handler(tmp_path, free_port(), free_port())
    found.write("first")
    return found


def test_a_reload_changes_nothing_for_what_has_begun_and_a_bad_file_nothing_at_all(handler: _Handler) -> None:
    with running(handler.argv, cwd=handler.place) as process:
        process.line_with("event=started")
        rollback_id = handler.begin()
        (handler.place / "rollwatch.yml").write_text("services: {api: {probes: nothing}}")
        process.signal(signal.SIGHUP)
        process.line_with("event=config_refused")
        assert handler.ask("/health")["checks"]["configuration"]["status"] == "down"
        handler.write("second")
        process.signal(signal.SIGHUP)
        process.line_with("event=config_loaded")
        (handler.place / "gate").touch()
        # No exporter answers: it is not known to be healthy, and a person is called.
        assert handler.over(rollback_id) == "failed"
        assert handler.ledger == ["done", "first"]


def test_it_ends_at_sigterm_and_says_at_its_next_start_what_became_of_it(handler: _Handler) -> None:
    with running(handler.argv, cwd=handler.place) as process:
        process.line_with("event=started")
        rollback_id = handler.begin()
        process.signal(signal.SIGTERM)
        process.line_with("event=stopping")
        (handler.place / "gate").touch()
        assert process.wait() == 0
    with running(handler.argv, cwd=handler.place) as process:
        process.line_with("event=started")
        assert handler.over(rollback_id) == "failed"
        steps = handler.ask(f"/api/monitoring/rollback/{rollback_id}")["steps"]
        assert [(step["kind"], step["state"]) for step in steps] == [
            ("execute", "done"),
            ("verify", "failed"),
            ("hook_after", "done"),
        ]
        assert handler.ledger == ["done", "first"]
