"""Railway's deployments as its API lists them, and what their statuses mean. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.model.release import Release, same_release
from rollwatch.rollback.strategies.strategy import PastRelease, PlatformFailed
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LIST", "Fate", "Row", "appeared", "find_target", "live", "read_rows"]

LIST = (
    "query Deployments($input: DeploymentListInput!, $first: Int) {"
    " deployments(input: $input, first: $first) { edges { node {"
    " id status createdAt statusUpdatedAt canRollback canRedeploy meta } } } }"
)

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Fate(Enum):
    """What a status says of a deployment."""

    UNDER_WAY = "under way"
    UP = "up"
    DOWN = "down"
    NOT_KNOWN = "not known"
    """A word we have not met: it says nothing, and no waiting changes that."""


_FATES = {
    **dict.fromkeys(
        ("QUEUED", "WAITING", "INITIALIZING", "BUILDING", "DEPLOYING", "NEEDS_APPROVAL"), Fate.UNDER_WAY
    ),
    **dict.fromkeys(("SUCCESS", "SLEEPING"), Fate.UP),
    **dict.fromkeys(("FAILED", "CRASHED", "REMOVED", "REMOVING", "SKIPPED"), Fate.DOWN),
}
_LIVE = frozenset({"SUCCESS", "SLEEPING", "CRASHED"})
"""What runs, or ran until it fell over: it took the place of what was before."""
_NEVER_LIVE = frozenset({"FAILED", "SKIPPED"})


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment. Times are Unix seconds."""

    id: str
    status: str
    created_at: float
    updated_at: float | None
    can_rollback: bool
    can_redeploy: bool
    commit: str | None

    @property
    def fate(self) -> Fate:
        return _FATES.get(self.status, Fate.NOT_KNOWN)

    def release(self, service: str, environment: str) -> Release:
        return Release(service, environment, commit=self.commit, platform_id=self.id)

    def past(self, service: str, environment: str) -> PastRelease:
        """When a deployment that went live did so is known only while its status is still that one."""
        ended_at: float | None = self.updated_at or self.created_at
        if self.fate is Fate.UNDER_WAY:
            ended_at = None
        elif self.status not in {"SUCCESS", *_NEVER_LIVE}:
            ended_at = self.created_at
        return PastRelease(
            self.release(service, environment),
            started_at=self.created_at,
            ended_at=ended_at,
            failed=self.status in _NEVER_LIVE or self.fate is Fate.NOT_KNOWN,
        )


def read_rows(data: Mapping[str, Any]) -> tuple[Row, ...]:
    """The deployments of an answer, newest first. Raises PlatformFailed if one can't be told from others."""
    connection = data.get("deployments")
    edges = connection.get("edges") if isinstance(connection, dict) else None
    if not isinstance(edges, list):
        raise PlatformFailed("Railway listed no deployments: its answer has another shape than documented")
    rows = [_row(edge.get("node") if isinstance(edge, dict) else None) for edge in edges[:200]]
    return tuple(sorted(rows, key=lambda row: row.created_at, reverse=True))


def live(rows: Sequence[Row]) -> Row | None:
    """The one that runs now, or ran until it crashed."""
    return next((row for row in rows if row.status in _LIVE), None)


def find_target(rows: Sequence[Row], target: Release) -> Row | None:
    """The deployment to go back to: by its id, else the newest of its commit that can be gone back to."""
    by_id = next((row for row in rows if row.id == target.platform_id), None)
    if by_id is not None:
        is_it = same_release(by_id.release(target.service, target.environment), target)
        return by_id if is_it else None
    same = [row for row in rows if target.commit is not None and row.commit == target.commit]
    able = [row for row in same if row.can_rollback] or [row for row in same if row.can_redeploy]
    return next(iter(able or same), None)


def appeared(
    rows: Sequence[Row], *, newest: str, newest_at: float, commit: str | None
) -> tuple[Row | None, int]:
    """Our new deployment, if it has shown itself; and how many others began after the noted newest one.

    A deployment of another commit is somebody else's. Where commits are not known, it is ours only if it
    is the only one.
    """
    newer = [row for row in rows if row.created_at >= newest_at and row.id != newest]
    if commit is not None:
        same = [row for row in newer if row.commit == commit]
        if same:
            return same[-1], len(newer) - 1
    unnamed = [row for row in newer if commit is None or row.commit is None]
    if len(unnamed) == 1 and len(newer) == 1:
        return unnamed[0], 0
    return None, len(newer)


def _row(node: Any) -> Row:
    said = node if isinstance(node, dict) else {}
    found, created_at = said.get("id"), _moment(said.get("createdAt"))
    if not isinstance(found, str) or not _ID.fullmatch(found) or created_at is None:
        raise PlatformFailed("Railway lists a deployment without an id or without its time")
    status, meta = said.get("status"), said.get("meta")
    commit = meta.get("commitHash") if isinstance(meta, dict) else None
    return Row(
        found,
        clean(status, 40) if isinstance(status, str) else "",
        created_at,
        _moment(said.get("statusUpdatedAt")),
        said.get("canRollback") is True,
        said.get("canRedeploy") is True,
        commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None,
    )


def _moment(text: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.timestamp() if moment is not None and moment.tzinfo is not None else None
