"""`rollwatch notify test`: does an alert reach the people it should?"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import click
import uvloop

from rollwatch.cli.exits import Exit
from rollwatch.cli.options import config_file_option
from rollwatch.cli.reading import read_config
from rollwatch.clock import SystemClock
from rollwatch.config.fields import parse_seconds
from rollwatch.config.mistake import did_you_mean
from rollwatch.config.thresholds import Priority
from rollwatch.errors import UsageError
from rollwatch.notify.alertmanager import Alertmanager
from rollwatch.notify.bridge import BridgeSilent, sent_by_bridge
from rollwatch.notify.trial import Trial
from rollwatch.notify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.config.config import Config
    from rollwatch.notify.verdict import Result

__all__ = ["notify"]

_PRIORITIES = (Priority.P0, Priority.P1, Priority.P2, Priority.P3)
_BRIDGE_WITHIN_S = 10.0
_WORST = {Outcome.TAKEN: Exit.OK, Outcome.WAITING: Exit.OK, Outcome.UNSEEN: Exit.UNDECIDED}


@click.group()
def notify() -> None:
    """Who hears of what."""


@notify.command("test")
@config_file_option
@click.option(
    "--alertmanager.url",
    "alertmanager_url",
    default="http://127.0.0.1:9093",
    show_default=True,
    help="Where Alertmanager is.",
)
@click.option(
    "--service",
    "wanted",
    multiple=True,
    help="Only this service; may be repeated.  [default: those with receivers of their own, and one without]",
)
@click.option(
    "--priority",
    "priorities",
    multiple=True,
    type=click.Choice([priority.value for priority in _PRIORITIES]),
    help="Only this priority; may be repeated.  [default: all]",
)
@click.option(
    "--alertmanager.directory",
    "alertmanager_directory",
    type=click.Path(path_type=Path),
    help="Where alertmanager.yml is; the bridge's token is found from there.  [default: alertmanager]",
)
@click.option("--within", default="60s", show_default=True, help="How long each priority may take.")
def notify_test(  # noqa: PLR0917  click passes them by name
    config_file: Path,
    alertmanager_url: str,
    wanted: tuple[str, ...],
    priorities: tuple[str, ...],
    alertmanager_directory: Path | None,
    within: str,
) -> int:
    """Send a marked test alert per priority through the real routes, and say who took it.

    The alerts say that they are a test, and are ended at once: people get a resolved message too. A P0 pages.
    The exit code is 0 if everybody took theirs, 1 if somebody did not, 3 if that could not be found out.
    """
    config = read_config(config_file)
    try:
        within_s = parse_seconds(within)
    except ValueError as error:
        raise UsageError(f"--within {within}: {error}") from error
    services = _services(config, wanted)
    chosen = [priority for priority in _PRIORITIES if not priorities or priority.value in priorities]
    bridge = _bridge(config, alertmanager_directory or config_file.parent / "alertmanager")
    return uvloop.run(_test(alertmanager_url.rstrip("/"), services, chosen, within_s, bridge))


class _Bridge(NamedTuple):
    """Where to ask what the bridge sent; without a token, why not."""

    url: str
    is_for_all: bool
    """Whether it sends something of each alert, whatever its priority."""
    token: str = ""
    why: str = ""


def _bridge(config: Config, directory: Path) -> _Bridge | None:
    address = config.notifications.bridge
    if address is None:
        return None
    spec = config.bridge
    is_for_all = spec is not None and bool(spec.digest or spec.webhooks or spec.sentry or spec.datadog)
    path = directory / address.token_file
    try:
        return _Bridge(address.url, is_for_all, token=path.read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no text"
        why = f"its token can't be read from {path}: {reason}. Say where alertmanager.yml is: "
        return _Bridge(address.url, is_for_all, why=f"{why}--alertmanager.directory")


def _services(config: Config, wanted: Sequence[str]) -> list[str]:
    for name in wanted:
        if name not in config.services:
            raise UsageError(f"there is no service {name} in the file. {did_you_mean(name, config.services)}")
    if wanted:
        return list(dict.fromkeys(wanted))
    own = [name for name, service in config.services.items() if any(service.notifications.named())]
    others = [name for name in config.services if name not in own]
    return [*own, *others[:1]]


async def _test(
    url: str, services: list[str], priorities: list[Priority], within_s: float, bridge: _Bridge | None
) -> int:
    worst = Exit.OK
    async with aiohttp.ClientSession() as session:
        alertmanager = Alertmanager(session, url)
        version, routing = await alertmanager.routing()
        click.echo(f"Test alerts for {', '.join(services)}, to {url} (Alertmanager {version}).")
        run = secrets.token_hex(4)
        trial = Trial(alertmanager, routing, SystemClock(), run=run, within_s=within_s)
        try:
            for priority in priorities:
                results = await trial.of(priority, services)
                click.echo("\n".join(_lines(priority, services, results)))
                worst = max(worst, _verdict(services, results), key=_badness)
            if bridge is not None:
                lines, verdict = await _of_bridge(session, bridge, trial)
                click.echo("\n".join(lines))
                worst = max(worst, verdict, key=_badness)
        finally:
            await trial.end()
    return worst


def _verdict(services: list[str], results: list[Result]) -> Exit:
    if {result.service for result in results} != set(services):
        return Exit.NOT_UP
    return max((_WORST.get(result.outcome, Exit.NOT_UP) for result in results), key=_badness)


async def _of_bridge(session: aiohttp.ClientSession, bridge: _Bridge, trial: Trial) -> tuple[list[str], Exit]:
    """What the bridge did with what it took."""
    lines = [f"\nby the bridge, {bridge.url}"]
    if not bridge.token:
        return [*lines, f"  can't be asked: {bridge.why}"], Exit.UNDECIDED
    expected = trial.fingerprints if bridge.is_for_all else set[str]()
    try:
        sent = await sent_by_bridge(
            session,
            bridge.url,
            bridge.token,
            trial.fingerprints,
            expected=expected,
            within_s=_BRIDGE_WITHIN_S,
        )
    except BridgeSilent as silent:
        return [*lines, f"  can't be asked: {silent}"], Exit.UNDECIDED
    for one in sorted(sent, key=lambda one: (one.priority, one.service, one.channel)):
        way = f"{one.channel} {one.target}".strip()
        detail = f": {one.detail}" if one.detail else ""
        lines.append(f"  {one.priority} {one.service:<13} {way:<40} {one.state}{detail}")
    missing = expected - {one.fingerprint for one in sent}
    if missing:
        lines.append(f"  {len(missing)} of {len(expected)} test alerts have not come to it")
    # What was tried and waits for another attempt has a detail: why the last one failed.
    if any(one.state == "given_up" or (one.is_under_way and one.detail) for one in sent):
        return lines, Exit.NOT_UP
    return lines, Exit.UNDECIDED if missing or any(one.is_under_way for one in sent) else Exit.OK


def _badness(code: Exit) -> int:
    return (Exit.OK, Exit.UNDECIDED, Exit.NOT_UP).index(code)


def _lines(priority: Priority, services: list[str], results: list[Result]) -> list[str]:
    lines = [f"\n{priority}"]
    for service in services:
        own = [result for result in results if result.service == service]
        if not own:
            lines.append(
                f"  {service:<16} nobody hears of it: name a channel in notifications of rollwatch.yml"
            )
        for result in own:
            way = f"{result.receiver} ({result.integration})"
            why = f": {result.why}" if result.why else ""
            lines.append(f"  {service:<16} {way:<40} {result.outcome}{why}")
    return lines
