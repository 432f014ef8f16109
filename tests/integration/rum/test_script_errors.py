"""What the browser script says of errors: bounded, readable, and nothing of a person."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext

from support.rum_site import Site
from support.rum_visit import leave, open_page

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_no_query_and_no_fragment_leaves_the_browser(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/account?token=hidden-1#hidden-2")
    await page.evaluate(
        """origin => {
          history.pushState(null, '', '/orders?mail=hidden-3#hidden-4');
          rollwatch.route('/orders?hidden-5');
          const asked = `${origin}/api/users?id=hidden-6&t=(hidden-7)`;
          crash(`GET ${asked} gave "/api?x=hidden-8" and users?id=hidden-9`);
          const error = new Error('elsewhere');
          error.stack = `Error: elsewhere
    at f (${origin}/app.js?v=hidden-10:10:5)
    at #g (${origin}/app.js#hidden-11:20:6)
    at eval (eval at i (${origin}/app.js?hidden-14:40:8), <anonymous>:1:1)
h@${origin}/app.js?q=(hidden-12):30:7`;
          rollwatch.error(error);
          rollwatch.error(new Error('a?.b of this.#c is no d ? e : f'));
          const script = document.createElement('script');
          script.src = '/page.js?hidden-13';
          script.onload = () => crash('from a script with a query');
          document.head.append(script);
          return new Promise((done) => script.addEventListener('load', () => setTimeout(done, 0)));
        }""",
        site.origin,
    )
    await leave(page, site)
    assert b"hidden-" not in b"".join(request.body for request in site.received)
    assert [view["path"] for view in site.events("view")] == ["/account", "/orders"]
    assert site.events("view")[1]["route"] == "/orders"
    by_message = {event["message"]: event.get("stack") for event in site.events("error")}
    assert f'GET {site.origin}/api/users) gave "/api" and users' in by_message
    assert by_message["elsewhere"] == (
        f"Error: elsewhere\n    at f ({site.origin}/app.js:10:5)\n    at #g ({site.origin}/app.js:20:6)\n"
        f"    at eval (eval at i ({site.origin}/app.js:40:8), <anonymous>:1:1)\nh@{site.origin}/app.js:30:7"
    )
    assert "a?.b of this.#c is no d ? e : f" in by_message, "only addresses are cut"
    assert f"{site.origin}/page.js:" in (by_message["from a script with a query"] or "")


async def test_a_page_that_breaks_without_end_sends_twenty_errors_a_view(
    visitor: BrowserContext, site: Site
) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate("for (let i = 0; i < 300; i++) rollwatch.error(new Error('e' + i))")
    await page.evaluate("history.pushState({}, '', '/next'); rollwatch.error(new Error('in the next view'))")
    await leave(page, site)
    messages = [error["message"] for error in site.events("error")]
    assert messages == [*[f"e{i}" for i in range(20)], "in the next view"]


async def test_errors_are_bounded_and_readable_by_every_parser(visitor: BrowserContext, site: Site) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate(
        r"""() => {
          for (let i = 0; i < 7; i++) {
            const error = new Error('\ud83d\ude00'.repeat(499) + 'x\ud83d\ude00');
            error.stack = '\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u0000\ud800'.repeat(9000);
            error.name = '\u0007'.repeat(200);
            rollwatch.error(error);
          }
          Promise.reject();
          Promise.reject('a text');
          Promise.reject(Object.create(null));
          Promise.reject({get message() { throw new Error('a trap') }});
          rollwatch.error(null);
          rollwatch.goal('');
          rollwatch.goal('g'.repeat(100));
        }"""
    )
    await page.evaluate("history.pushState({}, '', '/' + 'p'.repeat(600))")
    await leave(page, site)
    errors = site.events("error")
    # 1000 units of UTF-16 end within the last pair, whose half is no character.
    assert errors[0]["message"] == "\U0001f600" * 499 + "x "
    assert {len(error["stack"]) for error in errors[:7]} == {16384}
    assert b"\\u" not in b"".join(request.body for request in site.received)
    assert [error["message"] for error in errors[7:]] == ["null", "undefined", "a text"]
    assert [error["name"] for error in errors[7:]] == ["Error"] * 3
    assert site.events("goal") == [{"type": "goal", "name": "g" * 64}]
    assert len(site.events("view")[1]["path"]) == 512


async def test_errors_that_say_little_and_events_that_are_no_errors(
    visitor: BrowserContext, site: Site
) -> None:
    page = await open_page(visitor, f"{site.origin}/")
    await page.evaluate(
        """() => {
          dispatchEvent(new ErrorEvent('error', {message: 'Script error.'}));
          dispatchEvent(new ErrorEvent('error', {
            message: 'Uncaught 5', error: 5, filename: 'https://x.test/a.js?v=1', lineno: 3, colno: 4,
          }));
          dispatchEvent(new Event('error'));
          const image = document.createElement('img');
          document.body.append(image);
          image.dispatchEvent(new ErrorEvent('error', {message: 'of a picture'}));
        }"""
    )
    await leave(page, site)
    common = {"type": "error", "kind": "error", "name": "Error", "path": "/"}
    assert site.events("error") == [
        {**common, "message": "Script error.", "first": True},
        {**common, "message": "Uncaught 5", "first": False, "stack": "    at https://x.test/a.js:3:4"},
    ]
