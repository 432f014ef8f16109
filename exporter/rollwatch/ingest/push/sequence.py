"""Whether a push is new: not sent before, not late, not from the future. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from rollwatch.ingest.push.outcomes import PushOutcome
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.ingest.push.delivery import Stamp

__all__ = ["PushSequence"]

_MOST_IDS = 10_000
_MOST_SOURCES = 1000
_EARLIEST_S = 3600.0
_LATEST_S = 300.0
_REMEMBERED_S = _EARLIEST_S + _LATEST_S


class PushSequence:
    """What one service accepted lately. `check` before a push is taken, `remember` once it is.

    Ids are remembered for as long as the `sent_at` of their push is believed, so that one that says both can
    never be replayed. Of each source the last `sent_at` is remembered, unless `is_ordered` is false: the
    browsers of a page are many, and each has a clock of its own.
    """

    def __init__(self, *, is_ordered: bool = True) -> None:
        self._is_ordered = is_ordered
        # A plain dict gets slow where the oldest key goes with every new one.
        self._ids: OrderedDict[str, float] = OrderedDict()
        self._sent_at: OrderedDict[str, float] = OrderedDict()

    def check(self, stamp: Stamp, *, wall: float, monotonic: float) -> None:
        """Raise Refusal 422 for a time that can't be, 409 for a push that came before or comes too late."""
        if stamp.started_at is not None and stamp.started_at > wall + _LATEST_S:
            raise _in_future("started_at")
        if stamp.sent_at is not None:
            if stamp.sent_at > wall + _LATEST_S:
                raise _in_future("sent_at")
            if stamp.sent_at < wall - _EARLIEST_S:
                raise Refusal(
                    422,
                    PushOutcome.TOO_OLD,
                    "sent_at is more than an hour ago.",
                    "Drop what is so old, and check the clock of the sender.",
                )
        if stamp.id is not None:
            accepted_at = self._ids.get(stamp.id)
            if accepted_at is not None and monotonic - accepted_at <= _REMEMBERED_S:
                raise Refusal(
                    409,
                    PushOutcome.DUPLICATE,
                    "A push with this id was accepted already.",
                    "Nothing is to be done if it was sent again; a new push needs an id of its own.",
                )
        last = self._sent_at.get(stamp.source)
        if stamp.sent_at is not None and last is not None and stamp.sent_at < last:
            raise Refusal(
                409,
                PushOutcome.OUT_OF_ORDER,
                "A later push of this source was accepted already.",
                "Drop this one. Several instances that push for one service each need a source of their own.",
            )

    def remember(self, stamp: Stamp, *, monotonic: float) -> None:
        """The push was accepted."""
        if stamp.id is not None:
            self._ids[stamp.id] = monotonic
            self._ids.move_to_end(stamp.id)
            self._forget_ids(monotonic)
        if stamp.sent_at is not None and self._is_ordered:
            self._sent_at[stamp.source] = stamp.sent_at
            self._sent_at.move_to_end(stamp.source)
            if len(self._sent_at) > _MOST_SOURCES:
                self._sent_at.popitem(last=False)

    def _forget_ids(self, monotonic: float) -> None:
        while True:
            accepted_at = next(iter(self._ids.values()))
            if len(self._ids) <= _MOST_IDS and monotonic - accepted_at <= _REMEMBERED_S:
                return
            self._ids.popitem(last=False)


def _in_future(name: str) -> Refusal:
    return Refusal(
        422,
        PushOutcome.IN_FUTURE,
        f"{name} is more than 5 minutes in the future.",
        "Check the clocks of the sender and of this host; times are Unix seconds in UTC.",
    )
