"""Rates are per second, whatever the window of an installation is."""

from __future__ import annotations

import pytest

from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import requests


@pytest.mark.parametrize(
    ("window", "seconds"), [("5m", "300"), ("90s", "90"), ("1h30m", "5400"), ("90500ms", "90.5")]
)
def test_the_increase_within_the_window_is_divided_by_its_seconds(window: str, seconds: str) -> None:
    recorded = {rule.record: rule.expr for rule in requests.topic(Settings(window=window)).recordings}
    for level in ("service", "endpoint"):
        assert f":http_responses:increase) / {seconds}\n" in recorded[f"{level}:http_requests:rate"]
