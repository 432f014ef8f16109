"""Which errors are told in the log with their stack, and how often."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from rollwatch.ingest.browser import reports
from rollwatch.ingest.browser.errors import ErrorGroups, ErrorSeen
from rollwatch.ingest.browser.frames import Frame, parse_stack, render
from rollwatch.ingest.browser.reports import Reports
from rollwatch.ingest.browser.sourcemaps import SourceMaps
from support.manual_clock import ManualClock

STACK = "TypeError: no\n    at f (https://www.example.com/app.js:1:2)"
AS_IT_CAME = "at f (https://www.example.com/app.js:1:2)"


class Told:
    """Reports, their list of groups, and what was logged."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.groups = ErrorGroups(key=b"k")
        self.woken = 0
        self.reports = Reports("web", self.groups, self.clock, self._wake)
        self.logs: list[Any] = []

    def _wake(self) -> None:
        self.woken += 1

    def take(
        self, group: str = "group-1", stack: str = STACK, release: str | None = "1.0", **members: Any
    ) -> None:
        seen = ErrorSeen(
            fingerprint=group,
            title="TypeError: no",
            kind="error",
            message="no",
            stack=render(parse_stack(stack)),
            release=release,
            browser="Chrome 131",
            session="s",
            path="/",
            route=None,
            at=self.clock.wall(),
            **members,
        )
        self.reports.take(seen, stack, stack.encode())

    async def lines(self) -> list[Any]:
        """What is logged of what waits."""
        with capture_logs() as logs:
            await self.reports.work()
        return logs

    def stack(self) -> str:
        return self.groups.view()[0]["stack"]


@pytest.fixture
def told() -> Told:
    return Told()


async def test_the_first_error_is_told_with_everything(told: Told) -> None:
    told.take()
    assert told.woken == 1
    [line] = await told.lines()
    assert line == {
        "event": "browser_error",
        "log_level": "warning",
        "service": "web",
        "group": "group-1",
        "kind": "error",
        "title": "TypeError: no",
        "message": "no",
        "release": "1.0",
        "browser": "Chrome 131",
        "path": "/",
        "route": None,
        "exception": AS_IT_CAME,
    }
    assert told.groups.view()[0]["count"] == 1
    assert told.stack() == AS_IT_CAME


async def test_the_same_stack_is_told_once_for_each_release(told: Told) -> None:
    for release in ("1.0", "1.0", "1.1", "1.0", "1.1"):
        told.take(release=release)
        told.clock.advance(61)
    assert [line["release"] for line in await told.lines()] == ["1.0", "1.1"]
    assert told.groups.view()[0]["count"] == 5
    assert told.stack() == AS_IT_CAME


async def test_a_group_is_told_once_a_minute_at_most(told: Told) -> None:
    for index in range(100):
        told.take(stack=f"{STACK}{index}", release=str(index))
        told.clock.advance(1)
    assert len(await told.lines()) == 2
    assert told.groups.view()[0]["count"] == 100


async def test_stacks_that_take_turns_are_told_once(told: Told) -> None:
    for index in range(100):
        told.take(stack=f"{STACK}{index % 10}")
        told.clock.advance(61)
    assert len(await told.lines()) == 10


async def test_stacks_that_are_remembered_are_bounded(told: Told) -> None:
    for index in range(100):
        told.take(stack=f"{STACK}{index}")
        told.clock.advance(61)
    assert len(told.reports._told["group-1"].stacks) == 16


async def test_many_groups_are_told_in_bounded_number_and_none_lacks_its_stack(told: Told) -> None:
    for index in range(150):
        told.take(group=f"group-{index}")
    assert len(told.reports._waiting) == 50
    assert len(await told.lines()) == 50
    told.clock.advance(2)
    for index in range(150, 160):
        told.take(group=f"group-{index}")
    assert len(await told.lines()) == 2
    views = told.groups.view()
    assert len(views) == 160
    assert {view["stack"] for view in views} == {AS_IT_CAME}


async def test_groups_that_are_known_are_bounded(told: Told) -> None:
    for index in range(300):
        told.take(group=f"group-{index}")
    assert len(told.reports._told) == 200


async def test_an_error_that_is_ignored_is_listed_with_its_stack_and_not_logged(told: Told) -> None:
    told.take(ignored_by="resize")
    assert await told.lines() == []
    assert told.stack() == AS_IT_CAME


async def test_an_error_without_a_stack_is_told_too(told: Told) -> None:
    told.take(stack="")
    [line] = await told.lines()
    assert line["exception"] == ""


class Maps:
    """Resolves everything to one frame, as soon as it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.called = threading.Event()

    def resolve(self, _: Iterable[Frame]) -> list[Frame]:
        self.called.set()
        self.may.wait(20)
        return [Frame("onClick", "src/App.tsx", 42, 7)]


async def test_the_stack_is_told_in_places_of_the_sources(told: Told) -> None:
    told.reports.configure(cast("SourceMaps", Maps()))
    told.take()
    [line] = await told.lines()
    assert line["exception"] == told.stack() == "at onClick (src/App.tsx:42:7)"


async def test_a_stack_that_is_told_stays_when_the_error_comes_again_as_the_browser_writes_it(
    told: Told,
) -> None:
    told.reports.configure(cast("SourceMaps", Maps()))
    told.take()
    await told.lines()
    told.take()
    told.take(stack=f"{STACK}7")
    assert told.groups.view()[0]["count"] == 3
    assert told.stack() == "at onClick (src/App.tsx:42:7)"


async def test_a_disk_that_hangs_costs_the_sources_and_nothing_else(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "_RESOLVE_S", 0.05)
    maps = Maps()
    maps.may.clear()
    told.reports.configure(cast("SourceMaps", maps))
    try:
        told.take()
        told.take(group="group-2")
        assert [line["exception"] for line in await told.lines()] == [AS_IT_CAME, AS_IT_CAME]
        assert maps.called.is_set()
    finally:
        maps.may.set()
