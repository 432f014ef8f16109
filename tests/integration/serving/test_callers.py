"""Who gets in: users, tokens and roles, on a real listener."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rollwatch.serving.server import Listener
from support.web import Answer, ask, listening, password_hash, token_digest

LOOPBACK = "127.0.0.1:0"
ACT, READ = "the-token-that-acts", "the-token-that-reads"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Listener]:
    path = tmp_path / "web.yml"
    path.write_text(
        f"""
basic_auth_users: {{ann: {password_hash("correct hörse")}}}
tokens:
- {{name: ci, role: act, sha256: "{token_digest(ACT)}"}}
- {{name: prometheus, role: read, sha256: "{token_digest(READ)}"}}
"""
    )
    async with listening(path) as listener:
        yield listener


@pytest.mark.parametrize(
    ("target", "method", "headers", "status"),
    [
        ("/", "GET", {}, 401),
        ("/", "GET", basic("ann", "correct hörse"), 200),
        ("/", "HEAD", basic("ann", "correct hörse"), 200),
        ("/act", "POST", basic("ann", "correct hörse"), 200),
        ("/", "GET", basic("ann", "wrong"), 401),
        ("/", "GET", basic("bob", "correct hörse"), 401),
        ("/", "GET", {"Authorization": "Basic %%%"}, 401),
        ("/", "GET", {"Authorization": "Basic"}, 401),
        ("/", "GET", {"Authorization": "Digest x"}, 401),
        ("/", "GET", bearer(READ), 200),
        ("/", "GET", bearer(ACT), 200),
        ("/act", "POST", bearer(ACT), 200),
        ("/guarded", "POST", bearer(ACT), 200),
        ("/act", "POST", bearer(READ), 403),
        ("/", "GET", bearer(READ + "x"), 401),
        ("/", "GET", bearer(""), 401),
        ("/", "GET", bearer(token_digest(READ)), 401),
        ("/-/healthy", "GET", {}, 200),
        ("/-/healthy", "GET", basic("ann", "wrong"), 200),
    ],
)
async def test_only_who_may_gets_in(
    guarded: Listener, target: str, method: str, headers: dict[str, str], status: int
) -> None:
    answer = await ask(guarded, target, method, headers=headers)
    assert answer.status == status
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


async def test_a_refusal_says_how_to_get_in(guarded: Listener) -> None:
    answer = await ask(guarded, "/")
    assert answer.headers["WWW-Authenticate"] == (
        'Basic realm="rollwatch", charset="UTF-8", Bearer realm="rollwatch"'
    )
    assert "basic_auth_users" in answer.body
    answer = await ask(guarded, "/act", "POST", headers=bearer(READ))
    assert (
        answer.body
        == "The token prometheus has the role read; this needs act.\nUse a token with that role.\n"
    )


async def test_without_a_file_reading_is_open_and_guarded_acts_are_not() -> None:
    async with listening() as listener:
        assert (await ask(listener, "/")).status == 200
        assert (await ask(listener, "/act", "POST", body=b"x")).status == 200
        answer = await ask(listener, "/guarded", "POST", body=b"x")
    assert answer.status == 403
    assert "--web.config.file" in answer.body


async def test_a_flood_of_wrong_passwords_leaves_health_and_known_callers_alone(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    # Some 100 ms of work each: a hundred of them would keep two threads busy for seconds.
    path.write_text(f"basic_auth_users: {{ann: {password_hash('correct', cost=10)}}}")
    async with listening(path) as listener:
        assert (await ask(listener, "/", headers=basic("ann", "correct"))).status == 200
        order: list[str] = []

        async def guess(number: int) -> Answer:
            answer = await ask(listener, "/", headers=basic("ann", f"guess {number}"))
            order.append("guess")
            return answer

        async def other(target: str, headers: dict[str, str]) -> Answer:
            answer = await ask(listener, target, headers=headers)
            order.append(target)
            return answer

        guesses = [asyncio.create_task(guess(n)) for n in range(100)]
        while not order:
            await asyncio.sleep(0.001)
        healthy = await other("/-/healthy", {})
        known = await other("/", basic("ann", "correct"))
        answers = [answer.status for answer in await asyncio.gather(*guesses)]
    assert (healthy.status, known.status) == (200, 200)
    # Few were checked, and the others did not wait for their turn.
    assert set(answers) == {401, 429}
    assert answers.count(401) <= 20
    # Neither caller waited for the last of the checks.
    assert order[-1] == "guess"


async def test_a_new_password_counts_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text(f"basic_auth_users: {{ann: {password_hash('old')}}}")
    async with listening(path) as listener:
        assert (await ask(listener, "/", headers=basic("ann", "old"))).status == 200
        path.write_text(f"basic_auth_users: {{ann: {password_hash('new')}}}")
        await listener.refresh()
        assert (await ask(listener, "/", headers=basic("ann", "old"))).status == 401
        assert (await ask(listener, "/", headers=basic("ann", "new"))).status == 200


@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        pytest.param({"Host": "evil.example:9717", "Accept-Language": "en"}, LOOPBACK, 403, id="rebound"),
        pytest.param(
            {"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}, LOOPBACK, 403, id="and newer"
        ),
        pytest.param({"Host": "localhost:9717", "Accept-Language": "en"}, LOOPBACK, 200, id="localhost"),
        pytest.param({"Host": "127.0.0.1", "Accept-Language": "en"}, LOOPBACK, 200, id="an address"),
        pytest.param({"Host": "watch.example", "Accept-Language": "en"}, LOOPBACK, 200, id="a known name"),
        pytest.param({"Host": "node-7:9717", "User-Agent": "Prometheus/3"}, LOOPBACK, 200, id="a scraper"),
        pytest.param({"Host": "node-7:9717", "Accept-Language": "en"}, "0.0.0.0:0", 200, id="not loopback"),
    ],
)
async def test_a_page_that_rebinds_its_name_to_loopback_reads_nothing(
    tmp_path: Path, headers: dict[str, str], address: str, status: int
) -> None:
    path = tmp_path / "web.yml"
    path.write_text("known_hosts: [watch.example]")
    async with listening(path, address=address) as listener:
        answer = await ask(listener, headers=headers)
        assert answer.status == status
        assert ("known_hosts" in answer.body) is (status == 403)
        # Health checks are told what everybody is told.
        assert (await ask(listener, "/-/healthy", headers=headers)).status == 200


async def test_where_callers_say_who_they_are_the_name_does_not_matter(guarded: Listener) -> None:
    headers = {"Host": "new.example", "Accept-Language": "en", **bearer(READ)}
    assert (await ask(guarded, headers=headers)).status == 200
