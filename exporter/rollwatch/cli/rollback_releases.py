"""`rollwatch rollback deployments`, `mark`: what ran, and what a person says of it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.rollback_options import Asked, actor_option, asking, print_json
from rollwatch.cli.rollback_tables import print_table
from rollwatch.cli.rollback_words import deployment_row, words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["deployments", "mark"]

_MARKS: Mapping[str, bool | None] = {"good": True, "bad": False, "none": None}
_COLUMNS = ("id", "service", "release", "state", "source", "when", "mark")


@click.command()
@click.option("--service", help="Only this service.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="At most so many.")
@asking
def deployments(asked: Asked, service: str | None, limit: int) -> int:
    """What was deployed, newest first: who told of it, and how it is marked."""
    found = asked.client.get("/deployments", {"service": service, "limit": limit})
    if asked.as_json:
        print_json(found)
    elif not found["deployments"]:
        click.echo("There are none.")
    else:
        print_table(_COLUMNS, (deployment_row(one) for one in found["deployments"]))
    return Exit.OK


@click.command()
@click.argument("deployment_id", metavar="DEPLOYMENT_ID")
@click.argument("said", type=click.Choice(tuple(_MARKS)))
@actor_option
@asking
def mark(asked: Asked, deployment_id: str, said: str, actor: str) -> int:
    """Say of a release that it can be gone back to, or never; `none` takes that back.

    `deployments` has the ids.
    """
    body: dict[str, Any] = {"good": _MARKS[said], "actor": actor}
    # As bytes: of a mapping the client leaves out what is null, and here that is an answer.
    found = asked.client.post(
        f"/deployments/{quote(deployment_id, safe='')}/mark", json.dumps(body).encode(), key=str(uuid.uuid4())
    )
    if asked.as_json:
        print_json(found)
    else:
        release = found["release"]
        as_what = "marked as " + said if said != "none" else "not marked any more"
        click.echo(f"{words(release['service'])} {words(release['shown'])} is {as_what}")
    return Exit.OK
