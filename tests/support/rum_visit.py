"""A visitor's way over the pages of a site, and what a browser may lack."""

from __future__ import annotations

from typing import Any

from playwright.async_api import BrowserContext, Page

from support.rum_site import Site
from support.web import eventually

__all__ = ["GONE", "VITALS", "go", "leave", "open_page", "shifts"]

VITALS = ("TTFB", "FCP", "LCP", "CLS", "INP")

GONE = {
    "no sendBeacon": "delete Navigator.prototype.sendBeacon",
    "a sendBeacon that is full": "Navigator.prototype.sendBeacon = () => false",
    "a sendBeacon that throws": "Navigator.prototype.sendBeacon = () => { throw new TypeError('no') }",
    "no PerformanceObserver": "delete window.PerformanceObserver",
    "no performance.memory": "delete Performance.prototype.memory",
    "storage that is blocked": "Object.defineProperty(window, 'sessionStorage', "
    "{get() { throw new DOMException('blocked', 'SecurityError') }})",
    "no userAgentData": "delete Navigator.prototype.userAgentData",
}


async def open_page(visitor: BrowserContext, url: str) -> Page:
    """A page in a tab of its own, seen."""
    page = await visitor.new_page()
    await go(page, url)
    return page


async def go(page: Page, url: str) -> None:
    """Open and see a page: what was never painted has no layout that could shift."""
    await page.goto(url)
    await page.wait_for_function("() => measured.FCP > 0")


async def leave(page: Page, site: Site) -> None:
    """Go away, and wait for what the browser says last of a visit: how much the layout shifted."""
    before = len(shifts(site))
    await page.evaluate("new Promise((done) => setTimeout(done))")
    await page.goto("about:blank")
    await eventually(lambda: len(shifts(site)) > before)


def shifts(site: Site) -> list[dict[str, Any]]:
    """How much the layout of each page shifted that was left."""
    return [event for event in site.events("vital") if event["name"] == "CLS"]
