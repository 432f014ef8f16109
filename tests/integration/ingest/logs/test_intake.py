"""Logs of a configuration, from real files and pipes to what a scrape shows, over reloads."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest

from support.faults import FAULTS
from support.log_following import Writer, open_files, until
from support.log_intake import LogsAtWork, following

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = "rollwatch_log_source_lines_total"

REQUESTS_AND_ERRORS = """
api:
  logs:
    app:
      file: app.log
      lines:
        - when: message == 'request'
          figures:
            rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}
            rollwatch_http_request_duration_seconds: {value: ms, scale: 0.001, labels: {endpoint: path}}
        - when: level == 'error'
          figures: {rollwatch_system_errors_total: {labels: {type: name}}}
        - when: message == 'payment webhook'
          figures: {rollwatch_payment_webhooks_total: {labels: {outcome: outcome}}}
        - when: "ends_with(metric, '_duration')"
          figures:
            rollwatch_http_request_duration_seconds:
              value: value
              scale: 0.001
              labels: {endpoint: {value: metric, pattern: '^[A-Z]+_(.*)_duration$'}}
        - pattern: '" (?P<status>[0-9]{3}) [0-9]+$'
          figures: {rollwatch_http_requests_total: {labels: {endpoint: "'nginx'", code: status}}}
"""

COUNTING = """
api:
  figures:
    old_total: {{type: counter, help: Lines under the old shape.}}
    new_total: {{type: counter, help: Lines under the new shape.}}
  logs:
    app: {{{place}, lines: [{{pattern: ' end$', figures: {{{figure}: {{}}}}}}]{more}}}
"""

NO_LOG = "api: {figures: {old_total: {type: counter, help: Lines under the old shape.}}}"


def counting(figure: str, place: str = "file: app.log", more: str = "") -> str:
    return COUNTING.format(figure=figure, place=place, more=more)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("before the start end\n")
    return path


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)


def own(text: str, *prefixes: str) -> list[str]:
    """Lines of an exposition that begin so, without what is the same in all of them."""
    common = 'service="api",environment="test",location="here"'
    return sorted(
        line.replace(f"{common},", "").replace(f"{{{common}}}", "")
        for line in text.splitlines()
        if line.startswith(prefixes) and not (line.startswith(FAULTS) and line.endswith(" 0.0"))
    )


async def test_what_a_scrape_shows_of_a_log(tmp_path: Path, log: Path) -> None:
    async with following(tmp_path, REQUESTS_AND_ERRORS) as work:
        await work.opened()
        append(
            log,
            b'{"level": "info", "message": "listening"}',
            b'{"level": "info", "message": "request", "path": "/users/42", "status": 200, "ms": 12}',
            b'{"level": "info", "message": "request", "path": "/users/43", "status": 500, "ms": 3000}',
            b'{"level": "info", "message": "request", "path": "/cart", "status": 200, "ms": -1}',
            b'{"level": "info", "message": "request", "path": "/cart", "status": 200, "ms": 1, "ua": "\xff"}',
            b'{"level": "error", "message": "payment webhook", "outcome": "failed", "name": "StripeError"}',
            b"StripeError: no signature",
            b"    at verify (/app/webhooks.js:7:11)",
            b"\x00\x00\x00",
            b'{"metric":"GET_/users_duration","value":12,"status":200,"timestamp":"2025-11-25T10:00:00Z"}',
            b'10.0.0.1 - - [25/Nov/2025:10:00:00 +0000] "GET / HTTP/1.1" 404 162',
            b'{"level": "info", "message": "' + b"x" * 2**20 + b'"}',
            b'{"level": "info", "message": "' + b"x" * (2**20 - 40) + b'"}',
            b'{"a":' * 3000 + b"1" + b"}" * 3000,
        )
        await until(lambda: work.lines() == 14)
        text = await work.exposed()

    assert own(text, LINES) == [
        f'{LINES}{{log="app",result="malformed"}} 4.0',
        f'{LINES}{{log="app",result="passed"}} 2.0',
        f'{LINES}{{log="app",result="taken"}} 7.0',
        f'{LINES}{{log="app",result="too_long"}} 1.0',
    ]
    assert own(text, "rollwatch_http_requests_total") == [
        'rollwatch_http_requests_total{endpoint="/cart",code="2xx"} 2.0',
        'rollwatch_http_requests_total{endpoint="/users/_id",code="2xx"} 1.0',
        'rollwatch_http_requests_total{endpoint="/users/_id",code="5xx"} 1.0',
        'rollwatch_http_requests_total{endpoint="nginx",code="4xx"} 1.0',
    ]
    duration = "rollwatch_http_request_duration_seconds"
    assert own(text, f"{duration}_count", f"{duration}_sum") == [
        f'{duration}_count{{endpoint="/cart"}} 1',
        f'{duration}_count{{endpoint="/users"}} 1',
        f'{duration}_count{{endpoint="/users/_id"}} 2',
        f'{duration}_sum{{endpoint="/cart"}} 0.001',
        f'{duration}_sum{{endpoint="/users"}} 0.012',
        f'{duration}_sum{{endpoint="/users/_id"}} 3.012',
    ]
    assert own(text, "rollwatch_payment_webhooks_total", "rollwatch_system_errors_total") == [
        'rollwatch_payment_webhooks_total{outcome="failed"} 1.0',
        'rollwatch_payment_webhooks_total{outcome="ok"} 0.0',
        'rollwatch_system_errors_total{type="StripeError"} 1.0',
    ]
    assert own(text, "rollwatch_figure_faults_total") == [
        'rollwatch_figure_faults_total{source="log",fault="negative"} 1.0'
    ]
    [seen] = own(text, "rollwatch_figure_first_seen_timestamp_seconds")
    assert 'figure="rollwatch_system_errors_total",key="type=StripeError"' in seen
    [size] = own(text, "rollwatch_log_source_bytes_total")
    assert float(size.split()[-1]) == log.stat().st_size - len("before the start end\n")


async def test_a_log_that_is_not_there_yet_is_read_from_its_first_line(tmp_path: Path) -> None:
    async with following(tmp_path, counting("old_total")) as work:
        await until(lambda: work.value('rollwatch_log_source_obstacle{log="app",obstacle="missing"}') == 1)
        assert work.value('rollwatch_log_source_open{log="app"}') == 0
        append(tmp_path / "app.log", b"1 end", b"2 end")
        await work.opened()
        await until(lambda: work.lines() == 2)

        assert work.value("old_total") == 2
        assert "rollwatch_log_source_obstacle{" not in await work.exposed()


async def test_what_is_made_of_lines_changes_between_two_of_them(tmp_path: Path, log: Path) -> None:
    shapes = ["old_total", "new_total"]
    async with following(tmp_path, counting("old_total")) as work:
        await work.opened()
        with Writer(log) as writer:
            for reload in range(1, 9):
                goal = work.lines() + 500
                await until(lambda goal=goal: work.lines() > goal)
                await work.configure(counting(shapes[reload % 2]))
        await until(lambda: work.lines() == writer.written)

        assert work.value("old_total") > 1000
        assert work.value("new_total") > 1000
        assert work.value("old_total") + work.value("new_total") == writer.written
        assert work.tasks == {"log:api/app"}


async def test_another_limit_of_a_line_loses_and_doubles_none(tmp_path: Path, log: Path) -> None:
    """Unlike the shapes it is a matter of the reader, which is another one then."""
    async with following(tmp_path, counting("old_total")) as work:
        await work.opened()
        with Writer(log) as writer:
            for reload in range(1, 7):
                goal = work.lines() + 500
                await until(lambda goal=goal: work.lines() > goal)
                await work.configure(counting("old_total", more=f", line_limit: {512 + reload}B"))
        await until(lambda: work.lines() >= writer.written)
        append(log, b"x" * 600)
        await until(lambda: work.value(f'{LINES}{{log="app",result="too_long"}}') == 1)

        assert work.value("old_total") == writer.written
        assert work.value("rollwatch_log_source_bytes_total") == log.stat().st_size - len(
            "before the start end\n"
        )


async def test_of_a_log_that_is_gone_nothing_is_left(tmp_path: Path, log: Path) -> None:
    async with following(tmp_path, counting("old_total")) as work:
        await work.opened()
        append(log, b"1 end")
        await until(lambda: work.value("old_total") == 1)

        await work.configure(NO_LOG)
        assert "rollwatch_log_source" not in await work.exposed()
        await until(lambda: work.tasks == set())
        await until(lambda: str(log) not in open_files())
        append(log, b"2 end")
        assert work.value("old_total") == 1

        # Back again, it is new: from its end on.
        await work.configure(counting("old_total"))
        await work.opened()
        append(log, b"3 end")
        await until(lambda: work.lines() == 1)
        assert work.value("old_total") == 2


async def test_reloads_that_come_while_logs_are_ended_are_heard(tmp_path: Path, log: Path) -> None:
    several = counting("old_total") + "".join(
        f"    log{number}: {{file: log{number}.log, lines: [{{figures: {{old_total: {{}}}}}}]}}\n"
        for number in range(5)
    )
    fewer = counting("old_total")
    none = NO_LOG
    async with following(tmp_path, several) as work:
        await until(lambda: len(work.tasks) == 6)
        configs = [
            await asyncio.to_thread(work._load, services, "test") for services in (fewer, none, several, none)
        ]
        for config in configs:
            work.board.configure(config)
            work.intake.configure(config)
            # So that the intake is just waiting for the end of some.
            await asyncio.sleep(0)
        await until(lambda: work.tasks == set())
        await work.configure(several)
        await until(lambda: len(work.tasks) == 6)


async def test_no_pipe_has_two_readers_whenever_reloads_come(tmp_path: Path, log: Path) -> None:
    os.mkfifo(tmp_path / "app.fifo")
    alone = counting("old_total", "fifo: app.fifo")
    beside = alone + "    other: {file: app.log, lines: [{figures: {old_total: {}}}]}\n"
    renamed = alone.replace("    app:", "    renamed:")
    async with following(tmp_path, beside) as work:
        await until(lambda: work.tasks == {"log:api/app", "log:api/other"})
        configs = [await asyncio.to_thread(work._load, services, "test") for services in (alone, renamed)]
        for config in configs:
            work.board.configure(config)
            work.intake.configure(config)
            await asyncio.sleep(0)
        while work.tasks != {"log:api/renamed"}:
            assert not {"log:api/app", "log:api/renamed"} <= work.tasks
            await asyncio.sleep(0)


async def test_a_log_can_move_to_another_file(tmp_path: Path, log: Path) -> None:
    other = tmp_path / "other.log"
    append(other, b"before the reload end")
    async with following(tmp_path, counting("old_total")) as work:
        await work.opened()
        append(log, b"1 end")
        await until(lambda: work.lines() == 1)

        await work.configure(counting("old_total", place="file: other.log"))
        await until(lambda: str(other) in open_files())
        await until(lambda: str(log) not in open_files())
        append(log, b"2 end")
        append(other, b"3 end", b"4 end")
        await until(lambda: work.lines() == 3)

        assert work.value("old_total") == 3
        assert work.tasks == {"log:api/app"}


def write_steadily(path: Path, count: list[int], enough: Callable[[], bool]) -> None:
    """As a program does that never opens its log again."""
    fd = os.open(path, os.O_WRONLY)
    while not enough():
        os.write(fd, b"%09d end\n" % count[0])
        count[0] += 1
    os.close(fd)


async def test_a_pipe_is_kept_over_reloads_and_over_a_new_name(tmp_path: Path) -> None:
    fifo = tmp_path / "app.fifo"
    os.mkfifo(fifo)
    place = "fifo: app.fifo"
    count, stop = [0], threading.Event()
    async with following(tmp_path, counting("old_total", place)) as work:
        await work.opened()
        writer = threading.Thread(target=write_steadily, args=(fifo, count, stop.is_set), daemon=True)
        writer.start()
        for settings in (
            ("new_total", place),
            ("old_total", place, ", line_limit: 4KiB"),
            ("new_total", place),
            ("old_total", place),
        ):
            goal = work.lines() + 500
            await until(lambda goal=goal: work.lines() > goal)
            await work.configure(counting(*settings))
        stop.set()
        await until(lambda: not writer.is_alive())
        await until(lambda: work.lines() == count[0])
        assert work.value("old_total") > 0
        assert work.value("old_total") + work.value("new_total") == count[0]

        # The same pipe as another log: the first must be done with it before.
        await work.configure(counting("old_total", place).replace("    app:", "    renamed:"))
        await until(lambda: work.tasks == {"log:api/renamed"})
        await work.opened("renamed")
        before = work.value("old_total")
        fd = os.open(fifo, os.O_WRONLY)
        os.write(fd, b"1 end\n" * 1000)
        os.close(fd)
        await until(lambda: work.lines("renamed") == 1000)
        assert work.value("old_total") == before + 1000
        assert f'{LINES}{{log="app"' not in await work.exposed()


async def test_two_logs_of_two_services_do_not_mix(tmp_path: Path, log: Path) -> None:
    other = tmp_path / "web.log"
    other.touch()
    services = counting("old_total") + counting("old_total", "file: web.log").replace("api:", "web:")
    async with following(tmp_path, services) as work:
        await until(lambda: {str(log), str(other)} <= set(open_files()))
        append(other, b"1 end")
        await until(lambda: work.lines() == 1)
        text = await work.exposed()

    assert 'old_total{service="web",environment="test",location="here"} 1.0' in text
    assert 'old_total{service="api",environment="test",location="here"} 0.0' in text


async def test_in_another_environment_a_log_is_read_on(tmp_path: Path, log: Path) -> None:
    async with following(tmp_path, counting("old_total")) as work:
        await work.opened()
        append(log, b"1 end")
        await until(lambda: work.lines() == 1)
        await work.configure(counting("old_total"), environment="staging")
        append(log, b"2 end", b"3 end")
        await until(lambda: work.lines() == 2)
        text = await work.exposed()

    assert 'old_total{service="api",environment="staging",location="here"} 2.0' in text
    assert 'environment="test"' not in text


USUAL = b'{"path": "/cart", "status": 200, "ms": 12.5, "agent": "' + b"x" * 900 + b'"}\n'
HOSTILE = [
    b"x" * 100_000,
    b"[" * 1500,
    b'{"path": "/%s", "status": 200, "ms": [%s]}' % (b"a" * 2000, b",".join([b"1"] * 1000)),
    b'{"a": "' + b"\xff" * 5000 + b'"}',
]
ONE_SHAPE = """
api:
  logs:
    app:
      file: app.log
      lines:
        - figures:
            rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}
            rollwatch_http_request_duration_seconds: {value: ms, scale: 0.001, labels: {endpoint: path}}
"""


async def test_a_backlog_of_anything_leaves_time_for_others(tmp_path: Path, log: Path) -> None:
    """Of 50 MB in one go there would be no beat at all in between."""
    block = b"".join(line + b"\n" for line in HOSTILE) + USUAL * 1000
    blocks = 50_000_000 // len(block)
    beats = 0

    def write() -> None:
        with log.open("ab") as file:
            for _ in range(blocks):
                file.write(block)

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    async with following(tmp_path, ONE_SHAPE) as work:
        await work.opened()
        heart = asyncio.create_task(beat())
        await asyncio.to_thread(write)
        await until(lambda: work.lines() == blocks * 1004)
        heart.cancel()

        assert beats > 10
        assert work.value('rollwatch_http_requests_total{endpoint="/cart",code="2xx"}') == blocks * 1000


def test_nothing_is_followed_before_it_is_configured_nor_after_the_end(tmp_path: Path, log: Path) -> None:
    async def main() -> None:
        work = LogsAtWork.under(tmp_path)
        live = asyncio.create_task(work.intake.live())
        await asyncio.sleep(0)
        assert work.tasks == set()
        await work.configure(counting("old_total"))
        await work.opened()
        live.cancel()
        await asyncio.wait({live})
        assert live.cancelled()
        assert work.tasks == set()
        await until(lambda: str(log) not in open_files())

    asyncio.run(main())
