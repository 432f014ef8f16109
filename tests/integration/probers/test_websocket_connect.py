"""Mode connect against servers that behave."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rollwatch.model import Phase, Reason
from rollwatch.probers import _ws_metrics as m
from support.loops import LOOPS, on_loop
from support.ws_peers import BINARY, CLOSE, CONT, PING, PONG, TEXT, Peer, close, frame, serving, text, until
from support.ws_probing import probe

Behaviour = Callable[[Peer], Awaitable[None]]
TICK = '{"type":"tick","price":42}'
EXPECT_TICK = {"json": "type == 'tick'", "within": "2s"}


async def outcome_of(behaviour: Behaviour, **said: Any) -> Any:
    async with serving(behaviour) as server:
        outcome = await probe(server.port, **said)
        return outcome, server


def sampled(outcome: Any) -> dict[tuple[Any, tuple[str, ...]], float]:
    return {(sample.metric, sample.labels): sample.value for sample in outcome.run.samples}


async def polite(peer: Peer) -> None:
    await peer.upgrade()
    await peer.serve_politely()


@pytest.mark.parametrize("loop", LOOPS)
def test_an_upgrade_alone_is_up_and_its_phases_are_measured(loop: str) -> None:
    outcome, _ = on_loop(loop, outcome_of(polite))
    assert outcome.reason is Reason.OK
    assert set(outcome.run.phases) == {Phase.CONNECT, Phase.PROCESSING}
    samples = sampled(outcome)
    assert samples[m.STATUS_CODE, ()] == 101
    assert samples[m.UPGRADED, ()] == 1
    assert samples[m.CONNECTS, ("ok",)] == 1
    assert samples[m.SESSIONS_OPENED, ()] == 1
    assert samples[m.HANDSHAKE, ()] >= sum(outcome.run.phases.values()) * 0.9


def feed(*frames: bytes) -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.upgrade()
        for one in frames:
            await peer.send(one)
            await asyncio.sleep(0)
        await peer.serve_politely()

    return behave


def deflated(message: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-15)
    return (squeezed.compress(message) + squeezed.flush(zlib.Z_SYNC_FLUSH))[:-4]


async def compressed_feed(peer: Peer) -> None:
    await peer.upgrade("Sec-WebSocket-Extensions: permessage-deflate")
    await peer.send(frame(TEXT, deflated(TICK.encode()), rsv=0b100))
    await peer.serve_politely()


async def tick_with_the_upgrade(peer: Peer) -> None:
    await peer.upgrade(then=text("hello") + text(TICK))
    await peer.serve_politely()


async def tick_then_close(peer: Peer) -> None:
    await peer.upgrade()
    await peer.send(text(TICK) + close(1000))
    await peer.until_gone()


FOUND = {
    "as the only message": (feed(text(TICK)), EXPECT_TICK),
    "in the packet of the upgrade": (tick_with_the_upgrade, EXPECT_TICK),
    "after heartbeats, acks and pings": (
        feed(text("ping"), text('{"type":"ack"}'), frame(PING, b"x"), text("[1]"), text("null"), text(TICK)),
        EXPECT_TICK,
    ),
    "as a binary message": (feed(frame(BINARY, TICK.encode())), EXPECT_TICK),
    "in fragments, with a ping between": (
        feed(
            frame(TEXT, TICK[:5].encode(), fin=False),
            frame(PING),
            frame(CONT, b"", fin=False),
            frame(CONT, TICK[5:].encode()),
        ),
        EXPECT_TICK,
    ),
    "compressed": (compressed_feed, EXPECT_TICK),
    "by what it contains": (feed(text("no"), text("price: 42 €")), {"text": "42 €"}),
    "by a pattern": (feed(text("no"), text("price: 42")), {"regex": r"price: \d+$"}),
    "by a pattern in bytes": (feed(frame(BINARY, b"\xff\xfe42")), {"regex": "42"}),
    "by everything at once": (
        feed(text('{"type":"tick"}'), text(TICK)),
        {"json": "type == 'tick'", "text": "price", "regex": "4."},
    ),
    "as the last one allowed": (feed(text("a"), text("b"), text(TICK)), {**EXPECT_TICK, "max_messages": 3}),
    "before a close": (tick_then_close, EXPECT_TICK),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("case", FOUND)
def test_the_expected_message_is_found(case: str, loop: str) -> None:
    behaviour, expect = FOUND[case]
    outcome, _ = on_loop(loop, outcome_of(behaviour, expect=expect))
    assert (outcome.reason, outcome.detail) == (Reason.OK, "")
    assert Phase.TRANSFER in outcome.run.phases


NOT_FOUND = {
    "nothing comes": (
        feed(),
        {"json": "type == 'tick'", "within": "200ms"},
        "no message at all came within 0.2 s",
    ),
    "other messages come": (
        feed(text("a"), text("b")),
        {"json": "type == 'tick'", "within": "200ms"},
        "the expected message did not come; 2 messages came, within 0.2 s",
    ),
    "it comes too late by count": (
        feed(text("a"), text("b"), text(TICK)),
        {**EXPECT_TICK, "max_messages": 2},
        "the expected message did not come; 2 messages came, as many as max_messages allows",
    ),
    "one part is missing": (
        feed(text(TICK)),
        {"json": "type == 'tick'", "text": "volume", "within": "200ms"},
        "the expected message did not come; 1 message came, within 0.2 s",
    ),
}


@pytest.mark.parametrize("case", NOT_FOUND)
def test_a_missing_message_is_said_so(case: str) -> None:
    behaviour, expect, words = NOT_FOUND[case]
    outcome, _ = on_loop("stock", outcome_of(behaviour, expect=expect))
    assert (outcome.reason, outcome.detail) == (Reason.NO_MATCHING_MESSAGE, words)


def test_what_is_sent_arrives_in_order_and_its_answer_is_awaited() -> None:
    async def behave(peer: Peer) -> None:
        await peer.upgrade()
        login = await peer.read_frame()
        subscribe = await peer.read_frame()
        await peer.send(text(json.dumps({"login": login[1].decode(), "subscribe": subscribe[1].decode()})))
        await peer.serve_politely()

    said = {
        "send": ["user", "BTC"],
        "expect": {"json": "login == 'user' && subscribe == 'BTC'", "within": "2s"},
    }
    outcome, _ = on_loop("stock", outcome_of(behave, **said))
    assert outcome.reason is Reason.OK


def test_the_session_is_closed_with_a_close_frame() -> None:
    async def main() -> Any:
        async with serving(polite) as server:
            outcome = await probe(server.port)
            await until(lambda: server.open == 0)
            return outcome, server.peers[0].received

    outcome, received = on_loop("stock", main())
    assert outcome.reason is Reason.OK
    assert received == [(CLOSE, (1000).to_bytes(2, "big"))]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_never_closes_spoils_neither_verdict_nor_duration(loop: str) -> None:
    async def never_closes(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(text(TICK))
        await peer.until_gone()

    async def main() -> Any:
        async with serving(never_closes) as server:
            # The close handshake alone may take longer than this timeout.
            outcome = await probe(server.port, timeout="900ms", expect={"json": "type == 'tick'"})
            await until(lambda: server.open == 0)
            return outcome

    assert on_loop(loop, main()).reason is Reason.OK


def test_headers_origin_and_user_agent_reach_the_server() -> None:
    said = {"headers": {"X-Key": "abc", "Authorization": "Bearer t"}, "origin": "https://app.example.com"}
    outcome, server = on_loop("stock", outcome_of(polite, **said))
    peer = server.peers[0]
    assert outcome.reason is Reason.OK
    assert peer.request.startswith("GET /feed HTTP/1.1\r\n")
    assert peer.header("X-Key") == "abc"
    assert peer.header("Authorization") == "Bearer t"
    assert peer.header("Origin") == "https://app.example.com"
    assert peer.header("User-Agent") == "rollwatch/test"
    assert peer.header("Host") == f"127.0.0.1:{server.port}"


def test_userinfo_of_the_url_becomes_basic_credentials_and_the_query_is_kept() -> None:
    async def main() -> Any:
        async with serving(polite) as server:
            url = f"ws://us%40er:p%3Ass@127.0.0.1:{server.port}?token=a%2Fb"
            return await probe(0, url=url), server

    outcome, server = on_loop("stock", main())
    assert outcome.reason is Reason.OK
    assert server.peers[0].request.startswith("GET /?token=a%2Fb HTTP/1.1")
    expected = base64.b64encode(b"us@er:p:ss").decode()
    assert server.peers[0].header("Authorization") == f"Basic {expected}"


def choosing(*fields: str) -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.upgrade(*fields)
        await peer.serve_politely()

    return behave


def test_the_chosen_subprotocol_is_noted() -> None:
    behaviour = choosing("Sec-WebSocket-Protocol: feed.v1")
    outcome, server = on_loop("stock", outcome_of(behaviour, subprotocols=["feed.v2", "feed.v1"]))
    assert outcome.reason is Reason.OK
    assert server.peers[0].header("Sec-WebSocket-Protocol") == "feed.v2, feed.v1"
    assert ("subprotocol", "feed.v1") in outcome.run.notes


def test_a_server_that_chooses_no_subprotocol_is_down() -> None:
    outcome, _ = on_loop("stock", outcome_of(choosing(), subprotocols=["feed.v2"]))
    assert outcome.reason is Reason.HEADER_MISMATCH
    assert outcome.detail == "the server chose none of the subprotocols feed.v2"


@pytest.mark.parametrize("is_offered", [True, False])
def test_compression_is_offered_as_configured(is_offered: bool) -> None:
    _, server = on_loop("stock", outcome_of(polite, compression=is_offered))
    assert (server.peers[0].header("Sec-WebSocket-Extensions") is not None) == is_offered


def test_pings_of_the_server_are_answered() -> None:
    async def behave(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(frame(PING, b"are you there"))
        opcode, payload = await peer.read_frame()
        await peer.send(text(f"{opcode == PONG} {payload.decode()}"))
        await peer.serve_politely()

    outcome, _ = on_loop("stock", outcome_of(behave, expect={"text": "True are you there", "within": "2s"}))
    assert outcome.reason is Reason.OK
