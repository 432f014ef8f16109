"""`rollwatch rollback`: the handler itself, and what people ask of it."""

from __future__ import annotations

import click

from rollwatch.cli.lazy import LazyGroup

__all__ = ["rollback"]

_COMMANDS = {
    "approve": "rollwatch.cli.rollback_acting:approve",
    "breaker": "rollwatch.cli.rollback_acting:breaker",
    "cancel": "rollwatch.cli.rollback_acting:cancel",
    "deployment": "rollwatch.cli.rollback_deployment:deployment",
    "deployments": "rollwatch.cli.rollback_releases:deployments",
    "explain": "rollwatch.cli.rollback_reading:explain",
    "history": "rollwatch.cli.rollback_reading:history",
    "mark": "rollwatch.cli.rollback_releases:mark",
    "pause": "rollwatch.cli.rollback_acting:pause",
    "resume": "rollwatch.cli.rollback_acting:resume",
    "serve": "rollwatch.cli.rollback_serve:serve",
    "show": "rollwatch.cli.rollback_reading:show",
    "status": "rollwatch.cli.rollback_reading:status",
    "trigger": "rollwatch.cli.rollback_trigger:trigger",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def rollback() -> None:
    """Take back the release that broke the production.

    `serve` is the process that does it; the others ask it, by its REST API.
    """
