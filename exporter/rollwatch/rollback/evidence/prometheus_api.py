"""Prometheus' HTTP API, as far as evidence needs it. A partial answer is no answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.evidence.peer import NoAnswer
from rollwatch.rollback.evidence.selector import quoted
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.evidence.peer import Peer

__all__ = ["Points", "PrometheusApi", "RuleNow"]

_IS = "is"
_RULES_MAX = 16 * 1024**2

Points = tuple[tuple[float, float], ...]
"""Time in Unix seconds, and value."""


@dataclass(frozen=True, slots=True)
class RuleNow:
    """How an alerting rule does."""

    is_healthy: bool
    """Its last evaluation worked; False before the first."""
    evaluated_at: float
    interval_s: float


class PrometheusApi:
    """Each method makes one call, and raises NoAnswer for whatever is not a whole answer."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def now(self, questions: Mapping[str, str]) -> Mapping[str, Points]:
        """Expressions that give one value without labels, or none, all evaluated at one moment."""
        return await self._query("query", questions, {})

    async def at(
        self, questions: Mapping[str, str], *, start: float, end: float, step_s: float
    ) -> Mapping[str, Points]:
        """The same at each step, both ends included."""
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:.3f}"}
        return await self._query("query_range", questions, span)

    async def rules(self, name: str) -> tuple[RuleNow, ...]:
        """Every alerting rule of this name."""
        data = _data(await self._peer.json("/api/v1/rules", query={"type": "alert"}, body_max=_RULES_MAX))
        try:
            return tuple(
                RuleNow(
                    is_healthy=rule["health"] == "ok",
                    evaluated_at=datetime.fromisoformat(rule["lastEvaluation"]).timestamp(),
                    interval_s=float(group["interval"]),
                )
                for group in data["groups"]
                for rule in group["rules"]
                if rule["type"] == "alerting" and rule["name"] == name
            )
        except (KeyError, TypeError, ValueError):
            raise NoAnswer("Prometheus listed its rules in a way that is not understood") from None

    async def _query(
        self, kind: str, questions: Mapping[str, str], span: Mapping[str, str]
    ) -> Mapping[str, Points]:
        # One expression, so that all of it is about the same moment and the same data.
        expression = "\nor\n".join(
            f'label_replace({asked}, "{_IS}", {quoted(name)}, "", "")' for name, asked in questions.items()
        )
        form = {"query": expression, "timeout": f"{self._peer.timeout_s * 1000:.0f}ms", **span}
        data = _data(await self._peer.json(f"/api/v1/{kind}", form=form))
        try:
            wanted, values = ("matrix", "values") if span else ("vector", "value")
            if data["resultType"] != wanted:
                raise NoAnswer("Prometheus answered another question")
            found: dict[str, Points] = dict.fromkeys(questions, ())
            for series in data["result"]:
                points = series[values] if span else [series[values]]
                found[series["metric"][_IS]] = tuple((float(at), float(value)) for at, value in points)
        except (KeyError, TypeError, ValueError):
            raise NoAnswer("Prometheus answered in a way that is not understood") from None
        return found


def _data(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise NoAnswer("Prometheus answered with something else than a result")
    if warnings := answer.get("warnings"):
        # What a part of the data says is not what all of it says.
        first = warnings[0] if isinstance(warnings, list) else warnings
        raise NoAnswer(f"Prometheus gave a partial answer: {clean(str(first), 150)}")
    data = answer.get("data")
    if not isinstance(data, dict):
        raise NoAnswer("Prometheus answered with something else than a result")
    return data
