"""Whether somebody has silenced an alert in Alertmanager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

from rollwatch.rollback.evidence.peer import NoAnswer
from rollwatch.rollback.policy.facts import Unanswered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.evidence.peer import Peer
    from rollwatch.rollback.model.alert import RollbackAlert
    from rollwatch.rollback.policy.facts import Known

__all__ = ["Silences"]

_BODY_MAX = 16 * 1024**2
"""Expired ones are listed for days."""


class Silences:
    """Reads all of them: Alertmanager's own filter leaves out those that don't name the label asked for."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def silenced(self, alert: RollbackAlert) -> Known[bool]:
        """Whether an active silence matches the alert's labels, by Alertmanager's rules."""
        try:
            silences = await self._peer.json("/api/v2/silences", body_max=_BODY_MAX)
        except NoAnswer as error:
            return Unanswered(error.why)
        if not isinstance(silences, list):
            return Unanswered(f"{self._peer.name} answered with something else than a list of silences")
        is_clear = True
        for silence in silences:
            try:
                if silence["status"]["state"] == "active" and _matches(silence["matchers"], alert.labels):
                    return True
            except (KeyError, TypeError, re2.error):
                is_clear = False
        if not is_clear:
            return Unanswered(f"{self._peer.name} has an active silence that is not understood")
        return False


def _matches(matchers: list[dict[str, Any]], labels: Mapping[str, str]) -> bool:
    """Raises KeyError, TypeError or re2.error for a silence that is not understood."""
    if not matchers:
        raise KeyError("matchers")
    return all(_is_met(matcher, labels.get(matcher["name"], "")) for matcher in matchers)


def _is_met(matcher: dict[str, Any], value: str) -> bool:
    """A label that an alert does not have is empty."""
    wanted = matcher["value"]
    if not isinstance(wanted, str):
        raise TypeError("no text")
    is_same = _is_full_match(wanted, value) if matcher["isRegex"] else value == wanted
    # Alertmanager up to 0.21 had no isEqual.
    return is_same if matcher.get("isEqual", True) else not is_same


def _is_full_match(pattern: str, value: str) -> bool:
    """As Go has it, which is RE2's."""
    quiet = re2.Options()
    quiet.log_errors = False
    return re2.compile(pattern, quiet).fullmatch(value) is not None
