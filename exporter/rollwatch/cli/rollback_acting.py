"""`rollwatch rollback approve`, `cancel`, `pause`, `resume`."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.rollback_options import Asked, actor_option, asking, print_json
from rollwatch.cli.rollback_words import headline, moment, words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["approve", "breaker", "cancel", "pause", "resume"]


@click.command()
@click.argument("rollback_id", metavar="ID")
@actor_option
@asking
def approve(asked: Asked, rollback_id: str, actor: str) -> int:
    """Let a rollback that waits for approval go on; every guard is asked again first."""
    found = _post(asked, f"/rollback/{quote(rollback_id, safe='')}/approve", {"actor": actor})
    if not asked.as_json:
        click.echo(f"approved: {headline(found)}")
        click.echo(f"Follow it: rollwatch rollback show {words(found['id'])}")
    return Exit.OK


@click.command()
@click.argument("rollback_id", metavar="ID")
@click.option("--reason", required=True, help="Why.")
@actor_option
@asking
def cancel(asked: Asked, rollback_id: str, reason: str, actor: str) -> int:
    """Stop a rollback before it changes anything; after that it can't be stopped."""
    body = {"actor": actor, "reason": reason}
    found = _post(asked, f"/rollback/{quote(rollback_id, safe='')}/cancel", body)
    if not asked.as_json:
        is_over = found["state"] == "cancelled"
        click.echo(
            f"{'cancelled' if is_over else 'it will stop before it changes anything'}: {headline(found)}"
        )
    return Exit.OK


@click.command()
@click.option("--reason", required=True, help="Why, and until when.")
@click.option("--service", help="Only this service.  [default: all]")
@actor_option
@asking
def pause(asked: Asked, reason: str, service: str | None, actor: str) -> int:
    """No new rollbacks until `resume`; what runs goes on, and an emergency passes."""
    body = {"actor": actor, "reason": reason, "service": service}
    _print_pauses(asked, _post(asked, "/rollback/pause", body))
    return Exit.OK


@click.command()
@click.option("--service", help="The pause of this service.  [default: that of all]")
@actor_option
@asking
def resume(asked: Asked, service: str | None, actor: str) -> int:
    """End a pause."""
    found = _post(asked, "/rollback/resume", {"actor": actor, "service": service})
    if not asked.as_json and not found["changed"]:
        click.echo("It was not paused.")
    _print_pauses(asked, found)
    return Exit.OK


@click.command()
@click.argument("service", metavar="SERVICE")
@actor_option
@asking
def breaker(asked: Asked, service: str, actor: str) -> int:
    """Count the automatic rollbacks of SERVICE anew, once somebody has looked at why there were so many."""
    found = _post(asked, "/rollback/breaker", {"service": service, "actor": actor})
    if not asked.as_json:
        click.echo(f"automatic rollbacks of {words(found['service'])} are counted anew")
    return Exit.OK


def _post(asked: Asked, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    found = asked.client.post(path, body, key=str(uuid.uuid4()))
    if asked.as_json:
        print_json(found)
    return found


def _print_pauses(asked: Asked, found: Mapping[str, Any]) -> None:
    if asked.as_json:
        return
    if not found["pauses"]:
        click.echo("Nothing is paused.")
    for one in found["pauses"]:
        of = "all services" if one["service"] is None else words(one["service"])
        who = f"by {words(one['actor'])}: {words(one['reason'])}"
        click.echo(f"{of}: paused since {moment(one['since'])} {who}")
