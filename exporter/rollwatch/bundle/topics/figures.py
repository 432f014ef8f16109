"""Declared figures: one rule judges each by its own limits, and one tells of those that stopped coming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Alert, Dashboard, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_FIGURE = "service, environment, location, figure"
_LIMIT = f"{_FIGURE}, priority"
_WINDOWS = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86400}
"""Within which a counter may be judged by its increase; a gauge, with the window 0, is judged as it is."""
_PRIORITIES = ("P0", "P1", "P2", "P3")


def topic(settings: Settings) -> Topic:
    """The rules of declared figures."""
    return Topic(
        name="figures",
        title="Declared figures",
        recordings=(*_judged(), *_beyond(), *_ages()),
        alerts=_alerts(),
    )


def _by_window(what: str) -> str:
    """A window is a label here, since values can't be joined on. `what` has a place for it."""
    counted = [
        f'label_replace({what % span}, "window_seconds", "{seconds}", "", "")'
        for span, seconds in _WINDOWS.items()
    ]
    value = 'label_replace(rollwatch_figure_value, "window_seconds", "0", "", "")'
    return "\nor ".join((value, *counted))


def _judged() -> tuple[Recording, ...]:
    def by(priority: str) -> str:
        """A figure has many keys and many priorities, and a join must have one of something."""
        windows = f'rollwatch_figure_limit_window_seconds{{priority="{priority}"}}'
        return (
            f"figure:candidate * on ({_FIGURE}, window_seconds) group_left (priority)\n"
            f"  group by ({_LIMIT}, window_seconds) (\n"
            f'    count_values by ({_LIMIT}) ("window_seconds", {windows})\n  )'
        )

    return (
        Recording("figure:candidate", _by_window("increase(rollwatch_figure_events_total[%s])")),
        # What has been counted for the whole window: before, nobody can say that too little happened in it.
        Recording("figure:covered", _by_window("rollwatch_figure_events_total offset %s")),
        Recording("figure:judged", "\nor ".join(by(priority) for priority in _PRIORITIES)),
    )


def _beyond() -> tuple[Recording, ...]:
    def side(sign: str, strictest: str, direction: str, given: str = "") -> str:
        limit = f"{strictest} by ({_LIMIT}) (rollwatch_figure_limit_{direction})"
        return (
            f"label_replace(\n  figure:judged {sign} on ({_LIMIT}) group_left () {limit}{given},\n"
            f'  "direction", "{direction}", "", "")'
        )

    covered = f"\n  and on ({_FIGURE}, key, window_seconds) figure:covered"
    return (
        # With its value. Two exporters may show one limit: max and min make it one.
        Recording("figure:beyond", f"{side('>', 'min', 'above')}\nor {side('<', 'max', 'below', covered)}"),
        # The moment goes on as long as the figure is beyond its limit at every evaluation: Prometheus marks a
        # series stale that a rule no longer gives, so that it begins anew after any evaluation without.
        Recording(
            "figure:beyond_since:timestamp_seconds",
            "(figure:beyond_since:timestamp_seconds and figure:beyond)\nor (figure:beyond * 0 + time())",
        ),
        Recording("figure:limit_for:seconds", f"max by ({_LIMIT}) (rollwatch_figure_limit_for_seconds)"),
    )


def _ages() -> tuple[Recording, ...]:
    """Of several exporters that know a figure, the one that heard of it last counts."""
    by = "service, environment, figure"
    return (
        Recording(
            "figure:age:seconds",
            # What never came is as old as the configuration that declares it.
            f"min by ({by}) (\n"
            f"  time() - max by ({_FIGURE}) (rollwatch_figure_last_update_timestamp_seconds)\n"
            f"  or on ({_FIGURE})\n"
            f"  group by ({_FIGURE}) (rollwatch_figure_info) * on (location) group_left ()\n"
            "    (time() - max by (location) (rollwatch_config_last_reload_success_timestamp_seconds))\n)",
        ),
        Recording("figure:stale_after:seconds", f"max by ({by}) (rollwatch_figure_stale_after_seconds)"),
    )


def _asked(selector: str, *labels: str) -> str:
    """What Prometheus answers to `selector`, with a place in it for each of the alert's `labels`."""
    given = " ".join(f"$labels.{label}" for label in labels)
    return f'query (printf "{selector}" {given})'


def _alerts() -> tuple[Alert, ...]:
    own = ("service", "environment", "location", "figure", "priority")
    limit = _asked(
        "rollwatch_figure_limit_%s{service=%q,environment=%q,location=%q,figure=%q,priority=%q}",
        "direction",
        *own,
    )
    in_force = f"{{{{ with {limit} }}}}{{{{ . | first | value | humanize }}}}{{{{ end }}}}"
    within = '{{ if ne $labels.window_seconds "0" }} within [window_seconds] s{{ end }}'
    # An increase is made of samples, and seldom whole.
    found = (
        '{{ if eq $labels.window_seconds "0" }}{{ $value | humanize }}'
        '{{ else }}{{ printf "%.1f" $value }}{{ end }}'
    )
    which = "{{ if $labels.key }} ([key]){{ end }}"
    stale_after = _asked(
        "figure:stale_after:seconds{service=%q,environment=%q,figure=%q}", "service", "environment", "figure"
    )
    expected = f"{{{{ with {stale_after} }}}}{{{{ . | first | value | humanizeDuration }}}}{{{{ end }}}}"
    return (
        Alert(
            name="FigureBeyondLimit",
            priority=None,
            # "for" can't be a variable; this is one.
            expr=(
                "figure:beyond\n"
                f"and\n(time() - figure:beyond_since:timestamp_seconds)\n"
                f"  >= on ({_LIMIT}) group_left () figure:limit_for:seconds"
            ),
            labels={
                "severity": (
                    '{{ if eq $labels.priority "P0" }}critical'
                    '{{ else if eq $labels.priority "P3" }}info{{ else }}warning{{ end }}'
                )
            },
            metric="figure:judged",
            condition=(
                "a declared figure is above or below the limit that rollwatch.yml gives it, for as long as "
                "it says there"
            ),
            limit="the figure's own limits, `above` and `below`",
            limit_in_force=f"{{{{ $labels.direction }}}} {in_force}",
            shows=found,
            summary=f"[figure]{which} of [service] is [direction] its limit ([environment])",
            description=(
                f"[figure]{which} of [service] is {found}{within}, [direction] the "
                f"limit of {in_force} "
                "for [priority]. What it means to users is known to the owner of [service]."
            ),
            dashboard=Dashboard.BUSINESS,
        ),
        Alert(
            name="FigureStale",
            priority=Priority.P2,
            expr="figure:age:seconds > figure:stale_after:seconds",
            hold="5m",
            metric="figure:age:seconds",
            condition=(
                "a declared figure that should come regularly has not come for longer than its stale_after, "
                "or never"
            ),
            limit="the figure's own `stale_after`",
            limit_in_force=expected,
            shows="{{ $value | humanizeDuration }}",
            summary="[figure] of [service] no longer arrives ([environment])",
            description=(
                f"[figure] of [service] last arrived {{{{ $value | humanizeDuration }}}} ago, or never did; "
                f"it is stale after {expected}. Nobody would notice now if it were beyond its limit."
            ),
            dashboard=Dashboard.ALERTS,
        ),
    )
