"""The description of the ingest listener is true: schemathesis sends what fits it and what does not.

As a command, on the wiring of the exporter and a real listener: no answer may be a 5xx, or one that is not
described; what does not fit must be refused.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from rollwatch.clock import SystemClock
from rollwatch.exporter.arrivals import Arrivals
from rollwatch.ingest.openapi import openapi_document
from rollwatch.metrics.store import Store
from rollwatch.serving.health import Health
from rollwatch.serving.server import Listener
from support.pushing import TOKEN, loaded
from support.web import listening

ROOT = Path(__file__).parents[3]
ORIGIN = "https://shop.example.com"
CONFIG = f"""
environment: test
ingest: {{client_rate: 10000, client_burst: 100000, total_rate: 100000}}
services:
  api:
    push: {{token: "${{env:TOKEN}}"}}
    figures:
      app_live_streams: {{type: gauge, help: Streams.}}
      app_reward_claims_total: {{type: counter, help: Claims., labels: {{plan: [free, pro]}}}}
      app_export_seconds: {{type: histogram, help: Exports.}}
      rollwatch_payments_total: {{}}
    records: {{orders: {{id: id, rules: [{{field: amount, min: 0}}]}}}}
  shop:
    browser: {{origins: ["{ORIGIN}"]}}
"""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "missing_required_header",
    "allow_header_conformance",
)
FUZZ = (
    "--max-examples",
    "60",
    "--generation-deterministic",
    "--phases",
    "examples,coverage,fuzzing",
    "--no-color",
)


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    config = await loaded(tmp_path, CONFIG, env={"TOKEN": TOKEN})
    clock = SystemClock()
    arrivals = Arrivals(
        config,
        Store(),
        clock,
        secret=b"secret",
        on_fold=lambda _: None,
        script=b"(function (settings) {})",
        is_listening=True,
    )
    arrivals.configure(config)
    health = Health("rollwatch exporter", "test", clock, lambda: None, lambda: None)
    async with listening(routes=arrivals.routes(health.liveness())) as listener:
        yield listener


@pytest.mark.parametrize(
    ("options", "checks"),
    [
        (
            ("--exclude-path", "/ingest/browser", "-H", f"Authorization: Bearer {TOKEN}"),
            ("unsupported_method",),
        ),
        # Under another site's origin, methods that are not known are refused for that.
        (("--include-path", "/ingest/browser", "-H", f"Origin: {ORIGIN}"), ()),
    ],
    ids=["applications", "browsers"],
)
async def test_every_answer_is_described_and_bad_data_is_refused(
    listener: Listener, tmp_path: Path, options: tuple[str, ...], checks: tuple[str, ...]
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", "run", f"{listener.url}/openapi.json"),
        *("--checks", ",".join((*CHECKS, *checks)), *FUZZ, *options),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    said = out.decode()
    assert process.returncode == 0, said
    [passed] = re.findall(r"generated, (\d+) passed", said)
    assert int(passed) >= 100, said


async def test_what_is_served_is_what_is_in_the_repository(listener: Listener) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{listener.url}/openapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        served = await answer.read()
    assert served == await asyncio.to_thread((ROOT / "docs/ingest.openapi.json").read_bytes), (
        "run 'make docs'"
    )
    generator = [sys.executable, str(ROOT / "tools/generate/ingest_openapi.py")]
    made = await asyncio.to_thread(subprocess.run, generator, capture_output=True, check=True, timeout=50)
    assert served == made.stdout


async def test_every_route_of_the_listener_is_described(listener: Listener) -> None:
    described = {
        (method.upper(), path) for path, methods in openapi_document()["paths"].items() for method in methods
    }
    assert described == {
        ("POST", "/ingest/browser"),
        ("GET", "/rum.js"),
        ("POST", "/api/metrics/export"),
        ("GET", "/openapi.json"),
        ("GET", "/-/healthy"),
    }
    async with aiohttp.ClientSession() as session:
        for method, path in described:
            async with session.request(method, f"{listener.url}{path}") as answer:
                assert answer.status not in {404, 405}
        async with session.get(f"{listener.url}/metrics") as answer:
            assert answer.status == 404, "nothing of the operators' is there"
