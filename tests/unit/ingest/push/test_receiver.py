"""What happens to a push while others are taken, or when the configuration is exchanged before it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from rollwatch.ingest.push.callers import Caller
from rollwatch.serving.refusal import Refusal
from support.manual_clock import ManualClock
from support.pushing import HurriedClock, Pushing, config_from, loaded, made
from support.turns import turns_of_the_loop

CONFIG = """
environment: test
services:
  api:
    push: {token: "${env:TOKEN}"}
    figures: {app_streams: {type: gauge, help: Streams., labels: {room: any}}}
    records: {trades: {}}
  web: {figures: {app_views: {type: gauge, help: Views.}}}
"""
CALLER = Caller(("api",), is_browser=False)
STREAMS = {"id": "a", "metrics": [{"name": "app_streams", "labels": {"room": "x"}, "value": 1}]}


@pytest.fixture
def parts(tmp_path: Path) -> Pushing:
    return made(config_from(tmp_path, CONFIG, env={"TOKEN": "x"}), ManualClock())


@pytest.fixture
def changed(tmp_path: Path) -> str:
    return CONFIG.replace("labels: {room: any}", "labels: {floor: any, room: any}")


async def test_what_was_read_for_other_figures_is_refused_and_may_be_sent_again(
    parts: Pushing, changed: str, tmp_path: Path
) -> None:
    receiver = parts.intake._receivers["api"]
    reader = receiver.reader
    delivery = reader.read(STREAMS, CALLER)
    parts.configure(await loaded(tmp_path, changed, env={"TOKEN": "x"}))
    answered = await receiver.take(delivery, reader, CALLER, None)
    assert answered.status == 422
    assert "exchanged" in orjson.loads(answered.body)["refused"][0]["message"]
    assert await parts.figures() == {}
    again = receiver.reader.read({**STREAMS, "metrics": [_on_floor()]}, CALLER)
    assert (await receiver.take(again, receiver.reader, CALLER, None)).status == 200


def _on_floor() -> dict[str, object]:
    return {"name": "app_streams", "labels": {"room": "x", "floor": "1"}, "value": 1}


async def test_a_long_push_lets_the_loop_live_while_it_is_taken(tmp_path: Path) -> None:
    parts = made(await loaded(tmp_path, CONFIG, env={"TOKEN": "x"}), HurriedClock())
    receiver = parts.intake._receivers["api"]
    reader = receiver.reader
    metrics = [{"name": "app_streams", "labels": {"room": "x"}, "value": 1}] * 1000
    long = reader.read({"metrics": metrics, "records": {"trades": [{}] * 5000}}, CALLER)
    async with turns_of_the_loop() as turns:
        answered = await receiver.take(long, reader, CALLER, None)
        assert len(turns) > 2000
    assert orjson.loads(answered.body)["accepted"] == 6000


async def test_no_application_waits_for_what_pages_push(tmp_path: Path) -> None:
    parts = made(await loaded(tmp_path, CONFIG, env={"TOKEN": "x"}), HurriedClock())
    receiver = parts.intake._receivers["api"]
    reader, visitor = receiver.reader, Caller(("api",), is_browser=True)
    long = reader.read({"records": {"trades": [{}] * 5000}}, visitor)
    pages = [asyncio.create_task(receiver.take(long, reader, visitor, None)) for _ in range(3)]
    try:
        await asyncio.sleep(0)
        assert (await receiver.take(reader.read(STREAMS, CALLER), reader, CALLER, None)).status == 200
        assert not any(page.done() for page in pages)
    finally:
        for page in pages:
            page.cancel()
            with suppress(asyncio.CancelledError):
                await page


async def test_a_reload_that_changes_nothing_of_it_disturbs_no_push(parts: Pushing, tmp_path: Path) -> None:
    receiver = parts.intake._receivers["api"]
    reader = receiver.reader
    delivery = reader.read(STREAMS, CALLER)
    parts.configure(await loaded(tmp_path, CONFIG.replace("Views.", "Seen."), env={"TOKEN": "x"}))
    assert (await receiver.take(delivery, reader, CALLER, None)).status == 200


async def test_a_service_that_is_gone_takes_nothing(parts: Pushing, tmp_path: Path) -> None:
    receiver = parts.intake._receivers["api"]
    reader = receiver.reader
    delivery = reader.read(STREAMS, CALLER)
    without = "environment: test\nservices:\n" + CONFIG[CONFIG.index("  web:") :]
    parts.configure(await loaded(tmp_path, without))
    with pytest.raises(Refusal) as caught:
        await receiver.take(delivery, reader, CALLER, None)
    assert (caught.value.status, caught.value.error) == (401, "unauthorized")
    assert [name for name in await parts.exposed() if 'service="api"' in name] == []
