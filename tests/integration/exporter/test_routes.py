"""The exporter's addresses, on a real listener in front of a monitor that shows what the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from rollwatch.clock import SystemClock
from rollwatch.engine.view import Explained, RunRefused
from rollwatch.exporter.dashboard import dashboard_schema
from rollwatch.exporter.routes import Access, exporter_routes
from rollwatch.metrics.definition import MetricDef, MetricType, Scope
from rollwatch.metrics.exposition import render
from rollwatch.metrics.store import Store
from rollwatch.model import Component, Phase, Reason, Role
from rollwatch.serving.app import build_app
from rollwatch.serving.health import Health
from rollwatch.serving.server import serve
from rollwatch.serving.web_config_file import WebConfigSource
from support.fake_monitor import NOW, FakeMonitor, probe, production, run, service
from support.no_arrivals import Arrived
from support.web import eventually, token_digest

SEEN = MetricDef("things_seen_total", MetricType.COUNTER, "Things.", Scope.EXPORTER, ("thing",))
FORM = "application/x-www-form-urlencoded"
HOSTILE = '<script>alert(1)</script>"\u202e\x1b[31m'


class Exporter:
    """A whole surface, and a client for it."""

    def __init__(self) -> None:
        self.monitor = FakeMonitor(
            production(
                service(
                    "api",
                    probe(
                        "api/health",
                        run(ago_s=35),
                        run(ago_s=20),
                        run(Reason.STATUS, "the answer had status 503"),
                        components=[
                            Component("db", False, True, HOSTILE),
                            Component("\ud800", True, False, "ok"),
                        ],
                    ),
                    probe("api/new"),
                    version="2.0.0",
                    version_changed_at=NOW - 600,
                    owner="backend",
                ),
                service("quotes", probe("quotes/massive", run(), role=Role.PRIMARY, kind="provider")),
            )
        )
        self.store = Store()
        self.problems: str | None = None
        self.reloads = 0
        self.down: dict[str, str] = {}
        self.may_render = asyncio.Event()
        self.may_render.set()
        self.rendering = 0
        self.url = ""
        self.client: Any = None

    async def render(self, openmetrics: bool) -> AsyncGenerator[bytes, None]:
        self.rendering += 1
        try:
            await self.may_render.wait()
            async for piece in render(self.store, openmetrics=openmetrics):
                yield piece
        finally:
            self.rendering -= 1

    async def reload(self) -> str | None:
        self.reloads += 1
        return self.problems

    @asynccontextmanager
    async def running(self, web_config: Path | None = None) -> AsyncIterator[Exporter]:
        health = Health(
            "rollwatch exporter",
            "1.2.3",
            SystemClock(),
            alive=lambda: self.down.get("alive"),
            ready=lambda: self.down.get("ready"),
            checks={"configuration": lambda: self.down.get("configuration")},
        )
        routes = exporter_routes(
            monitor=self.monitor,
            health=health,
            render=self.render,
            reload=self.reload,
            arrivals=Arrived(),
        )
        app = build_app(routes, await WebConfigSource.opened(web_config, Access))
        async with serve(app, "127.0.0.1:0") as listener, aiohttp.ClientSession(listener.url) as client:
            self.url, self.client = listener.url, client
            yield self


@pytest.fixture
async def exporter() -> AsyncIterator[Exporter]:
    async with Exporter().running() as running:
        yield running


# /metrics


@pytest.mark.parametrize(
    ("headers", "content_type", "parse"),
    [
        ({}, "text/plain; version=0.0.4; charset=utf-8", text_string_to_metric_families),
        (
            {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"},
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            openmetrics_families,
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_scrape_gets_the_format_and_encoding_it_asks_for(
    exporter: Exporter, headers: dict[str, str], content_type: str, parse: Any, encoding: str
) -> None:
    for number in range(5000):
        exporter.store.counter(SEEN, ("fra1", str(number))).inc(number)
    headers = {**headers, "Accept-Encoding": encoding}
    async with exporter.client.get("/metrics", headers=headers) as answer:
        text = await answer.text()
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers.get("Content-Encoding", "identity") == encoding
    (family,) = parse(text)
    assert {s.labels["thing"]: s.value for s in family.samples} == {str(n): float(n) for n in range(5000)}


async def test_head_costs_no_exposition(exporter: Exporter) -> None:
    exporter.may_render.clear()
    async with exporter.client.head("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


async def test_the_ninth_scrape_at_once_is_told_so_and_the_eight_are_answered(exporter: Exporter) -> None:
    exporter.may_render.clear()
    scrapes = [asyncio.create_task(_get(exporter, "/metrics")) for _ in range(8)]
    await eventually(lambda: exporter.rendering == 8)
    status, text = await _get(exporter, "/metrics")
    assert (status, text.splitlines()[0]) == (503, "8 scrapes are under way already.")
    exporter.may_render.set()
    assert [status for status, _ in await asyncio.gather(*scrapes)] == [200] * 8
    assert (await _get(exporter, "/metrics"))[0] == 200


async def test_scrapes_that_are_given_up_leave_their_places(exporter: Exporter) -> None:
    exporter.may_render.clear()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await exporter.client.get("/metrics", timeout=aiohttp.ClientTimeout(total=0.05))
        await eventually(lambda: exporter.rendering <= 1)
        exporter.may_render.set()
        await eventually(lambda: exporter.rendering == 0)
        exporter.may_render.clear()
    exporter.may_render.set()
    assert (await _get(exporter, "/metrics"))[0] == 200


async def test_an_exposition_that_breaks_is_no_success(exporter: Exporter) -> None:
    async def early(_: bool) -> AsyncGenerator[bytes, None]:
        raise RuntimeError("broken")
        yield b""

    exporter.render = early  # type: ignore[method-assign]
    async with exporter.running():
        assert (await _get(exporter, "/metrics"))[0] == 500

    async def late(_: bool) -> AsyncGenerator[bytes, None]:
        yield b"a 1\n"
        raise RuntimeError("broken")

    exporter.render = late  # type: ignore[method-assign]
    async with exporter.running():
        with pytest.raises(aiohttp.ClientPayloadError):
            await _get(exporter, "/metrics")


# health


@pytest.mark.parametrize(
    ("down", "healthy", "ready", "health"),
    [
        ({}, 200, 200, (200, "healthy")),
        ({"alive": "The loop stands still."}, 503, 503, (503, "unhealthy")),
        ({"ready": "No configuration yet."}, 200, 503, (503, "unhealthy")),
        ({"configuration": "line 3: bad"}, 200, 200, (200, "degraded")),
    ],
)
async def test_health_says_what_is_wrong_and_whom_it_stops(
    exporter: Exporter, down: dict[str, str], healthy: int, ready: int, health: tuple[int, str]
) -> None:
    exporter.down = down
    assert (await _get(exporter, "/-/healthy"))[0] == healthy
    assert (await _get(exporter, "/-/ready"))[0] == ready
    status, text = await _get(exporter, "/health")
    document = json.loads(text)
    assert ((status, document["status"]), document["version"]) == (health, "1.2.3")
    found = {name: check["error"] for name, check in document["checks"].items() if check["status"] == "down"}
    assert found == down


# reload


async def test_a_reload_says_that_it_worked_or_why_not(exporter: Exporter) -> None:
    assert await _post(exporter, "/-/reload") == (200, "The configuration was reloaded.\n")
    exporter.problems = "rollwatch.yml:3: interval: is not a duration. Write it like 15s."
    status, text = await _post(exporter, "/-/reload")
    assert status == 400
    assert exporter.problems in text
    assert "the old one stays in force" in text
    assert exporter.reloads == 2


@pytest.mark.parametrize("target", ["/-/reload", "/debug/probe"])
async def test_pages_of_other_sites_reload_and_run_nothing(exporter: Exporter, target: str) -> None:
    form = {"data": {"probe": "api/health"}}
    status, _ = await _post(exporter, target, headers={"Origin": "https://evil.example"}, **form)
    assert status == 403
    status, _ = await _get(exporter, target)
    assert status == 405
    assert (exporter.reloads, exporter.monitor.runs) == (0, [])


async def test_tokens_read_or_also_operate(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text(
        f"tokens:\n- {{name: r, role: read, sha256: '{token_digest('reader')}'}}\n"
        f"- {{name: o, role: operate, sha256: '{token_digest('operator')}'}}\n"
    )
    read = ("/", "/probe?id=api/health", "/metrics", "/health", "/api/monitoring/dashboard")
    async with Exporter().running(path) as exporter:
        for target in read:
            assert (await _get(exporter, target))[0] == 401
            assert (await _get(exporter, target, headers=_bearer("reader")))[0] == 200
            assert (await _get(exporter, target, headers=_bearer("operator")))[0] == 200
        for target in ("/-/reload", "/debug/probe"):
            assert (await _post(exporter, target))[0] == 401
            assert (await _post(exporter, target, headers=_bearer("reader")))[0] == 403
        assert (await _post(exporter, "/-/reload", headers=_bearer("operator")))[0] == 200
        for target in ("/-/healthy", "/-/ready", "/api/monitoring/dashboard.schema.json"):
            assert (await _get(exporter, target))[0] == 200


# the dashboard


async def test_the_published_schema_is_the_one_served_and_in_the_docs(exporter: Exporter) -> None:
    published = Path(__file__).parents[3] / "docs" / "dashboard.schema.json"
    assert json.loads(published.read_text()) == dashboard_schema()
    _, text = await _get(exporter, "/api/monitoring/dashboard.schema.json")
    assert json.loads(text) == dashboard_schema()


async def test_the_dashboard_keeps_to_its_schema_and_says_everything(exporter: Exporter) -> None:
    status, text = await _get(exporter, "/api/monitoring/dashboard")
    document = json.loads(text)
    assert status == 200
    strict = json.loads(json.dumps(dashboard_schema()))
    for shape in (strict, *strict["$defs"].values()):
        if "properties" in shape:
            # Nothing is said that is not published.
            shape["additionalProperties"] = False
    jsonschema.Draft202012Validator(strict).validate(document)
    assert document["schema_version"] == 1
    assert document["summary"] == {"probes": 3, "up": 1, "down": 1, "unknown": 1}
    api = document["services"][0]
    assert (api["version"], api["version_changed_at"], api["verdict"]) == ("2.0.0", NOW - 600, "down")
    health, new = api["probes"]
    assert (health["verdict"], health["reason"], health["verdict_since"]) == ("down", "status", NOW - 5)
    assert health["last_run"]["started_at"] == NOW - 5
    assert health["last_run"]["duration_seconds"] == 0.123
    assert health["last_run"]["phases"] == {"connect": 0.123 / 4, "processing": 0.123 / 2}
    assert [record["verdict"] for record in health["recent"]] == ["up", "up", "down"]
    assert health["components"][0] == {"name": "db", "is_up": False, "is_critical": True, "word": HOSTILE}
    assert (new["verdict"], new["reason"], new["last_run"], new["verdict_since"]) == (
        "unknown",
        "not_started",
        None,
        None,
    )


async def test_the_dashboard_of_one_service(exporter: Exporter) -> None:
    _, text = await _get(exporter, "/api/monitoring/dashboard?service=quotes")
    document = json.loads(text)
    assert [service["name"] for service in document["services"]] == ["quotes"]
    assert document["summary"] == {"probes": 1, "up": 1, "down": 0, "unknown": 0}
    status, text = await _get(exporter, "/api/monitoring/dashboard?service=nope")
    assert (status, json.loads(text)["error"]) == (404, "unknown_service")


# a run on demand

EXPLAINED = Explained(
    "api/health",
    "https://api.example.com/health",
    run(
        Reason.STATUS,
        f"the answer had status 503 {HOSTILE}",
        phases={Phase.CONNECT: 0.01, Phase.TRANSFER: 1.5},
    ),
    (("protocol", "TLSv1.3"), ("body", HOSTILE)),
)


async def test_a_run_on_demand_is_explained_in_text(exporter: Exporter) -> None:
    exporter.monitor.explained = EXPLAINED
    status, text = await _post(exporter, "/debug/probe", data={"probe": "api/health"})
    assert status == 200
    assert text.startswith("api/health is DOWN (status): the answer had status 503")
    for line in ("target   https://api.example.com/health", "  connect     10 ms", "  transfer    1.50 s"):
        assert line in text.splitlines()
    assert "  protocol: TLSv1.3" in text
    # A terminal would act on these.
    assert "\x1b" not in text
    assert "\u202e" not in text


async def test_a_run_on_demand_is_explained_in_json(exporter: Exporter) -> None:
    exporter.monitor.explained = EXPLAINED
    headers = {"Accept": "application/json"}
    status, text = await _post(exporter, "/debug/probe", json={"probe": "api/health"}, headers=headers)
    document = json.loads(text)
    assert (status, document["verdict"], document["reason"]) == (200, "down", "status")
    assert document["phases"] == {"connect": 0.01, "transfer": 1.5}
    assert document["notes"][0] == {"name": "protocol", "value": "TLSv1.3"}


async def test_a_run_from_the_form_is_a_page(exporter: Exporter) -> None:
    exporter.monitor.explained = EXPLAINED
    headers = {"Accept": "text/html,*/*;q=0.8", "Origin": exporter.url}
    async with exporter.client.post("/debug/probe", data={"probe": "api/health"}, headers=headers) as answer:
        text = await answer.text()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Where the time went" in text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    ("refused", "status", "retry_after"),
    [
        (RunRefused("api/health may not be asked yet: it is paid for", 41.2), 429, "42"),
        (RunRefused("api/health is running right now", 0.0), 429, "1"),
        (RunRefused("api/health can't be run on demand", None), 409, None),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_a_refused_run_says_why_and_when_to_ask_again(
    exporter: Exporter, refused: RunRefused, status: int, retry_after: str | None, accept: str
) -> None:
    exporter.monitor.refusal = refused
    form = {"data": {"probe": "api/health"}, "headers": {"Accept": accept}}
    async with exporter.client.post("/debug/probe", **form) as answer:
        text = await answer.text()
    assert (answer.status, answer.headers.get("Retry-After")) == (status, retry_after)
    assert str(refused).replace("'", "&#39;" if accept == "text/html" else "'") in text
    assert ("<h1>" in text) is (accept == "text/html")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"json": {"probe": "api/nope"}}, 404, "unknown_probe"),
        ({"json": {"probe": ["api/health"]}}, 400, "probe_missing"),
        ({"json": ["api/health"]}, 400, "probe_missing"),
        ({"data": {"other": "x"}}, 400, "probe_missing"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "json_invalid"),
        (
            {"data": b"probe=\xff", "headers": {"Content-Type": f"{FORM}; charset=zlib_codec"}},
            400,
            "form_invalid",
        ),
        ({"data": b"a=1&" * 17, "headers": {"Content-Type": FORM}}, 400, "form_invalid"),
        (
            {"data": b"probe=api", "headers": {"Content-Type": f"{FORM}; charset=none-such"}},
            404,
            "unknown_probe",
        ),
        ({"data": b"api/health", "headers": {"Content-Type": "text/plain"}}, 415, "content_type"),
        ({}, 415, "content_type"),
    ],
)
async def test_what_names_no_probe_runs_none(
    exporter: Exporter, body: dict[str, Any], status: int, error: str
) -> None:
    headers = {"Accept": "application/json", **body.get("headers", {})}
    found, text = await _post(exporter, "/debug/probe", **{**body, "headers": headers})
    assert (found, json.loads(text)["error"]) == (status, error)
    assert exporter.monitor.runs == []


async def test_one_probe_runs_on_demand_once_at_a_time(exporter: Exporter) -> None:
    exporter.monitor.may_run.clear()
    form = {"data": {"probe": "api/health"}}
    first = asyncio.create_task(_post(exporter, "/debug/probe", **form))
    await eventually(lambda: exporter.monitor.runs == ["api/health"])
    assert (await _post(exporter, "/debug/probe", **form))[0] == 409
    exporter.monitor.may_run.set()
    assert (await first)[0] == 200
    assert (await _post(exporter, "/debug/probe", **form))[0] == 200


async def _get(exporter: Exporter, target: str, **more: Any) -> tuple[int, str]:
    async with exporter.client.get(target, **more) as answer:
        return answer.status, await answer.text()


async def _post(exporter: Exporter, target: str, **more: Any) -> tuple[int, str]:
    async with exporter.client.post(target, **more) as answer:
        return answer.status, await answer.text()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
