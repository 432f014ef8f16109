"""The reference check, against real sockets."""

import asyncio
from contextlib import suppress

from rollwatch.clock import SystemClock
from rollwatch.engine.reference import ReferenceCheck


async def test_it_tells_a_network_that_is_there_from_one_that_is_not():
    asked = []

    async def accept(_reader, writer):
        asked.append(1)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reports = []
    check = ReferenceCheck("127.0.0.1", port, 1.0, SystemClock(), reports.append)
    async with server:
        assert await asyncio.gather(*(check.is_up() for _ in range(5))) == [True] * 5
        assert len(reports) == 1, "one check serves everyone who asks at the same time"
    gone = ReferenceCheck("127.0.0.1", port, 1.0, SystemClock(), reports.append)
    assert not await gone.is_up()
    assert reports == [True, False]


async def test_it_reports_without_being_asked():
    reported = asyncio.Event()
    check = ReferenceCheck("127.0.0.1", 1, 1.0, SystemClock(), lambda _is_up: reported.set())
    task = asyncio.create_task(check.live(60))
    await asyncio.wait_for(reported.wait(), 10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
