"""Many watched sessions at once: what is counted is exactly what was sent. Smaller than the bench's."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from rollwatch.probers import _ws_metrics as m
from support.loops import LOOPS, on_loop
from support.ws_feed import feeding
from support.ws_peers import until
from support.ws_probing import Totals, alive, make_env, make_prober, make_spec

SESSIONS = 50
MESSAGES = 60


@pytest.mark.parametrize("loop", LOOPS)
def test_counts_equal_what_was_sent_also_over_a_drop_and_a_reconnect(loop: str) -> None:
    async def main() -> None:
        async with feeding(SESSIONS, MESSAGES, drops=True) as feed, contextlib.AsyncExitStack() as stack:
            probers = [
                make_prober(
                    make_spec(
                        0, mode="watch", url=f"ws://127.0.0.1:{feed.port}/{i}", channels={"tick": "n >= `0`"}
                    ),
                    make_env(lambda: 0.05),
                )
                for i in range(SESSIONS)
            ]
            totals = [Totals(prober) for prober in probers]
            for prober in probers:
                await stack.enter_async_context(alive(prober))
            await until(lambda: all(each.gauge(m.SESSION_OPEN) for each in totals))
            await feed.go()
            async with asyncio.timeout(30):
                sent = await feed.sent()
            assert [each.messages for each in sent] == [MESSAGES] * SESSIONS
            await until(lambda: all(each.count(m.MESSAGES) >= MESSAGES for each in totals))

            counted = [(each.count(m.MESSAGES), each.count(m.RECEIVED_BYTES)) for each in totals]
            assert counted == sent
            assert sum(each.count(m.CLOSES, "1006") for each in totals) == SESSIONS // 2
            assert [each.count(m.SESSIONS_OPENED) for each in totals] == [1, 2] * (SESSIONS // 2)
            assert sum(each.count(m.RECONNECTS) for each in totals) == SESSIONS // 2

    on_loop(loop, main())
