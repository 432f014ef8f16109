"""The normal names: figures of applications that shipped rules and dashboards know, however they arrive.

A service whose own Prometheus metrics already say these things keeps its own names; recording rules map them.
Figures named with `reported` are what a service computed itself and tells as a number (a percentile, a rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.labels import LabelDef, LabelKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NORMAL", "NormalFigure"]

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_SESSION = (10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0)
_MEANING = (
    "For services that declare it, from the first value that arrives; counters without open labels from 0."
)


@dataclass(frozen=True, slots=True)
class NormalFigure:
    """A figure with a fixed meaning: its metric, and how its labels are bounded."""

    metric: MetricDef
    labels: tuple[LabelDef, ...]


def _figure(
    name: str, kind: MetricType, text: str, *labels: LabelDef, buckets: tuple[float, ...] = ()
) -> NormalFigure:
    names = tuple(label.name for label in labels)
    metric = MetricDef(name, kind, text, scope=Scope.SERVICE, labels=names, buckets=buckets, meaning=_MEANING)
    return NormalFigure(metric, labels)


def _closed(name: str, *values: str) -> LabelDef:
    return LabelDef(name, LabelKind.CLOSED, values)


_GAUGE, _COUNTER, _HISTOGRAM = MetricType.GAUGE, MetricType.COUNTER, MetricType.HISTOGRAM
_ENDPOINT = LabelDef("endpoint", LabelKind.ROUTE)
_CODE = LabelDef("code", LabelKind.STATUS)
_OUTCOME = _closed("outcome", "ok", "failed")

_FIGURES = (
    # Requests
    _figure(
        "rollwatch_http_requests_total",
        _COUNTER,
        "Requests the service answered, by endpoint and class of status code (2xx, 4xx, 5xx).",
        _ENDPOINT,
        _CODE,
    ),
    _figure(
        "rollwatch_http_request_duration_seconds",
        _HISTOGRAM,
        "How long the service took to answer requests in seconds, by endpoint.",
        _ENDPOINT,
        buckets=_LATENCY,
    ),
    _figure(
        "rollwatch_http_reported_requests_per_second",
        _GAUGE,
        "Requests per second as the service computed it, by endpoint (all: the whole service).",
        _ENDPOINT,
    ),
    _figure(
        "rollwatch_http_reported_error_ratio",
        _GAUGE,
        "Share of requests answered with this class of status code (4xx, 5xx), as the service computed it.",
        _ENDPOINT,
        _CODE,
    ),
    _figure(
        "rollwatch_http_reported_latency_seconds",
        _GAUGE,
        "Latency in seconds as the service computed it, by endpoint; statistic is average, p50, p95 or p99.",
        _ENDPOINT,
        _closed("statistic", "average", "p50", "p95", "p99"),
    ),
    # WebSocket, as the service itself sees it
    _figure(
        "rollwatch_websocket_reported_connections",
        _GAUGE,
        "WebSocket connections open now, as the service reports it.",
    ),
    _figure(
        "rollwatch_websocket_reported_opens_total",
        _COUNTER,
        "WebSocket connections opened, as the service reports it.",
    ),
    _figure(
        "rollwatch_websocket_reported_closes_total",
        _COUNTER,
        "WebSocket connections that ended, by close code (RFC 6455 section 7.4), as the service reports it.",
        LabelDef("code"),
    ),
    _figure(
        "rollwatch_websocket_reported_reconnects_total",
        _COUNTER,
        "WebSocket reconnect attempts, as the clients or the service report it.",
    ),
    _figure(
        "rollwatch_websocket_reported_session_duration_seconds",
        _HISTOGRAM,
        "How long WebSocket sessions lasted in seconds, as the service reports it.",
        buckets=_SESSION,
    ),
    # Providers and data
    _figure(
        "rollwatch_provider_in_use",
        _GAUGE,
        "1 for the provider the application takes its data from now, 0 for the others.",
        LabelDef("provider"),
    ),
    _figure(
        "rollwatch_transactions_total",
        _COUNTER,
        "Transactions sent to a chain or another ledger, by outcome (ok, failed).",
        _OUTCOME,
    ),
    # Trading
    _figure(
        "rollwatch_trading_executions_total",
        _COUNTER,
        "Trades executed.",
    ),
    _figure(
        "rollwatch_trading_pnl_gross_percent",
        _GAUGE,
        "Gross profit and loss in percent of notional (0 to 100, negative for a loss).",
    ),
    _figure(
        "rollwatch_trading_pnl_net_percent",
        _GAUGE,
        "Net profit and loss, after commission and slippage, in percent of notional.",
    ),
    _figure(
        "rollwatch_trading_backtest_percent",
        _GAUGE,
        "The net profit and loss in percent that the backtest expects.",
    ),
    _figure(
        "rollwatch_trading_backtest_variance_points",
        _GAUGE,
        "Live net profit and loss percent against the backtest's, absolute, in percentage points.",
    ),
    _figure(
        "rollwatch_trading_cost",
        _GAUGE,
        "Cost of the last trade in the account's currency, by item and whether it was expected or actual.",
        _closed("item", "commission", "slippage"),
        _closed("basis", "expected", "actual"),
    ),
    _figure(
        "rollwatch_trading_position_size",
        _GAUGE,
        "Size of the last position taken, in units.",
    ),
    _figure(
        "rollwatch_trading_fill_deviation_ratio",
        _GAUGE,
        "Fill price of the last trade against the market's, as a share of it; positive is worse.",
    ),
    _figure(
        "rollwatch_trading_fill_seconds",
        _HISTOGRAM,
        "Time from order to fill in seconds.",
        buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
    ),
    # The application and its business
    _figure(
        "rollwatch_active_users",
        _GAUGE,
        "People active in the window.",
        _closed("window", "now", "day", "week", "month"),
    ),
    _figure(
        "rollwatch_payments_total",
        _COUNTER,
        "Payments tried, by outcome (ok, failed).",
        _OUTCOME,
    ),
    _figure(
        "rollwatch_payment_webhooks_total",
        _COUNTER,
        "Webhooks of the payment provider that were processed, by outcome (ok, failed).",
        _OUTCOME,
    ),
    _figure(
        "rollwatch_cache_requests_total",
        _COUNTER,
        "Reads of the cache, by outcome (hit, miss).",
        _closed("outcome", "hit", "miss"),
    ),
    _figure(
        "rollwatch_system_errors_total",
        _COUNTER,
        "Errors the application counts as its own, by type.",
        LabelDef("type"),
    ),
    # Database, as the service sees it
    _figure(
        "rollwatch_database_up",
        _GAUGE,
        "1 if the service reaches its database, 0 if not.",
    ),
    _figure(
        "rollwatch_database_query_duration_seconds",
        _HISTOGRAM,
        "How long database queries took in seconds, by operation.",
        LabelDef("operation"),
        buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    ),
    _figure(
        "rollwatch_database_reported_query_average_seconds",
        _GAUGE,
        "Average time of a database query in seconds, as the service computed it.",
    ),
    _figure(
        "rollwatch_database_slow_queries_total",
        _COUNTER,
        "Database queries that took over 1 s.",
    ),
    _figure(
        "rollwatch_database_pool_connections",
        _GAUGE,
        "Connections of the service's pool by state; max is how many there may be.",
        _closed("state", "in_use", "idle", "waiting", "max"),
    ),
    _figure(
        "rollwatch_database_pool_exhausted_total",
        _COUNTER,
        "Times no connection of the pool was free.",
    ),
    _figure(
        "rollwatch_database_size_bytes",
        _GAUGE,
        "Size of the database in bytes, by table (all: the whole database).",
        LabelDef("table"),
    ),
    # Resources that only the service or its platform can see
    _figure(
        "rollwatch_app_cpu_ratio",
        _GAUGE,
        "CPU in use over what may be used, 0 to 1, as the service or its platform reports it, by process.",
        LabelDef("process"),
    ),
    _figure(
        "rollwatch_app_memory_bytes",
        _GAUGE,
        "Memory in use in bytes, as the service or its platform reports it, by process.",
        LabelDef("process"),
    ),
    _figure(
        "rollwatch_app_memory_limit_bytes",
        _GAUGE,
        "The real limit of that memory in bytes (container, host or heap limit), by process.",
        LabelDef("process"),
    ),
    # Lab runs
    _figure(
        "rollwatch_lab_tti_seconds",
        _GAUGE,
        "Time to Interactive in seconds, as a lab run reported it, by route.",
        LabelDef("route", LabelKind.ROUTE),
    ),
    _figure(
        "rollwatch_lab_lighthouse_score",
        _GAUGE,
        "Lighthouse score, 0 to 100, as a lab run reported it, by route and category.",
        LabelDef("route", LabelKind.ROUTE),
        LabelDef("category"),
    ),
)

NORMAL: Mapping[str, NormalFigure] = MappingProxyType({figure.metric.name: figure for figure in _FIGURES})
"""Every normal figure by its name."""
