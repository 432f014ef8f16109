"""The same Idempotency-Key: the same answer, and done once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from rollwatch.rollback.model.words import Role
from support.rollback_web import web

if TYPE_CHECKING:
    from pathlib import Path

WISH = {"service": "api", "reason": "broken", "actor": "alice", "dry_run": True}
TRIGGER = "/rollback/trigger"


async def test_the_same_request_again_gets_the_first_answer(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        first = await here.ask("POST", TRIGGER, WISH, key="k1")
        again = await here.ask("POST", TRIGGER, WISH, key="k1")
        assert (again.status, again.text) == (first.status, first.text)
        assert ("Idempotency-Replayed" in first.headers, "Idempotency-Replayed" in again.headers) == (
            False,
            True,
        )
        assert await here.rows() == 1


async def test_twenty_at_once_are_one(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        answers = await asyncio.gather(*(here.ask("POST", TRIGGER, WISH, key="k1") for _ in range(20)))
        assert len({(said.status, said.text) for said in answers}) == 1
        assert await here.rows() == 1


async def test_another_request_under_the_same_key_is_refused(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        await here.ask("POST", TRIGGER, WISH, key="k1")
        others = (
            (TRIGGER, {**WISH, "reason": "another"}),
            ("/rollback/pause", {"actor": "alice", "reason": "x"}),
        )
        for path, body in others:
            said = await here.ask("POST", path, body, key="k1")
            assert (said.status, said.json["error"]) == (422, "idempotency_key_reused")
        assert await here.rows() == 1
        assert await here.journal.pauses() == []


async def test_keys_of_one_principal_are_not_anothers(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        one = await here.ask("POST", TRIGGER, WISH, key="k1", role=Role.TRIGGER)
        other = await here.ask("POST", TRIGGER, WISH, key="k1", role=Role.APPROVE)
        assert one.json["id"] != other.json["id"]


async def test_what_was_refused_may_be_asked_again_under_its_key(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        bad = await here.ask("POST", TRIGGER, {**WISH, "service": "nobody"}, key="k1")
        good = await here.ask("POST", TRIGGER, WISH, key="k1")
        assert (bad.status, good.status) == (404, 200)


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ünï"])
async def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    async with web(tmp_path, works=False) as here:
        said = await here.ask("POST", TRIGGER, WISH, key=key)
        assert (said.status, said.json["error"]) == (400, "idempotency_key_invalid")
        assert await here.rows() == 0
