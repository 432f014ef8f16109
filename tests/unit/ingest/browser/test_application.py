"""What beacons do to the figures of a service."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rollwatch.ingest.browser.application import BrowserApplication
from rollwatch.ingest.browser.beacon import parse_beacon
from rollwatch.serving.refusal import Refusal
from support.browser_intake import Browsers, beacon, browser_config, error
from support.turns import turns_of_the_loop

AT = {"path": "/stocks/AAPL"}
ROUTES = ["/", "/stocks/:symbol"]
DAY_S = 86_400


def application(browsers: Browsers) -> BrowserApplication:
    return browsers.intake._applications["web"]


async def send(browsers: Browsers, *events: dict[str, Any], **members: Any) -> None:
    """What the intake does with a beacon that nothing is wrong with."""
    members.setdefault("sent_at", browsers.clock.wall())
    parsed = parse_beacon(beacon(*events, **members))
    at_work = application(browsers)
    at_work.check(parsed)
    at_work.take(parsed, await at_work.examine(parsed), "Chrome 131")


def browsers_with(**options: Any) -> Browsers:
    options.setdefault("routes", ROUTES)
    return Browsers(browser_config(**options))


def buckets(browsers: Browsers, metric: str) -> tuple[float, ...]:
    [child] = {
        child
        for family in browsers.store.families()
        if family.metric.name == f"rollwatch_browser_{metric}"
        for child in family.children.values()
    }
    return tuple(getattr(child, "bounds", ()))


@pytest.mark.parametrize(
    ("event", "metric", "labels", "total"),
    [
        ({"type": "vital", "name": "LCP", "value": 2500, **AT}, "lcp_seconds", "mobile", 2.5),
        ({"type": "vital", "name": "INP", "value": 80, **AT}, "inp_seconds", "mobile", 0.08),
        ({"type": "vital", "name": "FCP", "value": 1800, **AT}, "fcp_seconds", "mobile", 1.8),
        ({"type": "vital", "name": "TTFB", "value": 400, **AT}, "ttfb_seconds", "mobile", 0.4),
        ({"type": "vital", "name": "CLS", "value": 0.25, **AT}, "cls_score", "mobile", 0.25),
        ({"type": "load", "value": 3000, **AT}, "page_load_seconds", "mobile", 3.0),
        ({"type": "heap", "value": 25e6, **AT}, "heap_bytes", "young", 25e6),
    ],
)
async def test_a_value_is_observed_in_seconds_under_its_route(
    event: dict[str, Any], metric: str, labels: str, total: float
) -> None:
    browsers = browsers_with()
    await send(browsers, event)
    assert browsers.shown(metric) == {("/stocks/:symbol", labels): 1}
    [child] = [
        child
        for family in browsers.store.families()
        if family.metric.name == f"rollwatch_browser_{metric}"
        for child in family.children.values()
    ]
    assert getattr(child, "sum", None) == pytest.approx(total)
    # A value that is a bound counts in the bucket of this bound.
    assert total in getattr(child, "bounds", ())


async def test_the_heap_is_told_apart_by_the_age_of_the_session() -> None:
    browsers = browsers_with()
    heap = {"type": "heap", "value": 1e6, **AT}
    await send(browsers, heap, session_age_s=299.9)
    await send(browsers, heap, session_age_s=300)
    await send(browsers, heap, session_age_s=4000)
    assert browsers.shown("heap_bytes") == {
        ("/stocks/:symbol", "young"): 1,
        ("/stocks/:symbol", "old"): 2,
    }


async def test_buckets_hold_the_thresholds_in_force() -> None:
    browsers = Browsers(
        browser_config(
            thresholds={
                "lcp_p75_seconds": {"P1": 7.5, "P2": float("inf")},
                "browser_heap_bytes": {"P1": 3e8, "P2": float("inf")},
            }
        )
    )
    await send(
        browsers,
        {"type": "vital", "name": "LCP", "value": 1, **AT},
        {"type": "heap", "value": 1, **AT},
    )
    assert {2.5, 4.0, 7.5} < set(buckets(browsers, "lcp_seconds"))
    assert {100e6, 150e6, 300e6} < set(buckets(browsers, "heap_bytes"))


async def test_a_threshold_that_is_not_the_pages_leaves_their_figures_alone() -> None:
    browsers = browsers_with()
    await send(browsers, {"type": "view", **AT}, {"type": "vital", "name": "LCP", "value": 1, **AT})
    browsers.intake.configure(browser_config(routes=ROUTES, thresholds={"http_p95_seconds": {"P1": 0.8}}))
    assert browsers.shown("page_views_total")["/stocks/:symbol", "mobile"] == 1
    assert browsers.shown("lcp_seconds") == {("/stocks/:symbol", "mobile"): 1}
    browsers.intake.configure(browser_config(routes=ROUTES, thresholds={"lcp_p75_seconds": {"P1": 7.5}}))
    assert browsers.shown("lcp_seconds") == {}


async def test_what_is_declared_counts_from_0() -> None:
    browsers = browsers_with(goals=["signup"], ignore_errors={"resize": "ResizeObserver"}, sample=0.25)
    assert browsers.shown("page_views_total") == {(r, d): 0 for r in ROUTES for d in ("mobile", "desktop")}
    assert browsers.shown("page_views_with_errors_total") == browsers.shown("page_views_total")
    assert browsers.shown("goals_total") == {("signup",): 0}
    assert browsers.shown("errors_ignored_total") == {("resize",): 0}
    assert browsers.shown("all_errors_total") == {("error",): 0, ("rejection",): 0}
    assert browsers.shown("sessions_started_total") == {("mobile",): 0, ("desktop",): 0}
    assert browsers.shown("session_duration_seconds") == {("mobile",): 0, ("desktop",): 0}
    assert browsers.shown("sample_ratio") == {(): 0.25}
    assert browsers.shown("active_sessions") == {(): 0}
    assert browsers.shown("beacons_total") == {
        (outcome,): 0
        for outcome in ("accepted", "origin_not_allowed", "clock_off", "duplicate", "unknown_goal")
    }


async def test_where_no_browser_may_send_nothing_is_shown_of_them() -> None:
    browsers = Browsers(browser_config(services={"api": None}))
    assert browsers.store.families() == []
    browsers.intake.configure(browser_config())
    assert set(browsers.shown("unread_requests_total").values()) == {0}
    browsers.intake.configure(browser_config(services={"api": None}))
    assert browsers.store.families() == []


async def test_views_goals_and_sessions_are_counted() -> None:
    browsers = browsers_with(goals=["signup"])
    await send(
        browsers, {"type": "session_start"}, {"type": "view", **AT}, {"type": "goal", "name": "signup"}
    )
    await send(browsers, {"type": "view", "path": "/"}, session="session-2", device="desktop")
    views = browsers.shown("page_views_total")
    assert {key: value for key, value in views.items() if value} == {
        ("/stocks/:symbol", "mobile"): 1,
        ("/", "desktop"): 1,
    }
    assert browsers.shown("goals_total") == {("signup",): 1}
    assert browsers.shown("sessions_started_total") == {("mobile",): 1, ("desktop",): 0}
    assert browsers.shown("active_sessions") == {(): 2}
    assert browsers.shown("beacons_total")["accepted",] == 2


async def test_a_session_that_ends_is_observed_with_its_age() -> None:
    browsers = browsers_with()
    await send(browsers, {"type": "view", "path": "/"}, session_age_s=42)
    browsers.clock.advance(301)
    assert browsers.shown("active_sessions") == {(): 0}
    browsers.clock.advance(1500)
    await browsers.intake.sweep()
    assert browsers.shown("session_duration_seconds") == {("mobile",): 1, ("desktop",): 0}


@pytest.mark.parametrize(
    ("place", "label"),
    [
        ({"path": "/stocks/AAPL"}, "/stocks/:symbol"),
        ({"path": "/stocks/AAPL", "route": "/stocks/[symbol]"}, "/stocks/:symbol"),
        ({"path": "/x", "route": "/users/:id/orders"}, "/users/_id/orders"),
        ({"path": "/users/42/orders"}, "/users/_id/orders"),
        ({"path": "/caf%C3%A9/<b>\u202e"}, "/caf_C3_A9/_b_"),
        ({"path": "blank"}, "blank"),
        ({"path": "/word" * 20}, "/word" * 8),
        ({"path": "/many-words" * 8}, ("/many-words" * 8)[:64]),
    ],
)
async def test_the_route_is_a_template_or_bounded(place: dict[str, str], label: str) -> None:
    browsers = browsers_with(routes=["/stocks/:symbol"])
    await send(browsers, {"type": "view", **place})
    assert browsers.shown("page_views_total")[label, "mobile"] == 1


async def test_goals_that_are_not_declared_are_counted_apart() -> None:
    browsers = browsers_with(goals=["signup"])
    unknown = {"type": "goal", "name": "<b>sing up</b>"}
    await send(browsers, {"type": "view", **AT}, unknown)
    with pytest.raises(Refusal) as caught:
        await send(browsers, unknown, unknown)
    assert (caught.value.status, caught.value.error) == (422, "unknown_goal")
    assert browsers.shown("unknown_goals_total") == {(): 3}
    assert browsers.shown("goals_total") == {("signup",): 0}


# Errors


async def test_an_error_is_counted_under_its_group_and_its_view() -> None:
    browsers = browsers_with()
    await send(browsers, error(), error(first=False), error(kind="rejection", first=False))
    [group] = {key[0] for key in browsers.shown("errors_total")}
    assert re.fullmatch("[a-z0-9]{12}", group)
    assert browsers.shown("errors_total") == {(group, "error"): 2, (group, "rejection"): 1}
    assert browsers.shown("all_errors_total") == {("error",): 2, ("rejection",): 1}
    assert browsers.shown("page_views_with_errors_total")["/", "mobile"] == 1
    assert browsers.shown("error_group_first_seen_timestamp_seconds") == {(group,): browsers.clock.wall()}


async def test_errors_that_are_ignored_are_counted_apart_and_shown() -> None:
    browsers = browsers_with(ignore_errors={"resize": "ResizeObserver loop", "ext": "^Error: chrome-ext"})
    await send(browsers, error("ResizeObserver loop limit exceeded"))
    await browsers.intake.work()
    assert browsers.shown("errors_ignored_total") == {("resize",): 1, ("ext",): 0}
    assert browsers.shown("errors_total") == {}
    assert browsers.shown("all_errors_total") == {("error",): 0, ("rejection",): 0}
    assert browsers.shown("page_views_with_errors_total")["/", "mobile"] == 0
    [group] = browsers.intake.errors()["web"]
    assert (group["ignored_by"], group["count"]) == ("resize", 1)


async def test_a_view_is_bad_when_what_follows_an_ignored_error_is_not_ignored() -> None:
    browsers = browsers_with(ignore_errors={"resize": "ResizeObserver loop"})
    view, ignored, bad = {"type": "view", "path": "/"}, error("ResizeObserver loop"), error(first=False)

    async def bad_views(*events: dict[str, Any]) -> float:
        await send(browsers, *events)
        return float(browsers.shown("page_views_with_errors_total")["/", "mobile"])

    assert await bad_views(view, ignored) == 0
    assert await bad_views(bad, bad) == 1
    assert await bad_views(bad) == 1
    assert await bad_views(view, ignored, view) == 1
    assert await bad_views(bad) == 1, "another view's error was ignored"
    assert await bad_views(view, error(), {**ignored, "first": False}, bad) == 2


async def test_another_pattern_holds_for_an_error_that_is_known() -> None:
    browsers = browsers_with()
    await send(browsers, error("known and harmless"))
    browsers.intake.configure(browser_config(routes=ROUTES, ignore_errors={"known": "harmless"}))
    await send(browsers, error("known and harmless"))
    assert browsers.shown("errors_ignored_total") == {("known",): 1}
    assert browsers.shown("all_errors_total")["error",] == 1


async def test_nobody_looks_at_a_flood_of_different_errors_and_all_are_counted() -> None:
    browsers = browsers_with(ignore_errors={"known": "harmless"})
    for index in range(250):
        await send(browsers, error(f"flood {index * 'a'}"), error(f"harmless {index * 'b'}"))
    assert browsers.shown("all_errors_total")["error",] == 250
    assert browsers.shown("errors_ignored_total") == {("known",): 250}
    assert browsers.shown("errors_total")["other", "error"] >= 150
    browsers.clock.advance(1)
    await send(browsers, error("a new one, a second later"))
    assert browsers.intake.errors()["web"][0]["title"] == "TypeError: a new one, a second later"


async def test_a_group_that_comes_back_is_not_new() -> None:
    browsers = browsers_with()
    began = browsers.clock.wall()
    await send(browsers, error())
    browsers.clock.advance(DAY_S + 1)
    await browsers.intake.sweep()
    assert browsers.shown("errors_total") == {}
    await send(browsers, error())
    assert list(browsers.shown("error_group_first_seen_timestamp_seconds").values()) == [began]


async def test_a_pattern_that_is_gone_before_its_error_is_counted_counts_nothing() -> None:
    browsers = browsers_with(ignore_errors={"known": "harmless"})
    parsed = parse_beacon(beacon(error("harmless")))
    at_work = application(browsers)
    examined = await at_work.examine(parsed)
    browsers.intake.configure(browser_config(routes=ROUTES))
    at_work.take(parsed, examined)
    assert browsers.shown("errors_ignored_total") == {}
    assert browsers.shown("all_errors_total")["error",] == 0


async def test_others_have_their_turn_while_hostile_errors_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browsers = browsers_with()
    parsed = parse_beacon(beacon(*(error("a" * index) for index in range(50))))

    def slow_machine() -> float:
        browsers.clock.advance(0.0004)
        return browsers.clock.now

    monkeypatch.setattr(browsers.clock, "monotonic", slow_machine)
    async with turns_of_the_loop() as turns:
        await application(browsers).examine(parsed)
        assert len(turns) >= 15


async def test_counting_an_error_takes_no_text_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    browsers = browsers_with()
    at_work = application(browsers)
    # More groups than are told at once.
    for first in (0, 40):
        errors = (error(f"problem {_word(index)}", route="/x") for index in range(first, first + 40))
        parsed = parse_beacon(beacon(*errors))
        sightings = await at_work.examine(parsed)
        with monkeypatch.context() as patched:
            patched.setattr("rollwatch.ingest.browser.privacy._round", None)
            at_work.take(parsed, sightings, "Chrome 131")
    await browsers.intake.work()
    groups = browsers.intake.errors()["web"]
    assert len(groups) == 80
    assert {group["stack"] for group in groups} == {"at f (https://www.example.com/app.js:1:2)"}


async def test_groups_whose_first_sight_is_known_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollwatch.ingest.browser.group_series._REMEMBERED", 20)
    browsers = browsers_with()
    for index in range(60):
        await send(browsers, error(f"problem {_word(index)}"))
    assert len(application(browsers)._errors._series._first_seen) == 20


# What floods and time do


async def test_a_flood_of_routes_takes_no_more_than_their_places_and_not_for_ever() -> None:
    browsers = browsers_with()
    for index in range(5000):
        await send(browsers, {"type": "view", "path": f"/page-{_word(index)}"})
    labels = {route for route, _ in browsers.shown("page_views_total")}
    assert len(labels) == len(ROUTES) + 50 + 1
    assert browsers.shown("page_views_total")["other", "mobile"] == 4950
    assert browsers.folds == ["rollwatch_browser_page_views_total"] * 4950

    await send(browsers, {"type": "view", "path": "/new"})
    assert ("/new", "mobile") not in browsers.shown("page_views_total")
    browsers.clock.advance(DAY_S + 1)
    await browsers.intake.sweep()
    await send(browsers, {"type": "view", "path": "/new"})
    labels = {route for route, _ in browsers.shown("page_views_total")}
    assert labels == {*ROUTES, "/new"}
    assert browsers.shown("page_views_total")["/new", "mobile"] == 1


async def test_a_route_that_comes_back_begins_anew() -> None:
    browsers = browsers_with()
    for _ in range(2):
        await send(browsers, {"type": "view", "path": "/elsewhere"})
        await send(browsers, {"type": "view", "path": "/elsewhere"})
        assert browsers.shown("page_views_total")["/elsewhere", "mobile"] == 2
        browsers.clock.advance(DAY_S + 1)
        await browsers.intake.sweep()
        assert ("/elsewhere", "mobile") not in browsers.shown("page_views_total")


async def test_a_route_that_finds_no_place_is_counted_as_folded_every_time() -> None:
    browsers = browsers_with()
    for index in range(50):
        await send(browsers, {"type": "view", "path": f"/page-{_word(index)}"})
    for _ in range(3):
        await send(browsers, {"type": "view", "path": "/one-too-many"})
    assert browsers.folds == ["rollwatch_browser_page_views_total"] * 3
    assert browsers.shown("page_views_total")["other", "mobile"] == 3


async def test_a_flood_of_groups_takes_no_more_than_their_places_and_not_for_ever() -> None:
    browsers = browsers_with()
    for index in range(60):
        await send(browsers, error(f"problem {_word(index)}"))
    assert len(browsers.shown("errors_total")) == 51
    assert browsers.shown("errors_total")["other", "error"] == 10
    assert len(browsers.shown("error_group_first_seen_timestamp_seconds")) == 50
    browsers.clock.advance(DAY_S + 1)
    await browsers.intake.sweep()
    assert browsers.shown("errors_total") == {}
    await send(browsers, error("problem of tomorrow"))
    [(group, _)] = browsers.shown("errors_total")
    assert group != "other"


async def test_a_declared_route_stays_however_long_nobody_meets_it() -> None:
    browsers = browsers_with()
    await send(browsers, {"type": "view", **AT})
    browsers.clock.advance(10 * DAY_S)
    await browsers.intake.sweep()
    assert browsers.shown("page_views_total")["/stocks/:symbol", "mobile"] == 1


async def test_paths_that_are_found_at_once_are_bounded() -> None:
    browsers = browsers_with()
    for index in range(4500):
        await send(browsers, {"type": "view", "path": f"/stocks/S{index}"})
    assert browsers.shown("page_views_total")["/stocks/:symbol", "mobile"] == 4500
    assert len(application(browsers)._pages._by_place) <= 2000


def _word(index: int) -> str:
    """Letters only, so that it is not taken for an id."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(index))


# Reload


async def test_what_did_not_change_goes_on_after_a_reload() -> None:
    browsers = browsers_with(goals=["signup", "order"], ignore_errors={"one": "one", "two": "two"})
    await send(browsers, {"type": "view", **AT}, {"type": "goal", "name": "signup"}, error())
    before = browsers.shown("errors_total")
    browsers.intake.configure(
        browser_config(routes=ROUTES, goals=["signup", "buy"], ignore_errors={"two": "2", "three": "three"})
    )
    assert browsers.shown("goals_total") == {("signup",): 1, ("buy",): 0}
    assert browsers.shown("errors_ignored_total") == {("two",): 0, ("three",): 0}
    assert browsers.shown("page_views_total")["/stocks/:symbol", "mobile"] == 1
    assert browsers.shown("errors_total") == before
    assert browsers.shown("active_sessions") == {(): 1}


@pytest.mark.parametrize(
    "options", [{"routes": ["/stocks/:symbol", "/new"]}, {"thresholds": {"lcp_p75_seconds": {"P1": 9.0}}}]
)
async def test_other_routes_or_buckets_begin_anew_and_the_rest_goes_on(options: dict[str, Any]) -> None:
    browsers = browsers_with(goals=["signup"])
    lcp = {"type": "vital", "name": "LCP", "value": 1, **AT}
    await send(browsers, lcp, {"type": "view", "path": "/elsewhere"}, {"type": "goal", "name": "signup"})
    browsers.intake.configure(browser_config(goals=["signup"], **{"routes": ROUTES, **options}))
    assert browsers.shown("lcp_seconds") == {}
    assert set(browsers.shown("page_views_total").values()) == {0}
    assert browsers.shown("goals_total") == {("signup",): 1}
    await send(browsers, lcp)
    assert browsers.shown("lcp_seconds") == {("/stocks/:symbol", "mobile"): 1}


@pytest.mark.parametrize(
    "config",
    [browser_config(services={"other": None}), browser_config(services={"web": None})],
    ids=["the service is gone", "it has no browser any more"],
)
async def test_nothing_is_left_of_a_service_that_is_gone(config: Any) -> None:
    browsers = browsers_with(goals=["signup"], ignore_errors={"one": "one"})
    clean = len(Browsers(browser_config(services={})).store.families())
    await send(
        browsers,
        {"type": "view", "path": "/elsewhere"},
        {"type": "heap", "value": 1, **AT},
        error(),
        error("one"),
    )
    browsers.intake.configure(config)
    assert len(browsers.store.families()) == clean
    assert browsers.intake.errors() == {}


async def test_another_environment_begins_anew() -> None:
    browsers = browsers_with()
    await send(browsers, {"type": "view", **AT})
    browsers.intake.configure(browser_config(environment="staging", routes=ROUTES))
    keys = [key for family in browsers.store.families() for key in family.children if len(key) > 2]
    assert {key[1] for key in keys} == {"staging"}
    assert set(browsers.shown("page_views_total").values()) == {0}
