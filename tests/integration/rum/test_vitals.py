"""What the browser script says of speed, beside what the page measures itself."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext

from support.rum_site import Site
from support.rum_visit import VITALS, leave, open_page, shifts
from support.web import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _one(events: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    (event,) = [event for event in events if wanted.items() <= event.items()]
    return event


async def test_the_vitals_are_what_the_page_measures_itself(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.wait_for_function("() => measured.LCP > 0 && measured.FCP > 0 && measured.TTFB > 0")
    await page.evaluate("shift()")
    await page.wait_for_function("() => measured.CLS > 0")
    await page.locator("#slow").click()
    await page.wait_for_function("() => measured.INP >= 80")
    measured = await page.evaluate("measured")
    load_ms = await page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    await leave(page, site)

    # Both read the browser's same entries: they differ by the rounding to four places, and by nothing else.
    for name in VITALS:
        value = _one(site.events("vital"), name=name)["value"]
        assert value == pytest.approx(measured[name], abs=0.00006), name
        assert value > 0, name
    assert _one(site.events("load"))["value"] == pytest.approx(load_ms, abs=0.00006)


async def test_a_slow_answer_counts_though_the_page_had_no_idle_moment_since(
    visitor: BrowserContext, site: Site
) -> None:
    await visitor.add_init_script("window.requestIdleCallback = () => 0")
    page = await open_page(visitor, f"{site.origin}/")
    await page.locator("#slow").click()
    await page.wait_for_function("() => measured.INP >= 80")
    measured = await page.evaluate("measured.INP")
    await leave(page, site)
    assert _one(site.events("vital"), name="INP")["value"] == measured


async def test_a_value_is_reported_once_however_often_the_page_is_hidden(
    visitor: BrowserContext, site: Site
) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate("shift()")
    await page.wait_for_function("() => measured.CLS > 0")
    await page.evaluate("hide(true)")
    await eventually(lambda: len(shifts(site)) == 1)
    before = await page.evaluate("measured.CLS")
    await page.evaluate("hide(false); document.getElementById('space').style.height = '400px'")
    await page.wait_for_function("(before) => measured.CLS > before", arg=before)
    await page.evaluate("hide(true)")
    await page.evaluate("rollwatch.goal('last')")
    await page.goto("about:blank")
    await eventually(lambda: bool(site.events("goal")))
    assert len(shifts(site)) == 1


async def test_a_load_that_slept_for_hours_is_none(visitor: BrowserContext, site: Site) -> None:
    await visitor.add_init_script(
        "Object.defineProperty(PerformanceNavigationTiming.prototype, 'loadEventEnd', {get: () => 9e6})"
    )
    await leave(await open_page(visitor, f"{site.origin}/"), site)
    assert site.events("load") == []


async def test_a_page_that_loads_in_the_background_has_no_load_time(
    visitor: BrowserContext, site: Site
) -> None:
    await visitor.add_init_script(
        "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})"
    )
    page = await visitor.new_page()
    await page.goto(f"{site.origin}/")
    await page.evaluate("new Promise((done) => setTimeout(done))")
    await page.goto("about:blank")
    await eventually(lambda: bool(site.events("vital")))
    assert [event["name"] for event in site.events("vital")] == ["TTFB"]
    assert site.events("load") == []


async def test_a_page_that_is_rendered_ahead_says_nothing_until_somebody_sees_it(
    visitor: BrowserContext, site: Site
) -> None:
    await visitor.add_init_script(
        "Object.defineProperty(document, 'prerendering', {value: true, configurable: true})"
    )
    page = await visitor.new_page()
    await page.goto(f"{site.origin}/never-seen")
    await page.goto(f"{site.origin}/seen")
    await page.evaluate("for (let i = 0; i < 25; i++) rollwatch.goal('g' + i)")
    await page.evaluate(
        "Object.defineProperty(document, 'prerendering', {value: false});"
        "document.dispatchEvent(new Event('prerenderingchange'))"
    )
    await page.goto("about:blank")
    await eventually(lambda: len(site.events("goal")) == 25)
    assert site.events("view") == [{"type": "view", "path": "/seen"}]


async def test_a_browser_that_never_says_hidden_still_says_all_but_the_last_values(
    visitor: BrowserContext, site: Site
) -> None:
    await visitor.add_init_script(
        "addEventListener('visibilitychange', (event) => event.stopImmediatePropagation(), true)"
    )
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate("rollwatch.goal('last')")
    await page.goto("about:blank")
    await eventually(lambda: bool(site.events("goal")))
    assert site.events("view") == [{"type": "view", "path": "/"}]
