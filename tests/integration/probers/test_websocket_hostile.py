"""Mode connect against servers that do everything wrong: the right reason, and nobody else delayed."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rollwatch.model import Reason
from rollwatch.probers import _ws_metrics as m
from support.loops import LOOPS, on_loop
from support.ws_flooder import flooding
from support.ws_peers import BINARY, CONT, PING, PONG, TEXT, Peer, close, frame, serving, text
from support.ws_probing import make_prober, make_spec, probe, run_once

Behaviour = Callable[[Peer], Awaitable[None]]
EXPECT = {"json": "type == 'tick'", "within": "400ms"}
PATIENT = {"expect": {"json": "type == 'tick'", "within": "10s"}, "timeout": "15s"}
LIMIT = 64 * 1024


async def never_answers(peer: Peer) -> None:
    await peer.read_request()
    await peer.until_gone()


async def drips_its_answer(peer: Peer) -> None:
    await peer.read_request()
    for byte in peer.accept():
        await peer.send(bytes([byte]))
        await asyncio.sleep(0.05)


async def closes_unasked(peer: Peer) -> None:
    await peer.read_request()


async def resets_unasked(peer: Peer) -> None:
    await peer.read_request()
    peer.reset()


async def endless_head(peer: Peer) -> None:
    await peer.read_request()
    await peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        await peer.send(b"X-Filler: " + b"x" * 4000 + b"\r\n")


def answers(data: bytes) -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(data)
        await peer.until_gone()

    return behave


def refuses(status: str, *fields: str) -> Behaviour:
    """A refusal whose body never ends."""
    head = "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 100000", *fields])
    return answers(f"{head}\r\n\r\nsorry".encode())


def accepts(*fields: str, accept: str | None = None) -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(peer.accept(*fields, accept=accept))
        await peer.until_gone()

    return behave


def sends(*frames: bytes, fields: tuple[str, ...] = ()) -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.upgrade(*fields)
        await peer.send(b"".join(frames))
        await peer.until_gone()

    return behave


def floods(data: bytes, first: bytes = b"") -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(first)
        while True:
            await peer.send(data)
            await asyncio.sleep(0)

    return behave


async def drops(peer: Peer) -> None:
    await peer.upgrade()


async def drops_within_a_frame(peer: Peer) -> None:
    await peer.upgrade()
    await peer.send(frame(TEXT, b"hal", length=100))


async def resets(peer: Peer) -> None:
    await peer.upgrade()
    await asyncio.sleep(0.05)
    peer.reset()


def deflated(data: bytes) -> bytes:
    squeezed = zlib.compressobj(9, wbits=-15)
    return (squeezed.compress(data) + squeezed.flush(zlib.Z_SYNC_FLUSH))[:-4]


DEFLATE = ("Sec-WebSocket-Extensions: permessage-deflate",)
BOMB = frame(TEXT, deflated(b"\0" * 50_000_000), rsv=0b100)

CASES: dict[str, tuple[Behaviour, Reason, str]] = {
    "never answers the upgrade": (never_answers, Reason.TIMEOUT, "while waiting for the answer to begin"),
    "drips its answer": (drips_its_answer, Reason.TIMEOUT, "while waiting for the answer to begin"),
    "closes instead of answering": (closes_unasked, Reason.CONNECTION_CLOSED, "upgrade request"),
    "resets instead of answering": (resets_unasked, Reason.CONNECTION_RESET, "upgrade request"),
    "answers no HTTP": (answers(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.PROTOCOL_ERROR, "with HTTP/1.1"),
    "answers half a word of HTTP and no more": (answers(b"HTT"), Reason.TIMEOUT, ""),
    "answers HTTP/2": (answers(b"HTTP/2 101\r\n\r\n"), Reason.PROTOCOL_ERROR, "with HTTP/1.1"),
    "answers a broken status line": (answers(b"HTTP/1.1 abc\r\n\r\n"), Reason.PROTOCOL_ERROR, "status line"),
    "answers an endless head": (endless_head, Reason.PROTOCOL_ERROR, "longer than 32 KiB"),
    "refuses with 404": (refuses("404 Not Found"), Reason.STATUS, "404"),
    "refuses with 503": (refuses("503 Busy"), Reason.STATUS, "503"),
    "answers 200": (refuses("200 OK"), Reason.STATUS, "200"),
    "redirects": (refuses("302 Found", "Location: http://elsewhere/"), Reason.STATUS, "not followed"),
    "wants credentials that are not configured": (refuses("401 Unauthorized"), Reason.STATUS, "401"),
    "limits the rate": (refuses("429 Slow Down", "Retry-After: 7"), Reason.RATE_LIMITED, "less often"),
    "accepts with a wrong key": (accepts(accept="AAAA"), Reason.PROTOCOL_ERROR, "Sec-WebSocket-Accept"),
    "accepts a subprotocol nobody offered": (
        accepts("Sec-WebSocket-Protocol: chat"),
        Reason.PROTOCOL_ERROR,
        "subprotocol",
    ),
    "accepts an extension nobody offered": (
        accepts("Sec-WebSocket-Extensions: x-secret"),
        Reason.PROTOCOL_ERROR,
        "x-secret",
    ),
    "accepts without upgrading": (
        answers(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        Reason.PROTOCOL_ERROR,
        "Connection",
    ),
    "accepts, then is silent": (accepts(), Reason.NO_MATCHING_MESSAGE, "no message at all"),
    "sends everything but the expected": (
        floods(text("noise") * 1000),
        Reason.NO_MATCHING_MESSAGE,
        "did not come",
    ),
    "floods with empty messages": (floods(frame(TEXT) * 20_000), Reason.NO_MATCHING_MESSAGE, "did not come"),
    "floods with JSON": (floods(text('{"type":"x"}') * 5_000), Reason.NO_MATCHING_MESSAGE, "did not come"),
    "floods with pings and never reads": (
        floods(frame(PING, b"x" * 125) * 500),
        Reason.NO_MATCHING_MESSAGE,
        "",
    ),
    "floods with pongs": (floods(frame(PONG, b"x") * 5_000), Reason.NO_MATCHING_MESSAGE, "no message at all"),
    "fragments endlessly": (
        floods(frame(CONT, b"x" * 10, fin=False) * 1000, first=frame(TEXT, b"x", fin=False)),
        Reason.MESSAGE_TOO_LARGE,
        "limit",
    ),
    "fragments endlessly into nothing": (
        floods(frame(CONT, b"", fin=False) * 10_000, first=frame(TEXT, b"", fin=False)),
        Reason.NO_MATCHING_MESSAGE,
        "no message at all",
    ),
    "announces a frame of 2^63 bytes": (
        sends(frame(BINARY, b"x", length=2**63)),
        Reason.MESSAGE_TOO_LARGE,
        "limit",
    ),
    "announces a frame of 2^62 bytes": (
        sends(frame(BINARY, b"x", length=2**62)),
        Reason.MESSAGE_TOO_LARGE,
        "limit",
    ),
    "sends a message over the limit": (sends(text("x" * (LIMIT + 1))), Reason.MESSAGE_TOO_LARGE, "limit"),
    "sends a compressed bomb": (sends(BOMB, fields=DEFLATE), Reason.MESSAGE_TOO_LARGE, "limit"),
    "sends a bomb in fragments": (
        sends(
            frame(TEXT, deflated(b"\0" * LIMIT), rsv=0b100, fin=False),
            frame(CONT, deflated(b"\0" * LIMIT), fin=True),
            fields=DEFLATE,
        ),
        Reason.MESSAGE_TOO_LARGE,
        "limit",
    ),
    "sends what does not decompress": (
        sends(frame(TEXT, b"\xff\xff\xff\xff", rsv=0b100), fields=DEFLATE),
        Reason.PROTOCOL_ERROR,
        "decompress",
    ),
    "sends text that is not UTF-8": (sends(frame(TEXT, b"\xff\xfe")), Reason.ENCODING_INVALID, "UTF-8"),
    "sends half a character": (sends(frame(TEXT, "€".encode()[:2])), Reason.ENCODING_INVALID, "UTF-8"),
    "sets a reserved bit": (sends(frame(TEXT, b"x", rsv=0b010)), Reason.PROTOCOL_ERROR, "reserved bits"),
    "compresses unasked": (sends(frame(TEXT, b"x", rsv=0b100)), Reason.PROTOCOL_ERROR, "reserved bits"),
    "uses a reserved opcode": (sends(frame(3, b"x")), Reason.PROTOCOL_ERROR, "opcode"),
    "masks its frames": (sends(b"\x81\x81abcdx"), Reason.PROTOCOL_ERROR, "masking"),
    "fragments a ping": (sends(frame(PING, b"x", fin=False)), Reason.PROTOCOL_ERROR, "fragmented control"),
    "sends a ping that is too long": (sends(frame(PING, b"x" * 126)), Reason.PROTOCOL_ERROR, "too long"),
    "continues what never began": (sends(frame(CONT, b"x")), Reason.PROTOCOL_ERROR, "continuation"),
    "begins anew within a message": (
        sends(frame(TEXT, b"x", fin=False), frame(TEXT, b"y")),
        Reason.PROTOCOL_ERROR,
        "continuation",
    ),
    "closes normally": (sends(close(1000)), Reason.CLOSED_BY_PEER, "code 1000"),
    "closes with its own trouble": (sends(close(1011, b"db is gone")), Reason.CLOSED_BY_PEER, "(db is gone)"),
    "closes with a private code": (sends(close(4401)), Reason.CLOSED_BY_PEER, "code 4401"),
    "closes without a code": (sends(frame(8)), Reason.CLOSED_BY_PEER, "code 1005"),
    "closes with a forbidden code": (sends(close(1006)), Reason.PROTOCOL_ERROR, "status code"),
    "closes with a code out of range": (sends(close(999)), Reason.PROTOCOL_ERROR, "status code"),
    "closes with half a code": (sends(frame(8, b"\x03")), Reason.PROTOCOL_ERROR, "too short"),
    "closes with words that are not UTF-8": (sends(close(1000, b"\xff")), Reason.ENCODING_INVALID, "UTF-8"),
    "closes within a message": (
        sends(frame(TEXT, b"x", fin=False), close(1000)),
        Reason.PROTOCOL_ERROR,
        "incomplete",
    ),
    "drops the connection": (drops, Reason.CONNECTION_CLOSED, "without a close frame"),
    "drops it within a frame": (drops_within_a_frame, Reason.CONNECTION_CLOSED, "without a close frame"),
    "resets the connection": (resets, Reason.CONNECTION_RESET, "without a close frame"),
}


async def meet(behaviour: Behaviour, **said: Any) -> Any:
    async with serving(behaviour) as server:
        options = {"expect": EXPECT, "message_limit": "64KiB", "timeout": "1s", **said}
        return await probe(server.port, **options)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("case", CASES)
def test_a_hostile_server_gets_the_right_reason(case: str, loop: str) -> None:
    behaviour, reason, words = CASES[case]
    # Only a case that ends with the time allowed is given little of it.
    is_timed = reason in {Reason.NO_MATCHING_MESSAGE, Reason.TIMEOUT}
    patience = {} if is_timed else PATIENT
    outcome = on_loop(loop, meet(behaviour, **patience))
    assert outcome.reason is reason, outcome.detail
    assert words in outcome.detail
    assert len(outcome.detail) < 400


def test_silence_without_a_time_of_its_own_ends_with_the_run() -> None:
    outcome = on_loop("stock", meet(accepts(), expect={"text": "x"}, timeout="300ms"))
    assert outcome.reason is Reason.TIMEOUT


REJECTED = {
    "a bearer token": {"auth": {"bearer": "t0ken-abc"}},
    "a password": {"auth": {"basic": {"username": "u", "password": "p4ssw0rd"}}},
    "a header": {"headers": {"Cookie": "session=1"}},
    "a telling header": {"headers": {"X-Api-Key": "k3y-123"}},
    "a query parameter": {"url": "ws://127.0.0.1:{port}/?token=abcdef"},
    "userinfo": {"url": "ws://user:secret@127.0.0.1:{port}/"},
}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("case", REJECTED)
def test_rejected_credentials_are_undecided_and_not_shown(case: str, status: int) -> None:
    async def main() -> Any:
        async with serving(refuses(f"{status} No")) as server:
            said = dict(REJECTED[case])
            if "url" in said:
                said["url"] = str(said["url"]).format(port=server.port)
            return await probe(server.port, **said)

    outcome = on_loop("stock", main())
    assert outcome.reason is Reason.CREDENTIALS_REJECTED
    counted = {(sample.metric, sample.labels) for sample in outcome.run.samples}
    assert (m.CONNECTS, ("undecided",)) in counted
    shown = f"{outcome.detail}{outcome.run.notes}"
    for secret in ("t0ken", "p4ssw0rd", "k3y", "abcdef", "secret"):
        assert secret not in shown


ECHOES = {
    "in the words of its close frame": (
        sends(close(1008, b"bad token t0ken-abc here")),
        Reason.CLOSED_BY_PEER,
        "bad token *** here",
    ),
    "in a header of its answer": (
        accepts("Sec-WebSocket-Extensions: t0ken-abc"),
        Reason.PROTOCOL_ERROR,
        "name = ***",
    ),
}


@pytest.mark.parametrize("case", ECHOES)
def test_what_the_server_says_back_is_shown_without_our_secrets(case: str) -> None:
    behaviour, reason, words = ECHOES[case]
    outcome = on_loop("stock", meet(behaviour, auth={"bearer": "t0ken-abc"}))
    assert outcome.reason is reason
    assert words in outcome.detail
    assert "t0ken" not in f"{outcome.detail}{outcome.run.notes}"


def test_retry_after_is_handed_on() -> None:
    outcome = on_loop("stock", meet(refuses("429 Slow Down", "Retry-After: 7")))
    assert outcome.run.retry_after_s == 7.0


async def longest_stall(until_done: asyncio.Task[Any]) -> float:
    """The longest time the loop took to come back to a task that asks for every 5 ms."""
    loop = asyncio.get_running_loop()
    worst = 0.0
    while not until_done.done():
        began = loop.time()
        await asyncio.sleep(0.005)
        worst = max(worst, loop.time() - began - 0.005)
    return worst


FLOODS = {
    "empty messages": frame(TEXT) * 30_000,
    "small JSON": text('{"type":"x"}') * 5_000,
    "big messages": text("x" * 60_000) * 10,
    "pings": frame(PING, b"x" * 125) * 500,
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("case", FLOODS)
def test_a_flood_neither_stalls_the_loop_nor_grows_memory_nor_delays_another_probe(
    case: str, loop: str
) -> None:
    async def main() -> tuple[Any, Any, float, int]:
        said = {"json": "type == 'tick'", "within": "1500ms"}
        # The flood comes from another process, so that only our side can stall this loop.
        async with flooding(FLOODS[case]) as port, serving(sends(text('{"type":"tick"}'))) as good:
            prober = make_prober(make_spec(port, expect=said, message_limit="64KiB"))
            other = make_prober(make_spec(good.port, expect={"json": "type == 'tick'"}))
            gc.collect()
            tracemalloc.start()
            task = asyncio.create_task(run_once(prober, 5.0))
            stall = asyncio.create_task(longest_stall(task))
            await asyncio.sleep(0.5)
            beside = await run_once(other, 1.0)
            outcome = await task
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return outcome, beside, await stall, peak

    outcome, beside, stalled_s, peak = on_loop(loop, main())
    assert outcome.reason is Reason.NO_MATCHING_MESSAGE, outcome.detail
    assert beside.reason is Reason.OK
    # Far above what a turn takes on a busy machine with tracing on, far below one read worked through whole.
    assert stalled_s < 0.25
    assert peak < 6_000_000
