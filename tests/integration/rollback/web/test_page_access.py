"""Who gets into the page, for how long, and what is refused to whom; without a browser."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
import structlog
import trustme

from rollwatch.rollback.model.words import Mode, Role, State
from rollwatch.rollback.web.session import IDLE_S, LIFE_S, Sessions
from rollwatch.serving.access import Principal
from rollwatch.serving.app import build_app
from rollwatch.serving.server import serve
from rollwatch.serving.web_config import Token, WebConfig
from rollwatch.serving.web_config_file import WebConfigSource
from support.rollback_page import Pages, pages
from support.rollback_web import firing, token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ACTS = ("approve", "cancel", "pause", "resume", "breaker", "mark", "dry-run", "trigger")
BROWSER = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pages]:
    """For tables of what changes nothing."""
    async with pages(tmp_path_factory.mktemp("shared")) as here:
        yield here


def visitor() -> aiohttp.ClientSession:
    """A client that keeps the cookies of an address."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=BROWSER)


async def waits(here: Pages) -> str:
    here.web.world.rule(mode=Mode.APPROVE)
    [rollback_id] = (await here.web.deliver(firing())).json["rollbacks"]
    await here.web.reached(rollback_id, State.AWAITING_APPROVAL)
    return str(rollback_id)


async def post(
    here: Pages, client: aiohttp.ClientSession, path: str, headers: dict[str, str] | None = None, **form: str
) -> tuple[int, str]:
    """Status and text of what a browser ends at."""
    async with client.post(f"{here.url}{path}", data=form, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_roles_hold_where_forms_are_posted_by_hand(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as reader, visitor() as trigger, visitor() as nobody:
        rollback_id = await waits(here)
        of_reader = await here.enter(reader, Role.READ)
        of_trigger = await here.enter(trigger, Role.TRIGGER)
        form = {"id": rollback_id, "reason": "x", "service": "api", "good": "bad"}
        for act in ACTS:
            status, text = await post(here, reader, f"/act/{act}", csrf=of_reader, **form)
            assert (status, "the-read has the role read" in text) == (403, True), act
            status, text = await post(here, nobody, f"/act/{act}", csrf=of_trigger, **form)
            assert "You were signed out, and nothing was done." in text, act
            for csrf in ("", of_reader, of_trigger[:-1]):
                status, text = await post(here, trigger, f"/act/{act}", csrf=csrf, **form)
                assert (status, "not made for your session" in text) == (403, True), act
        status, text = await post(here, trigger, "/act/approve", csrf=of_trigger, id=rollback_id)
        assert (status, "This needs approve" in text) == (403, True)
        async with reader.get(f"{here.url}/trigger") as answer:
            assert answer.status == 403
        row = await here.web.journal.get(rollback_id)
        assert row is not None
        assert row.state is State.AWAITING_APPROVAL
        assert await here.web.rows() == 1
        assert await here.web.journal.pauses() == []


async def test_forms_of_other_sites_and_forged_names_are_refused(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:
        csrf = await here.enter(client, Role.TRIGGER)
        port = here.url.rpartition(":")[2]
        for headers in (
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": f"rebound.example:{port}"},
        ):
            cookie = "; ".join(f"{one.key}={one.value}" for one in client.cookie_jar)
            status, _ = await post(
                here, client, "/act/pause", {"Cookie": cookie, **headers}, csrf=csrf, reason="x"
            )
            assert status == 403, headers
        async with client.get(f"{here.url}/login", headers={"Host": f"rebound.example:{port}"}) as answer:
            assert answer.status == 403
        assert await here.web.journal.pauses() == []
        await post(here, client, "/act/pause", csrf=csrf, reason="x")
        assert len(await here.web.journal.pauses()) == 1, "the form itself was good"


async def test_the_cookie_is_the_browsers_alone_and_pages_are_in_no_frame(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:
        async with client.post(
            f"{here.url}/login", data={"token": token(Role.READ)}, allow_redirects=False
        ) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert answer.status == 303
        assert {"HttpOnly", "Path=/", "SameSite=Strict"} == {part.strip() for part in cookie.split(";")[1:]}
        async with client.get(here.url) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy


async def test_with_tls_the_cookie_stays_on_tls(tmp_path: Path) -> None:
    pair = trustme.CA().issue_cert("localhost", "127.0.0.1")
    pair.private_key_and_cert_chain_pem.write_to_path(tmp_path / "pair.pem")
    more = "tls_server_config:\n  cert_file: pair.pem\n  key_file: pair.pem\n"
    async with pages(tmp_path, more=more) as here, visitor() as client:
        url = here.url.replace("http:", "https:")
        async with client.post(
            f"{url}/login", data={"token": token(Role.READ)}, allow_redirects=False, ssl=False
        ) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-rollwatch_rollback_")
        assert "; Secure" in cookie
        async with client.get(f"{url}/live", ssl=False) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("host", ["a:b:c", "x:99999", "[::1", "x:", "a@b:7", ""])
@pytest.mark.asyncio(loop_scope="module")
async def test_no_host_header_breaks_a_page(shared: Pages, host: str) -> None:
    async with visitor() as client, client.get(f"{shared.url}/login", headers={"Host": host}) as answer:
        assert answer.status in {200, 400, 403}


async def test_failed_logins_are_told_slowed_and_logged_without_the_token(tmp_path: Path) -> None:
    async with pages(tmp_path, first_wait_s=0.01) as here, visitor() as client:
        cases = {
            "a-guess-that-is-long-enough": "This token is not known here.",
            token(Role.ALERT): "has the role alert, which is for programs",
            token(Role.DEPLOY): "has the role deploy, which is for programs",
        }
        with structlog.testing.capture_logs() as logs:
            for given, told in cases.items():
                status, text = await post(here, client, "/login", token=given)
                assert (status, told in text) == (403, True)
            status, _ = await post(here, client, "/login", user="someone", password="wrong")
            assert status == 403
        failed = [entry for entry in logs if entry["event"] == "login_failed"]
        assert [entry["why"] for entry in failed] == [
            "token_unknown",
            "role_has_no_page",
            "role_has_no_page",
            "password_wrong",
        ]
        assert not any(given in str(logs) for given in cases)
        # A flood is refused, while who is signed in goes on undisturbed.
        tries = [asyncio.create_task(post(here, client, "/login", token="a-guess")) for _ in range(12)]
        async with visitor() as other, other.get(f"{here.url}/-/x") as answer:
            assert answer.status == 404
        assert sorted({status for status, _ in await asyncio.gather(*tries)}) == [403, 429]
        status, text = await post(here, client, "/login", user="someone", password="has-every-role")
        assert (status, "Nothing is being rolled back" in text) == (200, True)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/rollbacks/rb-1", "/rollbacks/rb-1"),
        ("/history?service=api&state=denied", "/history?service=api&state=denied"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/rollbacks/../../x", "/"),
        ("/history?x=\r\nSet-Cookie: a=b", "/"),
        ("/logout", "/"),
    ],
)
async def test_the_login_leads_to_pages_of_ours_only(shared: Pages, wanted: str, place: str) -> None:
    async with (
        visitor() as client,
        client.post(
            f"{shared.url}/login", data={"token": token(Role.READ), "next": wanted}, allow_redirects=False
        ) as answer,
    ):
        assert (answer.status, answer.headers["Location"]) == (303, f".{place}")


async def test_a_session_ends_with_its_token_its_role_and_the_logout(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:

        async def is_in() -> bool:
            async with client.get(f"{here.url}/live") as answer:
                return answer.status == 200

        text = here.config.read_text()
        for changed in (
            text.replace("name: the-read, role: read", "name: the-read, role: approve"),
            "\n".join(line for line in text.splitlines() if "the-read," not in line),
        ):
            await here.enter(client, Role.READ)
            assert await is_in()
            await here.rewrite(changed)
            assert not await is_in()
            await here.rewrite(text)
            assert not await is_in(), "it does not come back with the token"
        csrf = await here.enter(client, Role.READ)
        await here.rewrite(text.replace("the-approve", "another"))
        assert await is_in(), "others' tokens do not matter"
        status, page = await post(here, client, "/logout", csrf=csrf)
        assert (status, "Log in" in page, await is_in()) == (200, True, False)


async def test_without_any_token_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    async with pages(tmp_path) as here:
        app = build_app(here.routes, WebConfigSource(None, Role))
        async with serve(app, "127.0.0.1:0") as listener, visitor() as client:
            async with client.get(listener.url) as answer:
                text = await answer.text()
            assert "--web.config.file=web.yml" in text
            assert "<form" not in text
            async with client.post(f"{listener.url}/login", data={"token": "x" * 40}) as answer:
                assert answer.status == 403
            async with client.get(f"{listener.url}/live") as answer:
                assert answer.status == 401


async def test_history_is_paged_and_filtered(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:
        for _ in range(26):
            await here.web.trigger(dry_run=True)
        await here.enter(client, Role.READ)

        async def shown(query: str) -> tuple[int, str]:
            async with client.get(f"{here.url}/history{query}") as answer:
                text = await answer.text()
                assert answer.status == 200
            return text.count('<li>\n<p><span class="badge'), text

        count, text = await shown("")
        assert count == 25
        older = text.partition('href="history?')[2].partition('"')[0].replace("&amp;", "&")
        assert (await shown(f"?{older}"))[0] == 1
        assert (await shown("?state=dry_run&service=api"))[0] == 25
        for none in ("?state=succeeded", "?service=shop"):
            assert (await shown(none))[0] == 0
        async with client.get(f"{here.url}/history?service=%3Cscript%3E") as answer:
            assert (answer.status, "<script>" in await answer.text()) == (400, False)


async def test_what_was_declined_is_said_in_words(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:
        csrf = await here.enter(client, Role.APPROVE)
        rollback_id = await waits(here)
        status, text = await post(
            here, client, "/act/cancel", csrf=csrf, id=rollback_id, reason="a fix comes"
        )
        assert (status, "Cancelled." in text) == (200, True)
        for act, told in (
            ("approve", "there is nothing to approve"),
            ("cancel", "There is nothing left to cancel"),
        ):
            status, text = await post(here, client, f"/act/{act}", csrf=csrf, id=rollback_id, reason="x")
            assert (status, told in text) == (200, True)
        for form, told in (
            ({"service": "nobody", "reason": "x"}, "No service of this name can be rolled back."),
            ({"service": "api", "reason": ""}, "Say why, in one line"),
            ({"service": "api", "reason": "x", "target": "--force"}, "Name a release by its commit"),
            ({"service": "api", "reason": "x", "level": "automatic"}, "Choose one of the two."),
        ):
            status, text = await post(here, client, "/act/dry-run", csrf=csrf, **form)
            assert (status, told in text) == (200, True), form
        status, text = await post(here, client, "/act/trigger", csrf=csrf, id=rollback_id)
        assert (status, "there is no dry run of yours" in text) == (200, True)
        async with client.get(f"{here.url}/rollbacks/rb-none") as answer:
            assert answer.status == 404


async def test_a_form_that_is_sent_twice_is_done_once(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:
        csrf = await here.enter(client, Role.TRIGGER)
        await post(here, client, "/act/dry-run", csrf=csrf, service="api", reason="x")
        [dry] = await here.web.journal.history(limit=5)
        sent = (post(here, client, "/act/trigger", csrf=csrf, id=dry.id) for _ in range(3))
        assert {status for status, _ in await asyncio.gather(*sent)} == {200}
        assert await here.web.rows() == 2
        async with visitor() as another:
            csrf = await here.enter(another, Role.APPROVE)
            _, text = await post(here, another, "/act/trigger", csrf=csrf, id=dry.id)
            assert "there is no dry run of yours" in text
        assert await here.web.rows() == 2


async def test_deployments_are_marked_and_the_limit_is_counted_anew(tmp_path: Path) -> None:
    async with pages(tmp_path) as here, visitor() as client:
        csrf = await here.enter(client, Role.TRIGGER)
        row = (await here.web.deliver(firing())).json["rollbacks"][0]
        assert (await here.web.world.over(row)).state is State.SUCCEEDED
        async with client.get(here.url) as answer:
            text = await answer.text()
        assert "1 automatic of at most 2 in 24 h" in text, text[text.find("How each") :][:900]
        status, text = await post(here, client, "/act/breaker", csrf=csrf, service="api")
        assert (status, "0 automatic of at most 2" in text) == (200, True)
        [*_, good] = await here.web.journal.deployments(service="api")
        for word, marked in (("good", True), ("bad", False), ("nothing", None)):
            status, text = await post(here, client, "/act/mark", csrf=csrf, id=good.id, good=word)
            assert status == 200
            assert "is marked as" in text
            found = (await here.web.journal.deployments(service="api"))[-1]
            assert found.marked is marked


def test_sessions_end_idle_old_and_crowded_out() -> None:
    clock = [0.0]
    numbers = itertools.count()
    held = Sessions(lambda: clock[0], lambda size: next(numbers).to_bytes(size, "big"), most=3)
    config = WebConfig(tokens=(Token("alice", "read", b"d" * 32),))
    alice = Principal("token", "alice", "read")

    def begin() -> str:
        return held.begin(alice, b"d" * 32)

    idle = begin()
    clock[0] += IDLE_S - 1
    assert held.find(idle, config, uses=False) is not None
    clock[0] += 1
    assert held.find(idle, config) is None, "looking for news is no use of it"
    busy = begin()
    for _ in range(int(LIFE_S / IDLE_S * 2) - 1):
        clock[0] += IDLE_S / 2
        assert held.find(busy, config) is not None
    clock[0] += IDLE_S / 2
    assert held.find(busy, config) is None
    first, *others = (begin() for _ in range(4))
    assert held.find(first, config) is None
    assert all(held.find(one, config) is not None for one in others)
    assert len(held) == 3
