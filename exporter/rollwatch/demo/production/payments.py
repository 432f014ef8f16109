"""The API's own figures, as it pushes them: payments, users, cache, database, orders, rewards."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.metric import count_of, metric
from rollwatch.demo.production.pusher import Pusher
from rollwatch.demo.production.resources import Resources
from rollwatch.demo.production.sender import Sender, SenderEnv

__all__ = ["SENDER", "FailingShare"]

_PAYMENTS_PER_S = 2.0
_READS_PER_S = 40.0
_QUERIES_PER_S = 4.0
_REWARDS_PER_S = 0.3
_HIT_RATIO = 0.87
_OPERATIONS = {"select": 0.006, "insert": 0.011, "update": 0.014}
"""Typical seconds."""
_FAILED = {False: 0.004, True: 0.4}
"""Share of payments that fail: usually, and while they fail."""


class FailingShare:
    """Says how many fail: exactly a share of all, evenly spread, so that no minute is unlucky."""

    def __init__(self) -> None:
        self._due = 0.0

    def of(self, count: int, share: float) -> int:
        """How many of the next `count` fail."""
        self._due += count * share
        failed = min(count, math.floor(self._due))
        self._due -= failed
        return failed


class _Figures:
    """What happened in the API since its last push, and since its start."""

    def __init__(self, env: SenderEnv) -> None:
        self._env = env
        self._failing = FailingShare()
        self._reads = {"hit": 0, "miss": 0}

    def since(self, elapsed_s: float) -> list[dict[str, Any]]:
        """Metrics in the documented form for the last `elapsed_s` seconds."""
        rng = self._env.rng
        payments = count_of(rng, _PAYMENTS_PER_S * elapsed_s)
        failed = self._failing.of(payments, _FAILED[self._env.board.is_on(Fault.FAILING_PAYMENTS)])
        reads = count_of(rng, _READS_PER_S * elapsed_s)
        hits = round(reads * min(1.0, rng.gauss(_HIT_RATIO, 0.01)))
        # Running totals: an application that counts for itself may push these instead of what is new.
        self._reads["hit"] += hits
        self._reads["miss"] += reads - hits
        return [
            metric("rollwatch_payments_total", add=payments - failed, outcome="ok"),
            metric("rollwatch_payments_total", add=failed, outcome="failed"),
            *(
                metric("rollwatch_cache_requests_total", total=total, outcome=outcome)
                for outcome, total in self._reads.items()
            ),
            *(
                metric(
                    "rollwatch_database_query_duration_seconds",
                    observe=self._queries(typical_s, elapsed_s),
                    operation=operation,
                )
                for operation, typical_s in _OPERATIONS.items()
            ),
            metric("rollwatch_active_users", value=self._wave(300, 40), window="now"),
            metric("larkspur_open_orders", value=self._wave(120, 30)),
            metric(
                "larkspur_reward_claims_total", add=count_of(rng, _REWARDS_PER_S * elapsed_s), plan="free"
            ),
            metric(
                "larkspur_reward_claims_total", add=count_of(rng, _REWARDS_PER_S * elapsed_s / 4), plan="pro"
            ),
        ]

    def _queries(self, typical_s: float, elapsed_s: float) -> list[float]:
        rng = self._env.rng
        return [
            round(typical_s * rng.lognormvariate(0, 0.5), 6)
            for _ in range(count_of(rng, _QUERIES_PER_S * elapsed_s))
        ]

    def _wave(self, middle: float, swing: float) -> int:
        """Around `middle`, up and down within ten minutes."""
        phase = self._env.clock.monotonic() / 600 * math.tau
        return round(middle + swing * math.sin(phase) + self._env.rng.gauss(0, swing / 20))


async def _work(env: SenderEnv) -> None:
    pusher = Pusher(env.postbox, env.tokens.push_api, "api-1", env.clock, env.new_id)
    figures, resources = _Figures(env), Resources(env.rng)
    before = env.clock.monotonic()
    while True:
        await asyncio.sleep(env.interval_s)
        now = env.clock.monotonic()
        await pusher.push(metrics=[*figures.since(now - before), *resources.since(now - before)])
        before = now


SENDER = Sender(
    name="payments",
    sends="the API's figures, pushed: payments, users, cache, database, memory, sockets, orders, revenue",
    work=_work,
)
