"""What happens now, in one glance: the headline, what runs, what waits, what is switched how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.web.page_model import Row, StepRow, row_of, step_rows
from rollwatch.rollback.web.page_words import MODES, Badge, spent
from rollwatch.serving.page_words import shown

if TYPE_CHECKING:
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.record import Pause
    from rollwatch.rollback.web.page_settings import PageSettings
    from rollwatch.rollback.web.service import Overview

__all__ = ["LiveView", "SwitchRow", "live_view", "switch_rows"]

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class PauseRow:
    """A pause."""

    service: str | None
    actor: str
    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A rollback alert that fires."""

    alert: str
    service: str
    since: float
    last_at: float


@dataclass(frozen=True, slots=True)
class LiveView:
    """What changes by itself."""

    tone: str
    sign: str
    headline: str
    says: str
    """For a screen reader, when it has changed: without times."""
    running: tuple[tuple[Row, list[StepRow]], ...]
    awaiting: tuple[Row, ...]
    open: tuple[Row, ...]
    pauses: tuple[PauseRow, ...]
    triggers: tuple[TriggerRow, ...]
    last: tuple[Row, ...]
    unshown: int


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """How one service is switched."""

    service: str
    unit: str | None
    badge: Badge
    means: str
    strategy: str
    triggers: tuple[str, ...]
    pause: PauseRow | None
    """Its own one, or that of all."""
    done: int
    limit: int
    within: str


def live_view(overview: Overview) -> LiveView:
    now = overview.now
    running = tuple((row_of(one.rollback, now), step_rows(one.steps, now)) for one in overview.running)
    awaiting = tuple(row_of(row, now) for row in overview.awaiting_approval)
    waiting = tuple(row_of(row, now) for row in overview.open)
    tone, sign, headline = _headline(
        [row.service for row, _ in running], len(awaiting), [pause.service for pause in overview.pauses]
    )
    return LiveView(
        tone=tone,
        sign=sign,
        headline=headline,
        says=". ".join([headline, *(_progress(row, steps) for row, steps in running)]),
        running=running[:_SHOWN],
        awaiting=awaiting[:_SHOWN],
        open=waiting[:_SHOWN],
        pauses=tuple(_pause(pause) for pause in overview.pauses[:_SHOWN]),
        triggers=tuple(
            TriggerRow(
                alert=shown(one.alert or "an alert", 128),
                service=shown(one.incident.service, 128),
                since=one.incident.starts_at,
                last_at=one.incident.last_at,
            )
            for one in overview.active_triggers[:_SHOWN]
        ),
        last=tuple(row_of(row, now) for row in overview.last if not row.state.is_open),
        unshown=sum(max(len(rows) - _SHOWN, 0) for rows in (running, awaiting, waiting)),
    )


async def switch_rows(settings: PageSettings, journal: Journal, overview: Overview) -> list[SwitchRow]:
    """Of every service that can be taken back. Raises JournalFailed."""
    by_service = {pause.service: _pause(pause) for pause in overview.pauses}
    rows: list[SwitchRow] = []
    counted: dict[str, int] = {}
    for switch in settings.switches[:200]:
        if switch.unit not in counted:
            since = overview.now - switch.limit_window_s
            past = await journal.past(overview.environment, switch.members, since=since)
            closed_at = past.breaker_closed_at
            counted[switch.unit] = sum(
                at >= since and (closed_at is None or at > closed_at) for at in past.executions
            )
        badge, means = MODES[switch.mode]
        rows.append(
            SwitchRow(
                service=switch.service,
                unit=None if switch.unit == switch.service else switch.unit,
                badge=badge,
                means=means,
                strategy=switch.strategy,
                triggers=switch.triggers,
                pause=by_service.get(None) or by_service.get(switch.service),
                done=counted[switch.unit],
                limit=switch.limit_count,
                within=spent(switch.limit_window_s),
            )
        )
    return rows


def _headline(running: list[str], awaiting: int, pauses: list[str | None]) -> tuple[str, str, str]:
    if running:
        names = ", ".join(running[:3]) + (f" and {len(running) - 3} more" if len(running) > 3 else "")
        return "busy", "…", f"Rolling back {names}"
    if awaiting:
        verb = "rollback waits" if awaiting == 1 else "rollbacks wait"
        return "unknown", "!", f"{awaiting} {verb} for approval"
    if None in pauses:
        return "unknown", "!", "Rollbacks are paused"
    if pauses:
        return "unknown", "!", f"Rollbacks of {shown(', '.join(filter(None, pauses)), 100)} are paused"
    return "up", "✓", "Nothing is being rolled back"


def _progress(row: Row, steps: list[StepRow]) -> str:
    if not steps:
        return f"{row.service}: {row.badge.word}"
    last = steps[-1]
    return f"{row.service}: {last.title} {last.name}, {last.badge.word}"


def _pause(pause: Pause) -> PauseRow:
    service = None if pause.service is None else shown(pause.service, 128)
    return PauseRow(service, shown(pause.actor, 128), shown(pause.reason, 600), pause.since)
