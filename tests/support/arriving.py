"""The figures of services as a configuration declares them, and what a scrape then shows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollwatch.figures.board import Board
from rollwatch.figures.items import Found, Item, Operation
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from support.config_kinds import load
from support.faults import FAULTS
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from rollwatch.config.config import Config
    from rollwatch.figures.figure import Figure
    from rollwatch.figures.service import ServiceFigures

__all__ = ["Arriving", "added", "found", "observed", "set_to", "total"]


class Arriving:
    """A board under one configuration after another, in a time that stands still."""

    def __init__(
        self, directory: Path, services: str, *, on_fold: Callable[[str], object] | None = None
    ) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.store = Store()
        self.folds: list[str] = []
        self.board = Board(self.store, self.clock, location="here", on_fold=on_fold or self.folds.append)
        self.configure(services)

    def configure(self, services: str, environment: str = "test") -> Config:
        """Put `services` (YAML, as it stands below `services:`) in force."""
        indented = "\n".join(f"  {line}" for line in services.splitlines())
        path = self.directory / "rollwatch.yml"
        path.write_text(f"environment: {environment}\nservices:\n{indented}\n")
        config = load(path, env={"TOKEN": "token"})
        self.board.configure(config)
        return config

    def service(self, name: str = "api") -> ServiceFigures:
        """The figures of a service."""
        found = self.board.service(name)
        assert found is not None
        return found

    def figure(self, name: str, service: str = "api") -> Figure:
        """One figure of a service."""
        return self.service(service).figures[name]

    def shown(self, name: str, *, service: str | None = None) -> dict[tuple[str, ...], float]:
        """The samples of that name after a refresh, by their own labels; of faults, those there were."""
        self.board.refresh()
        found: dict[tuple[str, ...], float] = {}
        for family in self.store.collect():
            for sample in family.samples:
                common = ("service", "environment", "location")
                if name == FAULTS and not sample.value:
                    continue
                if sample.name == name and service in {None, sample.labels["service"]}:
                    own = tuple(value for label, value in sample.labels.items() if label not in common)
                    found[own] = sample.value
        return found

    def scraped(self, *, openmetrics: bool = False) -> str:
        """The whole exposition after a refresh."""
        self.board.refresh()
        return asyncio.run(_joined(render(self.store, openmetrics=openmetrics)))


async def _joined(pieces: AsyncGenerator[bytes, None]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


def set_to(figure: str, value: float, *labels: str) -> Item:
    """A gauge becomes `value`."""
    return Item(figure, labels, Operation.SET, value)


def added(figure: str, value: float, *labels: str) -> Item:
    """A counter grows by `value`."""
    return Item(figure, labels, Operation.ADD, value)


def total(figure: str, value: float, *labels: str) -> Item:
    """A running total stands at `value`."""
    return Item(figure, labels, Operation.TOTAL, value)


def observed(figure: str, value: float, *labels: str) -> Item:
    """A distribution gets `value`."""
    return Item(figure, labels, Operation.OBSERVE, value)


def found(*items: Item, whole: tuple[str, ...] = ()) -> Found:
    """A document that holds these."""
    return Found(list(items), whole=set(whole))
