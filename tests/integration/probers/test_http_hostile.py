"""The kind http against servers that mean no good: right reason, in time, bounded, nobody else delayed."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from rollwatch.model import Reason
from rollwatch.probers.http import HttpProber, HttpSpec
from support.hostile import BAD_HTTP, SLOW, Hostile, gzip_bomb, says
from support.loops import LOOPS, on_loop
from support.running import Outcome, make_env, run_probe
from support.servers import response, serve

MEGABYTE = 1024 * 1024


def prober(url: str, **said: Any) -> HttpProber:
    return HttpProber(HttpSpec.model_validate({"url": url, **said}), make_env())


async def probe(hostile: Hostile, timeout: float, **said: Any) -> Outcome:
    async with serve(hostile.behave) as server:
        return await run_probe(prober(server.url(), **said), timeout)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", BAD_HTTP)
def test_a_bad_server_is_down_for_the_right_reason(name: str, loop: str) -> None:
    outcome = on_loop(loop, probe(BAD_HTTP[name], 20))
    assert outcome.reason is BAD_HTTP[name].reason, outcome.detail
    assert 10 < len(outcome.detail) <= 300
    assert outcome.detail.isprintable()
    assert outcome.run.phases


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", SLOW)
def test_a_slow_server_is_ended_by_the_deadline(name: str, loop: str) -> None:
    outcome = on_loop(loop, probe(SLOW[name], 0.3))
    assert outcome.reason is Reason.TIMEOUT
    assert outcome.elapsed_s < 2
    assert outcome.sampled("probe_http_status_code") == 0


@pytest.mark.parametrize(
    "name", ["sends an endless body", "sends a gzip bomb", "sends endless chunks", "sends endless trailers"]
)
async def test_memory_stays_bounded(name: str) -> None:
    hostile = BAD_HTTP[name]
    async with serve(hostile.behave) as server:
        subject = prober(server.url())
        await run_probe(subject, 20)
        tracemalloc.start()
        try:
            await run_probe(subject, 20)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # The limit is 1 MiB; the server in the same process buffers as well.
    assert peak < 12 * MEGABYTE


@pytest.mark.parametrize("loop", LOOPS)
def test_a_large_bomb_leaves_turns_to_others(loop: str) -> None:
    async def main() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        bomb = response(gzip_bomb(15), headers={"Content-Encoding": "gzip"})
        async with serve(says(bomb)) as server:
            subject = prober(server.url(), body_limit="16MiB")
            counter = asyncio.create_task(count())
            outcome = await run_probe(subject, 20)
            counter.cancel()
        assert outcome.reason is Reason.OK
        assert outcome.sampled("probe_http_uncompressed_body_length") == 15 * MEGABYTE
        return turns

    # 15 MiB in slices of 128 KiB: others get a turn between any two.
    assert on_loop(loop, main()) > 100


@pytest.mark.parametrize("loop", LOOPS)
def test_no_descriptor_is_left_open(loop: str) -> None:
    async def main() -> None:
        names = ["resets in the body", "speaks TLS", "sends a gzip bomb", "closes without an answer"]

        async def round_() -> None:
            for name in names:
                await probe(BAD_HTTP[name], 20)
            for _ in range(6):
                await probe(SLOW["silent after accept"], 0.01)

        await round_()
        await settled()
        before = open_descriptors()
        for _ in range(20):
            await round_()
        await settled()
        assert open_descriptors() <= before

    on_loop(loop, main())


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def settled() -> None:
    """Let both ends of ended connections be closed."""
    for _ in range(20):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("body", "said", "reason"),
    [
        pytest.param(b'{"status": ', {"json": "status == 'ok'"}, Reason.JSON_INVALID, id="half JSON"),
        pytest.param(b"", {"json": "status == 'ok'"}, Reason.JSON_INVALID, id="empty"),
        pytest.param(b"[" * 100_000, {"json": "@"}, Reason.JSON_INVALID, id="deep JSON"),
        pytest.param(b'{"a":' * 50_000, {"json": "@"}, Reason.JSON_INVALID, id="deep objects"),
        pytest.param(b'{"status":"\xff\xfe"}', {"json": "status"}, Reason.ENCODING_INVALID, id="not UTF-8"),
        pytest.param('{"status":"ok"}'.encode("utf-16"), {"json": "@"}, Reason.ENCODING_INVALID, id="UTF-16"),
        pytest.param(b"\x00" * 1000, {"json": "@"}, Reason.JSON_INVALID, id="NUL bytes"),
        pytest.param(
            b'{"status":"down"}', {"json": "status == 'ok'"}, Reason.JSON_MISMATCH, id="not as expected"
        ),
        pytest.param(b"a\x00\xff\x1b[31m", {"keyword": "ok"}, Reason.BODY_MISMATCH, id="control characters"),
    ],
)
async def test_a_body_that_is_no_good_has_its_reason(
    body: bytes, said: dict[str, Any], reason: Reason
) -> None:
    async with serve(says(response(body))) as server:
        outcome = await run_probe(prober(server.url(), expect=said))
    assert outcome.reason is reason
    assert outcome.detail.isprintable()


async def test_thousands_of_components_are_cut_and_said() -> None:
    names = ",".join(f'"part-{i}":"connected"' for i in range(5000))
    body = f'{{"status":"ok",{names},"database":"connected"}}'.encode()
    async with serve(says(response(body))) as server:
        outcome = await run_probe(prober(server.url(), components={}))
    assert outcome.reason is Reason.OK
    assert len(outcome.run.components) == 200
    assert ("components", "only the first 200 are read") in (outcome.run.notes or [])
