"""`rollwatch rollback trigger`: a person, or a job of CI, wants a release taken back."""

from __future__ import annotations

import time
import uuid

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.rollback_follow import follow
from rollwatch.cli.rollback_options import Asked, actor_option, asking, print_json
from rollwatch.cli.rollback_tables import marks
from rollwatch.cli.rollback_words import decision_lines, words
from rollwatch.config.fields import parse_seconds
from rollwatch.errors import UsageError

__all__ = ["trigger"]

_NO = frozenset({"denied", "expired", "failed", "timed_out", "superseded", "cancelled", "unknown"})


@click.command()
@click.argument("service", metavar="SERVICE")
@click.option("--reason", required=True, help="Why, for whoever reads it later.")
@actor_option
@click.option(
    "--emergency", is_flag=True, help="Skip every soft guard and the pause; a hard guard is never skipped."
)
@click.option("--target", metavar="RELEASE", help="Go back to this commit, version or platform id.")
@click.option("--dry-run", "dry_run", is_flag=True, help="Only say what would be decided, guard by guard.")
@click.option("--wait", is_flag=True, help="Follow it to its end, and print each step as it happens.")
@click.option("--within", default="1h", show_default=True, help="How long --wait follows it.")
@asking
def trigger(  # noqa: PLR0917  click passes them by name
    asked: Asked,
    service: str,
    reason: str,
    actor: str,
    emergency: bool,
    target: str | None,
    dry_run: bool,
    wait: bool,
    within: str,
) -> int:
    """Take the release of SERVICE back, if no guard is in the way.

    The exit code is 0 if it goes on (with --wait: succeeded), 1 if it was denied or came to nothing good, 3
    if that could not be found out.
    """
    try:
        within_s = parse_seconds(within)
    except ValueError as error:
        raise UsageError(f"--within {within}: {error}") from error
    body = {
        "service": service,
        "reason": reason,
        "actor": actor,
        "level": "emergency" if emergency else "manual",
        "target": target,
        "dry_run": dry_run,
    }
    found = asked.client.post("/rollback/trigger", body, key=str(uuid.uuid4()))
    if asked.as_json and not wait:
        print_json(found)
    elif not asked.as_json:
        click.echo(f"{words(found['id'])}  {words(found['state']).replace('_', ' ')}")
        if found["decision"] is not None:
            for line in decision_lines(found["decision"], marks()):
                click.echo(line)
    state = str(found["state"])
    if wait and state not in _NO and state not in {"succeeded", "dry_run"}:
        state = follow(asked, str(found["id"]), within_s, clock=time.monotonic, sleep=time.sleep)
    elif asked.as_json and wait:
        print_json(asked.client.get(f"/rollback/{found['id']}"))
    elif state not in _NO and state != "dry_run" and not asked.as_json:
        click.echo(f"Follow it: rollwatch rollback show {words(found['id'])}")
    if state in _NO:
        return Exit.NOT_UP
    is_known = not wait or state in {"succeeded", "dry_run"}
    return Exit.OK if is_known else Exit.UNDECIDED
