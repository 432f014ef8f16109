"""The whole story of one rollback: why, what was done, what became of it, and where to look next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from rollwatch.rollback.model.words import GuardResult, Level, State, Verdict
from rollwatch.rollback.web.page_model import GuardRow, Row, StepRow, guard_rows, pairs, row_of, step_rows
from rollwatch.rollback.web.page_words import STATES, Badge
from rollwatch.serving.page_words import shown

if TYPE_CHECKING:
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.model.record import Transition
    from rollwatch.rollback.web.page_settings import PageSettings
    from rollwatch.rollback.web.service import Whole
    from rollwatch.rollback.web.session import Session

__all__ = ["REAL_WITHIN_S", "StoryView", "story_view"]

REAL_WITHIN_S = 15 * 60.0
"""How long after a dry run the real one is offered: what was shown must still be about now."""
_MOVES_MAX = 100
_VALUE_MAX = 500
_VERDICTS = {
    Verdict.DENY: "Not allowed",
    Verdict.DRY_RUN: "It would be done",
    Verdict.ASK: "A person must approve",
    Verdict.PROCEED: "Allowed",
    Verdict.SUPERSEDED: "Another release runs by now",
}


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A transition."""

    at: float
    badge: Badge
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """Remote text, bounded."""

    name: str
    starts_at: float
    ends_at: float | None
    labels: list[tuple[str, str]]
    annotations: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class StoryView:
    """All of it."""

    row: Row
    says: str
    verdict: str | None
    decided_why: str
    proposal: str | None
    guards: list[GuardRow]
    unmet: int
    steps: list[StepRow]
    moves: list[MoveRow]
    unshown_moves: int
    alert: AlertView | None
    repeats: int
    links: list[tuple[str, str]]
    wanted_target: str | None
    reason: str
    is_emergency: bool
    offers_real: bool
    """A dry run of the one who looks, fresh, of which the real one would be done."""
    offers_emergency: bool
    """It was denied by guards only that an emergency skips."""


def story_view(whole: Whole, settings: PageSettings, session: Session, now: float) -> StoryView:
    """For `session`, at `now` in Unix seconds."""
    row, decision = whole.rollback, whole.rollback.decision
    guards = [] if decision is None else guard_rows(decision)
    head = row_of(row, now)
    steps = step_rows(whole.steps, now)
    last = steps[-1] if steps else None
    return StoryView(
        row=head,
        says=head.badge.word if last is None else f"{head.badge.word}: {last.title} {last.badge.word}",
        verdict=None if decision is None else _VERDICTS[decision.verdict],
        decided_why="" if decision is None else shown(decision.why, 600),
        proposal=None if decision is None or decision.proposal is None else shown(decision.proposal, 600),
        guards=guards,
        unmet=0 if decision is None else len(decision.unmet),
        steps=steps,
        moves=[_move(one) for one in whole.transitions[-_MOVES_MAX:]],
        unshown_moves=max(len(whole.transitions) - _MOVES_MAX, 0),
        alert=None if row.alert is None else _alert(row.alert),
        repeats=row.repeats,
        links=_links(row.alert, row.service, settings),
        wanted_target=None if row.wanted_target is None else shown(row.wanted_target, 200),
        reason=shown(row.reason or "", 512),
        is_emergency=row.level is Level.EMERGENCY,
        offers_real=row.dry_run
        and row.state is State.DRY_RUN
        and row.actor == session.name
        and now - row.created_at < REAL_WITHIN_S,
        offers_emergency=row.actor is not None
        and row.state is State.DENIED
        and row.level is Level.MANUAL
        and _only_soft(decision),
    )


def _only_soft(decision: Decision | None) -> bool:
    return decision is not None and all(
        not answer.hard or answer.result in {GuardResult.PASS, GuardResult.SKIPPED}
        for answer in decision.trace
    )


def _move(one: Transition) -> MoveRow:
    return MoveRow(one.at, STATES[one.after], shown(one.by, 160), shown(one.why, 600))


def _alert(alert: RollbackAlert) -> AlertView:
    return AlertView(
        name=shown(alert.name, 128),
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        labels=pairs(alert.labels, _VALUE_MAX),
        annotations=pairs(alert.annotations, _VALUE_MAX),
    )


def _links(alert: RollbackAlert | None, service: str, settings: PageSettings) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if alert is not None:
        for name, words in (("runbook_url", "Runbook of the alert"), ("dashboard_url", "Dashboard")):
            url = alert.annotations.get(name, "")
            if _is_address(url):
                found.append((words, url))
        if settings.prometheus_url is not None:
            asked = (
                "ALERTS{"
                + ",".join(
                    f'{name}="{_quoted(value)}"'
                    for name, value in (("alertname", alert.name), ("service", alert.service))
                )
                + "}"
            )
            base = settings.prometheus_url.rstrip("/")
            found.append(("Alert in Prometheus", f"{base}/graph?g0.expr={quote(asked)}&g0.tab=0"))
    switch = settings.of(service)
    return [*found, *(() if switch is None else switch.links)]


def _quoted(text: str) -> str:
    return shown(text, 200).replace("\\", "\\\\").replace('"', '\\"')


def _is_address(url: str) -> bool:
    """Whether following it can do nothing but open a page: an alert's annotations are remote text."""
    if len(url) > 2000 or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
