"""What a configuration, and a reload, changes."""

import asyncio
import math

import pytest

from rollwatch.config.document import ReferenceCheck
from rollwatch.errors import ConfigError
from rollwatch.model import Reason
from support.engine_bench import Bench, bench, config, failing, on_virtual_time, probe
from support.fake_probes import up
from support.virtual import run_virtual


@on_virtual_time
async def test_a_reload_leaves_what_did_not_change_alone_and_drops_what_is_gone():
    same, gone, changed = probe("same"), probe("gone"), probe("changed", interval=10)
    other = probe("health", service="web")
    async with bench(config(same, gone, changed, other)) as b:
        await asyncio.sleep(60)
        history = len(b.probe("api/same").recent)
        await b.engine.apply(config(same, probe("changed", interval=20), probe("new")))
        assert len(b.probe("api/same").recent) == history
        assert b.probe("api/changed").recent == ()
        assert {p.id for s in b.engine.view().services for p in s.probes} == {
            "api/same",
            "api/changed",
            "api/new",
        }
        names = {key[:2] for key in b.values("rollwatch_probe_info")}
        assert names == {("api", "same"), ("api", "changed"), ("api", "new")}
        assert not [key for key in b.values("rollwatch_probe_results_total") if key[1] == "gone"]
        assert b.values("rollwatch_service_info") == {("api", "backend"): 1}
        assert b.value("probe_success", "api", "changed") is None


@on_virtual_time
async def test_a_reload_that_can_not_be_built_changes_nothing():
    async with bench(config(probe())) as b:
        await asyncio.sleep(20)
        with pytest.raises(ConfigError, match="api/bad: can't be set up: the key file is not a key"):
            await b.engine.apply(config(probe("new"), probe("bad", does="unbuildable")))
        assert list(b.values("rollwatch_probe_info")) == [("api", "health", "none", "P0")]
        b.engine.refuse("a problem")
        assert b.engine.view().config_problem == "a problem"
        await asyncio.sleep(20)
        assert b.value("probe_success", "api", "health") == 1


@on_virtual_time
async def test_another_environment_moves_every_series():
    async with bench(config(probe())) as b:
        await asyncio.sleep(20)
        await b.engine.apply(config(probe(), environment="staging"))
        await asyncio.sleep(20)
        environments = {
            sample.labels["environment"]
            for family in b.store.collect()
            for sample in family.samples
            if "environment" in sample.labels
        }
        assert environments == {"staging"}


@on_virtual_time
async def test_the_buckets_hold_the_thresholds_in_force():
    own = probe(buckets=(0.05, 0.4))
    overridden = {"http_p95_seconds": {"P1": 0.8, "P2": math.inf}}
    async with bench(config(own, thresholds=overridden)) as b:
        await asyncio.sleep(20)
        bounds = {float(key[-1]) for key in b.values("probe_all_duration_seconds_bucket")}
        assert {0.05, 0.4, 0.8, 0.1, 0.5, 2.0, 5.0, math.inf} <= bounds
        judged = {float(key[-1]) for key in b.values("fake_seconds_bucket")}
        assert judged == {0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 2.0, 5.0, math.inf}
        assert b.values("rollwatch_threshold_override") == {
            ("api", "http_p95_seconds", "P1"): 0.8,
            ("api", "http_p95_seconds", "P2"): math.inf,
        }


@on_virtual_time
async def test_a_release_shows_once_confirmed_and_only_one_at_a_time():
    version = ["1.0"]

    async def versioned(run):
        run.version = version[0]

    async with bench(config(probe(does="v", interval=10)), behaviours={"v": versioned}) as b:
        await asyncio.sleep(25)
        assert b.values("rollwatch_release_info") == {("api", "1.0"): 1}
        assert b.values("rollwatch_release_changed_timestamp_seconds") == {}
        version[0] = 'v2+"<b>'
        await asyncio.sleep(25)
        assert b.values("rollwatch_release_info") == {("api", "v2___b_"): 1}
        changed = b.value("rollwatch_release_changed_timestamp_seconds", "api")
        assert b.clock.wall() - 30 < changed < b.clock.wall()
        assert b.engine.view().services[0].version == "v2+__b_"
        for n in range(300):
            version[0] = f"3.{n // 3}"
            await asyncio.sleep(10)
        assert b.values("rollwatch_release_info") == {("api", "3.99"): 1}
        assert b.engine.view().services[0].version == "3.99"
        await b.engine.apply(config(probe(does="v", service="web")))
        assert b.values("rollwatch_release_info") == {}


@on_virtual_time
async def test_an_outage_is_no_release():
    parts = {"web": up, "worker": up}

    def part(name, version):
        async def behave(run):
            await parts[name](run)
            run.version = version

        return behave

    behaviours = {"web": part("web", "2.0"), "worker": part("worker", "1.0")}
    probes = config(probe("web", does="web", interval=10), probe("worker", does="worker", interval=10))
    async with bench(probes, behaviours=behaviours) as b:
        await asyncio.sleep(30)
        seen = b.engine.view().services[0].version
        source = "web" if seen == "2.0" else "worker"
        parts[source] = failing(Reason.CONNECT_REFUSED)
        await asyncio.sleep(60)
        assert b.engine.view().services[0].version == seen
        assert b.engine.view().services[0].version_changed_at is None


@on_virtual_time
async def test_a_probe_that_no_longer_reads_a_version_lets_another_speak():
    says = {"version": "1.0"}

    async def versioned(run):
        run.version = says["version"]

    async with bench(config(probe(does="v", interval=10)), behaviours={"v": versioned}) as b:
        await asyncio.sleep(25)
        says["version"] = None
        await asyncio.sleep(25)
        says["version"] = "9.9"
        await asyncio.sleep(25)
        view = b.engine.view().services[0]
        assert (view.version, view.version_changed_at) == ("9.9", None)


@on_virtual_time
async def test_a_scrape_during_a_reload_brings_no_series_back():
    sessions = [probe(f"p{n}", kind="session") for n in range(400)]
    async with bench(config(probe("stays"), *sessions)) as b:
        await asyncio.sleep(20)
        assert len(b.values("fake_things_total")) == 401
        scrape = asyncio.create_task(b.engine.refresh())
        await asyncio.sleep(0)
        await b.engine.apply(config(probe("stays")))
        assert not scrape.done()
        await scrape
        assert set(b.values("fake_things_total")) == {("api", "stays")}


@on_virtual_time
async def test_a_reference_that_is_gone_too_makes_it_our_own_network():
    unreachable = {"x": failing(Reason.UNREACHABLE, "no route")}
    # Nobody listens on port 1.
    reference = ReferenceCheck.model_validate({"address": "127.0.0.1:1"})
    async with bench(config(probe(does="x"), reference=reference), behaviours=unreachable) as b:
        await asyncio.sleep(40)
        assert b.engine.is_configured
        assert b.probe().last.reason is Reason.OWN_NETWORK
        assert "no route" in b.probe().last.detail
        assert b.value("rollwatch_own_network_up") == 0
        await b.engine.apply(config(probe(does="x")))
        assert b.value("rollwatch_own_network_up") is None


@on_virtual_time
async def test_probes_that_a_reload_leaves_alone_ask_the_reference_it_brought():
    unreachable = {"x": failing(Reason.UNREACHABLE, "no route")}
    gone = ReferenceCheck.model_validate({"address": "127.0.0.1:1"})
    async with bench(config(probe(does="x")), behaviours=unreachable) as b:
        await asyncio.sleep(40)
        assert b.probe().last.reason is Reason.UNREACHABLE
        await b.engine.apply(config(probe(does="x"), reference=gone))
        await asyncio.sleep(20)
        assert b.probe().last.reason is Reason.OWN_NETWORK
        assert len(b.probe().recent) > 2
        await b.engine.apply(config(probe(does="x")))
        await asyncio.sleep(20)
        assert b.probe().last.reason is Reason.UNREACHABLE


@on_virtual_time
async def test_a_task_that_will_not_end_does_not_stop_a_reload():
    async def clings(run):
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            await asyncio.sleep(5)
            raise

    clinging = probe(does="clings", interval=60, timeout=60)
    async with bench(config(clinging), behaviours={"clings": clings}) as b:
        await asyncio.sleep(0)
        await asyncio.sleep(b.probe().next_run_at - b.clock.wall() + 1)
        before = b.clock.monotonic()
        await b.engine.apply(config(probe("other")))
        assert b.clock.monotonic() - before <= 2.5
        await asyncio.sleep(20)
        assert {key[1] for key in b.values("rollwatch_probe_results_total")} == {"other"}


@on_virtual_time
async def test_it_says_whether_a_configuration_is_in_force():
    async with bench() as b:
        assert not b.engine.is_configured
        await b.engine.apply(config(probe()))
        assert b.engine.is_configured
        b.engine.refuse("line 3")
        assert b.engine.config_problem == "line 3"
        await b.engine.apply(config(probe()))
        assert b.engine.config_problem is None


@on_virtual_time
async def test_stopping_ends_the_reference_check_too():
    reference = ReferenceCheck.model_validate({"address": "127.0.0.1:1"})
    async with bench(config(probe(), reference=reference)):
        pass
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_nothing_starts_before_the_engine_runs():
    async def main():
        with pytest.raises(RuntimeError, match="not running"):
            await Bench({}).engine.apply(config(probe()))

    run_virtual(main())


def test_the_view_is_empty_before_a_configuration():
    async def main():
        async with bench() as b:
            view = b.engine.view()
            assert (view.services, view.environment) == ((), "")

    run_virtual(main())
