"""`rollwatch probe`: one run, explained phase by phase."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import click
import uvloop

from rollwatch.cli.adhoc import ADHOC, adhoc_probe
from rollwatch.cli.exits import Exit
from rollwatch.cli.log_output import LogFormat, LogLevel, set_up_logging
from rollwatch.cli.options import config_file_option, location_option
from rollwatch.clock import SystemClock
from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.engine.once import run_once
from rollwatch.engine.view import Explained, RunRecord
from rollwatch.errors import UsageError
from rollwatch.exporter.app import USER_AGENT
from rollwatch.exporter.routes_probe import explained_json, explained_text
from rollwatch.model import Verdict
from rollwatch.probers import discover
from rollwatch.probers._network import Network
from rollwatch.probers.contract import ProbeEnv

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config, ProbeDef
    from rollwatch.probers.contract import ProberKind

__all__ = ["probe"]

_EXITS = {Verdict.UP: Exit.OK, Verdict.DOWN: Exit.NOT_UP, Verdict.UNKNOWN: Exit.UNDECIDED}


@click.command()
@click.argument("target", metavar="SERVICE/PROBE|URL")
@config_file_option
@location_option
@click.option("--timeout", help="For a URL: the bound of the whole run.  [default: 5s]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def probe(target: str, config_file: Path, location: str | None, timeout: str | None, as_json: bool) -> int:
    """Run one probe once and explain what happened.

    SERVICE/PROBE is a probe of --config.file; a URL (http, https, ws, wss, tcp, tls, dns) needs no file.
    The exit code is 0 for UP, 1 for DOWN and 3 for UNKNOWN.
    """
    set_up_logging(LogLevel.ERROR, LogFormat.LOGFMT)
    kinds = discover()
    specs = {name: kind.spec for name, kind in kinds.items()}
    if "://" in target:
        definition = adhoc_probe(target, timeout or "5s", specs)
    elif "/" not in target:
        raise UsageError(
            f"{target!r} is neither SERVICE/PROBE, like api/health, nor a URL, like tcp://db.internal:5432"
        )
    elif timeout is not None:
        raise UsageError("--timeout is for a URL; a probe of the file has its own there")
    else:
        secrets = SecretStore(config_file.parent, os.environ)
        config = load_config(config_file, specs, secrets=secrets, location=location)
        definition = _find(config, target)
    explained = uvloop.run(_run(definition, kinds[definition.kind]))
    click.echo(explained_json(explained) if as_json else explained_text(explained), nl=as_json)
    return _EXITS[explained.record.verdict]


def _find(config: Config, probe_id: str) -> ProbeDef:
    for definition in (*config.probes, *config.elsewhere):
        if definition.id == probe_id:
            if definition in config.elsewhere:
                raise UsageError(f"{probe_id} does not run in {config.location}; name another --location")
            return definition
    known = ", ".join(definition.id for definition in config.probes)
    raise UsageError(f"there is no probe {probe_id}; the file has: {known}")


async def _run(definition: ProbeDef, kind: ProberKind) -> Explained:
    clock = SystemClock()
    network = Network(clock=clock)
    env = ProbeEnv(
        clock=clock,
        rng=random.random,
        user_agent=USER_AGENT,
        network=network,
        figures=definition.figures,
    )
    try:
        outcome = await run_once(definition, kind, env)
    finally:
        await network.close()
    record = RunRecord(
        outcome.started_at,
        outcome.duration_s,
        outcome.reason.verdict,
        outcome.reason,
        outcome.detail,
        outcome.run.phases,
    )
    target = kind.target(definition.spec)
    name = target if definition.id == ADHOC else definition.id
    return Explained(name, target, record, tuple(outcome.run.notes or ()))
