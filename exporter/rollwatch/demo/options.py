"""What `rollwatch demo …` can be told on the command line."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rollwatch.config.fields import parse_seconds
from rollwatch.demo.production.registry import DEFAULT_BASE_PORT
from rollwatch.demo.production.settings import DEFAULT_VISITORS
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.stack.ports import StackPorts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Duration",
    "alerting_option",
    "base_port_option",
    "git_option",
    "interval_option",
    "keep_data_option",
    "rollback_port_option",
    "run_dir_option",
    "seed_option",
    "stack_ports_options",
    "visitors_option",
]

_PORTS = StackPorts()
_Command = TypeVar("_Command", bound="Callable[..., Any] | click.Command")


class Duration(click.ParamType[float]):
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


def _port_option(name: str, default: int, what: str) -> Callable[[_Command], _Command]:
    return click.option(
        f"--{name}-port",
        type=click.IntRange(1, 65_535),
        default=default,
        show_default=True,
        help=f"Where {what}, on loopback.",
    )


run_dir_option = click.option(
    "--run-dir",
    "run_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".run"),
    show_default=True,
    help="Where the demo keeps its configuration, logs and secrets.",
    callback=lambda _context, _param, path: RunDir(path.absolute()),
)
base_port_option = click.option(
    "--base-port",
    type=click.IntRange(0, 65_000),
    default=DEFAULT_BASE_PORT,
    show_default=True,
    help="The production takes this port and those after it; 0: any free ones.",
)
seed_option = click.option(
    "--seed", type=int, default=1, show_default=True, help="Decides the made-up figures."
)
interval_option = click.option(
    "--interval",
    default="5s",
    show_default=True,
    callback=lambda _context, _param, value: _at_least_a_second(value),
    help="How often each probe runs.",
)
_LISTENERS = {
    "exporter": "the exporter listens",
    "ingest": "the exporter listens for browsers and applications",
    "bridge": "the bridge listens",
    "rollback": "the rollback handler listens",
    "alertmanager": "Alertmanager listens",
    "prometheus": "Prometheus listens",
}


def stack_ports_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each port; the command gets `stack`, a StackPorts."""

    @functools.wraps(command)
    def collected(*args: Any, **options: Any) -> None:
        stack = StackPorts(**{name: options.pop(f"{name}_port") for name in _LISTENERS})
        command(*args, stack=stack, **options)

    wrapped = collected
    for name, what in reversed(_LISTENERS.items()):
        wrapped = _port_option(name, getattr(_PORTS, name), what)(wrapped)
    return wrapped


rollback_port_option = _port_option("rollback", _PORTS.rollback, _LISTENERS["rollback"])
git_option = click.option("--git", default="git", show_default=True, help="The program.")
visitors_option = click.option(
    "--visitors",
    type=click.IntRange(0, 200),
    default=DEFAULT_VISITORS,
    show_default=True,
    help="How many made-up visitors the page has at a time; 0: only browsers that you open.",
)
alerting_option = click.option(
    "--alerting/--no-alerting",
    "is_alerting",
    default=True,
    show_default=True,
    help="With Prometheus, Alertmanager, the bridge and the rollback handler, or only what is measured and "
    "what measures it.",
)
keep_data_option = click.option(
    "--keep-data", is_flag=True, help="Go on with what Prometheus and Alertmanager kept of the run before."
)


def _at_least_a_second(value: str) -> str:
    if Duration().convert(value, None, None) < 1:
        raise click.BadParameter("must be at least 1s")
    return value
