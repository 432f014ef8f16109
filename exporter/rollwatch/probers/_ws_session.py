"""One watched session: its messages counted, its round trip measured, its expected message waited for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from websockets.frames import CloseCode

from rollwatch.model import Reason
from rollwatch.probers._patience import is_overslept, wait_until
from rollwatch.probers._scrub import Scrubber
from rollwatch.probers._ws_link import Ending
from rollwatch.probers._ws_messages import Expectation, Message
from rollwatch.probers._ws_metrics import ALL_CHANNELS, RTT

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.probers._ws_link import Link
    from rollwatch.probers._ws_messages import Channels
    from rollwatch.probers._ws_metrics import Tally
    from rollwatch.probers._ws_request import Rendered
    from rollwatch.probers._ws_spec import WebSocketSpec

__all__ = ["Session"]


class Session:
    """From the first byte to the ending. `begin` it once its link is open, then `hold` it.

    `last_message_at` is kept up to date by channel, in Unix seconds. `on_met` is called when the expected
    message has come; without `expect`, when the session begins.
    """

    def __init__(
        self,
        spec: WebSocketSpec,
        clock: Clock,
        tally: Tally,
        channels: Channels,
        last_message_at: dict[str, float],
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._tally = tally
        self._channels = channels
        self._last_message_at = last_message_at
        self._expectation = None if spec.expect is None else Expectation(spec.expect)
        self._must_look = spec.expect is not None or bool(channels)
        self.on_met: Callable[[], None] = _ignore
        self.opened_s = math.nan
        self.scrubber = Scrubber(())
        self._link: Link | None = None
        self._pings = 0
        self._pinged_s: float | None = None
        self.stood_still = False
        """Whether this process slept through the moment it last waited for: an ending then proves nothing."""

    @property
    def link(self) -> Link:
        """The session's connection, once it has begun."""
        if self._link is None:
            raise RuntimeError("the session has not begun")
        return self._link

    @property
    def is_met(self) -> bool:
        """Whether the expected message came, or none is expected."""
        return self._expectation is None or self._expectation.is_met

    @property
    def is_waiting(self) -> bool:
        """Whether the expected message may still come."""
        return self._expectation is not None and self._expectation.is_open

    def begin(self, link: Link, said: Rendered) -> None:
        """The link is open: say what is to be said."""
        self._link = link
        self.scrubber = said.scrubber
        self.opened_s = self._clock.monotonic()
        for text in said.sends:
            link.send(text)
        if self._expectation is None:
            self.on_met()

    # What arrives: on the path of every message.

    def message(self, data: bytes | bytearray, text: str | None) -> None:
        tally = self._tally
        tally.messages += 1
        tally.received_bytes += len(data)
        now = self._clock.wall()
        self._last_message_at[ALL_CHANNELS] = now
        if self._must_look:
            self._look(Message(data, text), now)

    def _look(self, message: Message, now: float) -> None:
        for channel in self._channels.of(message):
            self._last_message_at[channel] = now
        expectation = self._expectation
        if expectation is not None and expectation.is_open:
            is_decided = expectation.look(message)
            if expectation.is_met:
                self._must_look = bool(self._channels)
                self.on_met()
            elif is_decided and self._link is not None:
                self._miss(self._link)

    def pong(self, payload: bytes) -> None:
        if self._pinged_s is not None and payload == self._payload:
            self._tally.observe(RTT, self._clock.monotonic() - self._pinged_s)
            self._pinged_s = None

    @property
    def _payload(self) -> bytes:
        return self._pings.to_bytes(8, "big")

    # What time brings.

    async def hold(self) -> Ending:
        """Ping, and wait for what is expected, until the session has ended."""
        link, clock, ping = self.link, self._clock, self._spec.ping
        expected_by_s = self._expected_by_s()
        ping_at_s = self.opened_s
        pong_by_s = math.inf
        while not link.ended.done():
            now = clock.monotonic()
            if not self.is_met and (now >= expected_by_s or not self.is_waiting):
                self._miss(link)
                break
            if now >= pong_by_s:
                # A peer that sends more than we take in is not silent: its pong is behind the rest.
                if self._pinged_s is not None and link.rested_s < now - ping.timeout:
                    detail = f"the server did not answer a ping within {ping.timeout:g} s"
                    link.abort(Ending(CloseCode.ABNORMAL_CLOSURE, Reason.DISCONNECTED, detail))
                    break
                pong_by_s = math.inf if self._pinged_s is None else now + ping.timeout
            if now >= ping_at_s:
                ping_at_s = now + ping.every
                if self._pinged_s is None:
                    self._pings += 1
                    self._pinged_s = now
                    link.ping(self._payload)
                    pong_by_s = now + ping.timeout
            next_s = min(ping_at_s, pong_by_s, math.inf if self.is_met else expected_by_s)
            await wait_until({link.ended}, next_s, clock)
            self.stood_still = is_overslept(next_s, clock)
        return link.ended.result()

    def _expected_by_s(self) -> float:
        if self._spec.expect is None:
            return math.inf
        within_s = self._spec.expect.within
        return self.opened_s + (self._spec.timeout if within_s is None else within_s)

    def _miss(self, link: Link) -> None:
        expectation = self._expectation
        if expectation is not None:
            detail = expectation.shortfall(self._expected_by_s() - self.opened_s)
            link.close(ending=Ending(CloseCode.NORMAL_CLOSURE, Reason.NO_MATCHING_MESSAGE, detail))


def _ignore() -> None:
    """Nobody asked to be told."""
