"""A job of the front end's that runs Lighthouse on the page and pushes what it found."""

from __future__ import annotations

import asyncio

from rollwatch.demo.production.metric import metric
from rollwatch.demo.production.pusher import Pusher
from rollwatch.demo.production.sender import Sender, SenderEnv

__all__ = ["SENDER"]

_SCORES = {"performance": 94, "accessibility": 97, "best-practices": 96}


async def _work(env: SenderEnv) -> None:
    pusher = Pusher(env.postbox, env.tokens.push_web, "lighthouse", env.clock, env.new_id)
    while True:
        await asyncio.sleep(env.interval_s)
        await pusher.push(
            metrics=[
                metric("rollwatch_lab_tti_seconds", value=round(env.rng.gauss(2.1, 0.05), 2), route="/"),
                *(
                    metric("rollwatch_lab_lighthouse_score", value=score, route="/", category=category)
                    for category, score in _SCORES.items()
                ),
            ]
        )


SENDER = Sender(
    name="lab", sends="results of a lab run of the page, pushed: Lighthouse, Time to Interactive", work=_work
)
