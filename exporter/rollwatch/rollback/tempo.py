"""How fast the handler goes about its work: one value, so that tests need not wait as people do."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Tempo"]


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds, but for `pace` and counts."""

    lease_s: float = 30.0
    """How long a row is ours without another word from us."""
    renew_every_s: float = 10.0
    give_up_after_s: float = 20.0
    """So long after the last renewal that worked, work on a row is ended: before another handler may take it,
    with time left to end a program that was started."""
    look_every_s: float = 5.0
    """The longest that the worker goes without looking for work."""
    least_rest_s: float = 0.1
    """The shortest between two looks, but for wakes; a little by chance."""
    put_off_s: float = 5.0
    """How long a row is left alone that could not be worked on."""
    rows_max: int = 64
    """Rows that are worked on at once."""
    ending_s: float = 10.0
    """How long a call that must not be broken may go on when the process is to end."""
    journal_pause_s: float = 1.0
    """After a journal that could not be written; doubles up to `journal_pause_max_s`."""
    journal_pause_max_s: float = 15.0
    ask_again_s: float = 10.0
    """Between two questions to Prometheus about recovery, and to a platform about what became of an order."""
    grace_s: float = 15.0
    """How much longer than its deadline a strategy may take to end what it started."""
    pace: float = 1.0
    """What the waits of the configuration (settle, `verify.every`, `verify.recovery`) are multiplied by."""
