"""What a scrape says of itself."""

from __future__ import annotations

import asyncio

import pytest

from rollwatch.exporter.exposing import Exposition
from rollwatch.metrics import catalogue as m
from rollwatch.metrics.store import Store
from support.manual_clock import ManualClock


async def test_a_scrape_tells_how_long_the_one_before_took_and_what_is_held() -> None:
    clock, store = ManualClock(), Store()
    store.gauge(m.ROLLWATCH_OWN_NETWORK_UP, ("here",))

    async def refresh() -> None:
        clock.advance(0.25)
        await asyncio.sleep(0)

    exposition = Exposition(store, refresh, clock, location="here", log_dropped=lambda: 3)

    async def scrape() -> dict[str, float]:
        text = b"".join([piece async for piece in exposition.render(openmetrics=False)]).decode()
        samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name.partition("{")[0]: float(value) for name, _, value in samples}

    first, second = await scrape(), await scrape()
    assert "rollwatch_scrape_duration_seconds" not in first
    assert second["rollwatch_scrape_duration_seconds"] == pytest.approx(0.25)
    assert second["rollwatch_scrape_series"] == store.series
    assert "rollwatch_own_network_up" not in second
    assert (first["rollwatch_log_dropped_total"], second["rollwatch_log_dropped_total"]) == (3, 3)
