"""The engine as its users see it: what runs when, what the metrics say, what a reload changes."""

import asyncio
import itertools
import math
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from rollwatch.config.config import Config, ProbeDef, Service
from rollwatch.config.document import HostSpec, Links, ReferenceCheck
from rollwatch.engine.engine import Engine
from rollwatch.engine.view import RunRefused
from rollwatch.errors import ConfigError, ProbeFailure
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.model import Component, Phase, Reason, Role, Verdict
from rollwatch.probers.contract import ProbeEnv
from support.fake_probes import COUNTER, GAUGE, HISTOGRAM, FakeSpec, fake_kinds, hang, up
from support.virtual import WALL_AT_START, run_virtual, virtual_clock


def probe(name="health", service="api", kind="fake", **spec):
    """One configured probe; interval and timeout in seconds."""
    for duration in {"interval", "timeout"} & spec.keys():
        spec[duration] = f"{spec[duration]}s"
    return ProbeDef(f"{service}/{name}", service, name, kind, FakeSpec(kind=kind, **spec))


def config(*probes, environment="test", location="here", thresholds=None, reference=None, owner="backend"):
    services = {p.service: Service(p.service, owner, Links(), thresholds or {}) for p in probes}
    return Config(environment, location, services, probes, HostSpec(), reference)


class Bench:
    """An engine on virtual time, and short words for looking at it."""

    def __init__(self, behaviours):
        self.clock = virtual_clock()
        self.store = Store()
        self.behaviours = {"nothing": up, "hang": hang, **behaviours}
        env = ProbeEnv(clock=self.clock, rng=lambda: 0.5, user_agent="test")
        self.engine = Engine(fake_kinds(self.behaviours), self.store, BoundedNames(), env, location="here")

    def values(self, name):
        """The values of a metric by label values, without those every probe has."""
        common = {"environment", "location", "kind"}
        found = {}
        for family in self.store.collect():
            for sample in family.samples:
                if sample.name == name:
                    key = tuple(v for k, v in sample.labels.items() if k not in common)
                    found[key] = sample.value
        return found

    def value(self, name, *key):
        return self.values(name).get(key)

    def probe(self, probe_id="api/health"):
        return next(p for s in self.engine.view().services for p in s.probes if p.id == probe_id)


@asynccontextmanager
async def bench(*configs, behaviours=None):
    it = Bench(behaviours or {})
    async with it.engine.running():
        for each in configs:
            await it.engine.apply(each)
        yield it


def on_virtual_time(test):
    def wrapper():
        run_virtual(test())

    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


def failing(reason, detail="because", retry_after_s=None, version=None):
    async def behave(run):
        run.retry_after_s = retry_after_s
        run.version = version
        raise ProbeFailure(reason, detail)

    return behave


def counting(starts, then=up):
    async def behave(run):
        starts.append(asyncio.get_running_loop().time())
        await then(run)

    return behave


@on_virtual_time
async def test_runs_start_on_a_fixed_grid_whatever_they_take():
    starts = []

    async def slow(run):
        starts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(3.7)

    async with bench(config(probe(does="slow", interval=10)), behaviours={"slow": slow}):
        await asyncio.sleep(105)
    gaps = {round(b - a, 6) for a, b in itertools.pairwise(starts)}
    assert gaps == {10.0}
    assert len(starts) in {10, 11}


@on_virtual_time
async def test_a_run_that_outlives_its_tick_is_counted_not_doubled():
    running = 0

    async def stubborn(run):
        nonlocal running
        running += 1
        assert running == 1
        try:
            await asyncio.sleep(1e6)
        finally:
            # The wind-up of a run, once its deadline has struck, takes longer than it may.
            virtual_clock().stall(25)
            running -= 1

    probes = config(probe(does="stubborn", interval=10, timeout=5))
    async with bench(probes, behaviours={"stubborn": stubborn}) as b:
        await asyncio.sleep(120)
        runs = len(b.probe().recent)
        assert b.probe().skipped_runs == b.value("rollwatch_probe_skipped_runs_total", "api", "health")
        assert b.probe().skipped_runs >= 2 * (runs - 1)
        assert runs + b.probe().skipped_runs in range(11, 14)


@on_virtual_time
async def test_ticks_that_pass_while_the_loop_stands_still_are_counted():
    async def stalls(run):
        virtual_clock().stall(25)

    async with bench(config(probe(does="stalls", interval=10)), behaviours={"stalls": stalls}) as b:
        assert b.engine.overdue() == []
        await asyncio.sleep(100)
        runs = len(b.probe().recent)
        assert b.probe().skipped_runs in {2 * runs - 2, 2 * runs}


@on_virtual_time
async def test_a_probe_that_answers_is_up_with_its_figures():
    async def good(run):
        run.enter(Phase.PROCESSING)
        await asyncio.sleep(0.25)
        run.sample(GAUGE, 7.0, "a")
        run.sample(COUNTER, 2.0)
        run.sample(HISTOGRAM, 0.5)
        run.components.append(Component("database", is_up=False, is_critical=True, word="down"))

    async with bench(config(probe(does="good")), behaviours={"good": good}) as b:
        await asyncio.sleep(40)
        runs = len(b.probe().recent)
        assert b.value("probe_success", "api", "health") == 1
        assert b.value("probe_duration_seconds", "api", "health") == pytest.approx(0.25)
        assert b.value("fake_duration_seconds", "api", "health", "processing") == pytest.approx(0.25)
        assert b.value("fake_gauge", "api", "health", "a") == 7
        assert b.value("fake_things_total", "api", "health") == 2 * runs
        assert b.value("fake_seconds_count", "api", "health") == runs
        assert b.value("rollwatch_component_up", "api", "health", "database", "true") == 0
        assert b.value("rollwatch_probe_results_total", "api", "health", "up", "ok") == runs
        assert b.value("rollwatch_probe_results_total", "api", "health", "down", "timeout") == 0
        assert b.value("rollwatch_probe_info", "api", "health", "none") == 1
        assert b.value("rollwatch_service_info", "api", "backend") == 1
        began = b.probe().last.started_at
        assert WALL_AT_START < began < b.clock.wall()
        assert b.value("rollwatch_probe_last_run_timestamp_seconds", "api", "health") == began
        assert b.value("rollwatch_probe_last_success_timestamp_seconds", "api", "health") == began
        assert b.value("rollwatch_probe_interval_seconds", "api", "health") == 15
        assert b.value("rollwatch_probe_timeout_seconds", "api", "health") == 5
        view = b.engine.view()
        assert view.services[0].verdict is Verdict.UP
        assert b.probe().components[0].name == "database"
        assert b.probe().next_run_at > b.clock.wall()


@on_virtual_time
async def test_a_kind_needs_no_phases():
    async with bench(config(probe(kind="bare"))) as b:
        await asyncio.sleep(20)
        assert b.value("probe_success", "api", "health") == 1
        assert b.values("fake_duration_seconds") == {}


@on_virtual_time
async def test_a_gauge_that_a_decided_run_did_not_measure_is_gone():
    async def sometimes(run):
        if run_number[0] == 0:
            run.sample(GAUGE, 1.0, "once")
        run_number[0] += 1

    run_number = [0]
    async with bench(config(probe(does="sometimes")), behaviours={"sometimes": sometimes}) as b:
        await asyncio.sleep(16)
        first = b.value("fake_gauge", "api", "health", "once")
        await asyncio.sleep(16)
        assert (first, b.value("fake_gauge", "api", "health", "once")) in {(1.0, None), (None, None)}
        assert run_number[0] >= 2


@on_virtual_time
async def test_an_undecided_probe_keeps_its_verdict_for_three_intervals_and_no_longer():
    async def good(run):
        run.sample(GAUGE, 1.0, "kept")

    b_behaviours = {"x": good}
    async with bench(config(probe(does="x", interval=10)), behaviours=b_behaviours) as b:
        await asyncio.sleep(15)
        b.behaviours["x"] = failing(Reason.RESOLVER_FAILED)
        await asyncio.sleep(25)
        assert b.value("probe_success", "api", "health") == 1
        assert b.value("fake_gauge", "api", "health", "kept") == 1
        await asyncio.sleep(25)
        assert b.value("probe_success", "api", "health") is None
        assert b.value("fake_gauge", "api", "health", "kept") is None
        assert b.value("rollwatch_probe_results_total", "api", "health", "unknown", "resolver_failed") >= 4
        assert b.probe().verdict is Verdict.UNKNOWN
        assert b.engine.view().services[0].verdict is Verdict.UNKNOWN
        assert b.value("rollwatch_probe_info", "api", "health", "none") == 1
        b.behaviours["x"] = failing(Reason.STATUS, "answered 503")
        await asyncio.sleep(10)
        assert b.value("probe_success", "api", "health") == 0
        assert b.probe().last.detail == "answered 503"
        assert b.engine.view().services[0].verdict is Verdict.DOWN


@on_virtual_time
async def test_a_prober_that_records_nonsense_costs_its_own_run_only():
    async def nonsense(run):
        run.sample(COUNTER, -1.0)

    probes = config(probe(does="nonsense"), probe(name="other"))
    async with bench(probes, behaviours={"nonsense": nonsense}) as b:
        await asyncio.sleep(60)
        assert b.value("probe_success", "api", "other") == 1
        assert b.value("probe_success", "api", "health") is None
        assert b.probe().last.reason is Reason.INTERNAL_ERROR
        results = b.values("rollwatch_probe_results_total")
        assert results["api", "health", "up", "ok"] == 0
        assert results["api", "health", "unknown", "internal_error"] == len(b.probe().recent) >= 3


@on_virtual_time
async def test_a_verdict_that_can_no_longer_be_recorded_does_not_stand_for_ever():
    starts = []

    async def soon_nonsense(run):
        starts.append(None)
        if len(starts) > 2:
            run.sample(COUNTER, -1.0)

    async with bench(config(probe(does="x", interval=10)), behaviours={"x": soon_nonsense}) as b:
        await asyncio.sleep(25)
        assert b.value("probe_success", "api", "health") == 1
        await asyncio.sleep(60)
        assert b.value("probe_success", "api", "health") is None
        assert b.probe().verdict is Verdict.UNKNOWN


@on_virtual_time
async def test_a_reason_the_kind_did_not_declare_is_counted_all_the_same():
    odd = failing(Reason.VALUE_NOT_GROWING)
    async with bench(config(probe(does="odd")), behaviours={"odd": odd}) as b:
        await asyncio.sleep(16)
        assert b.value("rollwatch_probe_results_total", "api", "health", "down", "value_not_growing") >= 1


@on_virtual_time
async def test_a_provider_that_asks_to_be_left_alone_is():
    starts = []
    limited = counting(starts, failing(Reason.RATE_LIMITED, retry_after_s=100))
    paid = probe(does="limited", interval=10, role=Role.PRIMARY)
    async with bench(config(paid), behaviours={"limited": limited}) as b:
        await asyncio.sleep(95)
        assert len(starts) == 1
        results = b.value("rollwatch_probe_results_total", "api", "health", "unknown", "rate_limited")
        assert results in range(8, 11)
        assert b.probe().next_run_at >= b.clock.wall() + 5
        with pytest.raises(RunRefused) as refused:
            await b.engine.run_now("api/health")
        assert 0 < refused.value.retry_after_s <= 100
        await asyncio.sleep(30)
        assert len(starts) == 2


@on_virtual_time
async def test_a_provider_is_never_asked_sooner_than_its_interval_not_even_on_demand():
    starts = []
    paid = probe(does="x", interval=60, role=Role.FALLBACK)
    async with bench(config(paid), behaviours={"x": counting(starts)}) as b:
        for _ in range(600):
            await asyncio.sleep(1)
            with_luck = asyncio.create_task(b.engine.run_now("api/health"))
            await asyncio.wait([with_luck])
            with_luck.exception()
    assert len(starts) >= 8
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 59.4


@on_virtual_time
async def test_a_run_on_demand_explains_itself_and_counts_like_any_other():
    async def noting(run):
        run.note("status", 200)

    async with bench(config(probe(does="n", interval=3600)), behaviours={"n": noting}) as b:
        await asyncio.sleep(20)
        before = len(b.probe().recent)
        explained = await b.engine.run_now("api/health")
        assert explained.notes == (("status", "200"),)
        assert (explained.target, explained.record.reason) == ("fake://n", Reason.OK)
        assert len(b.probe().recent) == before + 1
        with pytest.raises(RunRefused, match="a moment ago"):
            await b.engine.run_now("api/health")
        with pytest.raises(RunRefused, match="no probe 'api/nothing'") as unknown:
            await b.engine.run_now("api/nothing")
        assert unknown.value.retry_after_s is None


@on_virtual_time
async def test_a_run_on_demand_never_overlaps_another():
    async with bench(config(probe(does="hang", interval=10, timeout=5))) as b:
        await asyncio.sleep(0)
        await asyncio.sleep(b.probe().next_run_at - b.clock.wall() + 1)
        with pytest.raises(RunRefused, match="is running right now"):
            await b.engine.run_now("api/health")


@on_virtual_time
async def test_an_hourly_probe_first_runs_within_seconds_unless_it_is_a_paid_one():
    early, paid = [], []
    probes = config(
        probe(does="early", interval=3600), probe(name="p", does="paid", interval=3600, role=Role.PRIMARY)
    )
    async with bench(probes, behaviours={"early": counting(early), "paid": counting(paid)}) as b:
        await asyncio.sleep(10)
        assert len(early) == 1
        tick = b.probe("api/p").next_run_at
        await asyncio.sleep(tick - b.clock.wall() + 1)
        assert len(paid) == 1


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
        assert list(b.values("rollwatch_probe_info")) == [("api", "health", "none")]
        b.engine.refuse("a problem")
        assert b.engine.view().config_problem == "a problem"
        await asyncio.sleep(20)
        assert b.value("probe_success", "api", "health") == 1


@on_virtual_time
async def test_a_run_on_demand_that_outlives_its_probe_leaves_no_series_behind():
    async with bench(config(probe(does="hang", interval=3600, timeout=50))) as b:
        await asyncio.sleep(70)
        run = asyncio.create_task(b.engine.run_now("api/health"))
        await asyncio.sleep(1)
        await b.engine.apply(config(probe("other")))
        await run
        assert {key[1] for key in b.values("rollwatch_probe_results_total")} == {"other"}


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
async def test_a_provider_rests_across_a_reload():
    starts = []
    limited = counting(starts, failing(Reason.RATE_LIMITED, retry_after_s=500))
    paid = {"does": "limited", "interval": 10, "role": Role.PRIMARY}
    async with bench(config(probe(**paid)), behaviours={"limited": limited}) as b:
        await asyncio.sleep(30)
        assert len(starts) == 1
        await b.engine.apply(config(probe(**paid, buckets=(7.0,))))
        await asyncio.sleep(300)
        assert len(starts) == 1


@on_virtual_time
async def test_a_target_that_is_no_provider_can_not_send_us_away_for_long():
    starts = []
    limited = counting(starts, failing(Reason.RATE_LIMITED, retry_after_s=86_400))
    async with bench(config(probe(does="limited", interval=10)), behaviours={"limited": limited}):
        await asyncio.sleep(3600)
    assert len(starts) >= 10


@on_virtual_time
async def test_a_probe_that_can_not_decide_says_so_in_the_log_once():
    behaviours = {"x": failing(Reason.RESOLVER_FAILED, "the resolver is silent")}
    with capture_logs() as logs:
        async with bench(config(probe(does="x", interval=10)), behaviours=behaviours) as b:
            await asyncio.sleep(35)
            b.behaviours["x"] = up
            await asyncio.sleep(10)
            b.behaviours["x"] = failing(Reason.RATE_LIMITED, "slow down")
            await asyncio.sleep(20)
    events = [(log["event"], log["log_level"], log["reason"]) for log in logs if "probe" in log]
    assert events == [
        ("probe_undecided", "warning", "resolver_failed"),
        ("verdict_changed", "info", "ok"),
        ("probe_undecided", "warning", "rate_limited"),
    ]


@on_virtual_time
async def test_a_thousand_component_names_stay_bounded():
    async def many(run):
        for n in range(1000):
            run.components.append(Component(f"c{n}", is_up=n != 700, is_critical=False, word="ok"))

    async with bench(config(probe(does="m")), behaviours={"m": many}) as b:
        await asyncio.sleep(60)
        assert len(b.values("rollwatch_component_up")) == 51
        down = [key for key, value in b.values("rollwatch_component_up").items() if value == 0]
        assert down == [("api", "health", "other", "false")], "a folded component that is down shows"


@on_virtual_time
async def test_a_session_lives_between_runs_and_its_counts_are_never_lost():
    async with bench(config(probe(kind="session", interval=10))) as b:
        await asyncio.sleep(100.5)
        await b.engine.refresh()
        assert b.value("fake_things_total", "api", "health") == 100
        assert b.value("fake_gauge", "api", "health", "session") == 1


@on_virtual_time
async def test_a_session_that_fails_is_started_again():
    lives = []

    async def fails(_run):
        lives.append(asyncio.get_running_loop().time())
        if len(lives) == 3:
            return
        raise RuntimeError("bug")

    async with bench(config(probe(kind="session")), behaviours={"live": fails}) as b:
        await asyncio.sleep(20)
        assert [round(b - a) for a, b in itertools.pairwise(lives)] == [1, 2]
        assert b.value("probe_success", "api", "health") == 1


@on_virtual_time
async def test_many_sessions_are_refreshed_in_slices():
    probes = [probe(f"p{n}", kind="session") for n in range(60)]
    async with bench(config(*probes)) as b:
        await asyncio.sleep(10.5)
        turns = 0

        async def count_turns():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counter = asyncio.create_task(count_turns())
        await b.engine.refresh()
        counter.cancel()
        assert turns >= 2
        assert sum(b.values("fake_things_total").values()) == 600


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
async def test_a_session_run_on_demand_that_outlives_its_probe_leaves_no_series_behind():
    async with bench(config(probe("s", kind="session", does="hang"), probe("stays"))) as b:
        await asyncio.sleep(0)
        await asyncio.sleep(b.probe("api/s").next_run_at - b.clock.wall() + 6)
        asked = asyncio.create_task(b.engine.run_now("api/s"))
        await asyncio.sleep(0.1)
        await b.engine.apply(config(probe("stays")))
        await asked
        assert set(b.values("fake_things_total")) == {("api", "stays")}


@on_virtual_time
async def test_a_loop_that_stands_still_is_seen_and_blames_nobody():
    async def stalls(run):
        run.enter(Phase.PROCESSING)
        await asyncio.sleep(1)
        virtual_clock().stall(6)
        await asyncio.sleep(1e6)

    async with bench(config(probe(does="s", timeout=5)), behaviours={"s": stalls}) as b:
        await asyncio.sleep(40)
        assert b.probe().last.reason is Reason.OVERLOADED
        assert b.engine.view().loop_lag_s > 5
        assert b.value("rollwatch_loop_lag_seconds_sum") > 5


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
async def test_a_session_lost_with_our_own_network_is_not_the_targets_fault():
    lost = {"x": failing(Reason.DISCONNECTED, "no session for 20 s")}
    gone = ReferenceCheck.model_validate({"address": "127.0.0.1:1"})
    async with bench(config(probe(does="x"), reference=gone), behaviours=lost) as b:
        await asyncio.sleep(20)
        assert b.probe().last.reason is Reason.OWN_NETWORK


@on_virtual_time
async def test_a_probe_whose_loop_has_stopped_is_found():
    async with bench(config(probe(interval=10), probe("s", interval=10, kind="session"))) as b:
        await asyncio.sleep(60)
        assert b.engine.overdue() == []
        for task in asyncio.all_tasks():
            if task.get_name() == "probe:api/health":
                task.cancel()
        await asyncio.sleep(60)
        assert b.engine.overdue() == ["api/health"]


@on_virtual_time
async def test_stopping_ends_every_task():
    async with bench(config(probe(does="hang"), probe("s", kind="session"))):
        await asyncio.sleep(16)
        assert len(asyncio.all_tasks()) > 3
    assert asyncio.all_tasks() == {asyncio.current_task()}


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


def test_an_error_of_the_body_arrives_as_itself():
    async def main():
        async with bench(config(probe())):
            raise ConnectionError("mine")

    with pytest.raises(ConnectionError, match="mine"):
        run_virtual(main())


def test_errors_of_several_tasks_arrive_together():
    async def fails():
        raise OSError("task")

    async def main():
        async with bench(config(probe())) as b:
            b.engine.adopt(fails(), "one")
            b.engine.adopt(fails(), "two")
            await asyncio.sleep(1)

    with pytest.raises(ExceptionGroup) as failures:
        run_virtual(main())
    assert len(failures.value.exceptions) == 2


@on_virtual_time
async def test_a_long_run_remembers_only_the_lag_of_late():
    async with bench(config(probe())) as b:
        await asyncio.sleep(1)
        b.clock.stall(3)
        await asyncio.sleep(1)
        assert b.engine.view().loop_lag_s > 2
        await asyncio.sleep(400)
        assert b.engine.view().loop_lag_s == 0
        b.clock.stall(3)
        assert b.engine.view().loop_lag_s > 2, "a stall that is only now ending counts"


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
