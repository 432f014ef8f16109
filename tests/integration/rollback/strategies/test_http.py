"""The client of the platforms, against servers that hang, drip, lie and refuse."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollwatch.config.urls import HttpUrl
from rollwatch.rollback.strategies.http import Ambiguous, CallFailed, Credential, JsonClient, NotSent, Refused
from rollwatch.rollback.strategies.pace import Pace
from support.certificates import pki
from support.rollback_platform_server import Asked, PlatformServer, Reply
from support.rollback_strategy_parts import PATIENT, QUICK, secret, tools
from support.servers import closed_port, serve

TOKEN = "platform-token-93be"
FINE = Reply(document={"ok": True})


class _Plain(PlatformServer):
    def operation(self, method: str, path: str, body: object) -> str:
        return "call"

    def answer(self, asked: Asked) -> Reply:
        return FINE


def client(url: str, pace: Pace = PATIENT, token: str = TOKEN) -> JsonClient:
    credential = Credential("Authorization", "Bearer ", secret(token))
    return JsonClient("Acme", HttpUrl((url,)), credential, tools(), pace)


async def no_thread_is_left() -> None:
    async with asyncio.timeout(5):
        while any(thread.name == "rollwatch-http" for thread in threading.enumerate()):
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(drip_head=True), Ambiguous, "no whole answer within"),
        (Reply(drip=True), Ambiguous, "no whole answer within"),
        (Reply(endless=True), Ambiguous, "longer than 2 MiB"),
        (Reply(reset=True), Ambiguous, "connection was lost"),
        (Reply(raw=b"<html>hello</html>"), Ambiguous, "no JSON"),
        (Reply(500, {"message": "oops"}), Ambiguous, "answered 500: oops"),
        (Reply(502, raw=b"<html>bad gateway</html>"), Ambiguous, "answered 502"),
        (Reply(429, {"message": "slow down"}), Ambiguous, "too many requests"),
        (Reply(408), Ambiguous, "answered 408"),
        (
            Reply(302, headers={"Location": "http://127.0.0.1:1/"}),
            Refused,
            "redirect, which is never followed",
        ),
        (Reply(401, {"message": "Bad credentials"}), Refused, "does not know the token): Bad credentials"),
        (Reply(403, {"message": "Resource not accessible"}), Refused, "may not do this"),
        (Reply(404, raw=b"not here"), Refused, "there is none"),
        (Reply(422, {"message": "No ref found for: x"}), Refused, "No ref found for: x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_change_that_was_sent_is_never_sent_again(
    reply: Reply, kind: type[CallFailed], words: str
) -> None:
    with _Plain() as server:
        server.faults["call"].append(reply)

        with pytest.raises(kind, match=words.replace(")", "\\)")):
            await client(server.url, QUICK).change("POST", "/do", {"a": 1})

        assert server.count("call") == 1
        await no_thread_is_left()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(reset=True),
        Reply(raw=b"<html>"),
        Reply(429, headers={"Retry-After": "0"}),
        Reply(403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}),
        Reply(403, headers={"Retry-After": "0"}),
    ],
    ids=["500", "reset", "html", "429", "rate-limit-403", "secondary-limit-403"],
)
async def test_a_question_is_asked_again_after_a_passing_trouble(reply: Reply) -> None:
    with _Plain() as server:
        server.faults["call"] += [reply, reply]

        answered = await client(server.url).ask("GET", "/what")

        assert answered.json == {"ok": True}
        assert server.count("call") == 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
async def test_a_refused_question_is_not_asked_again(status: int) -> None:
    with _Plain() as server:
        server.faults["call"].append(Reply(status))

        with pytest.raises(Refused):
            await client(server.url).ask("GET", "/what")

        assert server.count("call") == 1


async def test_a_wait_that_does_not_fit_is_handed_on_instead_of_waited_for() -> None:
    with _Plain() as server:
        server.faults["call"].append(Reply(429, headers={"Retry-After": "900"}))

        with pytest.raises(Ambiguous) as failed:
            await client(server.url).ask("GET", "/what")

        assert failed.value.retry_after_s == 900
        assert server.count("call") == 1


async def test_attempts_are_bounded() -> None:
    with _Plain() as server:
        server.faults["call"] += [Reply(503)] * 10

        with pytest.raises(Ambiguous):
            await client(server.url).ask("GET", "/what")

        assert server.count("call") == PATIENT.attempts


async def test_nobody_listening_proves_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match="nobody listens"):
        await client(f"http://127.0.0.1:{closed_port()}").change("POST", "/do", {})


async def test_an_unknown_name_proves_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match="can't be resolved"):
        await client("http://nowhere.invalid").change("POST", "/do", {})


@pytest.mark.parametrize("certificate", ["self_signed", "expired"])
async def test_an_untrusted_certificate_proves_that_nothing_was_sent(
    certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    authority = pki()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file(tmp_path)))

    async def behave(peer: object) -> None:
        heard.append(await peer.request())  # type: ignore[attr-defined]

    async with serve(behave, tls=getattr(authority, certificate)()) as server:
        with pytest.raises(NotSent, match="no trusted TLS"):
            await client(server.url("", scheme="https", host="localhost")).change("POST", "/do", {})

    assert heard == []


async def test_a_peer_that_never_finishes_the_handshake_was_sent_nothing() -> None:
    async def silent(peer: object) -> None:
        await peer.stay_silent()  # type: ignore[attr-defined]

    async with serve(silent) as server:
        with pytest.raises(NotSent):
            await client(server.url("", scheme="https"), replace(QUICK, attempts=1)).change("POST", "/do", {})

    await no_thread_is_left()


async def test_a_certificate_of_the_systems_authority_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = pki()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file(tmp_path)))

    async def behave(peer: object) -> None:
        await peer.request()  # type: ignore[attr-defined]
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")  # type: ignore[attr-defined]

    async with serve(behave, tls=authority.server()) as server:
        answered = await client(server.url("", scheme="https", host="localhost")).ask("GET", "/")

    assert answered.json == {}


async def test_what_was_given_up_while_its_name_was_looked_up_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = threading.Event()
    resolve = socket.getaddrinfo

    def slow(*args: Any, **more: Any) -> Any:
        answers.wait(20)
        return resolve(*args, **more)

    monkeypatch.setattr("urllib3.util.connection.socket.getaddrinfo", slow)
    with _Plain() as server:
        with pytest.raises(NotSent):
            await client(server.url, replace(QUICK, attempts=1)).change("POST", "/do", {})
        answers.set()
        await no_thread_is_left()

        assert server.asked == []


async def test_the_environments_proxy_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with _Plain() as proxy, _Plain() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        await client(server.url).ask("GET", "/what")

        assert proxy.asked == []
        assert server.count("call") == 1


async def test_a_cancelled_call_ends_its_thread() -> None:
    with _Plain() as server:
        server.faults["call"].append(Reply(never=True))
        heard = asyncio.Event()
        loop = asyncio.get_running_loop()
        server.on_asked = lambda _: loop.call_soon_threadsafe(heard.set) and None
        task = asyncio.create_task(client(server.url).change("POST", "/do", {}))
        await asyncio.wait_for(heard.wait(), 10)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        await no_thread_is_left()


async def test_a_token_that_comes_back_is_not_told() -> None:
    with _Plain() as server:
        server.faults["call"].append(Reply(422, {"message": f"no access for {TOKEN}", "errors": [TOKEN]}))

        with pytest.raises(Refused) as failed:
            await client(server.url).change("POST", "/do", {})

        assert TOKEN not in f"{failed.value}{failed.value.json}"
        assert "no access for ***" in failed.value.why
