"""What reports by itself instead of being probed, and what it is handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from random import Random

    from rollwatch.clock import Clock
    from rollwatch.demo.production.part import Tokens
    from rollwatch.demo.production.postbox import Postbox
    from rollwatch.demo.switchboard import Switchboard

__all__ = ["Sender", "SenderEnv"]


@dataclass(frozen=True, slots=True)
class SenderEnv:
    """What a sender may use of the world. `rng` makes its figures and is its own."""

    board: Switchboard
    clock: Clock
    rng: Random
    new_id: Callable[[], str]
    """Random, another one at each call and in each run: the exporter takes what came before for a replay."""
    tokens: Tokens
    postbox: Postbox
    logs: Path
    """The directory of the logs."""
    interval_s: float
    """How often an application pushes."""
    page: str
    """The origin of the front end: `http://127.0.0.1:9731`."""
    visitors: int


@dataclass(frozen=True, slots=True)
class Sender:
    """A part of the production without a port. `work` never ends by itself."""

    name: str
    sends: str
    """What, for people."""
    work: Callable[[SenderEnv], Coroutine[Any, Any, None]]
