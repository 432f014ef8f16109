"""What happened, marked on every graph."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery

from rollwatch_dashboards.query import SOURCE, where

__all__ = ["marks"]

_SERIOUS = where("ALERTS", 'alertstate="firing"', 'priority=~"P0|P1"')


def marks() -> list[AnnotationQuery]:
    """Deployments, rollbacks, versions seen from outside; alerts that are worth a page can be switched on."""
    return [
        _moment(
            "Deployments",
            "blue",
            _latest("rollwatch_deployment_last_timestamp_seconds", "outcome"),
            "Deployment of {{service}} {{outcome}}",
            "outcome,environment",
        ),
        _moment(
            "Rollbacks",
            "purple",
            _latest("rollwatch_rollback_last_timestamp_seconds", "outcome"),
            "Rollback of {{service}} {{outcome}}",
            "outcome,environment",
        ),
        _moment(
            "New versions",
            "light-blue",
            _latest("rollwatch_release_changed_timestamp_seconds"),
            "{{service}} has another version",
            "environment",
        ),
        AnnotationQuery()
        .name("P0 and P1")
        .datasource(SOURCE)
        .enable(False)
        .icon_color("red")
        .expr(f"max by (alertname, service, environment, priority) ({_SERIOUS})")
        .title_format("{{alertname}}: {{service}}")
        .tag_keys("priority,environment"),
    ]


def _latest(metric: str, *labels: str) -> str:
    return f"max by ({', '.join(('service', 'environment', *labels))}) ({where(metric)})"


def _moment(name: str, colour: str, seconds: str, title: str, tags: str) -> AnnotationQuery:
    # The value itself says when it was, in milliseconds: a scrape later would be no news.
    query = AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour)
    return query.expr(f"{seconds} * 1000").use_value_for_time(True).title_format(title).tag_keys(tags)
