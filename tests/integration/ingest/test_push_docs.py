"""docs/push.md says what is so: its configurations load, and its commands answer what it shows."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from rollwatch.clock import SystemClock
from rollwatch.exporter.figures_route import figures_routes
from rollwatch.exporter.figures_types import FiguresJson
from rollwatch.figures.faults import FigureFault
from rollwatch.ingest.push.document import Metric, PushDocument
from rollwatch.ingest.push.metrics import PUSH_METRICS
from rollwatch.ingest.push.outcomes import PushOutcome, Unread
from rollwatch.serving.route import ANYONE
from support.pushing import TOKEN, Pushing, loaded, pushing
from support.web import listening

PAGE = (Path(__file__).parents[3] / "docs/push.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def commands() -> Iterator[tuple[str, str]]:
    """What is typed, and what is shown for it. A command goes on while a quote or a loop is open."""
    for block in blocks("console"):
        typed = ""
        shown: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                typed = line[2:]
            elif (
                typed.endswith("\\")
                or typed.count("'") % 2
                or (typed.startswith("for ") and "\ndone" not in typed)
            ):
                typed += "\n" + line.removeprefix("  ")
            else:
                shown.append(line)
        yield typed, "\n".join(shown)


API, COACH, SHOP = blocks("yaml")
REPORT, READ_BACK = blocks("json")
CURLS = [(typed, shown) for typed, shown in commands() if "curl" in typed]


@asynccontextmanager
async def exporter(folder: Path, text: str) -> AsyncIterator[tuple[Pushing, int]]:
    """The ingest listener, and the port of one for operators."""
    secrets = folder / "secrets"
    secrets.mkdir()
    for name in ("push-api", "push-coach"):
        (secrets / name).write_text(TOKEN + "\n")
    (folder / "report.json").write_text(REPORT)
    async with (
        pushing(await loaded(folder, text), SystemClock()) as parts,
        listening(routes=figures_routes(parts.board, ANYONE)) as operators,
    ):
        yield parts, operators.port


async def run(typed: str, folder: Path, parts: Pushing, operators: int) -> str:
    assert shutil.which("curl"), "run `make test`, which installs what the tests need"
    assert parts.listener is not None
    script = typed.replace("127.0.0.1:9720", f"127.0.0.1:{parts.listener.port}")
    script = script.replace("127.0.0.1:9717", f"127.0.0.1:{operators}").replace(
        "curl -sS", "curl -sS -w '\\n'"
    )
    process = await asyncio.create_subprocess_exec(
        "sh", "-euc", script, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert err.decode() == ""
    return out.decode().strip()


async def test_the_commands_answer_what_is_shown(tmp_path: Path) -> None:
    async with exporter(tmp_path, API) as (parts, operators):
        answers = []
        for typed, shown in CURLS:
            if "coach" not in typed:
                answered = await run(typed, tmp_path, parts, operators)
                assert not shown or answered == shown
                answers.append(answered)
        assert len(answers) == 6
        figures = await parts.figures()
        assert figures['app_reward_claims_total{service="api",plan="free"}'] == 6, "as the page says"
        assert figures['app_reward_claims_total{service="api",plan="pro"}'] == 3 + 1
        assert figures['app_order_amount{service="api"}'] == 59.9
        assert _alike(json.loads(answers[-1]), json.loads(READ_BACK)), answers[-1]


def _alike(found: Any, shown: Any) -> bool:
    """Whether what is shown is an excerpt of what was found; times differ, and lists may be longer."""
    if isinstance(shown, dict):
        return all(name in found and _alike(found[name], value) for name, value in shown.items())
    if isinstance(shown, list):
        return all(any(_alike(one, other) for one in found) for other in shown) and bool(shown) == bool(found)
    if isinstance(shown, float) and shown > 1e9:
        return isinstance(found, float)
    return bool(found == shown)


def test_what_is_read_back_has_the_published_shape() -> None:
    jsonschema.validate(json.loads(READ_BACK), FiguresJson.model_json_schema(mode="serialization"))


async def test_coachs_own_document_becomes_figures(tmp_path: Path) -> None:
    [(typed, shown)] = [(typed, shown) for typed, shown in CURLS if "coach" in typed]
    async with exporter(tmp_path, COACH) as (parts, operators):
        assert await run(typed, tmp_path, parts, operators) == shown
        assert json.loads(await run(typed, tmp_path, parts, operators))["error"] == "duplicate"
        later = json.loads(REPORT)
        later["reportId"], later["systemHealth"]["errors"]["broker_timeout"] = "next", 5
        del later["providers"]["tradier"]
        assert (await parts.push(later)).status == 200
        exposed = await parts.exposed()
    wanted = {
        'rollwatch_provider_in_use{service="coach",provider="massive"}': 1,
        'coach_provider_uptime_ratio{service="coach",provider="massive"}': 0.992,
        'coach_provider_latency_seconds{service="coach",provider="massive"}': 0.212,
        'coach_greeks_valid_ratio{service="coach"}': 0.99,
        'rollwatch_figure_value{service="coach",figure="coach_greeks_valid_ratio",key=""}': 0.99,
        'rollwatch_figure_limit_below{service="coach",figure="coach_greeks_valid_ratio",priority="P1"}': 0.75,
        'rollwatch_trading_pnl_gross_percent{service="coach"}': 10,
        'rollwatch_trading_pnl_net_percent{service="coach"}': 6.9,
        'rollwatch_trading_backtest_variance_points{service="coach"}': 1.6,
        'rollwatch_trading_cost{service="coach",item="commission",basis="actual"}': 1.3,
        'rollwatch_trading_cost{service="coach",item="slippage",basis="actual"}': 0.25,
        'rollwatch_app_memory_bytes{service="coach",process="coach"}': 412 * 1024**2,
        'rollwatch_system_errors_total{service="coach",type="broker_timeout"}': 2,
        'rollwatch_system_errors_total{service="coach",type="stale_quote"}': 0,
        'rollwatch_trading_executions_total{service="coach"}': 1,
        'rollwatch_records_duplicates_total{service="coach",records="trades"}': 1,
    }
    assert {name: exposed.get(name) for name in wanted} == pytest.approx(wanted)
    assert [name for name in exposed if "tradier" in name] == [], "a whole list came, and it is not in it"
    [kept] = parts.board.services["coach"].records["trades"].kept
    assert kept.record["net"] == 3.45


async def test_the_page_of_the_shop_may_push(tmp_path: Path) -> None:
    [script] = blocks("js")
    document = {"metrics": [{"name": "shop_coupons_total", "add": 1}]}
    assert '{metrics: [{name: "shop_coupons_total", add: 1}]}' in script
    async with exporter(tmp_path, SHOP) as (parts, _):
        page = {"Origin": "https://shop.example.com", "Content-Type": "text/plain;charset=UTF-8"}
        answered = await parts.push(document, token=None, headers=page, query="?service=shop")
        assert answered.status == 200


def test_the_page_names_every_key_error_and_metric() -> None:
    words: list[type[StrEnum]] = [PushOutcome, Unread, FigureFault]
    named = {word.value for one in words for word in one}
    named |= set(PushDocument.model_fields)
    union = get_args(get_args(Metric)[0])
    named |= {field for form in union for field in get_args(form)[0].model_fields}
    named |= {metric.name for metric in PUSH_METRICS}
    assert {word for word in named if not re.search(rf"\b{word}\b", PAGE)} == set()
