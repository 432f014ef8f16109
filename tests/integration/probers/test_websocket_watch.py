"""Mode watch: one long session, its verdict, and what it measures."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rollwatch.config.secrets import SecretStore
from rollwatch.model import Phase, Reason
from rollwatch.probers import _ws_metrics as m
from support.loops import LOOPS, on_loop
from support.ws_flooder import flooding
from support.ws_peers import CLOSE, CONT, PING, TEXT, Peer, close, frame, serving, text, until
from support.ws_probing import Totals, alive, make_env, make_prober, make_spec, run_once, watching

Behaviour = Callable[[Peer], Awaitable[None]]
TICK = '{"type":"tick"}'
SOON = 0.01
"""The jitter of these tests: backoffs of some hundredths of a second."""


async def polite(peer: Peer) -> None:
    await peer.upgrade()
    await peer.serve_politely()


def feed(*frames: bytes) -> Behaviour:
    async def behave(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(b"".join(frames))
        await peer.serve_politely()

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first connection meets the first behaviour, and so on; the last one stays."""
    left = list(behaviours)

    async def behave(peer: Peer) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(peer)

    return behave


async def drop(peer: Peer) -> None:
    await peer.upgrade()


@pytest.mark.parametrize("loop", LOOPS)
def test_an_open_session_is_up_and_everything_it_brings_is_counted(loop: str) -> None:
    frames = [
        text("hello"),
        frame(TEXT, b"frag", fin=False),
        frame(PING),
        frame(CONT, b"", fin=False),
        frame(CONT, b"ment"),
        text("€" * 10_000),
        text(""),
    ]

    async def main() -> None:
        async with serving(feed(*frames)) as server, watching(server.port, rng=lambda: SOON) as prober:
            totals = Totals(prober)
            before = await run_once(prober, 1.0)
            assert before.reason is Reason.NOT_STARTED
            await until(lambda: totals.count(m.MESSAGES) == 4)
            await until(lambda: m.RTT in totals.refresh().observed)
            outcome = await run_once(prober, 1.0)
            assert outcome.reason is Reason.OK
            assert totals.count(m.RECEIVED_BYTES) == 5 + 8 + 30_000
            assert totals.count(m.CONNECTS, "ok") == 1
            assert totals.count(m.SESSIONS_OPENED) == 1
            assert totals.count(m.RECONNECTS) == 0
            assert totals.gauge(m.SESSION_OPEN) == 1
            assert abs((totals.gauge(m.SESSION_STARTED) or 0) - time.time()) < 30
            assert len(totals.observed[m.HANDSHAKE]) == 1
            shown = {(sample.metric, sample.labels) for sample in outcome.run.samples}
            assert (m.STATUS_CODE, ()) in shown
            assert (m.PHASES, (Phase.PROCESSING.value,)) in shown

    on_loop(loop, main())


def test_every_counter_with_labels_exists_before_it_counts() -> None:
    prober = make_prober(make_spec(1, mode="watch"))
    totals = Totals(prober)
    totals.refresh()
    for outcome in ("ok", "failed", "undecided"):
        assert totals.counts[m.CONNECTS, (outcome,)] == 0
    for code in ("1000", "1006", "1011", "3xxx", "4xxx"):
        assert totals.counts[m.CLOSES, (code,)] == 0


ENDINGS: dict[str, tuple[Behaviour, str, str]] = {
    "closed normally": (feed(close(1000)), "1000", "code 1000"),
    "going away": (feed(close(1001, b"deploy")), "1001", "(deploy)"),
    "closed without a code": (feed(frame(CLOSE)), "1005", "code 1005"),
    "server's error": (feed(close(1011)), "1011", "code 1011"),
    "service restart": (feed(close(1012)), "1012", "code 1012"),
    "a registered code": (feed(close(3000)), "3xxx", "code 3000"),
    "a private code": (feed(close(4401)), "4xxx", "code 4401"),
    "a code without a meaning": (feed(close(2000)), "1002", "status code"),
    "dropped": (drop, "1006", "without a close frame"),
    "not UTF-8": (feed(frame(TEXT, b"\xff")), "1007", "UTF-8"),
    "against the protocol": (feed(frame(TEXT, b"x", rsv=1)), "1002", "reserved bits"),
    "too large": (feed(text("x" * 2000)), "1009", "limit"),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_a_session_that_ended_is_counted_by_its_code_and_said_in_words(case: str) -> None:
    behaviour, label, words = ENDINGS[case]

    async def main() -> None:
        async with (
            serving(behaviour) as server,
            # The backoff is long enough for the run to find no session.
            watching(server.port, rng=lambda: 0.99, message_limit="1000B") as prober,
        ):
            totals = Totals(prober)
            await until(lambda: totals.count(m.CLOSES, label))
            outcome = await run_once(prober, 1.0)
            assert outcome.reason is Reason.DISCONNECTED
            assert outcome.detail.startswith("no session for 0 s; last: ")
            assert words in outcome.detail
            assert totals.gauge(m.SESSION_OPEN) == 0
            assert len(totals.observed[m.SESSION_DURATION]) == 1
            assert sum(n for (metric, _), n in totals.counts.items() if metric is m.CLOSES) == 1

    on_loop("stock", main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_session_that_was_lost_is_opened_again(loop: str) -> None:
    async def main() -> None:
        behaviour = in_turn(drop, drop, polite)
        async with serving(behaviour) as server, watching(server.port, rng=lambda: SOON) as prober:
            totals = Totals(prober)
            await until(lambda: totals.count(m.SESSIONS_OPENED) == 3)
            assert (await run_once(prober, 1.0)).reason is Reason.OK
            assert totals.count(m.RECONNECTS) == 2
            assert totals.count(m.CLOSES, "1006") == 2
            assert totals.count(m.CONNECTS, "ok") == 3

    on_loop(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_is_gone_without_a_word_is_found_by_a_ping(loop: str) -> None:
    async def half_open(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(text("last words"))
        await peer.until_gone()

    async def main() -> None:
        said = {"ping": {"every": "1s", "timeout": "200ms"}}
        async with serving(half_open) as server, watching(server.port, rng=lambda: 0.99, **said) as prober:
            totals = Totals(prober)
            await until(lambda: totals.gauge(m.SESSION_OPEN) == 1)
            assert (await run_once(prober, 1.0)).reason is Reason.OK
            await until(lambda: totals.count(m.CLOSES, "1006"))
            outcome = await run_once(prober, 1.0)
            assert outcome.reason is Reason.DISCONNECTED
            assert "did not answer a ping within 0.2 s" in outcome.detail
            assert m.RTT not in totals.observed

    on_loop(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_pings_without_reading_the_answers_is_dropped_at_bounded_memory(loop: str) -> None:
    async def main() -> None:
        said = {"ping": {"every": "1s", "timeout": "500ms"}}
        pings = frame(PING, b"x" * 125) * 500
        async with flooding(pings) as port, watching(port, rng=lambda: 0.99, **said) as prober:
            totals = Totals(prober)
            await until(lambda: totals.count(m.CLOSES, "1006"), within_s=30)
            assert "ping" in (await run_once(prober, 1.0)).detail

    on_loop(loop, main())


def test_a_flood_is_no_silence_though_the_pong_stays_behind_it() -> None:
    async def main() -> None:
        said = {"ping": {"every": "1s", "timeout": "100ms"}}
        async with flooding(text("x" * 20) * 1000) as port, watching(port, rng=lambda: 0.0, **said) as prober:
            totals = Totals(prober)
            await until(lambda: totals.count(m.MESSAGES) > 20_000, within_s=30)
            assert (await run_once(prober, 1.0)).reason is Reason.OK
            assert totals.count(m.CLOSES, "1006") == 0

    on_loop("uvloop", main())


@pytest.mark.parametrize("loop", LOOPS)
def test_leaving_says_goodbye(loop: str) -> None:
    async def main() -> None:
        async with serving(polite) as server:
            async with watching(server.port) as prober:
                totals = Totals(prober)
                await until(lambda: totals.gauge(m.SESSION_OPEN) == 1)
            await until(lambda: server.open == 0)
            assert server.peers[0].received[-1] == (CLOSE, (1001).to_bytes(2, "big"))
            assert totals.gauge(m.SESSION_OPEN) == 0
            assert totals.count(m.CLOSES, "1001") == 0

    on_loop(loop, main())


# The expected message.

EXPECT = {"json": "type == 'tick'", "within": "150ms"}


def test_a_session_is_up_once_its_expected_message_came() -> None:
    async def main() -> None:
        told = asyncio.Event()

        async def behave(peer: Peer) -> None:
            await peer.upgrade()
            await peer.send(text("heartbeat"))
            await told.wait()
            await peer.send(text(TICK))
            await peer.serve_politely()

        expect = {"json": "type == 'tick'", "within": "30s"}
        async with serving(behave) as server, watching(server.port, expect=expect) as prober:
            totals = Totals(prober)
            await until(lambda: totals.count(m.MESSAGES) == 1)
            assert (await run_once(prober, 1.0)).reason is Reason.NOT_STARTED
            told.set()
            await until(lambda: totals.count(m.MESSAGES) == 2)
            assert (await run_once(prober, 1.0)).reason is Reason.OK

    on_loop("stock", main())


MISSED = {
    "by time": (EXPECT, "2 messages came, within 0.15 s"),
    "by count": ({"text": "tick", "within": "30s", "max_messages": 2}, "2 messages came, as many as"),
}


@pytest.mark.parametrize("case", MISSED)
def test_a_session_whose_expected_message_does_not_come_is_opened_again(case: str) -> None:
    expect, words = MISSED[case]

    async def main() -> None:
        fixed = asyncio.Event()

        async def behave(peer: Peer) -> None:
            await peer.upgrade()
            await peer.send(text("a") + text(TICK if fixed.is_set() else "b"))
            await peer.serve_politely()

        # The second attempt comes late enough for a run to look before it.
        jitter = iter([0.4, *[SOON] * 100])
        async with (
            serving(behave) as server,
            watching(server.port, rng=lambda: next(jitter), expect=expect) as prober,
        ):
            totals = Totals(prober)
            await until(lambda: totals.count(m.CLOSES, "1000") == 1)
            outcome = await run_once(prober, 1.0)
            assert outcome.reason is Reason.NO_MATCHING_MESSAGE
            assert words in outcome.detail
            fixed.set()
            await until(lambda: totals.count(m.SESSIONS_OPENED) == 2 and totals.count(m.MESSAGES) == 4)
            assert (await run_once(prober, 1.0)).reason is Reason.OK

    on_loop("stock", main())


def test_after_a_good_session_a_new_one_has_the_time_to_show_the_expected_message() -> None:
    async def good_then_gone(peer: Peer) -> None:
        await peer.upgrade(then=text(TICK))

    async def main() -> None:
        behaviour = in_turn(good_then_gone, polite)
        expect = {"text": "tick", "within": "30s"}
        async with (
            serving(behaviour) as server,
            watching(server.port, rng=lambda: SOON, expect=expect) as prober,
        ):
            totals = Totals(prober)
            await until(lambda: totals.count(m.SESSIONS_OPENED) == 2 and totals.gauge(m.SESSION_OPEN) == 1)
            assert (await run_once(prober, 1.0)).reason is Reason.OK

    on_loop("stock", main())


def test_a_peer_that_only_ever_drops_is_not_up_between_its_drops() -> None:
    async def main() -> None:
        expect = {"text": "tick", "within": "30s"}
        behaviour = in_turn(drop, polite)
        async with (
            serving(behaviour) as server,
            watching(server.port, rng=lambda: SOON, expect=expect) as prober,
        ):
            totals = Totals(prober)
            await until(lambda: totals.count(m.SESSIONS_OPENED) == 2 and totals.gauge(m.SESSION_OPEN) == 1)
            outcome = await run_once(prober, 1.0)
            assert outcome.reason is Reason.DISCONNECTED
            assert "waits for the expected message" in outcome.detail

    on_loop("stock", main())


def test_what_is_sent_is_sent_again_in_every_session() -> None:
    async def main() -> None:
        got: list[bytes] = []

        async def behave(peer: Peer) -> None:
            await peer.upgrade()
            got.append((await peer.read_frame())[1])

        async with serving(behave) as server:
            async with watching(server.port, rng=lambda: SOON, send='{"op":"subscribe"}'):
                await until(lambda: len(got) >= 2)
            assert set(got) == {b'{"op":"subscribe"}'}

    on_loop("stock", main())


# Freshness.


def test_each_channel_has_its_own_freshness_and_starts_when_watching_does() -> None:
    async def main() -> None:
        told = asyncio.Event()

        async def behave(peer: Peer) -> None:
            await peer.upgrade()
            await told.wait()
            await peer.send(text('{"ch":"BTC"}') + text("no json"))
            await peer.serve_politely()

        channels = {"btc": "ch == 'BTC'", "eth": "ch == 'ETH'"}
        began = time.time()
        async with (
            serving(behave) as server,
            watching(server.port, channels=channels, stale_after="30s") as prober,
        ):
            totals = Totals(prober)
            await until(lambda: totals.gauge(m.SESSION_OPEN) == 1)
            assert totals.gauge(m.STALE_AFTER) == 30
            start = {name: totals.gauge(m.LAST_MESSAGE, name) or 0.0 for name in ("all", "btc", "eth")}
            assert len(set(start.values())) == 1
            assert began <= start["all"] <= time.time()
            told.set()
            await until(lambda: totals.count(m.MESSAGES) == 2)
            assert totals.gauge(m.LAST_MESSAGE, "all") > start["all"]
            assert totals.gauge(m.LAST_MESSAGE, "btc") > start["btc"]
            assert totals.gauge(m.LAST_MESSAGE, "eth") == start["eth"]

    on_loop("stock", main())


def test_a_stale_feed_is_up() -> None:
    async def main() -> None:
        async with serving(polite) as server, watching(server.port, stale_after="10ms") as prober:
            totals = Totals(prober)
            await until(lambda: totals.gauge(m.SESSION_OPEN) == 1)
            await asyncio.sleep(0.05)
            assert (await run_once(prober, 1.0)).reason is Reason.OK

    on_loop("stock", main())


# Sessions that do not come about.


async def failing(expected: str, server_behaviour: Behaviour, *, rng: float = 0.99, **said: Any) -> Any:
    async with serving(server_behaviour) as server, watching(server.port, rng=lambda: rng, **said) as prober:
        totals = Totals(prober)
        await until(lambda: totals.count(m.CONNECTS, expected) == 1)
        outcome = await run_once(prober, 1.0)
        return outcome, totals, server


async def refuse(peer: Peer) -> None:
    await peer.read_request()
    await peer.send(b"HTTP/1.1 503 Busy\r\n\r\n")


async def reject(peer: Peer) -> None:
    await peer.read_request()
    await peer.send(b"HTTP/1.1 401 Unauthorized\r\n\r\n")


async def slow_down(peer: Peer) -> None:
    await peer.read_request()
    await peer.send(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 3600\r\n\r\n")


async def silence(peer: Peer) -> None:
    await peer.until_gone()


def test_a_refused_upgrade_is_disconnected_with_the_status() -> None:
    outcome, totals, _ = on_loop("stock", failing("failed", refuse))
    assert outcome.reason is Reason.DISCONNECTED
    assert outcome.detail == (
        "no session for 0 s, attempts to open one that failed: 1; "
        "last: the server answered 503 to the upgrade request"
    )
    assert [sample.value for sample in outcome.run.samples if sample.metric is m.STATUS_CODE] == [503]
    assert totals.count(m.SESSIONS_OPENED) == 0


def test_a_silent_server_is_given_up_after_the_timeout() -> None:
    outcome, _, _ = on_loop("stock", failing("failed", silence, timeout="200ms"))
    assert outcome.reason is Reason.DISCONNECTED
    assert "no session within 0.2 s: the upgrade request was not answered" in outcome.detail


def test_rejected_credentials_are_undecided_and_not_tried_again_soon() -> None:
    async def main() -> None:
        auth = {"bearer": "t0ken"}
        async with serving(reject) as server, watching(server.port, rng=lambda: 0.0, auth=auth) as prober:
            totals = Totals(prober)
            await until(lambda: totals.count(m.CONNECTS, "undecided") == 1)
            assert (await run_once(prober, 1.0)).reason is Reason.CREDENTIALS_REJECTED
            await asyncio.sleep(0.1)
            assert len(server.peers) == 1

    on_loop("stock", main())


def test_retry_after_is_honoured_and_the_run_itself_is_not_held_back() -> None:
    async def main() -> None:
        async with serving(slow_down) as server, watching(server.port, rng=lambda: 0.0) as prober:
            totals = Totals(prober)
            await until(lambda: totals.count(m.CONNECTS, "undecided") == 1)
            outcome = await run_once(prober, 1.0)
            assert outcome.reason is Reason.RATE_LIMITED
            assert outcome.run.retry_after_s is None
            await asyncio.sleep(0.1)
            assert len(server.peers) == 1

    on_loop("stock", main())


def test_nobody_listening_is_disconnected_and_tried_again_with_growing_pauses() -> None:
    async def main() -> None:
        asked: list[float] = []

        def rng() -> float:
            asked.append(time.monotonic())
            return SOON

        prober = make_prober(make_spec(1, mode="watch"), make_env(rng))
        task = asyncio.create_task(prober.live())
        totals = Totals(prober)
        await until(lambda: totals.count(m.RECONNECTS) >= 4)
        outcome = await run_once(prober, 1.0)
        task.cancel()
        await asyncio.wait({task})
        assert outcome.reason is Reason.DISCONNECTED
        assert "refused the connection" in outcome.detail
        # A hundredth of the spread at the start (1 s), then of 1, 2 and 4 s.
        pauses = [after - before for before, after in itertools.pairwise(asked)]
        assert all(
            pause >= least for pause, least in zip(pauses, (0.0099, 0.0099, 0.0199, 0.0399), strict=False)
        )

    on_loop("stock", main())


def test_a_missing_secret_is_undecided_until_it_is_there(tmp_path: Any) -> None:
    secret = tmp_path / "token"
    secret.write_text("t0ken")
    store = SecretStore(tmp_path, {})

    def lose() -> None:
        secret.unlink()
        for _ in range(5):
            store.refresh()

    def find() -> None:
        secret.write_text("n3w")
        store.refresh()

    async def main() -> None:
        async with serving(polite) as server:
            said = {"mode": "watch", "auth": {"bearer": "${file:token}"}}
            spec = await asyncio.to_thread(make_spec, server.port, store, **said)
            prober = make_prober(spec, make_env(lambda: SOON))
            await asyncio.to_thread(lose)
            async with alive(prober):
                totals = Totals(prober)
                await until(lambda: totals.count(m.CONNECTS, "undecided"))
                assert (await run_once(prober, 1.0)).reason is Reason.SECRET_UNAVAILABLE
                assert not server.peers
                await asyncio.to_thread(find)
                await until(lambda: totals.gauge(m.SESSION_OPEN) == 1)
                assert (await run_once(prober, 1.0)).reason is Reason.OK
                assert server.peers[0].header("Authorization") == "Bearer n3w"

    on_loop("stock", main())
