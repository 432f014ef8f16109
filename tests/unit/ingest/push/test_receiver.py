"""What happens to a push when the configuration is exchanged between reading and taking it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from rollwatch.ingest.push.callers import Caller
from rollwatch.serving.refusal import Refusal
from support.manual_clock import ManualClock
from support.pushing import Pushing, config_from, loaded, made

CONFIG = """
environment: test
services:
  api:
    push: {token: "${env:TOKEN}"}
    figures: {app_streams: {type: gauge, help: Streams., labels: {room: any}}}
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
