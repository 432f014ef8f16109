"""What a handler is made of, put together once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.metrics.store import Store
    from rollwatch.rollback.events.channel import Channel
    from rollwatch.rollback.events.poster import Poster
    from rollwatch.rollback.evidence.gather import Gatherer
    from rollwatch.rollback.in_force import InForce
    from rollwatch.rollback.journal.journal import SqlJournal
    from rollwatch.rollback.links import Links
    from rollwatch.rollback.metrics import HandlerMetrics
    from rollwatch.rollback.peers import PeerWatch
    from rollwatch.rollback.web.service import RollbackService
    from rollwatch.rollback.work import Worker

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that live as long as the process."""

    clock: Clock
    store: Store
    metrics: HandlerMetrics
    journal: SqlJournal
    in_force: InForce
    channel: Channel
    links: Links
    poster: Poster
    gatherer: Gatherer
    peers: PeerWatch
    worker: Worker
    service: RollbackService
