"""`rollwatch bundle`: rules, routes, templates and dashboards for a stack of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rollwatch.bundle.choices import parse_choices
from rollwatch.bundle.directory import write_files
from rollwatch.bundle.shipped import bundle_files
from rollwatch.bundle.targets import parse_targets
from rollwatch.cli.reading import read_config
from rollwatch.cli.suggest import SuggestingGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.bundle.directory import Written

__all__ = ["bundle"]


@click.group(cls=SuggestingGroup)
def bundle() -> None:
    """Rules, routes and dashboards for your own Prometheus, Alertmanager and Grafana."""


@bundle.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--config.file",
    "config_file",
    type=click.Path(path_type=Path),
    envvar="ROLLWATCH_CONFIG_FILE",
    show_envvar=True,
    help="The rollwatch.yml whose notifications become routes; without one, those of an example do.",
)
@click.option(
    "--set",
    "choices",
    metavar="KEY=VALUE",
    multiple=True,
    help="A setting: window, scrape_interval, evaluation_interval, exporter_job, grafana_url, runbooks_url, "
    "exporter_url, rollback_url, business_hours_from, business_hours_to, for.<Alert>.",
)
@click.option(
    "--alertmanager.directory",
    "alertmanager_directory",
    type=click.Path(path_type=Path),
    help="Where alertmanager.yml will be: names of files with secrets count from there.  "
    "[default: DIR/alertmanager]",
)
@click.option(
    "--target",
    "targets",
    metavar="JOB=ADDRESS",
    multiple=True,
    help="Where a process listens, several times for several: prometheus, alertmanager, exporter, bridge or "
    "rollback, for example exporter=10.0.0.7:9717. 'none' for one there is not.",
)
@click.option("--force", is_flag=True, help="Replace files of the same names that rollwatch did not write.")
def export(  # noqa: PLR0917  click passes them by name
    directory: Path,
    config_file: Path | None,
    choices: tuple[str, ...],
    alertmanager_directory: Path | None,
    targets: tuple[str, ...],
    force: bool,
) -> None:
    """Write everything below DIR, and say what to do next.

    What is there already is replaced if rollwatch wrote it. Files below DIR/prometheus/targets are yours:
    they are written once.
    """
    settings = parse_choices(choices)
    config = None if config_file is None else read_config(config_file)
    home = (alertmanager_directory or directory / "alertmanager").absolute()
    files = bundle_files(settings, config, addresses=parse_targets(targets), directory=str(home))
    written = write_files(directory, files, force=force)
    for line in _report(directory, written, has_config=config is not None):
        click.echo(line)


def _report(directory: Path, written: Written, *, has_config: bool) -> Iterator[str]:
    yield from (f"wrote {directory / name}" for name in written.new)
    yield from (f"kept {directory / name}: it is yours to edit" for name in written.kept)
    yield f"{len(written.new)} written, {len(written.same)} unchanged, {len(written.kept)} kept"
    for name in written.stale:
        twice = (
            "it would be shown beside the new one"
            if name.endswith(".json")
            else "its alerts would fire twice"
        )
        yield f"remove {directory / name}: this version has it no more, and {twice}"
    if not has_config:
        yield "alertmanager.yml leads to nobody real: --config.file rollwatch.yml makes your own routes"
    prometheus, alertmanager = directory / "prometheus", directory / "alertmanager"
    yield "Next:"
    yield f"  1. Say where your exporters are: {prometheus / 'targets' / 'rollwatch.yml'}"
    yield f"  2. promtool check config {prometheus / 'prometheus.yml'}"
    yield "     reload Prometheus: systemctl reload prometheus, or kill -HUP its process"
    yield f"  3. amtool check-config {alertmanager / 'alertmanager.yml'}"
    yield "     reload Alertmanager: systemctl reload alertmanager, or kill -HUP its process"
    yield f"  4. Let Grafana read {directory / 'grafana' / 'dashboards'}: docs/existing-stacks.md#grafana"
    yield "With files of your own, take over parts of these: docs/existing-stacks.md."
