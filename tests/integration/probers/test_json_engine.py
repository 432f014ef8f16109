"""json probes under the real engine, with their figures: what a scrape shows as time and reloads pass."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rollwatch.clock import SystemClock
from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.engine.delivery import delivery_to
from rollwatch.engine.engine import Engine
from rollwatch.figures.board import Board
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from rollwatch.probers import discover
from rollwatch.probers.contract import ProbeEnv
from support.json_probing import Teller
from support.manual_clock import ManualClock
from support.servers import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from support.servers import Server

KINDS = discover()
DOCUMENT = {"live": 12, "streams": [{"name": "bell", "viewers": 310}], "claims": {"free": 90}}
FIGURES = {
    "app_live": {
        "type": "gauge",
        "help": "Streams that are live.",
        "limits": {"P1": {"below": 1, "for": "10m"}},
    },
    "app_viewers": {"type": "gauge", "help": "Viewers.", "labels": {"stream": "any"}},
    "app_claims_total": {"type": "counter", "help": "Claims.", "labels": {"plan": ["free", "pro"]}},
}
READS = {
    "app_live": "live",
    "app_viewers": {"each": "streams", "value": "viewers", "labels": {"stream": "name"}},
    "app_claims_total": {"each": "claims", "value": "value", "labels": {"plan": "key"}},
}
LABELS = 'service="app",environment="test",location="here"'
PROBE = 'service="app",environment="test",probe="stats",kind="json",location="here"'


class Production:
    """The engine in real time, and the figures on a clock that the test moves."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = Store()
        self.board = Board(self.store, self.clock, location="here")
        env = ProbeEnv(clock=SystemClock(), rng=lambda: 0.0, user_agent="test")
        deliver = delivery_to(self.board)
        self.engine = Engine(KINDS, self.store, BoundedNames(), env, location="here", deliver=deliver)
        self._server = server
        self._folder = folder

    async def configure(self, reads: dict[str, Any], figures: dict[str, Any], **service: Any) -> None:
        """What a reload does."""
        probe = {
            "kind": "json",
            "url": self._server.url(),
            "interval": "1s",
            "timeout": "1s",
            "figures": reads,
        }
        probe |= service.pop("probe", {})
        document = {
            "environment": "test",
            "location": "here",
            "services": {"app": {"probes": {"stats": probe}, "figures": figures, **service}},
        }
        file = self._folder / "rollwatch.yml"
        file.write_text(json.dumps(document))
        specs = {name: kind.spec for name, kind in KINDS.items()}
        secrets = SecretStore(self._folder, {})
        config = await asyncio.to_thread(load_config, file, specs, secrets=secrets, location=None)
        await self.engine.apply(config)
        self.board.configure(config)

    async def scrape(self) -> list[str]:
        """The lines of an exposition."""
        self.board.refresh()
        await self.engine.refresh()
        pieces = [piece async for piece in render(self.store, openmetrics=False)]
        return b"".join(pieces).decode().splitlines()

    async def scraped(self, *names: str) -> list[str]:
        """The series of these metrics."""
        return [line for line in await self.scrape() if line.partition("{")[0] in names]

    async def until(self, condition: Callable[[list[str]], bool]) -> list[str]:
        """The first exposition that satisfies the condition."""
        async with asyncio.timeout(20):
            while not condition(lines := await self.scrape()):
                await asyncio.sleep(0.02)
        return lines


@asynccontextmanager
async def production(teller: Teller, folder: Path) -> AsyncIterator[Production]:
    async with serve(teller) as server:
        it = Production(server, folder)
        async with it.engine.running():
            yield it


def has(text: str) -> Callable[[list[str]], bool]:
    return lambda lines: any(line.startswith(text) for line in lines)


async def test_a_scrape_shows_what_the_document_says(tmp_path: Path) -> None:
    teller = Teller(DOCUMENT)
    async with production(teller, tmp_path) as it:
        await it.configure(READS, FIGURES)
        await it.until(has("app_live{"))
        teller.document = DOCUMENT | {"claims": {"free": 95, "pro": -1}}
        lines = await it.until(has(f'app_claims_total{{{LABELS},plan="free"}} 5'))
    assert [line for line in lines if re.match("(# (HELP|TYPE) )?app_", line)] == [
        "# HELP app_claims_total Claims.",
        "# TYPE app_claims_total counter",
        f'app_claims_total{{{LABELS},plan="free"}} 5.0',
        f'app_claims_total{{{LABELS},plan="pro"}} 0.0',
        "# HELP app_live Streams that are live.",
        "# TYPE app_live gauge",
        f"app_live{{{LABELS}}} 12.0",
        "# HELP app_viewers Viewers.",
        "# TYPE app_viewers gauge",
        f'app_viewers{{{LABELS},stream="bell"}} 310.0',
    ]
    assert f'rollwatch_figure_value{{{LABELS},figure="app_live",key=""}} 12.0' in lines
    assert f'rollwatch_figure_limit_below{{{LABELS},figure="app_live",priority="P1"}} 1.0' in lines
    assert f'rollwatch_figure_stale_after_seconds{{{LABELS},figure="app_live"}} 3.0' in lines
    assert f'rollwatch_figure_last_update_timestamp_seconds{{{LABELS},figure="app_live"}} 1.7e+09' in lines
    assert has(f'rollwatch_figure_faults_total{{{LABELS},source="json",fault="negative"}} ')(lines)


async def test_when_the_document_is_gone_its_values_are_held_then_stale_then_taken_away(
    tmp_path: Path,
) -> None:
    teller = Teller(DOCUMENT)
    async with production(teller, tmp_path) as it:
        await it.configure(READS, FIGURES)
        await it.until(has("app_live{"))
        teller.how = {"status": "500 Oops"}
        await it.until(has(f"probe_success{{{PROBE}}} 0"))
        figures = it.board.service("app")
        assert figures is not None
        held = await it.scraped("app_live", "app_viewers")
        assert held == [f"app_live{{{LABELS}}} 12.0", f'app_viewers{{{LABELS},stream="bell"}} 310.0']
        assert not figures.figures["app_live"].is_stale
        it.clock.advance(3.5)
        assert await it.scraped("app_live", "app_viewers") == held
        assert figures.figures["app_live"].is_stale
        it.clock.advance(9)
        assert await it.scraped("app_live", "app_viewers") == []
        # The place where it should arrive is still there, and so is the time of its last value.
        names = ("rollwatch_figure_info", "rollwatch_figure_last_update_timestamp_seconds")
        assert len(await it.scraped(*names)) == 2 * len(FIGURES)
        teller.how = {}
        assert has(f"app_live{{{LABELS}}} 12.0")(await it.until(has("app_live{")))


async def test_a_reload_that_changes_one_expression_leaves_the_others_their_values(tmp_path: Path) -> None:
    teller = Teller(DOCUMENT)
    async with production(teller, tmp_path) as it:
        await it.configure(READS, FIGURES)
        await it.until(has("app_live{"))
        teller.document = DOCUMENT | {"claims": {"free": 95}}
        await it.until(has(f'app_claims_total{{{LABELS},plan="free"}} 5'))
        teller.how = {"status": "500 Oops"}
        await it.until(has(f"probe_success{{{PROBE}}} 0"))
        await it.configure(READS | {"app_live": "length(streams)"}, FIGURES)
        kept = await it.scraped("app_live", "app_viewers", "app_claims_total")
        assert kept == [
            f'app_claims_total{{{LABELS},plan="free"}} 5.0',
            f'app_claims_total{{{LABELS},plan="pro"}} 0.0',
            f"app_live{{{LABELS}}} 12.0",
            f'app_viewers{{{LABELS},stream="bell"}} 310.0',
        ]
        teller.how, teller.document = {}, DOCUMENT | {"claims": {"free": 97}}
        lines = await it.until(has(f"app_live{{{LABELS}}} 1.0"))
        # Counting goes on from where it was, not from where the new prober begins.
        assert f'app_claims_total{{{LABELS},plan="free"}} 7.0' in lines


async def test_a_figure_that_is_no_longer_declared_is_gone_with_the_reload(tmp_path: Path) -> None:
    async with production(Teller(DOCUMENT), tmp_path) as it:
        await it.configure(READS, FIGURES)
        await it.until(has("app_live{"))
        await it.configure({"app_live": "live"}, {"app_live": FIGURES["app_live"]})
        names = {line.partition("{")[0] for line in await it.scrape()}
    assert "app_live" in names
    assert not names & {"app_viewers", "app_claims_total"}


async def test_a_document_that_is_not_ours_to_read_changes_nothing(tmp_path: Path) -> None:
    teller = Teller(DOCUMENT)
    async with production(teller, tmp_path) as it:
        await it.configure(READS, FIGURES, probe={"auth": {"bearer": "s3cret-token"}})
        await it.until(has("app_live{"))
        teller.how, teller.document = {"status": "403 Forbidden"}, {"live": 0}
        result = f'{PROBE},verdict="unknown",reason="credentials_rejected"'
        lines = await it.until(has(f"rollwatch_probe_results_total{{{result}}} 1"))
    assert f"app_live{{{LABELS}}} 12.0" in lines


async def test_trades_that_are_served_again_and_again_count_once_through_reloads(tmp_path: Path) -> None:
    trades = [{"id": f"T{number}", "pnl": number} for number in range(5)]
    records = {"trades": {"id": "id", "figures": {"rollwatch_trading_executions_total": {}}, "keep": 3}}
    executions = f"rollwatch_trading_executions_total{{{LABELS}}}"
    duplicates = f'rollwatch_records_duplicates_total{{{LABELS},records="trades"}}'
    teller = Teller({"trades": trades})
    async with production(teller, tmp_path) as it:
        probe = {"records": {"trades": "trades"}}
        await it.configure({}, {}, probe=probe, records=records)
        await it.until(has(f"{duplicates} 5.0"))
        await it.configure({}, FIGURES, probe=probe, records=records)
        assert f"{executions} 5.0" in await it.until(has(f"{duplicates} 10.0"))
        teller.document = {"trades": [*trades, {"id": "T5", "pnl": 1}]}
        await it.until(has(f"{executions} 6.0"))
