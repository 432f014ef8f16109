"""A real browser on the demo's page: what the exporter shows of it is what the page itself measured."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from rollwatch.demo.faults import Fault
from rollwatch.demo.rundir import RunDir
from support.chromium import chromium
from support.demo_up import Demo, eventually, overview_of, started, total

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from playwright.async_api import Browser, Page

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

WITHIN_S = 30.0

# By the definitions of web.dev/articles/vitals, of the browser's own entries; before any script of the page.
# Interactions of less than 40 ms, the first one aside, are told to nobody: web-vitals does not ask for them.
MEASURING = """
window.measured = {LCP: 0, hero: false, INP: -1, CLS: 0, FCP: 0, TTFB: 0};
const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
  .observe({type, buffered: true, durationThreshold: 40});
watch("largest-contentful-paint", (entry) => {
  measured.LCP = entry.startTime;
  measured.hero = entry.element?.id === "hero";
});
watch("paint", (entry) => { if (entry.name === "first-contentful-paint") measured.FCP = entry.startTime; });
for (const type of ["event", "first-input"]) {
  watch(type, (entry) => { if (entry.interactionId) measured.INP = Math.max(measured.INP, entry.duration); });
}
watch("navigation", (entry) => { measured.TTFB = entry.responseStart; });
let shifts = [];
watch("layout-shift", (entry) => {
  if (entry.hadRecentInput) return;
  const since = (shift) => entry.startTime - shift.startTime;
  if (shifts.length && (since(shifts.at(-1)) >= 1000 || since(shifts[0]) >= 5000)) shifts = [];
  shifts.push(entry);
  measured.CLS = Math.max(measured.CLS, shifts.reduce((sum, shift) => sum + shift.value, 0));
});
"""
ERROR = "Cannot read properties of undefined (reading 'toFixed')"
VITALS = {
    "LCP": ("lcp_seconds", 1000.0),
    "INP": ("inp_seconds", 1000.0),
    "FCP": ("fcp_seconds", 1000.0),
    "TTFB": ("ttfb_seconds", 1000.0),
    "CLS": ("cls_score", 1.0),
}
"""Of each its histogram, and by what the browser's value is divided."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Without made-up visitors: whatever is counted is the browser's."""
    run_dir = RunDir(tmp_path_factory.mktemp("demo") / "run")
    with started(run_dir, "--interval", "1s", "--visitors", "0") as demo:
        overview_of(demo)
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


class Counts:
    """What the exporter counted of the service web since this was made."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._before = demo.samples()

    def __call__(self, name: str, **labels: str) -> float:
        name = f"rollwatch_browser_{name}"
        return total(self._demo.samples(), name, service="web", **labels) - total(
            self._before, name, service="web", **labels
        )


async def counting(demo: Demo) -> Counts:
    return await asyncio.to_thread(Counts, demo)


async def becomes(condition: Callable[[], bool]) -> None:
    """Wait, in a thread, until the exporter shows it."""
    assert not await asyncio.to_thread(eventually, lambda: not condition(), WITHIN_S)


async def opened(browser: Browser, demo: Demo, path: str = "/") -> tuple[Page, list[str]]:
    """A new visitor's page, all of it painted, and whatever the browser complains of."""
    context = await browser.new_context()
    await context.add_init_script(MEASURING)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(f"{error.name}: {error.message}"))
    await page.goto(f"http://127.0.0.1:{demo.ports['front']}{path}")
    await page.wait_for_function("() => measured.hero && measured.FCP > 0 && measured.TTFB > 0")
    return page, complaints


async def left(page: Page) -> dict[str, Any]:
    """What the page had measured of itself when it was left."""
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    measured: dict[str, Any] = await page.evaluate("measured")
    await page.goto("about:blank")
    await page.context.close()
    return measured


async def test_a_visit_is_counted_as_the_page_measured_it(demo: Demo, browser: Browser) -> None:
    counts = await counting(demo)
    page, complaints = await opened(browser, demo)
    await page.get_by_role("link", name="NVDA").click()
    await page.get_by_label("Quantity").fill("25")
    await page.get_by_role("button", name="Place order").click()
    await page.get_by_text("is placed.").wait_for()
    assert page.url.endswith("/stocks/NVDA")
    await page.wait_for_function("() => measured.INP >= 0")
    load_ms = await page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    measured = await left(page)
    await becomes(
        lambda: (
            all(counts(f"{histogram}_count") == 1 for histogram, _ in VITALS.values())
            and counts("goals_total") == 1
        )
    )

    assert complaints == []
    for name, (histogram, divisor) in VITALS.items():
        # All are of the page that was loaded, whatever was shown in it later.
        assert counts(f"{histogram}_count", route="/", device="desktop") == 1, name
        # Both have the browser's own entries, so they differ by rounding only.
        assert counts(f"{histogram}_sum") == pytest.approx(measured[name] / divisor, abs=1e-4), name
    assert counts("page_load_seconds_sum", route="/") == pytest.approx(load_ms / 1000, abs=1e-4)
    assert counts("page_views_total", route="/", device="desktop") == 1
    assert counts("page_views_total", route="/stocks/:symbol", device="desktop") == 1
    assert counts("page_views_total") == 2
    assert counts("goals_total", goal="order") == 1
    assert counts("sessions_started_total", device="desktop") == 1
    assert counts("page_views_with_errors_total") == 0
    assert counts("heap_bytes_count") >= 1


async def test_a_slow_picture_is_a_slow_page(demo: Demo, browser: Browser) -> None:
    counts = await counting(demo)
    await asyncio.to_thread(demo.control.switch_on, Fault.SLOW_PAGE)
    try:
        page, _ = await opened(browser, demo)
        measured = await left(page)
    finally:
        await asyncio.to_thread(demo.control.heal)
    await becomes(lambda: counts("lcp_seconds_count") == 1)

    assert measured["LCP"] > 4000
    assert counts("lcp_seconds_sum") == pytest.approx(measured["LCP"] / 1000, abs=1e-4)
    assert counts("lcp_seconds_bucket", le="4.0") == 0


async def test_an_error_of_the_script_is_counted_and_listed_with_its_place(
    demo: Demo, browser: Browser
) -> None:
    counts = await counting(demo)
    await asyncio.to_thread(demo.control.switch_on, Fault.SCRIPT_ERROR)
    try:
        page, complaints = await opened(browser, demo, "/stocks/TSLA")
        await left(page)
    finally:
        await asyncio.to_thread(demo.control.heal)
    await becomes(lambda: counts("page_views_with_errors_total") == 1)

    assert complaints == [f"TypeError: {ERROR}"]
    assert counts("all_errors_total", kind="error") == 1
    assert counts("page_views_with_errors_total", route="/stocks/:symbol") == 1
    (group,) = await asyncio.to_thread(demo.errors, "web")
    assert counts("errors_total", group=group["group"]) == 1
    assert group["message"] == ERROR
    assert (group["path"], group["count"], group["sessions"]) == ("/stocks/TSLA", 1, 1)
    assert group["releases"] == ["2.8.1"]
    assert "showFee" in group["stack"]
    assert "/page.js:" in group["stack"]
