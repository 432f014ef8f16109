"""Providers under the real engine: how often they are asked, and what their series say."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.clock import SystemClock
from rollwatch.config.config import Config, ProbeDef, Service
from rollwatch.config.document import HostSpec, Links
from rollwatch.engine.engine import Engine
from rollwatch.engine.view import RunRefused
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.probers._provider_spec import ProviderSpec
from rollwatch.probers.contract import ProbeEnv
from rollwatch.probers.provider import KIND
from support.servers import answering, response, serve

if TYPE_CHECKING:
    from collections.abc import Callable


def config(url: str, **said: Any) -> Config:
    spec = ProviderSpec.model_validate(
        {"kind": "provider", "url": url, "interval": "1s", "timeout": "1s", **said}
    )
    probe = ProbeDef("data/massive", "data", "massive", "provider", spec)
    return Config("test", "here", {"data": Service("data", None, Links())}, (probe,), HostSpec(), None)


def engine(store: Store) -> Engine:
    env = ProbeEnv(clock=SystemClock(), rng=lambda: 0.0, user_agent="test")
    return Engine({"provider": KIND}, store, BoundedNames(), env, location="here")


def values(store: Store, name: str) -> dict[tuple[str, ...], float]:
    own = {"check", "critical", "verdict", "reason", "role", "priority"}
    return {
        tuple(value for label, value in sample.labels.items() if label in own): sample.value
        for family in store.collect()
        for sample in family.samples
        if sample.name == name
    }


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_provider_that_asks_to_wait_is_not_asked_again_by_the_schedule_nor_by_hand() -> None:
    store = Store()
    limited = response(b"{}", status="429 Too Many Requests", headers={"Retry-After": "3600"})
    async with serve(answering(limited)) as server:
        it = engine(store)
        async with it.running():
            await it.apply(config(server.url()))
            results = ("unknown", "rate_limited")
            await until(lambda: values(store, "rollwatch_probe_results_total").get(results, 0) >= 3)
            with pytest.raises(RunRefused) as refused:
                await it.run_now("data/massive")
        assert len(server.requests) == 1
    assert refused.value.retry_after_s == pytest.approx(3600, abs=60)
    assert values(store, "probe_success") == {}


async def test_the_series_of_a_provider_say_what_its_last_answer_did() -> None:
    store = Store()
    document = {"results": [{"gamma": 0}, {"gamma": 0.1}, {"gamma": None}, {"gamma": 0.3}]}
    rules = [
        {"field": "gamma", "not": 0, "name": "gamma-zero", "critical": True},
        {"field": "gamma", "required": True, "name": "gamma-missing"},
        {"field": "gamma", "max": 5, "name": "gamma-large"},
    ]
    async with serve(answering(response(json.dumps(document).encode()))) as server:
        it = engine(store)
        async with it.running():
            await it.apply(config(server.url(), records="results", rules=rules, role="fallback"))
            await until(lambda: values(store, "probe_success"))
            invalid = values(store, "rollwatch_provider_records_invalid")
            totals = values(store, "rollwatch_provider_invalid_records_total")
            assert values(store, "probe_success") == {(): 1}
            assert values(store, "rollwatch_probe_info") == {("fallback", "none"): 1}
            assert values(store, "rollwatch_provider_records_valid_ratio") == {(): 0.5}
    expected = {("gamma-zero", "true"): 1, ("gamma-missing", "false"): 1, ("gamma-large", "false"): 0}
    assert invalid == totals == expected


async def test_a_status_page_that_cannot_be_read_is_nan_beside_a_provider_that_is_up() -> None:
    store = Store()
    async with (
        serve(answering(response(b"{}"))) as server,
        serve(answering(b"garbage", close=True)) as broken,
    ):
        page = {"url": "https://status.example.com/", "json": {"url": broken.url(), "healthy": "ok"}}
        it = engine(store)
        async with it.running():
            await it.apply(config(server.url(), status_page=page))
            await until(lambda: values(store, "rollwatch_provider_status_page_up"))
            told = values(store, "rollwatch_provider_status_page_up")
            assert values(store, "probe_success") == {(): 1}
    assert math.isnan(told[()])
