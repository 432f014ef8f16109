"""What the configuration says of a service beside its probes, as series."""

from rollwatch.config.document import Links
from rollwatch.config.slo import SloSpec
from support.engine_bench import bench, config, on_virtual_time, probe

LOGS = 'https://logs.example.com/explore?q={service="api"}&x=1'


@on_virtual_time
async def test_a_probe_shows_the_worst_alert_it_may_raise():
    async with bench(
        config(probe("page"), probe("extra", priority="P2"), probe("quiet", priority="none"))
    ) as b:
        assert b.values("rollwatch_probe_info") == {
            ("api", "page", "none", "P0"): 1,
            ("api", "extra", "none", "P2"): 1,
            ("api", "quiet", "none", "none"): 1,
        }


@on_virtual_time
async def test_a_reload_that_changes_the_priority_leaves_one_series():
    async with bench(config(probe())) as b:
        await b.engine.apply(config(probe(priority="P1")))
        assert b.values("rollwatch_probe_info") == {("api", "health", "none", "P1"): 1}


@on_virtual_time
async def test_the_links_of_a_service_are_there_for_alerts_until_a_reload_takes_them_away():
    links = Links(
        logs_url=LOGS, dashboard_url="https://g.example.com/d/1", runbook_url="https://w.example.com/"
    )
    async with bench(config(probe(), links=links)) as b:
        assert b.values("rollwatch_service_link_info") == {
            ("api", "logs", LOGS): 1,
            ("api", "dashboard", "https://g.example.com/d/1"): 1,
            ("api", "runbook", "https://w.example.com/"): 1,
        }
        await b.engine.apply(config(probe(), links=Links(status_page="https://status.example.com/")))
        assert b.values("rollwatch_service_link_info") == {
            ("api", "status_page", "https://status.example.com/"): 1
        }


@on_virtual_time
async def test_objectives_are_exported_only_where_the_service_sets_them_and_0_is_off():
    async with bench(config(probe())) as b:
        assert b.values("rollwatch_slo_objective_ratio") == {}
        await b.engine.apply(config(probe(), slo=SloSpec(availability=0.9995, latency="off")))
        assert b.values("rollwatch_slo_objective_ratio") == {
            ("api", "availability"): 0.9995,
            ("api", "latency"): 0,
        }
        await b.engine.apply(config(probe(), slo=SloSpec(latency=0.95)))
        assert b.values("rollwatch_slo_objective_ratio") == {("api", "latency"): 0.95}
