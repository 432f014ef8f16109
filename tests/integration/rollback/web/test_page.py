"""The page at `/`, in a real browser: it is read, acted on, and attacked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web as http
from playwright.async_api import BrowserContext, Page, expect

from rollwatch.rollback.model.words import Mode, Role, State
from support.bridge_running import Call, far_end
from support.chromium import chromium
from support.rollback_page import Gate, Pages, pages
from support.rollback_web import firing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCROLLS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>\u202e'"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[BrowserContext]:
    """Of one person; each test has a listener, and so a cookie, of its own."""
    async with chromium() as browser:
        yield await browser.new_context()


async def waits(here: Pages, **changes: object) -> str:
    """An alert's rollback that waits for approval."""
    here.web.world.rule(mode=Mode.APPROVE)
    [rollback_id] = (await here.web.deliver({**firing(), **changes})).json["rollbacks"]
    await here.web.reached(rollback_id, State.AWAITING_APPROVAL)
    return str(rollback_id)


async def test_a_rollback_is_approved_and_seen_step_by_step_without_a_reload(
    tmp_path: Path, browser: BrowserContext
) -> None:
    async with pages(tmp_path) as here, here.visitor(browser) as visitor:
        page = visitor.page
        await visitor.log_in(here.url, Role.APPROVE)
        await page.get_by_role("heading", name="Nothing is being rolled back").wait_for()
        await page.evaluate("window.isTheSame = true")
        gate = Gate(here)
        rollback_id = await waits(here)
        await page.get_by_role("heading", name="1 rollback waits for approval").wait_for()
        assert await page.evaluate("window.isTheSame"), "it came by itself"
        reason = page.get_by_label("Why cancel?")
        await reason.fill("half a sent")
        moment = page.locator(".refresh time")
        await expect(moment).not_to_have_text(await moment.inner_text())
        await reason.press_sequentially("ence")
        assert await reason.input_value() == "half a sentence", "what is typed outlives the refreshing"
        await page.get_by_role("button", name="Approve the rollback of api").click()
        await page.get_by_text("Approved. Every guard is asked once more").wait_for()
        assert page.url.endswith(f"/rollbacks/{rollback_id}")
        await page.evaluate("window.isTheSame = true")
        await page.locator(".step.busy", has_text="Take the release back").wait_for()
        gate.open()
        await page.locator(".badge", has_text="Succeeded").first.wait_for()
        assert await page.evaluate("window.isTheSame")
        assert await page.locator(".step.up").count() >= 3
        row = await here.web.world.over(rollback_id)
        assert row.approved_by == "the-approve"
        assert "Succeeded" in await page.title()
        assert visitor.complaints == []


async def test_a_dry_run_shows_every_reason_before_the_real_one(
    tmp_path: Path, browser: BrowserContext
) -> None:
    async with pages(tmp_path) as here, here.visitor(browser) as visitor:
        page = visitor.page
        await visitor.log_in(here.url, Role.TRIGGER, "/trigger")
        await page.get_by_label("Service").select_option("api")
        await page.get_by_label("Why").fill("checkout is broken")
        await page.get_by_role("button", name="Dry run").click()
        await page.get_by_text("Nothing was done: this is what would be decided.").wait_for()
        assert await page.locator(".guard").count() > 20
        assert here.web.world.ledger.lines == []
        await page.get_by_role("button", name="Roll api back now").dblclick()
        await page.locator(".badge", has_text="Succeeded").first.wait_for()
        rows = await here.web.journal.history(limit=10)
        assert [(row.state, row.actor) for row in rows] == [
            (State.SUCCEEDED, "the-trigger"),
            (State.DRY_RUN, "the-trigger"),
        ]
        assert len(here.web.world.ledger.lines) == 1
        assert visitor.complaints == []


async def test_a_pause_is_ended_or_overruled_by_a_typed_emergency(
    tmp_path: Path, browser: BrowserContext
) -> None:
    async with pages(tmp_path) as here, here.visitor(browser) as visitor:
        page = visitor.page
        await visitor.log_in(here.url, Role.TRIGGER)
        await page.get_by_label("Why, and perhaps until when").fill("a migration until 10:00")
        await page.get_by_role("button", name="Pause", exact=True).click()
        await page.get_by_role("heading", name="All rollbacks are paused").wait_for()
        [pause] = await here.web.journal.pauses()
        assert (pause.actor, pause.reason) == ("the-trigger", "a migration until 10:00")

        await page.get_by_role("link", name="Roll back api…").click()
        await page.get_by_label("Why").fill("checkout is broken")
        await page.get_by_role("button", name="Dry run").click()
        await page.get_by_text("Only guards that an emergency skips stand in the way.").wait_for()
        assert await page.locator(".guard.down").count() == 1
        await page.get_by_role("link", name="Dry run as an emergency").click()
        await page.get_by_label("Why").fill("checkout is broken")
        await page.get_by_role("button", name="Dry run").click()
        confirm = page.get_by_label("to confirm the emergency")
        for typed, told in (("apx", "was not typed as it is"), ("api", "Succeeded")):
            await confirm.fill(typed)
            await page.get_by_role("button", name="Roll api back now").click()
            await page.get_by_text(told).first.wait_for()
        assert len(here.web.world.ledger.lines) == 1

        await page.get_by_role("link", name="Now").first.click()
        await page.get_by_role("button", name="Resume").click()
        await page.get_by_text("The pause of every service has ended.").wait_for()
        assert await here.web.journal.pauses() == []
        assert visitor.complaints == []


async def test_a_reader_sees_everything_and_no_button(tmp_path: Path, browser: BrowserContext) -> None:
    async with pages(tmp_path) as here, here.visitor(browser) as visitor:
        page = visitor.page
        rollback_id = await waits(here)
        # A link to one rollback leads there after the login.
        await visitor.log_in(here.url, Role.READ, f"/rollbacks/{rollback_id}")
        assert page.url == f"{here.url}/rollbacks/{rollback_id}"
        await page.get_by_role("heading", name="The alert RollbackHttpErrorRatio").wait_for()
        for path in (f"/rollbacks/{rollback_id}", "/history", "/"):
            await page.goto(f"{here.url}{path}")
            assert await page.locator("form:not(.out):not(.filter)").count() == 0, path

        stop = page.get_by_role("button", name="Stop refreshing")
        await stop.focus()
        await page.keyboard.press("Enter")
        await page.get_by_text("what is shown is old").wait_for()
        await page.get_by_role("button", name="Refresh again").click()
        assert visitor.complaints == []
        # Whose token is taken away is signed out with the next question.
        text = here.config.read_text()
        await here.rewrite("\n".join(line for line in text.splitlines() if "the-read," not in line))
        await page.get_by_text("You are signed out").wait_for()
        await page.reload()
        await expect(page.get_by_label("Token", exact=True)).to_be_visible()


async def test_hostile_labels_are_only_text(tmp_path: Path, browser: BrowserContext) -> None:
    async with pages(tmp_path) as here, here.visitor(browser) as visitor:
        page = visitor.page
        labels = {**firing()["labels"], "path": HOSTILE, "long": "x" * 900}
        links = {"runbook_url": "javascript:alert(3)", "dashboard_url": "https://grafana.example/d/1"}
        rollback_id = await waits(here, labels=labels, annotations={"summary": HOSTILE, **links})
        await visitor.log_in(here.url, Role.APPROVE, f"/rollbacks/{rollback_id}")
        await page.get_by_text("Labels").click()
        shown = page.locator("#labels dd", has_text="<script>alert(1)</script>")
        await shown.wait_for()
        assert "\u202e" not in await shown.inner_text()
        assert await page.locator("main img, main script").count() == 0
        addresses = await page.locator("main a[href]").evaluate_all("all => all.map((one) => one.href)")
        assert not [one for one in addresses if one.startswith("javascript")]
        assert "https://grafana.example/d/1" in addresses
        assert any(one.startswith("http://prometheus.example:9090/graph?g0.expr=") for one in addresses)
        async with page.expect_response(re.compile("/live$")) as news:
            await news.value
        await page.goto(here.url)
        # The reason of a cancellation is remote text, too.
        await page.get_by_label("Why cancel?").fill(HOSTILE.replace("\u202e", ""))
        await page.get_by_role("button", name="Cancel it").click()
        await page.get_by_text("onerror=alert(2)").first.wait_for()
        row = await here.web.journal.get(rollback_id)
        assert row is not None
        assert row.state is State.CANCELLED
        assert visitor.complaints == []


@asynccontextmanager
async def foreign(here: Pages, rollback_id: str, csrf: str, host: str) -> AsyncIterator[str]:
    """A page of another origin that posts the form as soon as it is open, even with the right token."""
    look = f'<a href="{here.url}/rollbacks/{rollback_id}">look</a>'
    form = (
        f'<form method="post" action="{here.url}/act/approve">'
        f'<input name="id" value="{rollback_id}"><input name="csrf" value="{csrf}"></form>'
        "<script>document.forms[0].submit()</script>"
    )

    def answer(call: Call) -> http.Response:
        return http.Response(text=look if call.path == "/link" else form, content_type="text/html")

    async with far_end(answer) as end:
        yield end.url.replace("127.0.0.1", host)


async def test_a_page_of_another_site_cannot_approve(tmp_path: Path, browser: BrowserContext) -> None:
    async with pages(tmp_path) as here, here.visitor(browser) as visitor:
        page = visitor.page
        rollback_id = await waits(here)
        await visitor.log_in(here.url, Role.APPROVE)
        csrf = await page.locator("input[name=csrf]").first.get_attribute("value")
        assert csrf is not None
        # Another port gets the cookie, another host does not.
        for host in ("127.0.0.1", "localhost"):
            async with foreign(here, rollback_id, csrf, host) as url:
                await page.goto(url)
                await page.get_by_text("This request comes from a page of another site.").wait_for()
                row = await here.web.journal.get(rollback_id)
                assert row is not None
                assert (row.state, row.approved_by) == (State.AWAITING_APPROVAL, None)
                # A mere link is followed without a new login, though the cookie did not come with it.
                await page.goto(f"{url}/link")
                await page.get_by_role("link", name="look").click()
                await page.get_by_role("heading", name="The alert RollbackHttpErrorRatio").wait_for()


async def test_the_pages_fit_a_phone_and_both_colour_schemes(tmp_path: Path, browser: BrowserContext) -> None:
    async with pages(tmp_path, "api", "shop") as here, here.visitor(browser) as visitor:
        page = visitor.page
        gate = Gate(here)
        done = (await here.web.trigger(dry_run=True)).json["id"]
        running = (await here.web.trigger()).json["id"]
        await here.web.reached(running, State.EXECUTING)
        await page.goto(f"{here.url}/login")
        await fits(page)
        await visitor.log_in(here.url, Role.APPROVE)
        for path in ("/", "/trigger", "/history", f"/rollbacks/{running}", f"/rollbacks/{done}"):
            await page.goto(f"{here.url}{path}")
            await fits(page)
        for scheme, ground in (("dark", "rgb(16, 21, 27)"), ("light", "rgb(246, 247, 249)")):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        await page.goto(here.url)
        moving = "one => getComputedStyle(one).animationName"
        assert await page.locator(".step.busy .sign").first.evaluate(moving) == "none"
        assert visitor.complaints == []
        gate.open()


async def fits(page: Page) -> None:
    """On a phone, and on a desk."""
    for width in (360, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate(SCROLLS) == 0, (page.url, width)
