"""What is in a source's way: in the state at once, in the log once."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from rollwatch.ingest.logs.obstruction import Obstruction
from rollwatch.ingest.logs.standing import Standing
from rollwatch.ingest.logs.state import Obstacle, Rotation
from support.manual_clock import ManualClock

MISSING = Obstruction(Obstacle.MISSING, "No such file or directory")
FORBIDDEN = Obstruction(Obstacle.FORBIDDEN, "Permission denied")


def said(logs: list[Any]) -> list[tuple[str, str | None]]:
    return [(entry["event"], entry.get("why")) for entry in logs]


def test_what_is_missing_at_the_start_is_said_at_once_and_once() -> None:
    clock = ManualClock()
    standing = Standing("/var/log/app.log", clock)
    assert standing.state.obstacle is Obstacle.NOT_STARTED
    with capture_logs() as logs:
        for _ in range(100):
            standing.met(MISSING)
            clock.advance(1)
        assert standing.state.obstacle is Obstacle.MISSING
        standing.cleared()
        standing.cleared()
    assert said(logs) == [("log_not_readable", "missing"), ("log_readable_again", None)]
    assert logs[0]["log"] == "/var/log/app.log"
    assert standing.state.obstacle is None
    assert standing.state.detail == ""


def test_the_moment_between_two_files_of_a_rotation_is_not_said() -> None:
    clock = ManualClock()
    standing = Standing("app.log", clock)
    standing.cleared()
    with capture_logs() as logs:
        standing.met(MISSING)
        assert standing.state.obstacle is Obstacle.MISSING
        clock.advance(2)
        standing.met(MISSING)
        standing.cleared()
    assert logs == []


def test_a_file_that_stays_away_is_said_after_a_while() -> None:
    clock = ManualClock()
    standing = Standing("app.log", clock)
    standing.cleared()
    with capture_logs() as logs:
        for _ in range(100):
            standing.met(MISSING)
            clock.advance(1)
    assert said(logs) == [("log_not_readable", "missing")]


def test_another_obstacle_is_news() -> None:
    standing = Standing("app.log", ManualClock())
    with capture_logs() as logs:
        standing.met(MISSING)
        standing.met(FORBIDDEN)
        standing.met(FORBIDDEN)
    assert said(logs) == [("log_not_readable", "missing"), ("log_not_readable", "forbidden")]


def test_counts_add_up_and_outlive_the_end() -> None:
    clock = ManualClock(wall=1_700_000_000.0)
    standing = Standing("app.log", clock)
    standing.took(2, 100, 0)
    clock.advance(5)
    standing.took(0, 10, 1, [Rotation.TRUNCATED, Rotation.REPLACED, Rotation.REPLACED])
    standing.is_open = True
    standing.backlog_bytes = 7
    state = standing.state
    assert (state.lines_read, state.bytes_read, state.too_long_lines) == (2, 110, 1)
    assert state.rotations == {Rotation.REPLACED: 2, Rotation.TRUNCATED: 1}
    assert state.last_line_at == 1_700_000_000.0
    assert state.is_open
    assert state.backlog_bytes == 7
    standing.ended("it was read to its end")
    standing.closed()
    state = standing.state
    assert (state.is_open, state.obstacle, state.backlog_bytes) == (False, Obstacle.ENDED, 0)
    assert state.lines_read == 2
