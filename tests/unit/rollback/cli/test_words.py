"""What people read on their terminal of what the handler says."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.cli.rollback_words import (
    ASCII_MARKS,
    MARKS,
    decision_lines,
    duration,
    moment,
    rollback_lines,
    step_line,
    transition_line,
)

RELEASE = {"service": "api", "environment": "production", "shown": "1.4.2 (bbbbbbbbbbbb)"}
DECISION: dict[str, Any] = {
    "verdict": "deny",
    "why": "Deployments are frozen.",
    "proposal": "Wait, or trigger an emergency.",
    "going": [],
    "trace": [
        {"guard": "declared", "result": "pass", "hard": True, "why": "api is declared.", "inputs": {}},
        {"guard": "freeze", "result": "fail", "hard": False, "why": "Deployments are frozen.", "inputs": {}},
        {"guard": "target", "result": "unanswered", "hard": True, "why": "Nobody knows.", "inputs": {}},
        {"guard": "pause", "result": "skipped", "hard": False, "why": "An emergency.", "inputs": {}},
    ],
}
STEP: dict[str, Any] = {
    "number": 1,
    "kind": "execute",
    "name": "api",
    "state": "done",
    "started_at": 100.0,
    "ended_at": 112.4,
    "detail": "deployed 1.4.1",
    "output": "all well",
}
ROLLBACK: dict[str, Any] = {
    "id": "rb-1",
    "state": "timed_out",
    "is_open": False,
    "level": "automatic",
    "environment": "production",
    "unit": "shop",
    "service": "api",
    "alert_name": "RollbackHttpErrorRatio",
    "actor": None,
    "reason": None,
    "dry_run": False,
    "why": "The platform did not finish in time.",
    "going": [{"service": "api", "bad": RELEASE, "target": {**RELEASE, "shown": "1.4.1"}}],
    "created_at": 1764144000.0,
    "approved_by": "alice (token oncall)",
    "cancel_by": None,
    "expires_at": None,
    "repeats": 3,
    "decision": DECISION,
    "steps": [STEP],
    "transitions": [
        {"at": 1764144000.0, "before": None, "after": "received", "by": "alert", "why": "it fires"}
    ],
}


def test_a_decision_is_shown_guard_by_guard() -> None:
    assert list(decision_lines(DECISION, MARKS)) == [
        "decision: deny. Deployments are frozen.",
        "  ✓ declared  api is declared.",
        "  ✗ freeze    Deployments are frozen.",
        "  ? target    Nobody knows. (hard)",
        "  \N{EN DASH} pause     An emergency.",
        "  instead: Wait, or trigger an emergency.",
    ]


def test_terminals_without_these_marks_get_others() -> None:
    lines = "\n".join(decision_lines(DECISION, ASCII_MARKS))
    assert lines.isascii()


def test_a_rollback_is_shown_whole() -> None:
    text = "\n".join(rollback_lines(ROLLBACK, MARKS))
    for part in (
        "rb-1  timed out  api (unit shop), production",
        "automatic, by the alert RollbackHttpErrorRatio, 2025-11-26 08:00:00Z",
        "the alert came 3 times more",
        "api: 1.4.2 (bbbbbbbbbbbb) -> 1.4.1",
        "approved by alice (token oncall)",
        "The platform did not finish in time.",
        "✗ freeze",
        "✓  1 execute api done in 12s: deployed 1.4.1",
        "2025-11-26 08:00:00Z  received           by alert: it fires",
    ):
        assert part in text
    assert "all well" not in text, "what went well needs no output"


def test_what_a_failed_command_said_is_shown_to_its_end() -> None:
    output = "\n".join(f"line {n}" for n in range(100))
    lines = list(step_line({**STEP, "state": "failed", "output": output}, MARKS, output=True))
    assert lines[0].startswith("✗")
    assert (lines[1].strip(), lines[-1].strip()) == ("| line 80", "| line 99")


@pytest.mark.parametrize("hostile", ["a\x1b[2Jb", "a\rb", "a\nb", "\x9bm", "\u202eabc", "x" * 5000])
def test_remote_text_can_do_nothing_to_a_terminal(hostile: str) -> None:
    rollback = {
        **ROLLBACK,
        "why": hostile,
        "alert_name": hostile,
        "decision": {**DECISION, "why": hostile, "proposal": hostile},
        "steps": [{**STEP, "state": "failed", "detail": hostile, "output": hostile}],
        "transitions": [{**ROLLBACK["transitions"][0], "by": hostile, "why": hostile}],
    }
    for line in rollback_lines(rollback, MARKS):
        assert line.isprintable()
        assert len(line) < 1200


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0.0s"), (0.84, "0.8s"), (42.4, "42s"), (59.6, "1m0s"), (190, "3m10s"), (7500, "2h5m")],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize("at", [1e30, -1e30])
def test_a_time_that_no_calendar_has_breaks_nothing(at: float) -> None:
    assert moment(at)
    assert transition_line({**ROLLBACK["transitions"][0], "at": at})
