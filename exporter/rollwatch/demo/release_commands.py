"""`rollwatch demo deploy` and `rollwatch demo bad-release`."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from rollwatch.clock import SystemClock
from rollwatch.demo.announcement import running_stack
from rollwatch.demo.options import git_option, rollback_port_option, run_dir_option
from rollwatch.demo.releases.deployer import Deployer
from rollwatch.demo.releases.handler import Handler
from rollwatch.demo.releases.story import Story
from rollwatch.demo.stack.deployer import repository
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir

__all__ = ["bad_release", "deploy"]


@click.command()
@run_dir_option
@rollback_port_option
@git_option
def deploy(run_dir: RunDir, rollback_port: int, git: str) -> None:
    """Put into production whatever is pushed to main; 'rollwatch demo up' runs this."""
    handler = Handler(run_dir, rollback_port, "rollback-deploy")
    Deployer(run_dir, repository(run_dir, git), handler, SystemClock(), _say).live()


@click.command("bad-release")
@run_dir_option
@click.pass_context
def bad_release(context: click.Context, run_dir: RunDir) -> None:
    """Deploy a bad release, and watch it being taken back."""
    git = shutil.which("git")
    addresses = running_stack(run_dir)
    if git is None or "rollback handler" not in addresses:
        raise DemoError(
            f"no demo with a rollback handler runs in {run_dir.path}. "
            "Start it with 'rollwatch demo up', or name its --run-dir"
        )
    port = int(addresses["rollback handler"].rstrip("/").rpartition(":")[2])
    handler = Handler(run_dir, port, "rollback-operator")
    story = Story(repository(run_dir, git), handler, addresses["Prometheus"].rstrip("/"), SystemClock(), _say)
    if not story.tell():
        context.exit(1)
    _say(f"\nThe page of the handler shows every step and every guard: {addresses['rollback handler']}")


def _say(text: str) -> None:
    with suppress(OSError):
        click.echo(text)
