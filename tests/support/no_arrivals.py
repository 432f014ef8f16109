"""What came by itself to an exporter: nothing, but real."""

from __future__ import annotations

from dataclasses import dataclass, field

from rollwatch.clock import SystemClock
from rollwatch.config.ingest import IngestSpec
from rollwatch.figures.board import Board
from rollwatch.ingest.browser.intake import BrowserIntake
from rollwatch.ingest.gate import Gate
from rollwatch.metrics.store import Store

__all__ = ["Arrived"]


def _browser() -> BrowserIntake:
    clock, secret = SystemClock(), bytes(32)
    gate = Gate(IngestSpec(), clock, secret)
    return BrowserIntake(Store(), clock, gate, location="here", secret=secret, script=None)


@dataclass(frozen=True)
class Arrived:
    """As `exporter_routes` takes it."""

    board: Board = field(default_factory=lambda: Board(Store(), SystemClock(), location="here"))
    browser: BrowserIntake = field(default_factory=_browser)
