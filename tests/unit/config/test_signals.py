"""What arrives at a service: from the file to figures that are whole, and what an operator is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.describe import describe
from rollwatch.config.figure_rules import complete, metric_of
from rollwatch.config.figures import FigureDef, FigureSpec, Limit
from rollwatch.config.origins import Origin
from rollwatch.config.spec import Spec
from rollwatch.errors import ConfigError
from rollwatch.metrics.definition import MetricType
from rollwatch.metrics.labels import LabelDef, LabelKind
from rollwatch.metrics.normal import NORMAL
from support.config_kinds import load
from support.signals_example import FULL

if TYPE_CHECKING:
    from rollwatch.config.config import Config


def loaded(tmp_path: Path, text: str = FULL, location: str | None = None) -> Config:
    path = tmp_path / "rollwatch.yml"
    path.write_text(text)
    return load(
        path,
        env={
            "TOKEN": "a secret of 32 characters, or so",
            "NEXT": "another secret, just as long",
            "SHORT": "short",
        },
        location=location,
    )


def test_a_full_example_loads(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    signals = config.services["shop"].signals

    assert config.warnings == ()
    assert list(signals.figures) == [
        "orders_waiting",
        "orders_total",
        "basket_items",
        "answer_seconds",
        "rollwatch_active_users",
        "rollwatch_http_request_duration_seconds",
        "seldom_total",
        "rollwatch_cache_requests_total",
        "rollwatch_lab_tti_seconds",
        "rollwatch_system_errors_total",
        "rollwatch_trading_position_size",
        "rollwatch_trading_executions_total",
        "rollwatch_trading_pnl_net_percent",
    ]
    assert signals.push is not None
    assert [token.render() for token in signals.push.all_tokens] == [
        "a secret of 32 characters, or so",
        "another secret, just as long",
    ]
    assert signals.push.origins == ("https://shop.example.com", "http://[2001:db8::1]:8080")
    assert signals.browser is not None
    assert signals.browser.source_maps == tmp_path / "maps"
    assert signals.logs["app"].file == tmp_path / "logs/app.log"
    assert signals.records["trades"].defaults_for({"a": 1, "backtest_percent": None}) == {
        "a": 1,
        "backtest_percent": 8.5,
    }
    assert signals.features["checkout"].core
    assert config.ingest.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")
    assert config.ingest.push_limit == 2 * 1024**2


def test_a_declared_figure_is_whole(tmp_path: Path) -> None:
    figures = loaded(tmp_path).services["shop"].signals.figures

    assert figures["orders_waiting"] == FigureDef(
        "orders_waiting",
        MetricType.GAUGE,
        "Orders that wait.",
        (LabelDef("plan", LabelKind.CLOSED, ("free", "pro")), LabelDef("region", LabelKind.ANY)),
        (),
        (Limit("P1", 100.0, None, 300.0, 0.0), Limit("P3", 10.0, 1.0, 0.0, 0.0)),
        300.0,
        1200.0,
        first_seen=False,
    )
    assert figures["orders_total"].limits == (
        Limit("P2", None, 1.0, 0.0, 3600.0),
        Limit("P0", 1000.0, None, 30.0, 60.0),
    )
    assert figures["basket_items"].buckets == (1.0, 5.0, 20.0)
    assert 0.5 in figures["answer_seconds"].buckets


def test_a_normal_name_brings_its_own_meaning(tmp_path: Path) -> None:
    figures = loaded(tmp_path).services["shop"].signals.figures
    name = "rollwatch_active_users"

    assert figures[name].labels == NORMAL[name].labels
    assert figures[name].help == NORMAL[name].metric.help
    assert metric_of(figures[name]) is NORMAL[name].metric
    assert figures["rollwatch_system_errors_total"].first_seen


def test_the_judged_histogram_has_the_thresholds_among_its_buckets(tmp_path: Path) -> None:
    figures = loaded(tmp_path).services["shop"].signals.figures

    assert {0.25, 0.8, 4.0, 2.0, 5.0} <= set(figures["rollwatch_http_request_duration_seconds"].buckets)


@pytest.mark.parametrize(
    ("figure", "stale_s", "expire_s"),
    [
        ("orders_waiting", 300.0, 1200.0),  # pushed, a gauge
        ("orders_total", 300.0, None),  # a count stays true
        ("rollwatch_system_errors_total", 300.0, 86_400.0),  # but its 50 names are not for ever
        ("basket_items", 300.0, None),  # read nowhere: can only be pushed
        ("answer_seconds", None, None),  # a log may be silent
        ("rollwatch_active_users", 600.0, 2400.0),
        ("seldom_total", 86_400.0, 30 * 86_400.0),
        ("rollwatch_cache_requests_total", 90.0, None),  # three intervals
        ("rollwatch_lab_tti_seconds", None, None),  # fetched elsewhere
        ("rollwatch_trading_position_size", None, None),  # when the next trade comes, nobody knows
    ],
)
def test_when_a_figure_is_stale_and_gone(
    figure: str, stale_s: float | None, expire_s: float | None, tmp_path: Path
) -> None:
    definition = loaded(tmp_path).services["shop"].signals.figures[figure]

    assert (definition.stale_after_s, definition.expire_after_s) == (stale_s, expire_s)


def test_a_figure_fetched_here_is_expected_here(tmp_path: Path) -> None:
    signals = loaded(tmp_path, location="ams1").services["shop"].signals

    assert signals.figures["rollwatch_lab_tti_seconds"].stale_after_s == 3 * 3600


def test_records_that_are_fetched_are_expected_as_often_as_they_are(tmp_path: Path) -> None:
    text = """\
environment: test
services:
  shop:
    figures: {seen: {type: gauge, help: Seen.}, never: {type: gauge, help: Never read.}}
    records:
      trades: {id: id, figures: {seen: price}, totals: {rollwatch_trading_backtest_percent: "[-1].b"}}
    probes:
      often: {kind: web, url: "http://x/", interval: 10s, records: {trades: trades}}
      seldom: {kind: web, url: "http://x/", interval: 1m, records: {trades: trades}}
      elsewhere: {kind: web, url: "http://x/", interval: 1h, locations: [ams1], records: {trades: trades}}
"""
    figures = loaded(tmp_path, text).services["shop"].signals.figures

    assert figures["seen"].stale_after_s == 180.0
    assert figures["rollwatch_trading_backtest_percent"].stale_after_s == 180.0
    assert figures["never"].stale_after_s is None


def test_a_probe_knows_the_figures_it_reads(tmp_path: Path) -> None:
    [status] = loaded(tmp_path).probes

    assert list(status.figures) == ["rollwatch_cache_requests_total"]


def test_two_loads_are_equal_and_a_changed_figure_differs(tmp_path: Path) -> None:
    before, same = loaded(tmp_path), loaded(tmp_path)
    after = loaded(tmp_path, FULL.replace("above: 100,", "above: 200,"))

    assert before.services == same.services
    shop, changed = before.services["shop"].signals, after.services["shop"].signals
    assert {name for name in shop.figures if shop.figures[name] != changed.figures[name]} == {
        "orders_waiting"
    }
    assert shop.records == changed.records


def test_services_may_share_a_metric_of_one_shape(tmp_path: Path) -> None:
    text = """\
environment: test
services:
  a: {figures: {depth: {type: gauge, help: "Depth.", labels: {queue: [x]}}, rollwatch_database_up: {}}}
  b: {figures: {depth: {type: gauge, help: "How deep.", labels: {queue: any}}, rollwatch_database_up: {}}}
"""
    assert set(loaded(tmp_path, text).services) == {"a", "b"}


def test_what_is_wrong_with_one_service_hides_nothing_of_another(tmp_path: Path) -> None:
    text = """\
environment: test
services:
  a: {figures: {Wrong: {}}}
  b: {figures: {counts: {type: counter, help: Counts.}}}
  c: {push: {token: "${env:GONE}", document: {figures: {unheard_of: a}}}}
"""
    with pytest.raises(ConfigError) as refusal:
        loaded(tmp_path, text)

    assert [problem.path for problem in refusal.value.problems] == [
        "services.a.figures.Wrong",
        "services.b.figures.counts",
        "services.c.push.token",
        "services.c.push.document.figures.unheard_of",
    ]


def test_check_config_sums_up_what_arrives(tmp_path: Path) -> None:
    lines = describe(loaded(tmp_path))

    assert "shop: 13 figures; fed by pushes, browsers, 1 log" in lines
    assert "2 secrets read: env:NEXT, env:TOKEN" in lines


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("{figures: {rollwatch_database_up: {}}}", "a: 1 figure"),
        ("{browser: {origins: ['https://a.example']}}", "a: 0 figures; fed by browsers"),
        (
            "{logs: {a: &a {file: a, lines: [{figures: {rollwatch_transactions_total: *t}}]}, b: *a}}",
            "a: 1 figure; fed by 2 logs",
        ),
    ],
)
def test_check_config_names_the_ways_in(service: str, said: str, tmp_path: Path) -> None:
    written = service.replace("*t", "{labels: {outcome: outcome}}")
    lines = describe(loaded(tmp_path, f"environment: test\nservices: {{a: {written}}}\n"))

    assert said in lines
    assert not any(line.startswith("warning") for line in lines)


@pytest.mark.parametrize(
    ("push", "warning"),
    [
        (
            "{token: written-out}",
            "services.a.push: a token stands in the file. Write ${file:PATH} or ${env:NAME} instead.",
        ),
        ("{token: '${env:TOKEN}'}", "services.a.push: nothing can be pushed. Declare figures or records."),
        (
            "{tokens: ['${env:TOKEN}', '${env:SHORT}']}",
            "services.a.push: a token is shorter than 16 characters. Make one: openssl rand -hex 32.",
        ),
    ],
)
def test_a_push_to_be_mended_is_a_warning(push: str, warning: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, f"environment: test\nservices: {{a: {{push: {push}}}}}\n")

    assert warning in config.warnings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("HTTP://WWW.Example.com:80/", "http://www.example.com"),
        ("https://www.example.com:80", "https://www.example.com:80"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
    ],
)
def test_an_origin_is_what_browsers_send(written: str, meant: str) -> None:
    class Page(Spec):
        """A page."""

        origin: Origin

    assert Page(origin=written).origin == meant


def test_a_figure_nobody_describes_is_the_normal_one() -> None:
    definition, problems = complete("rollwatch_payments_total", None, {}, None)

    assert problems == []
    assert definition is not None
    assert (definition.expire_after_s, definition.limits) == (None, ())


def test_no_metric_of_the_exporter_can_be_declared() -> None:
    page = Path(__file__).parents[3].joinpath("docs/metrics.md").read_text("utf-8")
    ours = {line[5:-1] for line in page.splitlines() if line.startswith("### `")} - set(NORMAL)
    spec = FigureSpec(type="gauge", help="Mine.")

    assert len(ours) > 100
    assert [name for name in ours if not complete(name, spec, {}, None)[1]] == []
