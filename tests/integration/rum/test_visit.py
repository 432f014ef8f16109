"""The browser script in a real browser: what it reports of a visit, and that the page never notices it."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext

from support.rum_site import RELEASE, Site
from support.rum_visit import GONE, VITALS, go, leave, open_page, shifts
from support.web import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_visit_from_its_start_to_its_end(visitor: BrowserContext, site: Site) -> None:
    site.route = "/stocks/:symbol"
    page = await open_page(visitor, f"{site.origin}/stocks/AAPL")
    await page.evaluate("crash('it broke')")
    await page.evaluate("void Promise.reject(new RangeError('too far'))")
    await page.evaluate("rollwatch.error(new Error('caught'))")
    await page.locator("#goal b").click()
    await page.evaluate("rollwatch.goal('bought')")
    await page.wait_for_function("() => measured.INP >= 0")
    await page.evaluate("history.pushState(null, '', '/checkout')")
    await page.evaluate("rollwatch.route('/checkout')")
    await page.evaluate("crash('again')")
    await leave(page, site)

    first = {"path": "/stocks/AAPL", "route": "/stocks/:symbol"}
    second = {"path": "/checkout", "route": "/checkout"}
    events = site.events()
    assert events[:2] == [{"type": "session_start"}, {"type": "view", **first}]
    assert [event["type"] for event in events].count("session_start") == 1
    assert site.events("view") == [{"type": "view", **first}, {"type": "view", **second}]
    assert site.events("goal") == [{"type": "goal", "name": "signup"}, {"type": "goal", "name": "bought"}]
    errors = site.events("error")
    stacks = [error.pop("stack") for error in errors]
    assert errors == [
        {
            "type": "error",
            "kind": "error",
            "name": "TypeError",
            "message": "it broke",
            "first": True,
            **first,
        },
        {
            "type": "error",
            "kind": "rejection",
            "name": "RangeError",
            "message": "too far",
            "first": False,
            **first,
        },
        {"type": "error", "kind": "error", "name": "Error", "message": "caught", "first": False, **first},
        {"type": "error", "kind": "error", "name": "TypeError", "message": "again", "first": True, **second},
    ]
    assert stacks[0].startswith("TypeError: it broke\n")
    assert f"({site.origin}/page.js:" in stacks[0] or f" {site.origin}/page.js:" in stacks[0]
    assert {event["name"] for event in site.events("vital")} == set(VITALS)
    for event in [*site.events("vital"), *site.events("load")]:
        assert (event["path"], event["route"]) == ("/stocks/AAPL", "/stocks/:symbol"), "what was loaded"
    assert len(site.events("load")) == 1
    assert site.events("heap")[0]["value"] > 100_000
    for beacon in site.beacons:
        assert (beacon.service, beacon.release, beacon.device) == ("web", RELEASE, "desktop")
    assert len({beacon.session for beacon in site.beacons}) == 1
    assert len({beacon.id for beacon in site.beacons}) == len(site.beacons)


async def test_a_session_outlives_the_page_and_starts_once(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/one")
    await go(page, f"{site.origin}/two")
    await eventually(lambda: len(shifts(site)) == 1)
    await leave(page, site)
    assert [shift["path"] for shift in shifts(site)] == ["/one", "/two"]
    assert len({beacon.session for beacon in site.beacons}) == 1
    assert len(site.events("session_start")) == 1
    ages = [beacon.session_age_s for beacon in site.beacons]
    assert ages == sorted(ages)
    other = await open_page(visitor, f"{site.origin}/")
    await leave(other, site)
    assert len({beacon.session for beacon in site.beacons}) == 2, "another tab is another session"


@pytest.mark.parametrize("start", ["1", "Date.now() + 3600e3"], ids=["ages ago", "yet to come"])
async def test_a_session_that_began_at_no_possible_time_is_begun_anew(
    visitor: BrowserContext, site: Site, start: str
) -> None:
    page = await open_page(visitor, f"{site.origin}/one")
    kept = f"{{...JSON.parse(sessionStorage.getItem('rollwatch.web')), start: {start}}}"
    await page.evaluate(f"sessionStorage.setItem('rollwatch.web', JSON.stringify({kept}))")
    await leave(page, site)
    await go(page, f"{site.origin}/two")
    await leave(page, site)
    assert len({beacon.session for beacon in site.beacons}) == 2
    assert len(site.events("session_start")) == 2
    assert all(beacon.session_age_s < 300 for beacon in site.beacons)


async def test_a_session_that_is_not_sampled_sends_nothing(visitor: BrowserContext, site: Site) -> None:
    site.settings["sample"] = 0
    page = await open_page(visitor, f"{site.origin}/")
    site.settings["sample"] = 1
    await page.goto(f"{site.origin}/next")
    await page.evaluate("rollwatch.goal('g'); rollwatch.route('/r'); rollwatch.error(new Error('e'))")
    await page.locator("#goal").click()
    await page.goto("about:blank")
    # What another tab says comes later than all this one could have said.
    other = await open_page(visitor, f"{site.origin}/other")
    await leave(other, site)
    assert {event["path"] for event in site.events("view")} == {"/other"}


async def test_a_tab_that_is_closed_has_said_all(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate("rollwatch.goal('last')")
    await page.close()
    await eventually(lambda: len(shifts(site)) == 1)
    assert site.events("goal") == [{"type": "goal", "name": "last"}]


async def test_navigation_within_the_page(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/a")
    await page.evaluate(
        """() => {
          history.replaceState({}, '', '/a?page=2');
          history.pushState({}, '', '/b/7');
          rollwatch.route('/b/:id');
          history.pushState({}, '', '/b/7#part');
          history.replaceState({}, '', '/c');
        }"""
    )
    await page.go_back()
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    # What is measured anew of a page that was brought back counts from its second frame.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await leave(page, site)
    assert site.events("view") == [
        {"type": "view", "path": "/a"},
        {"type": "view", "path": "/b/7", "route": "/b/:id"},
        {"type": "view", "path": "/c"},
        {"type": "view", "path": "/b/7"},
        {"type": "view", "path": "/b/7"},
    ]


async def test_a_page_that_stays_open_reports_every_ten_seconds(visitor: BrowserContext, site: Site) -> None:
    await visitor.clock.install()
    await visitor.add_init_script("performance.memory = {usedJSHeapSize: 50e6}")
    page = await open_page(visitor, f"{site.origin}/")
    await page.clock.run_for(9_000)
    assert site.received == []
    await page.clock.run_for(1_500)
    await eventually(lambda: len(site.received) == 1)
    await page.clock.run_for(30_000)
    await page.evaluate("rollwatch.goal('late')")
    await page.clock.run_for(10_500)
    await eventually(lambda: len(site.received) == 2)
    assert [event["type"] for event in site.events()].count("heap") == 1, "once a minute at most"
    assert site.beacons[1].session_age_s == pytest.approx(51, abs=5)
    await page.clock.run_for(30_000)
    await page.evaluate("rollwatch.goal('later')")
    await page.clock.run_for(10_500)
    await eventually(lambda: len(site.received) == 3)
    assert [event["type"] for event in site.events()].count("heap") == 2


async def test_a_page_that_is_left_open_says_how_large_its_heap_has_grown(
    visitor: BrowserContext, site: Site
) -> None:
    await visitor.clock.install()
    await visitor.add_init_script("performance.memory = {usedJSHeapSize: 50e6}")
    page = await open_page(visitor, f"{site.origin}/")
    await page.clock.run_for(11_000)
    await eventually(lambda: len(site.events("heap")) == 1)
    await page.clock.run_for(300_000)
    await eventually(lambda: len(site.events("heap")) == 2)
    assert site.beacons[-1].session_age_s > 300


async def test_twenty_events_are_not_kept_waiting(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate("for (let i = 0; i < 45; i++) rollwatch.goal('g' + i)")
    await eventually(lambda: len(site.received) == 2)
    await leave(page, site)
    assert [goal["name"] for goal in site.events("goal")] == [f"g{i}" for i in range(45)]


@pytest.mark.parametrize("missing", [*GONE, "all of them"])
async def test_what_a_browser_lacks_costs_only_that(
    visitor: BrowserContext, site: Site, missing: str
) -> None:
    scripts = list(GONE.values()) if missing == "all of them" else [GONE[missing]]
    await visitor.add_init_script(";".join(scripts))
    page = await visitor.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(error.message))
    await page.goto(f"{site.origin}/")
    await page.evaluate("crash('its own')")
    await page.evaluate("history.pushState({}, '', '/next')")
    await page.locator("#goal").click()
    await page.evaluate("new Promise((done) => setTimeout(done))")
    await page.goto("about:blank")
    wanted = {"session_start", "view", "error", "goal", "load", "vital", "heap"}
    if missing in {"no performance.memory", "all of them"}:
        wanted.remove("heap")
    await eventually(lambda: {event["type"] for event in site.events()} >= wanted)
    assert {event["type"] for event in site.events()} == wanted
    if missing in {"no PerformanceObserver", "all of them"}:
        assert [event["name"] for event in site.events("vital")] == ["TTFB"]
    assert said == ["its own"], "the page's own error is all that is heard"


async def test_it_leaves_one_name_in_the_page_and_is_there_once(visitor: BrowserContext, site: Site) -> None:
    await visitor.add_init_script("window.before = Object.getOwnPropertyNames(window)")
    page = await open_page(visitor, f"{site.origin}/")
    names = "Object.getOwnPropertyNames(window).filter((name) => !before.includes(name))"
    assert set(await page.evaluate(names)) - {"before"} == {"rollwatch", "measured", "shift", "crash", "hide"}
    await page.add_script_tag(url=f"{site.ingest}/rum.js?service=web")
    await page.evaluate("rollwatch.goal('once')")
    await leave(page, site)
    assert len(site.events("view")) == 1
    assert len(site.events("goal")) == 1


async def test_a_phone_is_told_from_a_desk(site: Site, visitor: BrowserContext) -> None:
    assert visitor.browser is not None
    phone = await visitor.browser.new_context(
        has_touch=True, is_mobile=True, screen={"width": 390, "height": 844}
    )
    async with phone:
        await phone.add_init_script(GONE["no userAgentData"])
        await leave(await open_page(phone, f"{site.origin}/"), site)
    assert {beacon.device for beacon in site.beacons} == {"mobile"}


async def test_a_place_of_the_exporters_choice(visitor: BrowserContext, site: Site) -> None:
    site.settings["endpoint"] = "/ingest/browser?via=proxy"  # from the script, not from the page
    page = await open_page(visitor, f"{site.origin}/")
    await leave(page, site)
    assert {request.target for request in site.received} == {"/ingest/browser?via=proxy"}
