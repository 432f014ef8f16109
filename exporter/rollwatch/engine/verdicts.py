"""What a probe is said to be, run after run: the decided verdict, and for how long it is held."""

from __future__ import annotations

from dataclasses import dataclass

from rollwatch.model import Verdict

__all__ = ["HOLD_INTERVALS", "Standing"]

HOLD_INTERVALS = 3
"""An undecided probe keeps its last decided verdict for this many intervals."""


@dataclass(slots=True)
class Standing:
    """The verdict of one probe as of its last run. Times are wall-clock seconds."""

    interval_s: float
    verdict: Verdict = Verdict.UNKNOWN
    since_at: float | None = None
    _decided_monotonic_s: float | None = None

    def decide(self, verdict: Verdict, *, wall_s: float, monotonic_s: float) -> Verdict:
        """Take in one run's verdict and return the one that stands now.

        UP and DOWN stand at once. UNKNOWN leaves the last decided verdict standing until
        `HOLD_INTERVALS` intervals after that was decided.
        """
        stands: Verdict = verdict
        if verdict is not Verdict.UNKNOWN:
            self._decided_monotonic_s = monotonic_s
        elif self._is_held(monotonic_s):
            stands = self.verdict
        if stands is not self.verdict or self.since_at is None:
            self.since_at = wall_s
        self.verdict = stands
        return stands

    def _is_held(self, monotonic_s: float) -> bool:
        if self._decided_monotonic_s is None:
            return False
        return monotonic_s - self._decided_monotonic_s <= HOLD_INTERVALS * self.interval_s
