"""What a bridge is made of, put together once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.bridge.access import Gate
    from rollwatch.bridge.channels.watchdog import Watchdog
    from rollwatch.bridge.digest_clock import DigestClock
    from rollwatch.bridge.http_client import HttpClient
    from rollwatch.bridge.intake import AlertIntake
    from rollwatch.bridge.lanes import Lanes
    from rollwatch.bridge.metrics import BridgeMetrics
    from rollwatch.bridge.storage.database import Database
    from rollwatch.bridge.storage.queue import Queue
    from rollwatch.bridge.storage.reports import Reports
    from rollwatch.bridge.storage.summaries import Summaries
    from rollwatch.bridge.tempo import Tempo
    from rollwatch.clock import Clock
    from rollwatch.metrics.store import Store

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that live as long as the process."""

    clock: Clock
    tempo: Tempo
    user_agent: str
    store: Store
    metrics: BridgeMetrics
    database: Database
    queue: Queue
    reports: Reports
    summaries: Summaries
    http: HttpClient
    gate: Gate
    lanes: Lanes
    watchdog: Watchdog
    digest_clock: DigestClock
    intake: AlertIntake
