"""The application as it reports itself: its errors, payments, cache, and what it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import OWN, beyond, first_of
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_TYPE = "service, environment, location, type"
_ERRORS = "rollwatch_system_errors_total"
_FEWEST_PAYMENTS = 20
"""Of so few a share says nothing: then the last hour counts, if it has as many."""
_FEWEST_FAILED = 3
"""So many must have failed within the hour: one customer whose card is refused is no trouble of ours."""
_FEWEST_READS = 100
_FEWEST_WEBHOOKS = 5
_FEWEST_WITHOUT_SUCCESS = 3
"""A provider calls again what failed; one call that fails at night wakes nobody."""
_SMALLEST_GROWTH = 100_000_000
"""Bytes: a tenth of something small is nothing."""


def topic(settings: Settings) -> Topic:
    """The rules of what applications report."""
    window = settings.window
    return Topic(
        name="application",
        title="Application",
        recordings=(*_errors(), *_payments(window), *_webhooks(window), *_cache(window), *_growth()),
        judged=(
            Judged("system_errors_per_hour", "service:system_errors:increase_1h"),
            Judged("system_errors_per_minute", "service:system_errors:increase_1m"),
            Judged("failed_payment_ratio", "service:payments_failed:ratio"),
            Judged("cache_hit_ratio", "service:cache_hits:ratio"),
            Judged("weekly_growth_ratio", "service:stored_growth:ratio_1w"),
        ),
        alerts=(*_error_alerts(), *_payment_alerts(settings), *_other_alerts(settings)),
    )


def _errors() -> tuple[Recording, ...]:
    known = f'rollwatch_figure_info{{figure="{_ERRORS}"}}'

    def within(span: str) -> Iterator[Recording]:
        """A series begins with its first count, which is no increase: of a younger type, all of it counts.

        Only where the service was watched before, or all counts of a new Prometheus were young.
        """
        young, increase = f"type:system_errors_young:count_{span}", f"type:system_errors:increase_{span}"
        yield Recording(increase, f"sum by ({_TYPE}) (increase({_ERRORS}[{span}]))")
        yield Recording(
            young,
            f"sum by ({_TYPE}) ({_ERRORS} unless {_ERRORS} offset {span})\n"
            f"and on (service, environment, location) {known} offset {span}",
        )
        yield Recording(
            f"service:system_errors:increase_{span}",
            f"sum by ({_SERVICE}) (({young} > {increase}) or {increase} or {young})",
        )

    return (
        *within("1h"),
        *within("1m"),
        # After a restart of the exporter every series begins anew: what Prometheus remembers is not new.
        Recording(
            "type:system_errors_new:count",
            f"sum by (service, environment, type) ({_ERRORS})\n"
            f"unless on (service, environment, type) last_over_time({_ERRORS}[1d] offset 1h)\n"
            f"and on (service, environment) {known} offset 1d",
        ),
    )


def _counts(name: str, outcome: str, metric: str, span: str, suffix: str = "") -> Iterator[Recording]:
    """How many there were within a span, and of how many the outcome was this one; 0 of some if of none."""
    every = f"service:{name}:increase{suffix}"
    yield Recording(every, f"sum by ({_SERVICE}) (increase({metric}[{span}]))")
    yield Recording(
        f"service:{name}_{outcome}:increase{suffix}",
        f'sum by ({_SERVICE}) (increase({metric}{{outcome="{outcome}"}}[{span}]))\nor {every} * 0',
    )


def _payments(window: str) -> tuple[Recording, ...]:
    def share(suffix: str = "") -> str:
        every = f"(service:payments:increase{suffix} >= {_FEWEST_PAYMENTS})"
        return f"service:payments_failed:increase{suffix} / {every}"

    counted = ("payments", "failed", "rollwatch_payments_total")
    return (
        *_counts(*counted, window),
        *_counts(*counted, "1h", "_1h"),
        Recording("service:payments_failed:ratio", first_of(share(), share("_1h"))),
    )


def _webhooks(window: str) -> tuple[Recording, ...]:
    def share(suffix: str = "") -> Recording:
        part, every = (
            f"service:payment_webhooks_failed:increase{suffix}",
            f"service:payment_webhooks:increase{suffix}",
        )
        return Recording(f"service:payment_webhooks_failed:ratio{suffix}", f"{part} / ({every} > 0)")

    counted = ("payment_webhooks", "failed", "rollwatch_payment_webhooks_total")
    return (*_counts(*counted, window), *_counts(*counted, "1h", "_1h"), share(), share("_1h"))


def _cache(window: str) -> tuple[Recording, ...]:
    return (
        *_counts("cache_reads", "hit", "rollwatch_cache_requests_total", window),
        Recording(
            "service:cache_hits:ratio",
            f"service:cache_reads_hit:increase / (service:cache_reads:increase >= {_FEWEST_READS})",
        ),
    )


def _growth() -> tuple[Recording, ...]:
    sizes = "rollwatch_database_size_bytes"
    databases = first_of(
        f'max by ({_SERVICE}) ({sizes}{{table="all"}})',
        f"sum by ({_SERVICE}) (max by ({_SERVICE}, table) ({sizes}))",
        f"sum by ({_SERVICE}) (max by ({_SERVICE}, instance, datname) (pg_database_size_bytes{{{OWN}}}))",
    )
    disks = (
        "label_replace(service:disk_size:bytes - service:disk_available:bytes,\n"
        '  "what", "disk $1", "mount", "(.+)")'
    )
    stored = "service:stored:bytes"
    return (
        Recording(stored, f'label_replace({databases},\n  "what", "database", "", "")\nor\n{disks}'),
        Recording("service:stored_growth:ratio_1w", f"{stored} / ({stored} offset 1w > 0) - 1"),
        Recording("service:stored_growth:bytes_1w", f"{stored} - {stored} offset 1w"),
    )


def _error_alerts() -> tuple[Alert, ...]:
    def errors(name: str, priority: Priority, span: str, row: str, meaning: str) -> Alert:
        sli = f"service:system_errors:increase_{span}"
        words = {"1h": "hour", "1m": "minute"}[span]
        return Alert(
            name=name,
            priority=priority,
            expr=beyond(sli, row, priority),
            metric=sli,
            condition=f"the application counted more system errors in the last {words} than the threshold",
            threshold=row,
            summary="System errors of [service]: [value] ([environment])",
            description=(
                f"Over the last {words} [service] counted errors of its own at a rate of [value]; the limit "
                f"is [threshold]. {meaning}"
            ),
            dashboard=Dashboard.APPLICATION,
        )

    return (
        errors(
            "SystemErrorsElevated",
            Priority.P2,
            "1h",
            "system_errors_per_hour",
            "Single requests or jobs fail; the types of errors say which.",
        ),
        errors(
            "SystemErrorsHigh",
            Priority.P1,
            "1h",
            "system_errors_per_hour",
            "Something fails for users again and again; the types of errors say what.",
        ),
        errors(
            "SystemErrorsBurst",
            Priority.P1,
            "1m",
            "system_errors_per_minute",
            "Something began to fail just now, for many.",
        ),
        Alert(
            name="SystemErrorsNewType",
            priority=Priority.P2,
            expr="type:system_errors_new:count > 0",
            metric="type:system_errors_new:count",
            condition=(
                "within the last hour a type of system error came up that was not there in the day before, "
                "in a service that has been watched for a day"
            ),
            limit="no type of error that was not there in the day before",
            shows="{{ $value | humanize }} of the new type [type]",
            summary="[service] has a system error of a new type: [type] ([environment])",
            description=(
                "Within the last hour [service] counted {{ $value | humanize }} errors of type [type], and "
                "none in the day before. Often a release brings one: see what was deployed last."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
    )


def _payment_alerts(settings: Settings) -> tuple[Alert, ...]:
    window = settings.window
    ratio, every = "service:payment_webhooks_failed:ratio", "service:payment_webhooks:increase"
    return (
        Alert(
            name="PaymentsFailing",
            priority=Priority.P1,
            expr=(
                f"{beyond('service:payments_failed:ratio', 'failed_payment_ratio', Priority.P1)}\n"
                f"and on (service, environment) service:payments_failed:increase_1h >= {_FEWEST_FAILED}"
            ),
            metric="service:payments_failed:ratio",
            condition=(
                f"more payments fail than the threshold, of at least {_FEWEST_PAYMENTS} within {window} "
                f"(where fewer came: within an hour), and at least {_FEWEST_FAILED} failed within an hour"
            ),
            threshold="failed_payment_ratio",
            summary="[value] of the payments of [service] fail ([environment])",
            description=(
                "[value] of the payments of [service] fail; the limit is [threshold]. Customers who want to "
                "pay can't, and some of them don't come back."
            ),
            dashboard=Dashboard.BUSINESS,
        ),
        Alert(
            name="PaymentWebhooksFailing",
            priority=Priority.P0,
            expr=(
                f"({ratio} >= 0.5 and {every} >= {_FEWEST_WEBHOOKS})\n"
                "or\n"
                f"({ratio} == 1 and {every} >= {_FEWEST_WITHOUT_SUCCESS})\n"
                "or\n"
                f"({ratio}_1h == 1 and {every}_1h >= {_FEWEST_WITHOUT_SUCCESS})"
            ),
            metric=ratio,
            condition=(
                f"half of at least {_FEWEST_WEBHOOKS} payment webhooks within {window} failed, or all of at "
                f"least {_FEWEST_WITHOUT_SUCCESS} within {window} or an hour"
            ),
            limit="under 50% fail, and within an hour one goes well",
            shows="{{ $value | humanizePercentage }} failed",
            summary="Payment webhooks of [service] fail ([environment])",
            description=(
                "{{ $value | humanizePercentage }} of the webhooks that the payment provider sent to "
                "[service] last failed. Customers pay and don't get what they paid for; orders and the "
                "provider's books drift apart."
            ),
            dashboard=Dashboard.BUSINESS,
        ),
    )


def _other_alerts(settings: Settings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="CacheHitsLow",
            priority=Priority.P2,
            expr=beyond("service:cache_hits:ratio", "cache_hit_ratio", Priority.P2),
            metric="service:cache_hits:ratio",
            condition=(
                f"fewer reads of the cache hit than the threshold, of at least {_FEWEST_READS} within "
                f"{settings.window}"
            ),
            threshold="cache_hit_ratio",
            summary="Only [value] of the cache reads of [service] hit ([environment])",
            description=(
                "Only [value] of the cache reads of [service] hit; the limit is [threshold]. What misses "
                "goes to the database or is computed again, so that users wait longer and the load there "
                "grows."
            ),
            dashboard=Dashboard.APPLICATION,
        ),
        Alert(
            name="GrowthHigh",
            priority=Priority.P3,
            expr=(
                f"{beyond('service:stored_growth:ratio_1w', 'weekly_growth_ratio', Priority.P3)}\n"
                f"and service:stored_growth:bytes_1w >= {_SMALLEST_GROWTH}"
            ),
            metric="service:stored_growth:ratio_1w",
            condition=(
                "a database or what a disk holds grew by more than the threshold within a week, and by at "
                "least 100 MB"
            ),
            threshold="weekly_growth_ratio",
            summary="The [what] of [service] grew by [value] within a week ([environment])",
            description=(
                "The [what] of [service]{{ if $labels.machine }} on [machine]{{ end }} grew by [value] "
                "within a week; the limit is [threshold]. Nobody is in trouble yet: plan for room, or keep "
                "less."
            ),
            dashboard=Dashboard.INFRASTRUCTURE,
        ),
    )
