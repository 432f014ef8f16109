"""Runs one prober as the engine does: under one hard deadline, with its verdict at the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.clock import SystemClock
from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Reason, Verdict
from rollwatch.probers.contract import ProbeEnv
from rollwatch.probers.run import Run

if TYPE_CHECKING:
    from rollwatch.probers.contract import Prober

__all__ = ["Outcome", "make_env", "run_probe"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, and the run itself."""

    reason: Reason
    detail: str
    run: Run
    elapsed_s: float

    @property
    def verdict(self) -> Verdict:
        return self.reason.verdict

    def sampled(self, name: str, *labels: str) -> float | None:
        """The last value sampled of a metric, with these own labels if any are given."""
        found = [
            sample.value
            for sample in self.run.samples
            if sample.metric.name == name and (not labels or sample.labels == labels)
        ]
        return found[-1] if found else None

    @property
    def shown(self) -> str:
        """Everything of the run a person may get to see."""
        return repr((self.detail, self.run.notes, self.run.components, self.run.version, self.run.samples))


def make_env(**options: object) -> ProbeEnv:
    """An environment on the real clock. A fixture or the test closes `env.network` if names are resolved."""
    return ProbeEnv(clock=SystemClock(), rng=lambda: 0.5, user_agent="rollwatch/test", **options)  # type: ignore[arg-type]


async def run_probe(prober: Prober, timeout: float = 5.0, *, explain: bool = True) -> Outcome:
    """One run. Exceptions that are no ProbeFailure pass: they are bugs."""
    clock = SystemClock()
    run = Run(clock, explain=explain)
    began = clock.monotonic()
    reason, detail = Reason.OK, ""
    try:
        async with asyncio.timeout(timeout):
            await prober.probe(run)
    except TimeoutError:
        reason, detail = Reason.TIMEOUT, f"no result within {timeout:g} s, while in {run.phase}"
    except ProbeFailure as failure:
        reason, detail = failure.reason, failure.detail
    except SecretUnavailable as missing:
        reason, detail = Reason.SECRET_UNAVAILABLE, str(missing)
    finally:
        run.leave()
    return Outcome(reason, detail, run, clock.monotonic() - began)
