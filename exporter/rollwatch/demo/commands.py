"""`rollwatch demo`: run a production, measure it, break it, heal it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
import uvloop

from rollwatch.clock import SystemClock
from rollwatch.config.fields import did_you_mean, parse_seconds
from rollwatch.demo.announcement import running_ports
from rollwatch.demo.control.client import ControlClient, FaultState
from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.production.registry import DEFAULT_BASE_PORT, ports_from
from rollwatch.demo.production.serve import serve
from rollwatch.demo.production.settings import (
    DEFAULT_INGEST_PORT,
    DEFAULT_VISITORS,
    ProductionSettings,
)
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.supervisor.down import stop_running
from rollwatch.demo.supervisor.plan import Stack
from rollwatch.demo.supervisor.runlock import holder
from rollwatch.demo.supervisor.supervisor import supervise

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["demo"]

_READY_WITHIN_S = 30.0


class _Duration(click.ParamType[float]):
    """`60s`, `5m`; the value is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            seconds = parse_seconds(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        if not 0 < seconds <= 86_400:
            self.fail("must be above 0s and at most 24h", param, ctx)
        return seconds


_run_dir_option = click.option(
    "--run-dir",
    "run_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".run"),
    show_default=True,
    help="Where the demo keeps its configuration, logs and secrets.",
    callback=lambda _context, _param, path: RunDir(path.absolute()),
)
_base_port_option = click.option(
    "--base-port",
    type=click.IntRange(0, 65_000),
    default=DEFAULT_BASE_PORT,
    show_default=True,
    help="The production takes this port and those after it; 0: any free ones.",
)
_seed_option = click.option(
    "--seed", type=int, default=1, show_default=True, help="Decides the made-up figures."
)
_interval_option = click.option(
    "--interval",
    default="5s",
    show_default=True,
    callback=lambda _context, _param, value: _at_least_a_second(value),
    help="How often each probe runs.",
)
_ingest_port_option = click.option(
    "--ingest-port",
    type=click.IntRange(1, 65_535),
    default=DEFAULT_INGEST_PORT,
    show_default=True,
    help="Where the exporter listens for browsers and applications, on loopback.",
)
_visitors_option = click.option(
    "--visitors",
    type=click.IntRange(0, 200),
    default=DEFAULT_VISITORS,
    show_default=True,
    help="How many made-up visitors the page has at a time; 0: only browsers that you open.",
)


def _at_least_a_second(value: str) -> str:
    if _Duration().convert(value, None, None) < 1:
        raise click.BadParameter("must be at least 1s")
    return value


@click.group()
def demo() -> None:
    """A small production to measure and to break.

    'rollwatch demo up' runs it and measures it; 'rollwatch demo fault' lists what can go wrong in it.
    """


@demo.command("serve")
@_run_dir_option
@_base_port_option
@_seed_option
@_interval_option
@_ingest_port_option
@_visitors_option
def serve_command(  # noqa: PLR0917  click passes them by name
    run_dir: RunDir, base_port: int, seed: int, interval: str, ingest_port: int, visitors: int
) -> None:
    """Run the production only, in the foreground, and write its rollwatch.yml."""
    settings = ProductionSettings(
        run_dir=run_dir,
        ports=ports_from(base_port),
        ingest_port=ingest_port,
        seed=seed,
        interval=interval,
        visitors=visitors,
    )
    uvloop.run(serve(settings, clock=SystemClock(), say=_say))


@demo.command()
@_run_dir_option
@_base_port_option
@_seed_option
@_interval_option
@_ingest_port_option
@_visitors_option
@click.option(
    "--exporter-port",
    type=click.IntRange(1, 65_535),
    default=9717,
    show_default=True,
    help="Where the exporter listens, on loopback.",
)
def up(  # noqa: PLR0917  click passes them by name
    run_dir: RunDir,
    base_port: int,
    seed: int,
    interval: str,
    ingest_port: int,
    visitors: int,
    exporter_port: int,
) -> None:
    """Run the production and an exporter that measures it, until Ctrl-C."""
    stack = Stack(
        run_dir=run_dir,
        base_port=base_port,
        seed=seed,
        interval=interval,
        exporter_port=exporter_port,
        ingest_port=ingest_port,
        visitors=visitors,
        command=_own_command(),
    )
    run_dir.prepare()
    _say("starting the demo")
    asyncio.run(
        supervise(
            stack.processes(),
            lock=run_dir.supervisor,
            environment=os.environ,
            ready_within_s=_READY_WITHIN_S,
            announce=lambda: _say(stack.overview()),
            say=_say,
            elsewhere=f"{stack.command} demo up --base-port 0 --exporter-port {_another(exporter_port)} "
            f"--ingest-port {_another(ingest_port)}",
        )
    )
    _say("stopped")


@demo.command()
@_run_dir_option
def down(run_dir: RunDir) -> None:
    """Stop what 'rollwatch demo up' runs in another terminal."""
    click.echo(stop_running(run_dir))


@demo.command()
@_run_dir_option
@click.argument("chosen", metavar="[NAME", required=False, callback=lambda _c, _p, name: _fault_named(name))
@click.argument("state", metavar="on|off]", required=False, callback=lambda _c, _p, word: _on_or_off(word))
@click.option("--for", "for_s", type=_Duration(), help="Heal by itself after this long, like 60s.")
def fault(run_dir: RunDir, chosen: Fault | None, state: str | None, for_s: float | None) -> None:
    """List what can be broken; or break NAME ('on') or mend it ('off')."""
    client = ControlClient(run_dir)
    if chosen is None:
        click.echo(_listing(client.states()))
        return
    if state is None:
        raise click.UsageError(f"say what to do with it: rollwatch demo fault {chosen} on, or off")
    if state == "off":
        if for_s is not None:
            raise click.UsageError("--for belongs to 'on'")
        client.switch_off(chosen)
        click.echo(f"{chosen} is off")
        return
    states = client.switch_on(chosen, for_s=for_s)
    click.echo(f"{chosen} is {_state_word(states[chosen])}: {FAULTS[chosen].effect}")
    for sign in FAULTS[chosen].signs:
        click.echo(f"  rollwatch shows: {sign}")


@demo.command()
@_run_dir_option
def heal(run_dir: RunDir) -> None:
    """Switch every fault off."""
    ControlClient(run_dir).heal()
    click.echo("every fault is off")


@demo.command()
@_run_dir_option
def status(run_dir: RunDir) -> None:
    """Say what runs and which faults are on."""
    supervisor = holder(run_dir.supervisor)
    ports = running_ports(run_dir)
    click.echo(
        f"supervisor: {'not running' if supervisor is None else f'running (pid {supervisor.identity.pid})'}"
    )
    if ports is None:
        click.echo("production: not running")
        return
    states = ControlClient(run_dir).states()
    click.echo("production: " + ", ".join(f"{name} 127.0.0.1:{port}" for name, port in ports.items()))
    broken = [f"{fault} {_state_word(state)}" for fault, state in states.items() if state.is_on]
    click.echo(f"faults: {', '.join(broken) or 'none'}")


def _fault_named(name: str | None) -> Fault | None:
    if name is None:
        return None
    try:
        return Fault(name)
    except ValueError:
        message = f"there is no fault {name!r}. {did_you_mean(name, Fault)}"
        raise click.BadParameter(message, param_hint="NAME") from None


def _on_or_off(word: str | None) -> str | None:
    # click's own Choice would name the argument as the usage line does, bracket included.
    if word not in (None, "on", "off"):
        raise click.UsageError(f"{word!r} is neither on nor off")
    return word


def _listing(states: Mapping[Fault, FaultState]) -> str:
    width = max(len(fault) for fault in FAULTS)
    lines = []
    for fault, info in FAULTS.items():
        state = _state_word(states[fault])
        lines.append(f"{fault:<{width}}  {state:<9}  {info.effect}")
        lines.extend(f"{'':<{width}}             -> {sign}" for sign in info.signs)
    return "\n".join(lines)


def _another(port: int) -> int:
    return port + 100 if port < 65_000 else port - 100


def _say(text: str) -> None:
    # A terminal that was closed must not keep us from stopping in order.
    with suppress(OSError):
        click.echo(text)


def _state_word(state: FaultState) -> str:
    if not state.is_on:
        return "off"
    return "on" if state.remaining_s is None else f"on ({state.remaining_s:.0f} s)"


def _own_command() -> str:
    """How a person runs us in this shell: `rollwatch`, or the path to it where it is not on PATH."""
    script = Path(sys.executable).with_name("rollwatch")
    if shutil.which("rollwatch") == str(script):
        return "rollwatch"
    if script.is_relative_to(Path.cwd()):
        return str(script.relative_to(Path.cwd()))
    return str(script)
