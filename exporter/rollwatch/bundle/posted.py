"""Alerts that no rule raises: the rollback handler posts them to Alertmanager itself.

They go by the same routes as every other, and have a runbook each. `rollback="event"` keeps them from being
inhibited: while a P0 lasts, that its release was taken back is what people wait for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["POSTED", "Posted", "PostedAlert"]


class Posted(StrEnum):
    """Their names."""

    STARTED = "RollbackStarted"
    SUCCEEDED = "RollbackSucceeded"
    FAILED = "RollbackFailed"
    UNKNOWN = "RollbackUnknown"
    DENIED = "RollbackDenied"
    AWAITS_APPROVAL = "RollbackAwaitsApproval"
    DRY_RUN = "RollbackDryRun"
    REVERT_PROPOSED = "RevertProposed"
    BAD_RELEASE_AGAIN = "BadReleaseDeployed"


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """What people are told. In the texts `{service}`, `{environment}`, `{bad}`, `{target}` and `{why}` stand
    for what it is about."""

    name: Posted
    priority: Priority
    condition: str
    """When it fires, for people: a phrase."""
    lasts_s: float
    """How long after the event it goes on; 0: while the state lasts."""
    summary: str
    description: str


_PLACE = "{service} ({environment})"
_ALL = (
    PostedAlert(
        Posted.STARTED,
        # Whoever was woken by the outage waits for this: quiet hours hold up P2.
        Priority.P1,
        "the handler takes a release back",
        0,
        f"Rolling {_PLACE} back from {{bad}} to {{target}}",
        "{why}",
    ),
    PostedAlert(
        Posted.SUCCEEDED,
        Priority.P1,
        "a release was taken back, and the service is healthy again",
        900,
        f"Rolled {_PLACE} back from {{bad}} to {{target}}: healthy again",
        "{why} Find out what was wrong with {bad} before it is deployed again.",
    ),
    PostedAlert(
        Posted.FAILED,
        Priority.P0,
        "a rollback failed or took too long, or the service is not healthy after it",
        3600,
        f"The rollback of {_PLACE} from {{bad}} failed",
        "{why} The handler does nothing more: a person must look now.",
    ),
    PostedAlert(
        Posted.UNKNOWN,
        Priority.P0,
        "nobody can say whether a rollback was done",
        3600,
        f"It is not known whether {_PLACE} was rolled back from {{bad}}",
        "{why} The handler does nothing more: look what runs, then decide.",
    ),
    PostedAlert(
        Posted.DENIED,
        Priority.P1,
        "a release is probably to blame, and the handler may not take it back",
        900,
        f"{_PLACE} is not rolled back from {{bad}}: a person must decide",
        "{why}",
    ),
    PostedAlert(
        Posted.AWAITS_APPROVAL,
        Priority.P1,
        "a rollback waits for somebody to approve it",
        0,
        f"Approve the rollback of {_PLACE} from {{bad}} to {{target}}",
        "{why} The page of the handler, or `rollwatch rollback approve`, lets it go.",
    ),
    PostedAlert(
        Posted.DRY_RUN,
        Priority.P3,
        "the handler would have taken a release back, if its mode were not dry-run",
        900,
        f"Would have rolled {_PLACE} back from {{bad}} to {{target}}",
        "{why} Nothing was done: the mode is dry-run.",
    ),
    PostedAlert(
        Posted.REVERT_PROPOSED,
        Priority.P2,
        "a pull request is open that takes a bad release out of the main branch",
        3600,
        f"A revert of {{bad}} of {_PLACE} is proposed",
        "The main branch still holds it; the next deployment would bring it back. {why}",
    ),
    PostedAlert(
        Posted.BAD_RELEASE_AGAIN,
        Priority.P1,
        "a release that was taken back is deployed again",
        3600,
        f"{{bad}} is deployed again on {_PLACE}, and was taken back before",
        "{why} It won't be taken back automatically a second time.",
    ),
)

POSTED: Mapping[Posted, PostedAlert] = MappingProxyType({alert.name: alert for alert in _ALL})
"""All of them, by name."""
