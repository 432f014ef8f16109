"""The wall clock jumps by days while figures, beacons, pushes and logs come in: what lasts, lasts as long."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from multidict import CIMultiDict
from structlog.testing import capture_logs

from rollwatch.config.ingest import IngestSpec
from rollwatch.figures.faults import Origin
from rollwatch.ingest.browser.beacon import parse_beacon
from rollwatch.ingest.browser.replays import Replays
from rollwatch.ingest.browser.sessions import Sessions
from rollwatch.ingest.gate import Gate
from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.standing import Standing
from rollwatch.ingest.logs.state import Obstacle
from rollwatch.ingest.push.delivery import Stamp
from rollwatch.ingest.push.sequence import PushSequence
from rollwatch.serving.refusal import Refusal
from support.arriving import Arriving, added, found, set_to, total
from support.browser_intake import Browsers, beacon, error
from support.manual_clock import ManualClock

DAY_S = 86_400.0
JUMPS = {"two days forth": 2 * DAY_S, "two days back": -2 * DAY_S, "to 1970": -1_700_000_000.0}
SERVICES = """\
api:
  push: {token: "${env:TOKEN}"}
  figures:
    level: {type: gauge, help: A level., stale_after: 1m, expire_after: 2m}
    sold_total: {type: counter, help: Sold.}
    kinds_total: {type: counter, help: Kinds., labels: {type: any}, limits: {P1: {above: 5, per: 1m}}}
"""

pytestmark = pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)


def push(arriving: Arriving, *items: Any, started_at: float | None = None, source: str = "a") -> None:
    taken = arriving.service().take(found(*items), Origin.PUSH, source=source, started_at=started_at)
    assert taken == []


def test_figures_become_stale_and_expire_when_their_time_has_come(tmp_path: Path, jump: float) -> None:
    arriving = Arriving(tmp_path, SERVICES)
    push(arriving, set_to("level", 5))
    arriving.clock.wall_offset += jump
    arriving.clock.advance(59)
    assert not arriving.figure("level").is_stale
    assert arriving.shown("level") == {(): 5.0}
    arriving.clock.advance(2)
    assert arriving.figure("level").is_stale
    arriving.clock.advance(60)
    assert arriving.shown("level") == {}


def test_a_new_count_is_held_at_0_for_as_long_as_ever(tmp_path: Path, jump: float) -> None:
    arriving = Arriving(tmp_path, SERVICES)
    name = "rollwatch_figure_events_total"
    arriving.shown(name)
    push(arriving, added("kinds_total", 3, "KeyError"))
    assert arriving.shown(name)["kinds_total", "type=KeyError"] == 0.0
    arriving.clock.wall_offset += jump
    arriving.clock.advance(19)
    assert arriving.shown(name)["kinds_total", "type=KeyError"] == 0.0
    arriving.clock.advance(2)
    assert arriving.shown(name)["kinds_total", "type=KeyError"] == 3.0


def test_what_began_before_us_is_told_by_the_clock_as_it_is_now(tmp_path: Path, jump: float) -> None:
    """Its clock was wrong when the exporter began, and was set since: applications have right ones."""
    arriving = Arriving(tmp_path, SERVICES)
    arriving.clock.wall_offset += jump
    arriving.clock.advance(30)
    now = arriving.clock.wall()
    push(arriving, total("sold_total", 1_000_000), source="old", started_at=now - 31)
    push(arriving, total("sold_total", 4), source="new", started_at=now - 29)
    assert arriving.shown("sold_total") == {(): 4.0}


def test_a_push_is_remembered_for_as_long_as_ever(jump: float) -> None:
    clock, sequence = ManualClock(), PushSequence()

    def check() -> None:
        stamp = Stamp(id="once", sent_at=clock.wall())
        sequence.check(stamp, wall=clock.wall(), monotonic=clock.monotonic())

    check()
    sequence.remember(Stamp(id="once"), monotonic=clock.monotonic())
    clock.wall_offset += jump
    clock.advance(3600)
    with pytest.raises(Refusal, match="accepted already"):
        check()
    clock.advance(301)
    check()


def test_a_beacon_is_remembered_for_as_long_as_ever(jump: float) -> None:
    clock = ManualClock()
    replays = Replays(clock, secret=b"k")
    replays.remember("once")
    clock.wall_offset += jump
    clock.advance(2 * DAY_S - 1)
    replays.remember("another")
    with pytest.raises(Refusal, match="taken already"):
        replays.check("once", clock.wall())
    clock.advance(2)
    replays.remember("a third")
    replays.check("once", clock.wall())


def test_sessions_last_as_long_as_ever(jump: float) -> None:
    clock = ManualClock()
    ended: list[tuple[str, float]] = []
    sessions = Sessions(clock, lambda device, lasted_s: ended.append((device, lasted_s)), secret=b"k")
    sessions.hear("session-1", 12.0, "mobile")
    clock.wall_offset += jump
    clock.advance(299)
    sessions.sweep()
    assert (sessions.active, ended) == (1, [])
    clock.advance(2)
    sessions.sweep()
    assert (sessions.active, ended) == (0, [])
    clock.advance(1800)
    sessions.sweep()
    assert ended == [("mobile", 12.0)]


def test_a_client_waits_as_long_as_ever(jump: float) -> None:
    clock = ManualClock()
    gate = Gate(IngestSpec(client_rate=1, client_burst=2), clock, b"k")
    request = cast("Any", SimpleNamespace(remote="192.0.2.1", headers=CIMultiDict[str]()))
    gate.admit(request)
    gate.admit(request)
    clock.wall_offset += jump
    with pytest.raises(Refusal, match="too often"):
        gate.admit(request)
    clock.advance(1)
    gate.admit(request)


async def test_routes_and_errors_are_shown_for_as_long_as_ever(jump: float) -> None:
    browsers = Browsers()
    at_work = browsers.intake._applications["web"]
    said = parse_beacon(beacon({"type": "view", "path": "/news"}, error()))
    at_work.take(said, await at_work.examine(said))

    async def shown() -> tuple[int, int]:
        await browsers.intake.sweep()
        return len(browsers.shown("page_views_total")), len(browsers.shown("errors_total"))

    before = await shown()
    browsers.clock.wall_offset += jump
    browsers.clock.advance(DAY_S - 1)
    assert await shown() == before
    browsers.clock.advance(302)
    assert await shown() == (0, 0)


def test_a_log_that_is_away_is_told_of_when_it_is_away_for_long(jump: float) -> None:
    clock = ManualClock()
    standing = Standing("app.log", clock)
    standing.cleared()
    away = Obstruction(Obstacle.MISSING, "No such file")
    with capture_logs() as said:
        standing.met(away)
        clock.wall_offset += jump
        clock.advance(4.9)
        standing.met(away)
        assert said == []
        clock.advance(0.2)
        standing.met(away)
        assert [line["event"] for line in said] == ["log_not_readable"]
