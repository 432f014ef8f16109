"""One run of one probe without an engine: what `rollwatch probe` does."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from rollwatch.engine.runner import Outcome, Runner
from rollwatch.model import Reason
from rollwatch.probers.contract import Background

if TYPE_CHECKING:
    from rollwatch.config.config import ProbeDef
    from rollwatch.probers.contract import ProbeEnv, ProberKind

__all__ = ["run_once"]

_SESSION_POLL_S = 0.05


async def run_once(definition: ProbeDef, kind: ProberKind, env: ProbeEnv) -> Outcome:
    """Probe once, with every fact noted; bounded by the probe's timeout.

    A prober that lives between runs is given up to its timeout to get its session going.
    Raises OSError or ValueError if the prober can't be built.
    """
    prober = kind.build(definition.spec, env)
    runner = Runner(env.clock, lag_since=lambda _began: 0.0, own_network_is_up=None)
    timeout_s = definition.spec.timeout

    async def run() -> Outcome:
        return await runner.run(definition.id, prober, timeout_s, explain=True)

    if not isinstance(prober, Background):
        return await run()
    session = asyncio.create_task(prober.live(), name=f"session:{definition.id}")
    try:
        until = env.clock.monotonic() + timeout_s
        outcome = await run()
        while outcome.reason is Reason.NOT_STARTED and env.clock.monotonic() < until:
            await asyncio.sleep(_SESSION_POLL_S)
            outcome = await run()
        return outcome
    finally:
        session.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await session
