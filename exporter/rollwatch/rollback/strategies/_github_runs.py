"""Runs of a workflow as GitHub tells of them, and which of them is ours. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.model.words import ExecutionResult
from rollwatch.rollback.strategies._github_api import is_id, page_of
from rollwatch.rollback.strategies.strategy import Execution, PlatformFailed
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Run", "ended", "is_named", "ours", "read_run", "read_runs", "still_runs"]

_ANY_ORDER = re.compile(r"\brb-[A-Za-z0-9]")
_FAILURES = {
    "failure": "failed",
    "cancelled": "was cancelled; a concurrency group of the workflow may have done it",
    "timed_out": "took longer than its own limit",
    "action_required": "needs an action of a person before it runs",
    "startup_failure": "could not be started: its YAML may be wrong",
    "stale": "was given up by GitHub",
    "neutral": "ended without having rolled back",
    "skipped": "was skipped: a condition of its jobs was not met",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Its texts are remote and bounded."""

    id: int
    status: str
    """`queued`, `in_progress`, `waiting`, `pending`, `requested`, `completed`, or a word we have not met."""
    conclusion: str | None
    title: str
    branch: str
    event: str
    page: str | None

    @property
    def is_over(self) -> bool:
        return self.status == "completed"

    @property
    def needs_approval(self) -> bool:
        return self.status == "waiting"

    @property
    def facts(self) -> dict[str, str]:
        return {"run": str(self.id)} | ({} if self.page is None else {"page": self.page})

    @property
    def shown(self) -> str:
        return f"run {self.id}" if self.page is None else f"run {self.page}"


def read_run(said: Any) -> Run:
    """Raises PlatformFailed if it is none."""
    if not isinstance(said, dict) or not is_id(said.get("id")):
        raise PlatformFailed("GitHub answered with something that is no run of a workflow")
    conclusion = said.get("conclusion")
    return Run(
        said["id"],
        _text(said.get("status"), 40),
        _text(conclusion, 40) if conclusion is not None else None,
        f"{_text(said.get('display_title'), 300)} {_text(said.get('name'), 300)}".strip(),
        _text(said.get("head_branch"), 250),
        _text(said.get("event"), 40),
        page_of(said.get("html_url")),
    )


def read_runs(said: Any) -> tuple[Run, ...]:
    """The runs of a list, the newest first. Raises PlatformFailed if it is no such list."""
    runs = said.get("workflow_runs") if isinstance(said, dict) else None
    if not isinstance(runs, list):
        raise PlatformFailed("GitHub listed no runs: its answer has another shape than documented")
    return tuple(sorted((read_run(run) for run in runs[:100]), key=lambda run: run.id, reverse=True))


def ours(runs: Sequence[Run], *, order_id: str, newest: int, branch: str) -> tuple[Run | None, int]:
    """The run of our dispatch, if it is surely ours; and how many might be.

    Ids only grow, so that what is not above the newest one noted before the dispatch is older. A run whose
    name holds the order's id is ours; else the only one that is not named after another order.
    """
    newer = [
        run for run in runs if run.id > newest and run.event == "workflow_dispatch" and run.branch == branch
    ]
    named = [run for run in newer if _names(run.title, order_id)]
    if named:
        return named[0], len(named)
    candidates = [run for run in newer if not _ANY_ORDER.search(run.title)]
    return (candidates[0] if len(candidates) == 1 else None), len(candidates)


def is_named(run: Run, order_id: str) -> bool:
    """Whether the run's name holds the order's id: then nobody else can have begun it."""
    return _names(run.title, order_id)


def still_runs(run: Run) -> str:
    """What a run that has not ended does, for a person."""
    if run.needs_approval:
        return f"{run.shown} waits for the approval of a protected environment: approve it on GitHub"
    return f"{run.shown} is {run.status or 'in no known state'}"


def ended(run: Run) -> Execution:
    """What a run that is over means."""
    if run.conclusion == "success":
        return _execution(run, ExecutionResult.DONE, f"{run.shown} succeeded")
    if (words := _FAILURES.get(run.conclusion or "")) is not None:
        return _execution(run, ExecutionResult.FAILED, f"{run.shown} {words}")
    why = f"{run.shown} ended with {run.conclusion or 'no conclusion'}, which says nothing: look at it"
    return _execution(run, ExecutionResult.UNKNOWN, why)


def _execution(run: Run, result: ExecutionResult, why: str) -> Execution:
    return Execution(result, sentence(f"GitHub Actions: {why}"), platform_id=str(run.id), facts=run.facts)


def _names(title: str, order_id: str) -> bool:
    # `rb-1/api` is no name of `rb-1/api-2`.
    return re.search(rf"(?<![\w./-]){re.escape(order_id)}(?![\w./-])", title) is not None


def _text(value: Any, limit: int) -> str:
    return clean(value, limit) if isinstance(value, str) else ""
