"""What the handler's JSON says, as lines for a terminal. Pure. Everything remote is cleaned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ASCII_MARKS",
    "MARKS",
    "decision_lines",
    "deployment_row",
    "duration",
    "headline",
    "moment",
    "rollback_lines",
    "step_line",
    "transition_line",
    "words",
]

MARKS: Mapping[str, str] = {
    "pass": "✓",
    "fail": "✗",
    "unanswered": "?",
    "skipped": "\N{EN DASH}",
}
"""By the result of a guard."""
ASCII_MARKS: Mapping[str, str] = {"pass": "+", "fail": "x", "unanswered": "?", "skipped": "-"}
_STEP_RESULTS = {
    "done": "pass",
    "failed": "fail",
    "timed_out": "fail",
    "unknown": "unanswered",
    "skipped": "skipped",
}
_RELEASE_MARKS: Mapping[bool | None, str] = {True: "good", False: "bad", None: ""}
_TEXT_MAX = 500
_OUTPUT_LINES = 20


def words(text: object) -> str:
    """One printable line."""
    return clean(str(text or ""), _TEXT_MAX)


def moment(at: float | None) -> str:
    """`2025-11-26 08:00:01Z`; empty where there is none."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "a time no calendar has"


def duration(seconds: float) -> str:
    """`0.8s`, `42s`, `3m10s`, `2h5m`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60}m"


def headline(rollback: Mapping[str, Any]) -> str:
    """`rb-…  denied  api, production`."""
    service, unit = words(rollback["service"]), words(rollback["unit"])
    of_unit = "" if unit == service else f" (unit {unit})"
    state = words(rollback["state"]).replace("_", " ")
    return f"{words(rollback['id'])}  {state}  {service}{of_unit}, {words(rollback['environment'])}"


def rollback_lines(rollback: Mapping[str, Any], marks: Mapping[str, str]) -> Iterator[str]:
    """All of one rollback, as `show` prints it."""
    yield headline(rollback)
    yield f"  {_who(rollback)}, {moment(rollback['created_at'])}"
    if rollback["alert_name"] and rollback["repeats"]:
        yield f"  the alert came {rollback['repeats']} times more"
    for going in rollback["going"]:
        bad, target = words(going["bad"]["shown"]), words(going["target"]["shown"])
        yield f"  {words(going['service'])}: {bad} -> {target}"
    for key, said in (
        ("approved_by", "approved by"),
        ("cancel_by", "to be cancelled, says"),
    ):
        if rollback[key]:
            yield f"  {said} {words(rollback[key])}"
    if rollback["state"] == "awaiting_approval":
        yield f"  may be approved until {moment(rollback['expires_at'])}"
    if rollback["why"]:
        yield f"  {words(rollback['why'])}"
    if rollback["decision"] is not None:
        yield ""
        yield from decision_lines(rollback["decision"], marks)
    if rollback["steps"]:
        yield ""
        yield "steps"
        for step in rollback["steps"]:
            yield from (f"  {line}" for line in step_line(step, marks, output=True))
    yield ""
    yield "moves"
    yield from (f"  {transition_line(one)}" for one in rollback["transitions"])


def decision_lines(decision: Mapping[str, Any], marks: Mapping[str, str]) -> Iterator[str]:
    """The verdict, then every guard."""
    yield f"decision: {words(decision['verdict']).replace('_', ' ')}. {words(decision['why'])}"
    width = max((len(words(guard["guard"])) for guard in decision["trace"]), default=0)
    for guard in decision["trace"]:
        mark = marks.get(guard["result"], "?")
        hard = " (hard)" if guard["hard"] and guard["result"] in {"fail", "unanswered"} else ""
        yield f"  {mark} {words(guard['guard']):<{width}}  {words(guard['why'])}{hard}"
    if decision["proposal"]:
        yield f"  instead: {words(decision['proposal'])}"


def deployment_row(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    """Its id, service, release, state, source, when that state began, and mark."""
    release, ended_at = deployment["release"], deployment["ended_at"]
    return (
        words(deployment["id"]),
        words(release["service"]),
        words(release["shown"]),
        words(deployment["state"]),
        words(deployment["source"]),
        moment(deployment["started_at"] if ended_at is None else ended_at),
        _RELEASE_MARKS[deployment["marked"]],
    )


def step_line(step: Mapping[str, Any], marks: Mapping[str, str], *, output: bool = False) -> Iterator[str]:
    """One step; with `output` the end of what its command said, where it did not go well."""
    result = _STEP_RESULTS.get(step["state"])
    mark = "…" if marks is MARKS and result is None else "." if result is None else marks[result]
    took = "" if step["ended_at"] is None else f" in {duration(step['ended_at'] - step['started_at'])}"
    detail = f": {words(step['detail'])}" if step["detail"] else ""
    name = " ".join(part for part in (words(step["kind"]), words(step["name"])) if part)
    yield f"{mark} {step['number']:>2} {name} {words(step['state']).replace('_', ' ')}{took}{detail}"
    if output and step["output"] and result != "pass":
        lines = str(step["output"]).splitlines()
        yield from (f"       | {words(line)}" for line in lines[-_OUTPUT_LINES:])


def transition_line(transition: Mapping[str, Any]) -> str:
    """`2025-11-26 08:00:01Z  settling  by …: why`."""
    why = f": {words(transition['why'])}" if transition["why"] else ""
    state = words(transition["after"]).replace("_", " ")
    return f"{moment(transition['at'])}  {state:<17}  by {words(transition['by'])}{why}"


def _who(rollback: Mapping[str, Any]) -> str:
    level = words(rollback["level"])
    if rollback["actor"] is None:
        return f"{level}, by the alert {words(rollback['alert_name'])}"
    dry = ", only to see what would be decided" if rollback["dry_run"] else ""
    return f"{level}, by {words(rollback['actor'])}: {words(rollback['reason'])}{dry}"
