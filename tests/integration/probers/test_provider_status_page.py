"""A provider's own status page: read beside the runs, exported, named to people, never the verdict."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING

import pytest

from rollwatch.clock import SystemClock
from rollwatch.model import Reason
from rollwatch.probers import _provider_metrics as m
from rollwatch.probers._status_page import StatusPageReader
from rollwatch.probers.contract import Background, ProbeEnv
from rollwatch.probers.provider import WatchedProviderProber
from support.provider_probing import ask, build, says, spec_of
from support.running import run_probe as run_once
from support.servers import Server, answering, response, serve

if TYPE_CHECKING:
    pass


PAGE = {"page": {"name": "Massive"}, "status": {"indicator": "none"}}


def page_prober(
    server: Server, every_s: float = 300, healthy: str = "status.indicator == 'none'"
) -> WatchedProviderProber:
    said = {"url": server.url("/status"), "json": {"url": server.url("/api"), "healthy": healthy}}
    spec = spec_of(server, status_page=said)
    assert spec.status_page is not None
    assert spec.status_page.json_body is not None
    env = ProbeEnv(clock=SystemClock(), rng=lambda: 0.0, user_agent="test")
    return WatchedProviderProber(
        spec, env, StatusPageReader(spec.status_page.json_body, env, every_s=every_s)
    )


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (response(json.dumps(PAGE).encode()), 1.0),
        (response(json.dumps({"status": {"indicator": "major"}}).encode()), 0.0),
        (response(b"<html>"), math.nan),
        (response(b"{}", status="500 Oops"), math.nan),
        (b"", math.nan),
    ],
)
async def test_the_status_page_is_exported_and_never_sets_the_verdict(answer: bytes, value: float) -> None:
    async with serve(answering(answer, close=True)) as pages, serve(says({})) as server:
        prober = page_prober(pages)
        prober._client = build(server)._client  # type: ignore[attr-defined]
        assert prober.take_samples() == ()
        task = asyncio.create_task(prober.live())
        async with asyncio.timeout(20):
            while not prober.take_samples():
                await asyncio.sleep(0.005)
        task.cancel()
        [sample] = prober.take_samples()
        assert sample.metric is m.STATUS_PAGE_UP
        assert sample.value == pytest.approx(value, nan_ok=True)
        assert (await run_once(prober, 5)).reason is Reason.OK
        assert pages.connections == 1


async def test_an_expression_that_is_neither_true_nor_false_says_nothing() -> None:
    async with serve(answering(response(json.dumps(PAGE).encode()), close=True)) as pages:
        prober = page_prober(pages, healthy="status.indicator")
        task = asyncio.create_task(prober.live())
        async with asyncio.timeout(20):
            while not prober.take_samples():
                await asyncio.sleep(0.005)
        task.cancel()
        assert math.isnan(prober.take_samples()[0].value)


async def test_the_status_page_is_named_when_the_provider_is_down() -> None:
    async with serve(says({}, status="500 Oops")) as server:
        outcome = await ask(server, status_page={"url": "https://status.example.com/"})
    assert outcome.detail == "answered 500, expected 200-299; see https://status.example.com/"


def test_only_a_provider_whose_status_page_is_read_lives_between_runs() -> None:
    url = {"url": "https://status.example.com/"}
    read = url | {"json": {"url": "https://status.example.com/api", "healthy": "ok"}}
    assert not isinstance(build(Server(1)), Background)
    assert not isinstance(build(Server(1), status_page=url), Background)
    assert isinstance(build(Server(1), status_page=read), Background)
