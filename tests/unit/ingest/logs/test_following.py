"""One log at work: its lines in slices, its counts over reloads and over changes of its source."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rollwatch.ingest.logs.following import Following
from rollwatch.ingest.logs.state import Obstacle, Rotation
from support.arriving import Arriving
from support.config_kinds import load
from support.log_intake import FRESH, Batches
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

LINES = "rollwatch_log_source_lines_total"
ROTATIONS = "rollwatch_log_source_rotations_total"
OBSTACLE = "rollwatch_log_source_obstacle"
SERVICES = """\
api:
  figures:
    one_total: {type: counter, help: One.}
    two_total: {type: counter, help: Two.}
    word_total: {type: counter, help: Words., labels: {word: any}}
    level: {type: gauge, help: A level.}
  logs:
    levels: {file: levels.log, lines: [{figures: {level: level}}]}
    app: {file: app.log, lines: [{figures: {one_total: {}}}]}
    other: {file: other.log, lines: [{figures: {two_total: {}}}]}
    words:
      file: words.log
      lines: [{pattern: '(?P<word>[a-z]+)', figures: {word_total: {labels: {word: word}}}}]
"""
WITHOUT = """\
environment: test
services:
  api:
    figures: {one_total: {type: counter, help: One., labels: {word: any}}}
"""


class Hurrying(ManualClock):
    """On which every line takes longer than a slice."""

    def monotonic(self) -> float:
        self.advance(0.002)
        return super().monotonic()


class Bench:
    """A log of `api`, in the shape of one of those above."""

    def __init__(self, directory: Path, clock: ManualClock | None = None) -> None:
        self.arriving = Arriving(directory, SERVICES)
        without = directory / "without.yml"
        without.write_text(WITHOUT)
        self.without = load(without)
        self.following = Following("app", self.arriving.store, clock or ManualClock())
        self.configure("app")

    def configure(self, log: str, environment: str = "test") -> None:
        figures = self.arriving.service()
        lines = figures.signals.logs[log].lines
        self.following.configure(lines, figures, ("api", environment, "here"))

    def shown(self, name: str) -> dict[tuple[str, ...], float]:
        self.following.refresh()
        return self.arriving.shown(name)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def hurried(tmp_path: Path) -> Bench:
    return Bench(tmp_path, Hurrying())


JSON = [b"{}"] * 5


async def test_every_result_is_counted_from_0(bench: Bench) -> None:
    zero = {("app", result): 0 for result in ("taken", "passed", "malformed", "too_long")}
    assert bench.shown(LINES) == zero

    await bench.following.run(Batches([*JSON, b"no json", *JSON]))
    bench.configure("words")
    await bench.following.run(Batches([b"yes", b"123", b"no"]))

    assert bench.shown(LINES) == zero | {
        ("app", "taken"): 12,
        ("app", "malformed"): 1,
        ("app", "passed"): 1,
    }
    assert bench.shown("one_total") == {(): 10}
    assert bench.shown("word_total") == {("yes",): 1, ("no",): 1}


async def test_others_have_their_turn_between_lines_that_take_long(hurried: Bench) -> None:
    seen: list[float] = []

    async def other() -> None:
        while True:
            seen.append(hurried.shown("one_total")[()])
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await hurried.following.run(Batches(JSON))
    task.cancel()

    assert {1, 2, 3, 4} <= set(seen)
    assert hurried.shown(LINES)["app", "taken"] == 5


async def test_a_reload_between_two_lines_changes_what_is_made_of_the_next(hurried: Bench) -> None:
    run = asyncio.create_task(hurried.following.run(Batches([b'{"a": 1}'] * 5)))
    while hurried.shown("one_total")[()] < 2:
        await asyncio.sleep(0)
    counted = hurried.shown("one_total")[()]
    hurried.configure("other")
    await run

    assert hurried.shown("one_total") == {(): counted}
    assert hurried.shown("two_total") == {(): 5 - counted}
    assert hurried.shown(LINES)["app", "taken"] == 5


LONG = b'{"level": 7, "filling": "' + b"x" * 100_000 + b'"}'


async def test_long_lines_are_read_in_their_turn(bench: Bench) -> None:
    bench.configure("levels")
    await bench.following.run(Batches([b'{"level": 1}', LONG, b'{"level": 2}', b'{"level": 3}']))
    assert bench.shown("level") == {(): 3}
    await bench.following.run(Batches([b'{"level": 4}', LONG]))
    assert bench.shown("level") == {(): 7}
    await bench.following.run(Batches([LONG, b'{"level": 5}']))
    assert bench.shown("level") == {(): 5}
    await bench.following.run(Batches([b"x" * 9000, b"x"]))
    assert bench.shown(LINES) == {
        ("app", "taken"): 8,
        ("app", "malformed"): 2,
        ("app", "passed"): 0,
        ("app", "too_long"): 0,
    }


async def test_a_reload_while_a_long_line_is_read_makes_it_one_of_the_new_shape(bench: Bench) -> None:
    run = asyncio.create_task(bench.following.run(Batches([LONG])))
    await asyncio.sleep(0)
    bench.configure("other")
    await run

    assert bench.shown("one_total") == {(): 0}
    assert bench.shown("two_total") == {(): 1}
    assert bench.shown(LINES)["app", "taken"] == 1


async def test_a_long_line_of_a_log_that_is_gone_is_nothing(bench: Bench) -> None:
    run = asyncio.create_task(bench.following.run(Batches([LONG, b"{}"])))
    await asyncio.sleep(0)
    bench.following.close()
    await run

    assert bench.shown("one_total") == {(): 0}


async def test_of_a_log_that_is_gone_the_lines_in_hand_are_nothing(hurried: Bench) -> None:
    run = asyncio.create_task(hurried.following.run(Batches(JSON, JSON)))
    while hurried.shown("one_total")[()] < 2:
        await asyncio.sleep(0)
    hurried.following.close()
    # Its figure may be gone too, or another one of that name be there.
    hurried.arriving.board.configure(hurried.without)
    await run

    assert hurried.shown("one_total") == {}
    assert hurried.shown("rollwatch_figure_faults_total") == {}
    assert not [
        metric for metric in hurried.arriving.store.describe() if metric.name.startswith("rollwatch_log")
    ]


async def test_what_the_source_counts_is_shown_and_goes_on_with_the_next_source(bench: Bench) -> None:
    first = Batches()
    await bench.following.run(first)
    assert bench.shown(OBSTACLE) == {("app", "not_started"): 1}
    assert bench.shown("rollwatch_log_source_open") == {("app",): 0}
    first.state = replace(
        FRESH,
        is_open=True,
        obstacle=None,
        bytes_read=100,
        too_long_lines=2,
        rotations={Rotation.REPLACED: 1, Rotation.TRUNCATED: 4},
        backlog_bytes=7,
        last_line_at=1234.5,
    )
    for _ in range(2):
        assert bench.shown(OBSTACLE) == {}
        assert bench.shown("rollwatch_log_source_open") == {("app",): 1}
        assert bench.shown("rollwatch_log_source_bytes_total") == {("app",): 100}
        assert bench.shown("rollwatch_log_source_backlog_bytes") == {("app",): 7}
        assert bench.shown("rollwatch_log_source_last_line_timestamp_seconds") == {("app",): 1234.5}
        assert bench.shown(ROTATIONS) == {("app", "replaced"): 1, ("app", "truncated"): 4}
        assert bench.shown(LINES)["app", "too_long"] == 2
    # What the first one counted since it was last shown is not lost.
    first.state = replace(first.state, bytes_read=130, too_long_lines=3)

    second = Batches()
    await bench.following.run(second)
    second.state = replace(
        FRESH,
        obstacle=Obstacle.FORBIDDEN,
        bytes_read=1,
        too_long_lines=1,
        rotations={Rotation.REPLACED: 0, Rotation.TRUNCATED: 1},
    )

    assert bench.shown(OBSTACLE) == {("app", "forbidden"): 1}
    assert bench.shown("rollwatch_log_source_open") == {("app",): 0}
    assert bench.shown("rollwatch_log_source_bytes_total") == {("app",): 131}
    assert bench.shown(ROTATIONS) == {("app", "replaced"): 1, ("app", "truncated"): 5}
    assert bench.shown(LINES)["app", "too_long"] == 4


async def test_in_another_environment_the_counts_begin_anew(bench: Bench) -> None:
    source = Batches(JSON)
    await bench.following.run(source)
    source.state = replace(FRESH, bytes_read=10, obstacle=Obstacle.MISSING)
    assert bench.shown("rollwatch_log_source_bytes_total") == {("app",): 10}

    bench.configure("app", environment="staging")
    source.state = replace(source.state, bytes_read=15)

    assert bench.shown("rollwatch_log_source_bytes_total") == {("app",): 5}
    assert bench.shown(LINES)["app", "taken"] == 0
    assert bench.shown(OBSTACLE) == {("app", "missing"): 1}
    environments = {
        sample.labels["environment"]
        for family in bench.arriving.store.collect()
        for sample in family.samples
        if sample.name.startswith("rollwatch_log")
    }
    assert environments == {"staging"}
