"""How rollwatch shows that something is broken: ends of probes' runs, series, and shares of counters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from rollwatch.model import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Counted", "Expectation", "FigureSign", "Share", "Sign"]

Comparison = Literal["==", ">", "<"]
_WINDOW = "1m"


def _selector(metric: str, labels: Mapping[str, str]) -> str:
    text = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{metric}{{{text}}}" if text else metric


def _holds(actual: float, comparison: Comparison, value: float) -> bool:
    match comparison:
        case "==":
            return actual == value
        case ">":
            return actual > value
        case "<":
            return actual < value


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one series comes to: read as PromQL, `metric{labels} comparison value`.

    A metric that is a moment is compared as its age in seconds: `time() - metric{labels}`.
    """

    metric: str
    comparison: Comparison
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    is_moment: bool = False

    def __str__(self) -> str:
        selector = _selector(self.metric, self.labels)
        if self.is_moment:
            selector = f"time() - {selector}"
        return f"{selector} {self.comparison} {self.value:g}"

    def holds(self, sample: float, now: float) -> bool:
        """Whether a sample taken at `now` (Unix seconds) is as expected."""
        return _holds(now - sample if self.is_moment else sample, self.comparison, self.value)


_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """Series that only grow, summed up: a counter, or a bucket or the count of a histogram."""

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"sum(rate({_selector(self.metric, self.labels)}[{_WINDOW}]))"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of what was counted lately was also counted as `part`: `rate of part / rate of whole`."""

    part: Counted
    whole: Counted
    comparison: Comparison
    value: float

    def __str__(self) -> str:
        return f"{self.part} / {self.whole} {self.comparison} {self.value:g}"

    def holds(self, part: float, whole: float) -> bool:
        """Whether growth by `part` and `whole` within the same time is as expected; never of a few only.

        What was under way when a fault ended is counted after it; where all requests hang, nothing else is.
        """
        return whole >= _FEWEST and _holds(part / whole, self.comparison, self.value)


Shown: TypeAlias = Expectation | Share


@dataclass(frozen=True, slots=True)
class Sign:
    """How one probe shows a fault: why its runs end as they do, and the series that tell more.

    `Reason.OK` means that the probe stays UP and only the series show the fault.
    """

    probe: str
    reason: Reason
    series: tuple[Expectation, ...] = ()

    def __str__(self) -> str:
        head = f"{self.probe} {self.reason.verdict.value.upper()}"
        if self.reason is not Reason.OK:
            head += f" ({self.reason})"
        return ", ".join([head, *(str(expectation) for expectation in self.series)])


@dataclass(frozen=True, slots=True)
class FigureSign:
    """How a service shows a fault that no probe sees: by what browsers, applications and logs tell."""

    service: str
    series: tuple[Shown, ...]

    def __str__(self) -> str:
        return f"{self.service}: {', '.join(str(shown) for shown in self.series)}"
