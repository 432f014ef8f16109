"""Releases: which version runs since when, and deployments that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Alert, Dashboard, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_SERVICE = "service, environment"
_HERE = f"{_SERVICE}, location"
_CHANGED = "rollwatch_release_changed_timestamp_seconds"


def topic(_settings: Settings) -> Topic:
    """The rules of releases and deployments."""
    return Topic(name="releases", title="Releases", recordings=_recordings(), alerts=_alerts())


def _recordings() -> tuple[Recording, ...]:
    deployments = "rollwatch_deployments_total"
    failed = f'{deployments}{{outcome="failed"}}'
    return (
        # When the service last changed its version, as the last location saw it. An exporter that restarts
        # forgets, so this does not.
        Recording(
            "service:release_changed:timestamp_seconds",
            f"max by ({_SERVICE}) (last_over_time({_CHANGED}[1h]))",
        ),
        # The same by version: while a release is rolled out, locations may see different ones.
        Recording(
            "version:release_changed:timestamp_seconds",
            f"max by ({_SERVICE}, version) (\n"
            f"  group by ({_HERE}, version) (rollwatch_release_info)\n"
            f"    * on ({_HERE}) group_left ()\n"
            f"  max by ({_HERE}) ({_CHANGED})\n"
            ")",
        ),
        # A count that was not there while its process already was has begun at 0. Handlers on one journal say
        # the same.
        Recording(
            "service:deployments_failed:increase_15m",
            f"max by ({_SERVICE}) (\n"
            "  (\n"
            f"    {failed}\n"
            f"      unless {deployments} offset 15m\n"
            "      and on (job, instance) up offset 15m == 1\n"
            "  )\n"
            f"  or increase({failed}[15m])\n"
            ")",
        ),
    )


def _alerts() -> tuple[Alert, ...]:
    return (
        Alert(
            name="ReleaseSeen",
            priority=Priority.P3,
            expr="time() - version:release_changed:timestamp_seconds < 3600",
            metric="rollwatch_release_changed_timestamp_seconds",
            condition="a service's version changed within the last hour",
            limit="no change",
            shows="version [version]",
            summary="[service] runs version [version] now ([environment])",
            description=(
                "[service] changed its version to [version] {{ $value | humanizeDuration }} ago. "
                "Nothing is wrong; if something goes wrong now, look at this release first."
            ),
            dashboard=Dashboard.RELEASES,
        ),
        Alert(
            name="DeploymentFailed",
            priority=Priority.P1,
            expr="service:deployments_failed:increase_15m > 0",
            metric='rollwatch_deployments_total{outcome="failed"}',
            condition="a deployment failed within the last 15 min",
            limit="none",
            shows='{{ printf "%.0f" $value }} failed',
            summary="A deployment of [service] failed ([environment])",
            description=(
                "A deployment of [service] was reported as failed within the last 15 min ([value]). The "
                "old version may "
                "still run, the new one may run in part: users may get either."
            ),
            dashboard=Dashboard.RELEASES,
        ),
    )
