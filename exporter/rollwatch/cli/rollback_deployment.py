"""`rollwatch rollback deployment`: CI tells the handler of a deployment."""

from __future__ import annotations

import uuid

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.rollback_options import Asked, asking, print_json
from rollwatch.cli.rollback_words import words

__all__ = ["deployment"]


@click.command()
@click.argument("state", type=click.Choice(["started", "finished", "failed"]))
@click.option("--service", required=True, help="What is deployed.")
@click.option("--commit", help="The full SHA of the commit.")
@click.option("--version", "release_version", help="The version, as the health endpoint reports it.")
@click.option("--platform-id", "platform_id", help="The deployment, as the platform calls it.")
@click.option("--environment", help="To be sure: refused if the handler is of another one.")
@click.option("--migration", is_flag=True, help="It changes the database's schema.")
@click.option(
    "--committed-at", "committed_at", type=float, help="When the commit was made (git show -s --format=%ct)."
)
@click.option("--id", "deployment_id", help="Yours for this deployment, the same at its start and its end.")
@asking
def deployment(  # noqa: PLR0917  click passes them by name
    asked: Asked,
    state: str,
    service: str,
    commit: str | None,
    release_version: str | None,
    platform_id: str | None,
    environment: str | None,
    migration: bool,
    committed_at: float | None,
    deployment_id: str | None,
) -> int:
    """Report a deployment from CI: `started` before it begins, `finished` or `failed` after it.

    At least one of --commit, --version and --platform-id says what is deployed. It needs a token of the role
    deploy.
    """
    if commit is None and release_version is None and platform_id is None:
        raise click.UsageError("Say what is deployed: --commit, --version or --platform-id.")
    body = {
        "state": state,
        "service": service,
        "commit": commit,
        "version": release_version,
        "platform_id": platform_id,
        "environment": environment,
        "migration": migration,
        "committed_at": committed_at,
        "id": deployment_id,
    }
    found = asked.client.post("/deployments", body, key=str(uuid.uuid4()))
    if asked.as_json:
        print_json(found)
    else:
        release = found["release"]
        what = f"{words(release['service'])} {words(release['shown'])}"
        click.echo(f"{words(found['id'])}  {words(found['state'])}  {what}, {words(release['environment'])}")
    return Exit.OK
