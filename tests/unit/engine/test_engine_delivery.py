"""What a run reads for the figures of its service gets there, and only if the run decided something."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.config import Service
from rollwatch.config.document import Links
from rollwatch.config.features import FeatureSpec
from rollwatch.config.signals import Signals
from rollwatch.engine.delivery import delivery_to
from rollwatch.errors import ProbeFailure
from rollwatch.figures.items import Found
from rollwatch.model import Reason
from support.arriving import Arriving, set_to
from support.engine_bench import bench, config, on_virtual_time, probe

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.probers.run import Run

SERVICES = """\
api:
  figures:
    level: {type: gauge, help: A level.}
    seen_total: {type: counter, help: Seen.}
  records:
    trades: {id: id, figures: {seen_total: {}}}
"""


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    return Arriving(tmp_path, SERVICES)


async def reading(run: Run) -> None:
    run.figures = Found([set_to("level", 5)])
    run.records = {"trades": [{"id": 1}, {"id": 2}]}


async def reading_and_down(run: Run) -> None:
    await reading(run)
    raise ProbeFailure(Reason.STATUS, "because")


async def reading_and_undecided(run: Run) -> None:
    await reading(run)
    raise ProbeFailure(Reason.RATE_LIMITED, "because")


async def records_alone(run: Run) -> None:
    run.records = {"trades": [{"id": 1}]}


@pytest.mark.parametrize(
    ("behaviour", "level", "seen"),
    [
        (reading, {(): 5.0}, 2.0),
        (reading_and_down, {(): 5.0}, 2.0),
        (reading_and_undecided, {}, 0.0),
        (records_alone, {}, 1.0),
    ],
)
def test_what_a_run_read_arrives_if_it_decided(behaviour, level, seen, arriving):
    @on_virtual_time
    async def run():
        configured = config(probe(does="read"))
        async with bench(configured, behaviours={"read": behaviour}, deliver=delivery_to(arriving.board)):
            await asyncio.sleep(40)

    run()

    assert arriving.shown("level") == level
    assert arriving.shown("seen_total") == {(): seen}


def test_what_was_read_for_a_service_without_figures_goes_nowhere(arriving):
    @on_virtual_time
    async def run():
        configured = config(probe(service="web", does="read"))
        async with bench(configured, behaviours={"read": reading}, deliver=delivery_to(arriving.board)) as b:
            await asyncio.sleep(40)
            assert b.value("probe_success", "web", "health") == 1

    run()

    assert arriving.shown("level") == {}


@on_virtual_time
async def test_a_run_of_an_engine_without_figures_is_a_run():
    async with bench(config(probe(does="read")), behaviours={"read": reading}) as b:
        await asyncio.sleep(20)
        assert b.value("probe_success", "api", "health") == 1


@on_virtual_time
async def test_a_run_that_outlives_its_configuration_delivers_nothing():
    delivered = []
    may_end = asyncio.Event()

    async def slow(run):
        await may_end.wait()
        await reading(run)

    async def deliver(service, name, run):
        delivered.append((service, name))

    async with bench(config(probe(does="slow")), behaviours={"slow": slow}, deliver=deliver) as b:
        running = asyncio.create_task(b.engine.run_now("api/health"))
        await asyncio.sleep(0.1)
        await b.engine.apply(config(probe("other", does="nothing")))
        may_end.set()
        await running
        assert delivered == []


def test_a_prober_is_built_with_the_figures_it_reads(arriving):
    figures = dict(arriving.service().definitions)
    built = []

    @on_virtual_time
    async def run():
        it = probe(does="read")
        async with bench(behaviours={"read": reading}) as b:
            kind = b.engine._kinds["fake"]
            b.engine._kinds["fake"] = replace(
                kind, build=lambda spec, env: built.append(env.figures) or kind.build(spec, env)
            )
            await b.engine.apply(config(it))
            await b.engine.apply(config(replace(it, figures=figures)))

    run()

    assert built == [{}, figures]


@on_virtual_time
async def test_features_are_joined_with_the_endpoints_figures_have():
    features = {
        "checkout": FeatureSpec(endpoints=("/cart", "/orders/{id}"), core=True),
        "search": FeatureSpec(endpoints=("/find",)),
    }
    one = config(probe())
    service = Service("api", None, Links(), signals=Signals(features=features))
    async with bench(type(one)("test", "here", {"api": service}, one.probes, one.host, None)) as b:
        assert b.values("rollwatch_feature_info") == {
            ("api", "checkout", "true"): 1.0,
            ("api", "search", "false"): 1.0,
        }
        assert set(b.values("rollwatch_feature_endpoint_info")) == {
            ("api", "checkout", "/cart"),
            ("api", "checkout", "/orders/{id}"),
            ("api", "checkout", "/orders/_id"),
            ("api", "search", "/find"),
        }
        await b.engine.apply(one)
        assert b.values("rollwatch_feature_endpoint_info") == {}
