"""What the daily summary says, before it is text: counts, what is still open, what lasted longest. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.bridge.alert import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.bridge.alert import Alert
    from rollwatch.bridge.storage.summaries import Period, SummaryContent

__all__ = ["PRIORITIES", "Episode", "SummaryFacts", "summary_facts"]

PRIORITIES = ("P0", "P1", "P2", "P3")
_LONGEST = 5


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert, from when it fired to when it was over. Seconds since 1970."""

    alert: Alert
    began: float
    ended: float | None
    """None while it fires, and where Alertmanager never said that it is over."""
    is_open: bool = False
    """Whether it fires at the end of the period, as far as is known."""

    def lasted_s(self, until: float) -> float:
        """How long it has lasted at `until`."""
        return max((until if self.ended is None else self.ended) - self.began, 0.0)


@dataclass(frozen=True, slots=True)
class SummaryFacts:
    """The period in figures and episodes, each list in the order people read it."""

    period: Period
    fired: dict[str, int]
    """By priority, how many alerts fired."""
    by_service: dict[str, dict[str, int]]
    """The same by service."""
    open: tuple[Episode, ...]
    longest: tuple[Episode, ...]
    """P0 to P2 whose length is known."""
    episodes: tuple[Episode, ...]
    """P0 to P2."""
    notes: tuple[Episode, ...]
    """P3, and what has no priority."""
    tests: int

    @property
    def total(self) -> int:
        return sum(self.fired.values())


def summary_facts(period: Period, content: SummaryContent) -> SummaryFacts:
    """Put together what was told of each alert; test alerts are only counted."""
    ends = {_which(seen.alert): seen.alert for seen in content.happened if not seen.alert.is_firing}
    began = {_which(seen.alert): seen.alert for seen in content.happened if seen.alert.is_firing}
    # What was over before it was told of is an episode all the same.
    told = [alert for alert in (ends | began).values() if not alert.is_test]
    still = [_episode(seen.alert, None, is_open=True) for seen in content.open if not seen.alert.is_test]
    firing = {_which(episode.alert) for episode in still}
    episodes = [
        _episode(alert, ends.get(_which(alert)), is_open=_which(alert) in firing)
        for alert in sorted(told, key=lambda alert: alert.starts_at)
    ]
    fired = [alert for alert in began.values() if not alert.is_test]
    by_service: dict[str, dict[str, int]] = {}
    for alert in fired:
        counts = by_service.setdefault(alert.service or "(no service)", dict.fromkeys(PRIORITIES, 0))
        counts[alert.priority] = counts.get(alert.priority, 0) + 1
    over = [episode for episode in episodes if not episode.is_open and episode.ended is not None]
    lasting = [episode for episode in (*over, *still) if not _is_note(episode)]
    return SummaryFacts(
        period,
        _counted(fired),
        dict(sorted(by_service.items())),
        tuple(sorted(still, key=_urgency)),
        tuple(sorted(lasting, key=lambda one: -one.lasted_s(period.until))[:_LONGEST]),
        tuple(episode for episode in episodes if not _is_note(episode)),
        tuple(episode for episode in episodes if _is_note(episode)),
        sum(seen.alert.is_test and seen.alert.is_firing for seen in content.happened),
    )


def _which(alert: Alert) -> tuple[str, int]:
    return alert.fingerprint, alert.starts_at


def _episode(alert: Alert, end: Alert | None, *, is_open: bool) -> Episode:
    ended = None if end is None or end.ends_at is None else end.ends_at / MICROSECONDS
    return Episode(alert, alert.starts_at / MICROSECONDS, ended, is_open)


def _counted(alerts: Iterable[Alert]) -> dict[str, int]:
    counts = Counter(alert.priority or "none" for alert in alerts)
    return {
        name: counts[name] for name in (*PRIORITIES, *sorted(counts.keys() - set(PRIORITIES))) if counts[name]
    }


def _urgency(episode: Episode) -> tuple[str, float]:
    return episode.alert.priority or "~", episode.began


def _is_note(episode: Episode) -> bool:
    return episode.alert.priority not in PRIORITIES[:3]
