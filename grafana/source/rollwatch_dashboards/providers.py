"""Which provider is in use, which are up, how fast, and is what they send right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import ANY_IS_BAD, GREEN, ORANGE, RED, UP_DOWN
from rollwatch_dashboards.links import to_probe
from rollwatch_dashboards.panels import figure, lines, states
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no providers are probed: docs/probers/provider.md"
_NO_RECORDS = "no provider's records are examined: docs/probers/provider.md"
_PROVIDERS = f"count({where('provider:configured')})"
_KIND = 'kind="provider"'
_NAME = "{{service}}/{{probe}}"
_NOT_UP = where("probe:not_up_runs:increase", _KIND, located=True)
_REJECTED = where(
    "probe:not_up_runs:increase", _KIND, 'reason=~"credentials_rejected|rate_limited"', located=True
)


def board() -> Board:
    """D5."""
    return Board(
        uid=Dashboard.PROVIDERS,
        title="rollwatch: providers",
        description="Which provider is in use, which are up, how fast, and is what they send right?",
        located=True,
        rows=(
            Row("Now", _answers()),
            Row("Availability", _availability()),
            Row("How long they take", _latency()),
            Row("What they send", _quality()),
            Row("Quotas, chains, status pages", _details(), collapsed=True),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        figure(
            "Providers down",
            "Of all that are configured. None left for a service is a P0.",
            Query(f"count({where('provider:down')} == 1) or {_PROVIDERS} * 0", instant=True),
            unit="short",
            empty=_NONE,
            steps=ANY_IS_BAD,
        ),
        figure(
            "Services without a provider",
            "Services whose providers are all down.",
            Query(
                f"count({where('service:providers_down:ratio')} == 1) "
                f"or count({where('service:providers_down:ratio')}) * 0",
                instant=True,
            ),
            unit="short",
            empty=_NONE,
            steps=ANY_IS_BAD,
        ),
        figure(
            "In use",
            "The provider each service takes its data from now: as the application reports it, else the "
            "best one that is up.",
            Query(f"max by (service, probe) ({where('provider:in_use')} == 1)", _NAME, instant=True),
            unit="short",
            empty=_NONE,
            words={1: ("in use", GREEN)},
            named=True,
            span=8,
        ),
        figure(
            "Uptime, worst",
            "Share of runs of the last hour in which a provider was up, of the one that is worst off.",
            Query(f"min({where('provider:uptime:ratio_1h')})"),
            unit="percentunit",
            empty=_NONE,
            decimals=2,
            trend=True,
        ),
        figure(
            "Valid records, worst",
            "Share of records that satisfy every rule, of the source that is worst off.",
            Query(f"min({where('service:data_valid:ratio')})"),
            unit="percentunit",
            empty=_NO_RECORDS,
            decimals=1,
            trend=True,
        ),
    )


def _availability() -> tuple[Panel, ...]:
    return (
        states(
            "Up or down",
            "What each run found. A gap is a time in which it could not decide, a rate limit for example.",
            Query(
                f"min by (service, probe, location) ({where('probe_success', _KIND, located=True)})",
                "{{service}}/{{probe}} {{location}}",
            ),
            words=UP_DOWN,
            empty=_NONE,
            span=12,
            links=[to_probe()],
        ),
        states(
            "In use",
            "Where each service took its data from, over time.",
            Query(f"max by (service, probe) ({where('provider:in_use')})", _NAME),
            words={1: ("in use", GREEN), 0: ("not in use", "text")},
            empty=_NONE,
            span=12,
        ),
        lines(
            "Uptime over an hour",
            "Share of decided runs in which a provider was up, and the limits. With a healthy fallback "
            "the lower limit is only a P2.",
            Query(where("provider:uptime:ratio_1h"), _NAME),
            unit="percentunit",
            empty=_NONE,
            limit="provider_uptime_ratio",
            least=None,
            most=1,
            links=[to_probe()],
        ),
        lines(
            "Why runs were not UP",
            "Runs of the last minutes that ended DOWN or UNKNOWN, by reason.",
            Query(
                f"sum by (service, probe, reason) ({_NOT_UP})",
                "{{service}}/{{probe}}: {{reason}}",
            ),
            unit="short",
            empty="every run was UP",
            bars=True,
            stacked=True,
            links=[to_probe()],
        ),
    )


def _latency() -> tuple[Panel, ...]:
    return (
        lines(
            "Response time",
            "95th percentile of each provider's answers, and the limits.",
            Query(where("provider:response_seconds:p95"), _NAME),
            unit="s",
            empty=_NONE,
            limit="provider_p95_seconds",
            links=[to_probe()],
        ),
        lines(
            "Where the time goes",
            "Of the last run, by phase: resolving, connecting, TLS, waiting for the answer, reading it.",
            Query(
                "max by (service, probe, phase) "
                f"({where('probe_http_duration_seconds', _KIND, located=True)})",
                "{{service}}/{{probe}} {{phase}}",
            ),
            unit="s",
            empty=_NONE,
            stacked=True,
            links=[to_probe()],
        ),
    )


def _quality() -> tuple[Panel, ...]:
    return (
        lines(
            "Valid records",
            "Share of records that satisfy every rule, and the limits. The target is 95 %.",
            Query(where("service:data_valid:ratio"), "{{service}}: {{source}}"),
            unit="percentunit",
            empty=_NO_RECORDS,
            limit="data_valid_ratio",
            most=1,
        ),
        lines(
            "Records that fail, by check",
            "Of the last answer. A critical check (gamma 0, |delta| over 1) is a P1 by itself.",
            Query(
                "max by (service, probe, check, critical) "
                f"({where('rollwatch_provider_records_invalid', located=True)})",
                "{{service}}/{{probe}}: {{check}} (critical: {{critical}})",
            ),
            unit="short",
            empty=_NO_RECORDS,
            stacked=True,
            links=[to_probe()],
        ),
        lines(
            "Records in the answer",
            "How many records came; far fewer than usual is worth a look, though every one is valid.",
            Query(f"max by (service, probe) ({where('rollwatch_provider_records', located=True)})", _NAME),
            unit="short",
            empty=_NO_RECORDS,
            links=[to_probe()],
        ),
        lines(
            "Critical failures",
            "Records of the last minutes that failed a critical check, by where they came from.",
            Query(
                f"sum by (service, source, check) ({where('service:data_critical_failures:increase')})",
                "{{service}} {{source}}: {{check}}",
            ),
            unit="short",
            empty="no rule is marked critical",
            bars=True,
        ),
    )


def _details() -> tuple[Panel, ...]:
    return (
        listing(
            "Providers",
            "Every provider, its role and how it stands.",
            Column(heading="Service", label="service"),
            Column(
                heading="Provider",
                label="probe",
                links=[to_probe(service="${__data.fields.Service}", probe="${__data.fields.Provider}")],
            ),
            Column(
                heading="Up, last hour",
                expr=f"max by (service, probe) ({where('provider:uptime:ratio_1h')})",
                unit="percentunit",
                decimals=2,
            ),
            Column(
                heading="p95",
                expr=f"max by (service, probe) ({where('provider:response_seconds:p95')})",
                unit="s",
            ),
            Column(
                heading="Down",
                expr=f"max by (service, probe) ({where('provider:down')})",
                words={0: ("no", GREEN), 1: ("yes", RED)},
            ),
            empty=_NONE,
            sort="Down",
        ),
        lines(
            "Rejected and limited",
            "Runs of the last minutes that a provider turned away: rejected credentials are a P1, rate "
            "limits are no outage.",
            Query(f"sum by (service, probe, reason) ({_REJECTED})", _NAME + ": {{reason}}"),
            unit="short",
            empty="no provider has turned a run away",
            links=[to_probe()],
        ),
        lines(
            "Quota left",
            "Requests that a provider still allows in its present window, by its own headers.",
            Query(
                f"min by (service, probe) ({where('rollwatch_provider_quota_remaining', located=True)})",
                _NAME,
            ),
            unit="short",
            empty="no provider says how many requests are left",
            links=[to_probe()],
        ),
        lines(
            "Values that should grow",
            "A block height, for example: flat is stuck.",
            Query(f"max by (service, probe) ({where('rollwatch_provider_value', located=True)})", _NAME),
            unit="short",
            empty="no probe has `growing`",
            least=None,
            links=[to_probe()],
        ),
        states(
            "What providers say of themselves",
            "Their own status pages; no verdict hangs on them.",
            Query(
                f"min by (service, probe) ({where('rollwatch_provider_status_page_up', located=True)})", _NAME
            ),
            words={1: ("all is well", GREEN), 0: ("trouble", ORANGE)},
            empty="no `status_page` with `json` is configured",
            span=12,
        ),
        lines(
            "Transactions",
            "Sent to a chain or another ledger, by outcome.",
            Query(
                "sum by (service, outcome) "
                f"(rate({where('rollwatch_transactions_total')}[$__rate_interval]))",
                "{{service}}: {{outcome}}",
            ),
            unit="ops",
            empty="no service reports transactions",
            colours={"/: failed$/": "red"},
        ),
    )
