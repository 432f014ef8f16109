"""What the handler's figures say of its journal."""

from __future__ import annotations

import pytest

from rollwatch.metrics.rollback_catalogue import HANDLER_OLDEST_RECEIVED
from rollwatch.metrics.store import Store
from rollwatch.rollback.metrics import HandlerMetrics


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        pytest.param({"oldest_received_at": 1_764_000_000.0}, 1_764_000_000.0, id="one-waits"),
        pytest.param({"oldest_received_at": 0.0}, None, id="none-waits"),
        pytest.param({}, None, id="unknown"),
    ],
)
def test_how_long_an_alert_has_waited_is_shown_only_while_one_waits(
    figures: dict[str, float], expected: float | None
) -> None:
    """Shown as 0, it would be an alert that has waited since 1970."""
    store = Store()
    metrics = HandlerMetrics(store, began_at=0.0)
    for said in ({"oldest_received_at": 5.0}, figures):
        metrics.show(recent=(), still_open=(), deployments=(), pauses=(), figures=said)
    assert store.gauge(HANDLER_OLDEST_RECEIVED, ()).value == expected
