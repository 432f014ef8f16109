"""`rollwatch rollback status`, `history`, `show`, `explain`: what changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.rollback_options import Asked, asking, print_json
from rollwatch.cli.rollback_tables import marks, print_table
from rollwatch.cli.rollback_words import (
    decision_lines,
    duration,
    headline,
    moment,
    rollback_lines,
    step_line,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["explain", "history", "show", "status"]

_ALERT_MAX = 4 * 1024**2


@click.command()
@asking
def status(asked: Asked) -> int:
    """What runs, what waits for approval, what is paused, which triggers fire, and the last ten rollbacks."""
    found = asked.client.get("/rollback/status")
    if asked.as_json:
        print_json(found)
        return Exit.OK
    for line in _status_lines(found, marks()):
        click.echo(line)
    if found["last"]:
        click.echo("\nlast")
        _print_rows(found["last"])
    return Exit.OK


@click.command()
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="At most so many.")
@click.option("--before", metavar="ID", help="Only older ones: the id of the last one you have seen.")
@click.option("--service", help="Only this service.")
@click.option("--state", help="Only in this state: denied, succeeded, …")
@asking
def history(asked: Asked, limit: int, before: str | None, service: str | None, state: str | None) -> int:
    """Rollbacks, newest first: those that were done, and those that were denied."""
    query = {
        "limit": limit,
        "before": before,
        "service": service,
        "state": None if state is None else state.replace("-", "_").replace(" ", "_"),
    }
    found = asked.client.get("/rollback/history", query)
    if asked.as_json:
        print_json(found)
        return Exit.OK
    if not found["rollbacks"]:
        click.echo("There are none.")
        return Exit.OK
    _print_rows(found["rollbacks"])
    if found["next"] is not None:
        click.echo(f"There are more: --before {words(found['next'])}")
    return Exit.OK


@click.command()
@click.argument("rollback_id", metavar="ID")
@asking
def show(asked: Asked, rollback_id: str) -> int:
    """One rollback: every guard that was asked, every step, every move."""
    found = asked.client.get(f"/rollback/{quote(rollback_id, safe='')}")
    if asked.as_json:
        print_json(found)
        return Exit.OK
    for line in rollback_lines(found, marks()):
        click.echo(line)
    return Exit.OK


@click.command()
@click.argument("alert", metavar="ALERT.json", type=click.File("rb"))
@asking
def explain(asked: Asked, alert: BinaryIO) -> int:
    """Say what would be decided about an alert now, guard by guard, without acting.

    ALERT.json is what Alertmanager posts to a webhook (version 4), '-' reads it from standard input. The exit
    code is 1 if nothing would come of any alert in it.
    """
    found = asked.client.post("/rollback/explain", alert.read(_ALERT_MAX + 1))
    if asked.as_json:
        print_json(found)
    else:
        for line in _explained_lines(found, marks()):
            click.echo(line)
    decisions = [one["decision"] for one in found["alerts"] if one["decision"] is not None]
    would = any(decision["verdict"] in {"proceed", "ask", "dry_run"} for decision in decisions)
    return Exit.OK if would else Exit.NOT_UP


def _status_lines(found: Mapping[str, Any], signs: Mapping[str, str]) -> Iterator[str]:
    now = found["now"]
    yield f"rollbacks of {words(found['environment'])}: {'PAUSED' if found['paused'] else 'on'}"
    for pause in found["pauses"]:
        of = "all services" if pause["service"] is None else words(pause["service"])
        since = duration(now - pause["since"])
        yield f"  {of} paused for {since} by {words(pause['actor'])}: {words(pause['reason'])}"
    for running in found["running"]:
        yield f"\nrunning for {duration(now - running['created_at'])}\n  {headline(running)}"
        for step in running["steps"]:
            yield from (f"    {line}" for line in step_line(step, signs))
    for one in found["awaiting_approval"]:
        left = "" if one["expires_at"] is None else f" within {duration(one['expires_at'] - now)}"
        yield f"\nto be approved{left}\n  {headline(one)}\n  {words(one['why'])}"
        yield f"  rollwatch rollback approve {words(one['id'])}"
    for one in found["open"]:
        yield f"\nnot begun\n  {headline(one)}\n  {words(one['why'])}".rstrip()
    for trigger in found["active_triggers"]:
        name = words(trigger["alert"] or "a rollback alert")
        yield f"\nfires for {duration(now - trigger['since'])}: {name} of {words(trigger['service'])}"


def _print_rows(rollbacks: list[dict[str, Any]]) -> None:
    print_table(
        ("id", "taken", "service", "state", "by", "why"),
        (
            (
                one["id"],
                moment(one["created_at"]),
                one["service"],
                str(one["state"]).replace("_", " "),
                one["alert_name"] or one["actor"] or "",
                one["why"],
            )
            for one in rollbacks
        ),
    )


def _explained_lines(found: Mapping[str, Any], signs: Mapping[str, str]) -> Iterator[str]:
    for one in found["alerts"]:
        environment = words(one["environment"]) or "no environment"
        yield f"{words(one['alert'])} of {words(one['service'])}, {environment}"
        if one["decision"] is None:
            yield f"  {words(one['why'])}"
        else:
            yield from (f"  {line}" for line in decision_lines(one["decision"], signs))
        yield ""
    for refusal in found["refusals"]:
        yield f"alert {refusal['alert']} can't be used: {words(refusal['why'])}"
    if found["not_for_rollback"]:
        yield f'{found["not_for_rollback"]} without the label rollback="auto": the handler never acts on them'
    if found["truncated"]:
        yield f"{found['truncated']} were left out by Alertmanager (max_alerts)"
