"""Requests: errors, rate and latency of what users ask for, by service, feature and endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import beyond
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Topic
from rollwatch.bundle.topics._http_slis import FEWEST, FEWEST_SOON, recordings
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]


def topic(settings: Settings) -> Topic:
    """The rules of requests."""
    return Topic(
        name="requests",
        title="Requests",
        recordings=tuple(recordings(settings.window)),
        judged=(
            Judged("http_5xx_ratio", "service:http_errors:ratio or service:http_errors:ratio_1m"),
            Judged("feature_5xx_ratio", "feature:http_errors:ratio"),
            Judged("http_4xx_increase_ratio", "service:http_client_errors:increase_1w"),
            Judged("http_request_rate_high_factor", "service:http_requests:rise_factor_1w"),
            Judged("http_request_rate_low_factor", "service:http_requests:drop_factor_1w"),
            Judged("http_p95_seconds", "service:http_latency_seconds:p95"),
            Judged("http_p99_seconds", "service:http_latency_seconds:p99"),
            Judged("http_average_seconds", "service:http_latency_seconds:average_3m"),
        ),
        alerts=(
            *_error_alerts(settings),
            *_client_error_alerts(),
            *_rate_alerts(),
            *_latency_alerts(settings),
        ),
    )


def _error_alerts(settings: Settings) -> tuple[Alert, ...]:
    row, sli = "http_5xx_ratio", "service:http_errors:ratio"
    over = f"over the last {settings.window}"
    enough = f", of {FEWEST} requests or more"

    def alert(name: str, priority: Priority, hold: str, summary: str, effect: str) -> Alert:
        return Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, row, priority),
            hold=hold,
            metric=sli,
            condition=f"the share of a service's requests answered with 5xx is too high{enough}",
            threshold=row,
            summary=summary,
            description=(
                f"[service] answered [value] of its requests with 5xx {over}; the limit is [threshold]. "
                f"{effect} Health probes are not counted."
            ),
            dashboard=Dashboard.APPLICATION,
        )

    return (
        alert(
            "HttpErrorsElevated",
            Priority.P2,
            "30m",
            "Errors of [service] are elevated: [value] of requests ([environment])",
            "A few users meet an error now and then.",
        ),
        alert(
            "HttpErrorsHigh",
            Priority.P1,
            "0s",
            "[service] fails [value] of its requests ([environment])",
            "Many users meet errors.",
        ),
        Alert(
            name="HttpErrorsCritical",
            priority=Priority.P0,
            expr=beyond("service:http_errors:ratio_1m", row, Priority.P0),
            hold="30s",
            metric="service:http_errors:ratio_1m",
            condition=(
                "most of a service's requests are answered with 5xx, "
                f"of {FEWEST_SOON} requests or more within 1 min"
            ),
            threshold=row,
            summary="[service] fails [value] of all requests ([environment])",
            description=(
                "[service] answered [value] of its requests with 5xx within the last minute; the limit is "
                "[threshold]. "
                "For most users it is down. Health probes are not counted."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="FeatureErrorsHigh",
            priority=Priority.P1,
            expr=beyond('feature:http_errors:ratio{core="true"}', "feature_5xx_ratio", Priority.P1),
            metric="feature:http_errors:ratio",
            condition=f"the share of a core feature's requests answered with 5xx is too high{enough}",
            threshold="feature_5xx_ratio",
            summary="[service] fails [value] of the requests of [feature] ([environment])",
            description=(
                "[service] answered [value] of the requests of its core feature [feature] with 5xx "
                f"{over}; the limit "
                "is [threshold]. Users can't rely on [feature]."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
    )


def _client_error_alerts() -> tuple[Alert, ...]:
    row, sli = "http_4xx_increase_ratio", "service:http_client_errors:increase_1w"
    up = "the share of requests answered with 4xx is higher than a week ago"
    return (
        Alert(
            name="ClientErrorsUp",
            priority=Priority.P2,
            expr=beyond(sli, row, Priority.P2),
            hold="15m",
            metric=sli,
            condition=up,
            threshold=row,
            summary="[service] refuses [value] more of its requests than a week ago ([environment])",
            description=(
                "The share of requests that [service] answers with 4xx is [value] of all requests higher "
                "than at this "
                "time a week ago; the limit is [threshold]. Links, logins or a client may be broken, or "
                "somebody scans."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="ClientErrorsUpAfterRelease",
            priority=Priority.P1,
            expr=(
                f"(\n{beyond(sli, row, Priority.P1)}\n)\n"
                "and on (service, environment) time() - service:release_changed:timestamp_seconds <= 1800"
            ),
            metric=sli,
            condition=f"{up}, within 30 min after a release",
            threshold=row,
            summary="[service] refuses [value] more of its requests since its release ([environment])",
            description=(
                "[service] changed its version within the last 30 min. The share of requests that it "
                "answers with 4xx "
                "is now [value] of all requests higher than at this time a week ago; the limit is "
                "[threshold]. "
                "The release probably broke something that users or clients call."
            ),
            dashboard=Dashboard.RELEASES,
        ),
    )


def _rate_alerts() -> tuple[Alert, ...]:
    rise, drop = "service:http_requests:rise_factor_1w", "service:http_requests:drop_factor_1w"
    return (
        Alert(
            name="RequestRateHigh",
            priority=Priority.P2,
            expr=beyond(rise, "http_request_rate_high_factor", Priority.P2),
            hold="15m",
            metric=rise,
            condition="many more requests than a week ago, 1 per second or more",
            threshold="http_request_rate_high_factor",
            summary="[service] gets [value] the requests of a week ago ([environment])",
            description=(
                "[service] gets [value] as many requests as at this time a week ago; the limit is "
                "[threshold]. "
                "Users notice nothing until it is overloaded. It may be success, an attack, or a client "
                "that retries "
                "without end."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="RequestRateLow",
            priority=Priority.P2,
            expr=beyond(drop, "http_request_rate_low_factor", Priority.P2),
            hold="15m",
            metric=drop,
            condition="far fewer requests than a week ago, when there were 1 per second or more",
            threshold="http_request_rate_low_factor",
            summary="[service] gets only [value] the requests of a week ago ([environment])",
            description=(
                "[service] gets only [value] as many requests as at this time a week ago; the limit is "
                "[threshold]. "
                "Users may not reach it: look at what is in front of it. Or it is a holiday."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
    )


def _latency_alerts(settings: Settings) -> tuple[Alert, ...]:
    def alert(name: str, statistic: str, priority: Priority, summary: str, effect: str) -> Alert:
        share = "One in twenty" if statistic == "p95" else "One in a hundred"
        row, sli = f"http_{statistic}_seconds", f"service:http_latency_seconds:{statistic}"
        return Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, row, priority),
            metric=sli,
            condition=f"the {statistic} of a service's latency is too high",
            threshold=row,
            summary=summary,
            description=(
                f"{share} requests to [service] takes longer than [value] ({statistic} over the last "
                f"{settings.window}); the limit is [threshold]. {effect}"
            ),
            dashboard=Dashboard.APPLICATION,
        )

    return (
        alert(
            "HttpP95Elevated",
            "p95",
            Priority.P2,
            "[service] is slower than it should be: p95 [value] ([environment])",
            "Users notice that it is slow.",
        ),
        alert(
            "HttpP95High",
            "p95",
            Priority.P1,
            "[service] is slow: p95 [value] ([environment])",
            "Users wait, and some leave.",
        ),
        alert(
            "HttpP99High",
            "p99",
            Priority.P1,
            "Some requests to [service] hang: p99 [value] ([environment])",
            "Some users wait until they give up.",
        ),
    )
