"""A watching session over hours, on virtual time: pings, backoff, pauses, and what a run is told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
from websockets.frames import CloseCode

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
from rollwatch.probers import _ws_metrics as m
from rollwatch.probers._ws_link import Ending
from rollwatch.probers._ws_watch import WatchProber
from rollwatch.probers.contract import ProbeEnv
from rollwatch.probers.run import Run
from support.virtual import run_virtual, virtual_clock
from support.ws_probing import Totals, make_spec

if TYPE_CHECKING:
    from rollwatch.probers._ws_request import Rendered
    from rollwatch.probers._ws_session import Session

LOST = Ending(1006, Reason.CONNECTION_CLOSED, "the target closed the connection without a close frame")
REFUSED = ProbeFailure(Reason.CONNECT_REFUSED, "nobody listens")


class FakeLink:
    """A link that answers pings after `pong_after_s` (None: never)."""

    def __init__(self, session: Session, pong_after_s: float | None) -> None:
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.session = session
        self.pong_after_s = pong_after_s
        self.rested_s = float("-inf")
        self.pinged_at: list[float] = []
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)

    def ping(self, payload: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.pinged_at.append(loop.time())
        if self.pong_after_s is not None:
            loop.call_later(self.pong_after_s, self.session.pong, payload)

    def end(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE, ending: Ending | None = None) -> None:
        self.end(ending or Ending(int(code), Reason.OK, "closed by rollwatch"))

    def abort(self, ending: Ending | None = None) -> None:
        self.end(ending or Ending(1006, Reason.OK, "dropped by rollwatch"))


class FakeOpener:
    """Opens what the test says: a failure is raised, anything else is a session. The last is repeated."""

    def __init__(self, *plan: ProbeFailure | None, pong_after_s: float | None = 0.05) -> None:
        self.plan = list(plan)
        self.pong_after_s = pong_after_s
        self.at: list[float] = []
        self.links: list[FakeLink] = []
        self.retry_after_s: float | None = None
        self.rendered: Any = None

    def render(self) -> Rendered:
        return self.rendered

    async def open(self, run: Run, _said: Rendered, session: Session) -> Any:
        self.at.append(asyncio.get_running_loop().time())
        failure = self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]
        if failure is not None:
            run.retry_after_s = self.retry_after_s
            raise ProbeFailure(failure.reason, failure.detail)
        self.links.append(FakeLink(session, self.pong_after_s))
        return self.links[-1]


class _Said:
    sends = ("subscribe",)

    class scrubber:  # noqa: N801  stands in for an attribute
        @staticmethod
        def scrub(text: str) -> str:
            return text.replace("t0ken", "***")


def make_env_on_virtual_time(rng: float = 0.5) -> ProbeEnv:
    return ProbeEnv(clock=virtual_clock(), rng=lambda: rng, user_agent="x")


@contextlib.asynccontextmanager
async def living(opener: FakeOpener, rng: float = 0.5, **said: Any) -> AsyncIterator[WatchProber]:
    prober = WatchProber(make_spec(1, mode="watch", **said), make_env_on_virtual_time(rng))
    opener.rendered = _Said()
    prober._opener = opener  # type: ignore[assignment]
    task = asyncio.create_task(prober.live())
    yield prober
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def told(prober: WatchProber) -> tuple[Reason, str]:
    """What a run says now."""
    try:
        await prober.probe(Run(virtual_clock()))
    except ProbeFailure as failure:
        return failure.reason, failure.detail
    return Reason.OK, ""


def gaps(times: list[float]) -> list[float]:
    return [round(after - before, 3) for before, after in itertools.pairwise(times)]


def on_virtual_time(main: Callable[[], Any]) -> None:
    run_virtual(main())


def test_the_first_session_begins_within_a_second_and_pings_at_once_and_then_every_thirty() -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        began = asyncio.get_running_loop().time()
        async with living(opener, rng=0.25) as prober:
            await asyncio.sleep(100)
            link = opener.links[0]
            assert opener.at == [began + 0.25]
            assert link.sent == ["subscribe"]
            assert link.pinged_at[0] == began + 0.25
            assert gaps(link.pinged_at) == [30.0, 30.0, 30.0]
            totals = Totals(prober).refresh()
            assert totals.observed[m.RTT] == pytest.approx([0.05] * 4)

    on_virtual_time(main)


@pytest.mark.parametrize(("pong_after_s", "is_kept"), [(9.9, True), (10.1, False), (None, False)])
def test_a_session_is_dropped_when_a_pong_takes_longer_than_its_time(
    pong_after_s: float | None, is_kept: bool
) -> None:
    async def main() -> None:
        opener = FakeOpener(None, pong_after_s=pong_after_s)
        async with living(opener) as prober:
            await asyncio.sleep(0.5 + 10.2)
            assert (await told(prober))[0] is (Reason.OK if is_kept else Reason.DISCONNECTED)
            assert Totals(prober).count(m.CLOSES, "1006") == (0 if is_kept else 1)

    on_virtual_time(main)


def test_an_answer_to_an_older_ping_or_to_none_is_no_round_trip() -> None:
    async def main() -> None:
        opener = FakeOpener(None, pong_after_s=None)
        async with living(opener) as prober:
            await asyncio.sleep(1)
            opener.links[0].session.pong(b"unasked")
            await asyncio.sleep(10)
            totals = Totals(prober).refresh()
            assert m.RTT not in totals.observed
            assert totals.counts[m.CLOSES, ("1006",)] == 1

    on_virtual_time(main)


def test_pauses_between_failed_attempts_double_up_to_thirty_seconds() -> None:
    async def main() -> None:
        opener = FakeOpener(REFUSED)
        async with living(opener) as prober:
            await asyncio.sleep(90)
            assert gaps(opener.at)[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
            totals = Totals(prober)
            assert totals.count(m.CONNECTS, "failed") == len(opener.at)
            assert totals.count(m.RECONNECTS) == len(opener.at) - 1

    on_virtual_time(main)


@pytest.mark.parametrize(("lived_s", "pause_s"), [(59.0, 8.0), (61.0, 0.5)])
def test_only_a_session_that_lived_a_while_begins_the_backoff_anew(lived_s: float, pause_s: float) -> None:
    async def main() -> None:
        opener = FakeOpener(REFUSED, REFUSED, REFUSED, REFUSED, None)
        async with living(opener):
            await asyncio.sleep(0.5 + 0.5 + 1 + 2 + 4 + lived_s)
            lost_at = asyncio.get_running_loop().time()
            opener.links[0].end(LOST)
            await asyncio.sleep(20)
            assert opener.at[5] - lost_at == pytest.approx(pause_s)

    on_virtual_time(main)


def test_a_run_is_told_since_when_there_is_no_session_and_why() -> None:
    async def main() -> None:
        opener = FakeOpener(None, REFUSED)
        async with living(opener, rng=0.9) as prober:
            assert await told(prober) == (Reason.NOT_STARTED, "the first session is still being opened")
            await asyncio.sleep(120)
            assert await told(prober) == (Reason.OK, "")
            opener.links[0].end(LOST)
            await asyncio.sleep(0.5)
            assert await told(prober) == (
                Reason.DISCONNECTED,
                (
                    "no session for 0 s; last: the target closed the connection without a close frame, "
                    "after 119 s (close code 1006)"
                ),
            )
            await asyncio.sleep(59.5)
            assert await told(prober) == (
                Reason.DISCONNECTED,
                "no session for 60 s, attempts to open one that failed: 6; last: nobody listens",
            )

    on_virtual_time(main)


@pytest.mark.parametrize("said", [{}, {"expect": {"text": "tick", "within": "300s"}, "interval": "300s"}])
def test_each_time_without_a_session_is_counted_from_its_own_beginning(said: dict[str, Any]) -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        async with living(opener, rng=0.9, **said) as prober:
            await asyncio.sleep(1)
            opener.links[0].session.message(b"a tick", "a tick")
            opener.links[0].end(LOST)
            await asyncio.sleep(200)
            opener.links[1].end(LOST)
            await asyncio.sleep(0.5)
            assert (await told(prober))[1].startswith("no session for 0 s; ")

    on_virtual_time(main)


def test_words_of_the_server_are_shown_without_our_secrets() -> None:
    async def main() -> None:
        opener = FakeOpener(None, REFUSED)
        async with living(opener, rng=0.9) as prober:
            await asyncio.sleep(1)
            opener.links[0].end(Ending(1008, Reason.CLOSED_BY_PEER, "bad token t0ken"))
            await asyncio.sleep(0.1)
            assert "bad token ***" in (await told(prober))[1]

    on_virtual_time(main)


OWN_TROUBLE = [
    (Reason.CREDENTIALS_REJECTED, None, [30.5, 31.0, 32.0]),
    (Reason.RATE_LIMITED, 120.0, [120.0, 120.0, 120.0]),
    (Reason.RATE_LIMITED, None, [0.5, 1.0, 2.0]),
    (Reason.RATE_LIMITED, 0.0, [0.5, 1.0, 2.0]),
    (Reason.RESOLVER_FAILED, None, [0.5, 1.0, 2.0]),
]


@pytest.mark.parametrize(("reason", "retry_after_s", "pauses"), OWN_TROUBLE)
def test_own_trouble_is_reported_as_such_and_a_server_that_sends_us_away_is_left_alone(
    reason: Reason, retry_after_s: float | None, pauses: list[float]
) -> None:
    async def main() -> None:
        opener = FakeOpener(ProbeFailure(reason, "why"))
        opener.retry_after_s = retry_after_s
        async with living(opener) as prober:
            await asyncio.sleep(1)
            assert await told(prober) == (reason, "why")
            await asyncio.sleep(500)
            assert gaps(opener.at)[:3] == pauses
            assert Totals(prober).count(m.CONNECTS, "undecided") == len(opener.at)

    on_virtual_time(main)


def test_a_session_that_never_said_what_is_expected_was_not_well_however_long_it_lived() -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        async with living(opener, expect={"text": "tick", "within": "70s"}):
            await asyncio.sleep(300)
            assert gaps(opener.at)[:3] == [70.5, 71.0, 72.0]

    on_virtual_time(main)


def test_failed_attempts_are_those_since_the_last_session() -> None:
    async def main() -> None:
        opener = FakeOpener(REFUSED, REFUSED, None, REFUSED)
        async with living(opener, rng=0.9) as prober:
            await asyncio.sleep(5)
            opener.links[0].end(LOST)
            await asyncio.sleep(0.1)
            assert "that failed" not in (await told(prober))[1]
            await asyncio.sleep(0.9 * 4)
            assert "attempts to open one that failed: 1;" in (await told(prober))[1]

    on_virtual_time(main)


def test_a_bug_of_ours_in_a_session_is_not_told_as_the_state_before_it() -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        prober = WatchProber(make_spec(1, mode="watch"), make_env_on_virtual_time())
        opener.rendered = _Said()
        prober._opener = opener  # type: ignore[assignment]
        task = asyncio.create_task(prober.live())
        await asyncio.sleep(10)
        assert (await told(prober))[0] is Reason.OK
        opener.links[0].ended.set_exception(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await task
        assert (await told(prober))[0] is Reason.INTERNAL_ERROR
        again = asyncio.create_task(prober.live())
        await asyncio.sleep(10)
        assert (await told(prober))[0] is Reason.OK
        again.cancel()

    on_virtual_time(main)


def test_an_expected_message_has_the_timeout_if_it_has_no_time_of_its_own() -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        async with living(opener, rng=0.9, timeout="4s", expect={"text": "tick"}) as prober:
            await asyncio.sleep(0.9 + 3.9)
            assert (await told(prober))[0] is Reason.NOT_STARTED
            await asyncio.sleep(0.2)
            assert await told(prober) == (Reason.NO_MATCHING_MESSAGE, "no message at all came within 4 s")

    on_virtual_time(main)


def test_a_late_answer_in_the_next_session_makes_it_up_and_it_then_stays_so() -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        async with living(opener, expect={"text": "tick", "within": "5s"}) as prober:
            await asyncio.sleep(0.5 + 5 + 0.5 + 0.1)
            assert (await told(prober))[0] is Reason.NO_MATCHING_MESSAGE
            opener.links[1].session.message(b"a tick", "a tick")
            assert (await told(prober))[0] is Reason.OK
            await asyncio.sleep(600)
            assert (await told(prober))[0] is Reason.OK
            assert len(opener.links) == 2

    on_virtual_time(main)


def test_the_durations_of_sessions_and_their_start_are_told() -> None:
    async def main() -> None:
        opener = FakeOpener(None)
        clock = virtual_clock()
        async with living(opener) as prober:
            await asyncio.sleep(100.5)
            opener.links[0].end(LOST)
            await asyncio.sleep(1)
            totals = Totals(prober).refresh()
            assert totals.observed[m.SESSION_DURATION] == pytest.approx([100.0])
            assert totals.gauges[m.SESSION_STARTED, ()] == pytest.approx(clock.wall() - 0.5)

    on_virtual_time(main)
