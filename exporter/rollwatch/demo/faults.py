"""Everything that can be broken in the demo production, and where rollwatch shows it.

`demo fault`, docs/demo.md and the end-to-end test are all drawn from `FAULTS`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.demo.fault import Fault, FaultInfo
from rollwatch.demo.signs import Counted, Expectation, FigureSign, Share, Sign
from rollwatch.model import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAULTS", "Fault", "FaultInfo"]


def _silence(channel: str) -> tuple[Expectation, ...]:
    metric = "rollwatch_websocket_last_message_timestamp_seconds"
    return (Expectation(metric, ">", 5, {"channel": channel}, is_moment=True),)


def _failing(metric: str) -> Share:
    return Share(Counted(metric, {"outcome": "failed"}), Counted(metric), ">", 0.02)


_REQUESTS = "rollwatch_http_requests_total"
_LATENCY = "rollwatch_http_request_duration_seconds"
_LCP = "rollwatch_browser_lcp_seconds"
_ORDERS = {"endpoint": "/api/orders"}
_SLOW_ORDERS = Share(
    Counted(f"{_LATENCY}_bucket", {**_ORDERS, "le": "2.0"}), Counted(f"{_LATENCY}_count", _ORDERS), "<", 0.95
)
_SERVER_ERRORS = FigureSign(
    "api", (Share(Counted(_REQUESTS, {"code": "5xx"}), Counted(_REQUESTS), ">", 0.05),)
)

_BUDGET = ("AvailabilityBudgetBurnsFast", "AvailabilityBudgetBurnsSlowly")
_DOWN_TOO = ("HealthDownHere", "RollbackHealthDown", *_BUDGET)
_ERRORS_TOO = (
    *("HttpErrorsHigh", "HttpErrorsElevated", "FeatureErrorsHigh", "RollbackHttpErrorRatio"),
    *("HealthDownHere", "HealthDownMinor"),
    *("SystemErrorsBurst", "SystemErrorsHigh", "SystemErrorsElevated"),
)
_DROPPED_TOO = ("WebsocketDisconnectsHigh", "WebsocketDisconnectedLong", "RollbackWebsocketDropped")

FAULTS: Mapping[Fault, FaultInfo] = MappingProxyType(
    {
        Fault.FRONTEND_DOWN: FaultInfo(
            "front",
            "the page can't be opened: connections are refused",
            (
                Sign("web/page", Reason.CONNECT_REFUSED),
                Sign("web/health", Reason.CONNECT_REFUSED),
                Sign("web/status", Reason.CONNECT_REFUSED),
            ),
            alerts=("HealthDown",),
            companions=_DOWN_TOO,
        ),
        Fault.STALE_TIMESTAMP: FaultInfo(
            "front",
            "/health.json says healthy, but as of an hour ago (a cache answers, the server does not)",
            (Sign("web/status", Reason.TIMESTAMP_STALE),),
            alerts=("HealthDownHere",),
            companions=_BUDGET,
        ),
        Fault.SLOW_PAGE: FaultInfo(
            "front",
            "the page's largest picture takes over 4 s; the page itself is there at once",
            # A quarter or more is slower than 4 s: the 75th percentile is, too.
            (
                FigureSign(
                    "web",
                    (Share(Counted(f"{_LCP}_bucket", {"le": "4.0"}), Counted(f"{_LCP}_count"), "<", 0.75),),
                ),
            ),
            alerts=("LcpPoor",),
            companions=("LcpElevated", "PageLoadSlow"),
        ),
        Fault.SCRIPT_ERROR: FaultInfo(
            "front",
            "the page's script throws a TypeError in every view: the fee of an order is not shown",
            (
                FigureSign(
                    "web",
                    (
                        Share(
                            Counted("rollwatch_browser_page_views_with_errors_total"),
                            Counted("rollwatch_browser_page_views_total"),
                            ">",
                            0.001,
                        ),
                    ),
                ),
            ),
            alerts=("JavascriptErrorsHigh",),
            companions=("JavascriptErrorRatioHigh", "JavascriptNewErrors"),
        ),
        Fault.HEALTH_DOWN: FaultInfo(
            "api",
            "/health answers 503, shutting_down; every component is still up",
            (Sign("api/health", Reason.STATUS),),
            alerts=("HealthDown",),
            companions=_DOWN_TOO,
        ),
        Fault.COMPONENT_DOWN: FaultInfo(
            "api",
            "the database is down: /health answers 503 and names it",
            (
                Sign(
                    "api/health",
                    Reason.STATUS,
                    (Expectation("rollwatch_component_up", "==", 0, {"component": "database"}),),
                ),
            ),
            alerts=("CriticalComponentDown", "HealthDown"),
            companions=(*_DOWN_TOO, "RollbackComponentDown"),
        ),
        Fault.API_5XX: FaultInfo(
            "api",
            "/api/orders and /api/users answer 500; /health stays well",
            (Sign("api/orders", Reason.STATUS), Sign("api/users", Reason.STATUS), _SERVER_ERRORS),
            alerts=("HttpErrorsCritical",),
            companions=_ERRORS_TOO,
        ),
        Fault.SLOW: FaultInfo(
            "api",
            "/api/orders takes over 2 s",
            (
                Sign("api/orders", Reason.OK, (Expectation("probe_duration_seconds", ">", 2),)),
                FigureSign("api", (_SLOW_ORDERS,)),
            ),
            alerts=("HttpP95High",),
            companions=("HttpP95Elevated", "LatencyBudgetBurnsFast", "LatencyBudgetBurnsSlowly"),
        ),
        Fault.HANG: FaultInfo(
            "api",
            "the API accepts connections and never answers",
            (
                Sign("api/health", Reason.TIMEOUT),
                Sign("api/orders", Reason.TIMEOUT),
                Sign("api/users", Reason.TIMEOUT),
                Sign("api/stats", Reason.TIMEOUT),
            ),
            alerts=("HealthDown",),
            companions=(*_DOWN_TOO, "HealthDownMinor", "FigureStale"),
        ),
        Fault.BAD_RELEASE: FaultInfo(
            "api",
            "version 1.5.0 is out; /health stays well, /api/orders answers 500",
            (
                Sign(
                    "api/health",
                    Reason.OK,
                    (Expectation("rollwatch_release_info", "==", 1, {"version": "1.5.0"}),),
                ),
                Sign("api/orders", Reason.STATUS),
                _SERVER_ERRORS,
            ),
            alerts=("HttpErrorsCritical", "ReleaseSeen"),
            companions=(*_ERRORS_TOO, "SystemErrorsNewType"),
        ),
        Fault.BAD_JSON: FaultInfo(
            "api",
            "/api/users answers 200 with JSON that is cut off",
            (Sign("api/users", Reason.JSON_INVALID),),
            alerts=("HealthDownMinor",),
        ),
        Fault.HUGE_BODY: FaultInfo(
            "api",
            "/api/users answers 32 MiB",
            (Sign("api/users", Reason.BODY_TOO_LARGE),),
            alerts=("HealthDownMinor",),
        ),
        Fault.FAILING_PAYMENTS: FaultInfo(
            "payments",
            "two payments in five fail, and three in four webhooks that tell of them; the API is well",
            (
                FigureSign(
                    "api",
                    (_failing("rollwatch_payments_total"), _failing("rollwatch_payment_webhooks_total")),
                ),
            ),
            alerts=("PaymentsFailing", "PaymentWebhooksFailing"),
        ),
        Fault.DRIFTING_PNL: FaultInfo(
            "trading",
            "trades lose over 20 % where the backtest expects 8.5 % of profit",
            (FigureSign("trading", (Expectation("rollwatch_trading_backtest_variance_points", ">", 20),)),),
            alerts=("BacktestVarianceCritical",),
            companions=("BacktestVarianceHigh", "BacktestVarianceElevated"),
        ),
        Fault.WS_REFUSE: FaultInfo(
            "feed",
            "the feed ends its sessions and refuses new ones with 503",
            (Sign("feed/connect", Reason.STATUS), Sign("feed/session", Reason.DISCONNECTED)),
            alerts=("WebsocketConnectsFail", "WebsocketDisconnected"),
            companions=_DROPPED_TOO,
        ),
        Fault.WS_DROP: FaultInfo(
            "feed",
            "the feed drops every session without a close frame, as soon as it subscribes",
            (
                Sign(
                    "feed/session",
                    Reason.DISCONNECTED,
                    (Expectation("rollwatch_websocket_closes_total", ">", 0, {"code": "1006"}),),
                ),
                Sign("feed/connect", Reason.CONNECTION_CLOSED),
            ),
            alerts=("WebsocketConnectsFail", "WebsocketDisconnected"),
            companions=_DROPPED_TOO,
        ),
        Fault.FEED_STALE: FaultInfo(
            "feed",
            "sessions stay connected and nothing arrives any more",
            (
                Sign("feed/connect", Reason.NO_MATCHING_MESSAGE),
                Sign("feed/session", Reason.OK, _silence("all")),
            ),
            alerts=("WebsocketFeedStale",),
            companions=("WebsocketConnectsFail",),
        ),
        Fault.FEED_CHANNEL_STALE: FaultInfo(
            "feed",
            "channel ETH is silent, the others go on",
            (Sign("feed/session", Reason.OK, _silence("eth")),),
            alerts=("WebsocketFeedStale",),
        ),
        Fault.PROVIDER_DOWN: FaultInfo(
            "primary",
            "the primary data provider answers 503; the fallback is well",
            (Sign("market-data/primary", Reason.STATUS),),
            alerts=("ProviderUptimeLow",),
        ),
        Fault.PROVIDER_RATE_LIMITED: FaultInfo(
            "primary",
            "the primary data provider answers 429 with Retry-After: 5",
            (Sign("market-data/primary", Reason.RATE_LIMITED),),
        ),
        Fault.PROVIDER_UNAUTHORIZED: FaultInfo(
            "primary",
            "the primary data provider rejects our token with 401",
            (Sign("market-data/primary", Reason.CREDENTIALS_REJECTED),),
            alerts=("CredentialsRejected",),
            companions=("HealthUndecided",),
        ),
        Fault.ALL_PROVIDERS_DOWN: FaultInfo(
            "primary",
            "the primary and the fallback data provider answer 503",
            (Sign("market-data/primary", Reason.STATUS), Sign("market-data/fallback", Reason.STATUS)),
            alerts=("ProvidersAllDown",),
            companions=("ProviderUptimeLow", "ProviderUptimeCritical"),
        ),
        Fault.BAD_GREEKS: FaultInfo(
            "primary",
            "13 of 20 option records are wrong: gamma 0 in 5, |delta| over 1 in 4, no vega in 4",
            (
                Sign(
                    "market-data/primary",
                    Reason.OK,
                    (
                        Expectation("rollwatch_provider_records_valid_ratio", "==", 0.35),
                        *(
                            Expectation("rollwatch_provider_records_invalid", "==", count, {"check": check})
                            for check, count in (("gamma", 5), ("delta", 4), ("vega", 4))
                        ),
                    ),
                ),
            ),
            alerts=("DataQualityCritical",),
            companions=("DataCheckCritical", "DataQualityPoor", "DataQualityLow"),
        ),
        Fault.NODE_STUCK: FaultInfo(
            "node",
            "the chain's node answers, but its block height no longer grows",
            (Sign("chain/height", Reason.VALUE_NOT_GROWING),),
            alerts=("ProvidersAllDown",),
            companions=("ProviderUptimeLow", "ProviderUptimeCritical"),
        ),
        Fault.CERTIFICATE_EXPIRED: FaultInfo(
            "gateway",
            "the gateway serves a certificate that expired yesterday",
            (
                Sign(
                    "web/certificate",
                    Reason.CERTIFICATE_EXPIRED,
                    (Expectation("probe_ssl_earliest_cert_expiry", ">", 0, is_moment=True),),
                ),
            ),
            alerts=("CertificateExpired",),
            companions=("CertificateExpiresVerySoon", "CertificateExpiresSoon", "HealthDownHere", *_BUDGET),
        ),
        Fault.SLACK_DOWN: FaultInfo(
            "inbox",
            "Slack answers 503, and other channels get through (break something else, too, to see it)",
            (),
            alerts=("NotificationsFail",),
        ),
    }
)
