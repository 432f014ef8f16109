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
from rollwatch.config.fields import did_you_mean
from rollwatch.demo.announcement import announce_stack, running_ports, running_stack, withdraw_stack
from rollwatch.demo.control.client import ControlClient, FaultState
from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.options import (
    Duration,
    alerting_option,
    base_port_option,
    interval_option,
    keep_data_option,
    run_dir_option,
    seed_option,
    stack_ports_options,
    visitors_option,
)
from rollwatch.demo.production.registry import ports_from
from rollwatch.demo.production.serve import serve
from rollwatch.demo.production.settings import ProductionSettings
from rollwatch.demo.release_commands import bad_release, deploy
from rollwatch.demo.stack.programs import find_programs
from rollwatch.demo.supervisor.down import stop_running
from rollwatch.demo.supervisor.plan import Stack
from rollwatch.demo.supervisor.runlock import holder
from rollwatch.demo.supervisor.supervisor import supervise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["demo"]

_READY_WITHIN_S = 30.0


@click.group()
def demo() -> None:
    """A small production to measure and to break.

    'rollwatch demo up' runs it and measures it; 'rollwatch demo fault' lists what can go wrong in it.
    """


demo.add_command(deploy)
demo.add_command(bad_release)


@demo.command("serve")
@run_dir_option
@base_port_option
@seed_option
@interval_option
@stack_ports_options
@visitors_option
@click.option(
    "--stack-files",
    is_flag=True,
    help="Also write what Prometheus and the others are configured by: for containers that share a network.",
)
def serve_command(  # noqa: PLR0917  click passes them by name
    run_dir: RunDir,
    base_port: int,
    seed: int,
    interval: str,
    visitors: int,
    stack: StackPorts,
    stack_files: bool,
) -> None:
    """Run the production only, in the foreground, and write its rollwatch.yml."""
    settings = ProductionSettings(
        run_dir=run_dir,
        ports=ports_from(base_port),
        stack=stack,
        seed=seed,
        interval=interval,
        visitors=visitors,
        has_stack_files=stack_files,
    )
    uvloop.run(serve(settings, clock=SystemClock(), say=_say))


@demo.command()
@run_dir_option
@base_port_option
@seed_option
@interval_option
@stack_ports_options
@visitors_option
@alerting_option
@keep_data_option
def up(  # noqa: PLR0917  click passes them by name
    run_dir: RunDir,
    base_port: int,
    seed: int,
    interval: str,
    visitors: int,
    stack: StackPorts,
    is_alerting: bool,
    keep_data: bool,
) -> None:
    """Run the production, what measures it and what alerts, until Ctrl-C."""
    programs = find_programs(shutil.which) if is_alerting else None
    plan = Stack(
        run_dir=run_dir,
        base_port=base_port,
        seed=seed,
        interval=interval,
        ports=stack,
        visitors=visitors,
        command=_own_command(),
        programs=None if isinstance(programs, str) else programs,
        keep_data=keep_data,
    )
    run_dir.prepare()
    _say("starting the demo")
    if isinstance(programs, str):
        _say(programs)

    def tell() -> None:
        announce_stack(run_dir, plan.addresses())
        _say(plan.overview())

    try:
        asyncio.run(
            supervise(
                plan.processes(),
                lock=run_dir.supervisor,
                environment=os.environ,
                ready_within_s=_READY_WITHIN_S,
                announce=tell,
                say=_say,
                elsewhere=plan.elsewhere(),
            )
        )
    finally:
        withdraw_stack(run_dir)
    _say("stopped")


@demo.command()
@run_dir_option
def down(run_dir: RunDir) -> None:
    """Stop what 'rollwatch demo up' runs in another terminal."""
    click.echo(stop_running(run_dir))


@demo.command()
@run_dir_option
@click.argument("chosen", metavar="[NAME", required=False, callback=lambda _c, _p, name: _fault_named(name))
@click.argument("state", metavar="on|off]", required=False, callback=lambda _c, _p, word: _on_or_off(word))
@click.option("--for", "for_s", type=Duration(), help="Heal by itself after this long, like 60s.")
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
    if FAULTS[chosen].alerts:
        click.echo(f"  people are told: {', '.join(FAULTS[chosen].alerts)}")


@demo.command()
@run_dir_option
def heal(run_dir: RunDir) -> None:
    """Switch every fault off."""
    ControlClient(run_dir).heal()
    click.echo("every fault is off")


@demo.command()
@run_dir_option
def status(run_dir: RunDir) -> None:
    """Say what runs and which faults are on."""
    supervisor = holder(run_dir.supervisor)
    ports = running_ports(run_dir)
    click.echo(
        f"supervisor: {'not running' if supervisor is None else f'running (pid {supervisor.identity.pid})'}"
    )
    for title, address in running_stack(run_dir).items():
        click.echo(f"{title}: {address}")
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
        if info.alerts:
            lines.append(f"{'':<{width}}             => {', '.join(info.alerts)}")
    return "\n".join(lines)


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
