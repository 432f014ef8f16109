"""Webhooks faster than they are decided, many of them several times at once."""

from __future__ import annotations

from pathlib import Path

from support.rollback_load_handler import handler_under_load
from support.rollback_load_storm import storm

KNOWN = ("api", "web", "worker", "billing")
UNKNOWN = ("nobody", "somebody")


def test_a_storm_of_webhooks_loses_nothing_and_takes_each_release_back_once(tmp_path: Path) -> None:
    with handler_under_load(tmp_path / "handler", KNOWN, mode="auto") as handler:
        for service in KNOWN:
            handler.deployed(service)
        seen = storm(handler, KNOWN + UNKNOWN, rate=100, seconds=2, seed=4)
        assert seen.problems == []
        assert seen.rows == seen.incidents == 40
        assert seen.kinds["copies"] == 136
        assert 1 <= seen.executions == seen.states["succeeded"] <= len(KNOWN)
