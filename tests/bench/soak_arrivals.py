"""What comes in by itself while the demo soaks: whether all of it goes on, and nothing of it was refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.harness import Target
from support.processes import fetch
from support.siege import Figures

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["arrival_targets", "scraped"]

_ACCEPTED = {"outcome": "accepted"}
_RISING: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("rollwatch_browser_beacons_total", _ACCEPTED),
    ("rollwatch_browser_page_views_total", {}),
    ("rollwatch_browser_lcp_seconds_count", {}),
    ("rollwatch_push_requests_total", {"service": "api", **_ACCEPTED}),
    ("rollwatch_push_requests_total", {"service": "trading", **_ACCEPTED}),
    ("rollwatch_payments_total", {}),
    ("rollwatch_cache_requests_total", {}),
    ("rollwatch_database_query_duration_seconds_count", {}),
    ("rollwatch_records_examined_total", {}),
    ("rollwatch_trading_executions_total", {}),
    ("rollwatch_log_source_lines_total", {"result": "taken"}),
    ("rollwatch_http_requests_total", {}),
    ("rollwatch_payment_webhooks_total", {}),
)
_WITH_OUTCOME = ("rollwatch_browser_beacons_total", "rollwatch_push_requests_total")
_ALWAYS_0 = (
    "rollwatch_browser_unread_requests_total",
    "rollwatch_push_unread_requests_total",
    "rollwatch_figure_faults_total",
    "rollwatch_label_folds_total",
    "rollwatch_log_dropped_total",
)


def scraped(url: str) -> Figures:
    """A scrape, which must succeed."""
    status, _, body = fetch(f"{url}/metrics")
    if status != 200 or not body:
        raise RuntimeError(f"a scrape was answered with {status}")
    return Figures(body.decode())


def arrival_targets(url: str, within_s: float) -> list[Target]:
    """To be asked for when every fault is off: everything that comes in rises from now on."""
    began = time.monotonic()
    before = scraped(url)
    while (still := _still(before, scraped(url))) and time.monotonic() < began + within_s:
        time.sleep(1)
    now = scraped(url)
    refused = _refused(now)
    accepted = sum(now.total(name, **_ACCEPTED) for name in _WITH_OUTCOME)
    return [
        Target(
            f"all {len(_RISING)} counters of what comes in rise",
            f"not {', '.join(still)}" if still else f"within {time.monotonic() - began:.0f} s",
            not still,
        ),
        Target(
            "no beacon, push, value or line was refused",
            f"{accepted:.0f} beacons and pushes; refused {refused or 'none'}",
            accepted > 0 and not refused,
        ),
        Target("no request was answered with 5xx", f"{_failed(now):.0f}", _failed(now) == 0),
    ]


def _still(before: Figures, now: Figures) -> list[str]:
    return [name for name, labels in _RISING if now.total(name, **labels) <= before.total(name, **labels)]


def _refused(now: Figures) -> dict[str, float]:
    found: dict[str, float] = {}
    for s in now.samples:
        is_refusal = s.name in _ALWAYS_0 or (s.name in _WITH_OUTCOME and s.labels["outcome"] != "accepted")
        is_lost_line = s.name == "rollwatch_log_source_lines_total" and s.labels["result"] != "taken"
        if s.value and (is_refusal or is_lost_line):
            why = s.labels.get("outcome") or s.labels.get("error") or s.labels.get("fault") or s.name
            found[why] = found.get(why, 0) + s.value
    return found


def _failed(now: Figures) -> float:
    return sum(
        s.value
        for s in now.samples
        if s.name == "rollwatch_web_requests_total" and s.labels["code"].startswith("5")
    )
