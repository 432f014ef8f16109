"""The exporter's own dashboard document, read by the handler."""

import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from rollwatch.exporter.dashboard import dashboard_json
from rollwatch.model import Reason
from rollwatch.rollback.evidence.exporter_view import ExporterView, Watched, watched
from rollwatch.rollback.evidence.peer import Peer, new_session
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.ports import ProbeNow
from support.fake_monitor import NOW, probe, production, run, service
from support.manual_clock import ManualClock
from support.rollback_prometheus import peer
from support.servers import answering, response, serve


@asynccontextmanager
async def asking(body, *, wall=NOW, watched=None, environment="production", status="200 OK"):
    session = new_session("test")
    async with serve(answering(response(body, status=status))) as server:
        spec = Peer("the exporter", peer(server.url("")), session)
        try:
            yield ExporterView(spec, ManualClock(wall=wall), environment, watched or {}), server
        finally:
            await session.close()


async def a_document(**changes):
    shown = production(
        service(
            "api",
            probe("api/health", run(ago_s=20), run(Reason.STATUS, "503", ago_s=4)),
            probe("api/feed", run(ago_s=5), kind="websocket"),
            probe("api/fresh"),
            version="1.4.2",
            version_changed_at=NOW - 300,
        )
    )
    document = json.loads(await dashboard_json(shown))
    document["services"][0] |= {"new_member": [1]}
    for path, value in changes.items():
        *way, last = path.split("__")
        place = document
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return json.dumps(document).encode()


async def test_a_service_as_the_exporter_shows_it():
    async with asking(await a_document()) as (view, server):
        now = await view.service_now("api")
    assert (now.version, now.version_changed_at) == ("1.4.2", NOW - 300)
    assert now.probes == (
        ProbeNow("api/health", "down", "status", NOW - 4, critical=True),
        ProbeNow("api/feed", "up", "ok", NOW - 5, critical=True),
        ProbeNow("api/fresh", "unknown", "not_started", None, critical=True),
    )
    assert server.requests[0].startswith(b"GET /api/monitoring/dashboard?service=api HTTP/1.1")


async def test_the_last_run_counts_and_not_the_verdict_that_is_held():
    document = await a_document(services__0__probes__0__verdict="up")
    async with asking(document) as (view, _):
        assert (await view.service_now("api")).probes[0].verdict == "down"


@pytest.mark.parametrize(
    ("counts", "critical"),
    [
        (Watched(paging=frozenset({"health"})), {"api/health"}),
        (Watched(paging=frozenset({"elsewhere"})), {"api/health", "api/feed", "api/fresh"}),
        (Watched(named=("feed",), paging=frozenset({"health"})), {"api/feed"}),
        (Watched(named=("feed", "gone")), {"api/feed", "api/gone"}),
    ],
)
async def test_which_probes_count(counts, critical):
    async with asking(await a_document(), watched={"api": counts}) as (view, _):
        now = await view.service_now("api")
    assert {one.id for one in now.probes if one.critical} == critical
    assert all(one.verdict == "unknown" for one in now.probes if one.id == "api/gone")


def test_probes_with_priority_p0_count_unless_others_are_named():
    probes = [
        SimpleNamespace(service=service, name=name, spec=SimpleNamespace(priority=priority))
        for service, name, priority in (
            ("api", "health", "P0"),
            ("api", "slow", "P2"),
            ("web", "front", "P0"),
        )
    ]
    assert watched("api", probes) == Watched((), frozenset({"health"}))
    assert watched("api", probes, ("slow",)).named == ("slow",)


@pytest.mark.parametrize(
    ("changes", "settings", "why"),
    [
        ({}, {"wall": NOW + 61}, "document is 61 s old"),
        ({}, {"wall": NOW - 61}, "clock is 61 s ahead of this host's"),
        ({}, {"environment": "staging"}, "watches the environment production, not staging"),
        ({"services": []}, {}, "does not know the service api"),
        ({"generated_at": ...}, {}, "document is not understood: generated_at"),
        ({"generated_at": True}, {}, ""),
        ({"services__0__version": ...}, {}, "document is not understood: services.0.version"),
        ({"services__0__version": 14}, {}, "not understood"),
        ({"services__0__version_changed_at": "now"}, {}, "not understood"),
        ({"services__0__probes": None}, {}, "not understood"),
        ({"services__0__probes__0__last_run__verdict": "fine"}, {}, "not understood"),
        ({"services__0__probes__0__last_run": ...}, {}, "not understood"),
        ({}, {"status": "404 Not Found"}, "answered 404"),
    ],
)
async def test_a_document_that_can_not_be_relied_on_is_no_answer(changes, settings, why):
    async with asking(await a_document(**changes), **settings) as (view, _):
        found = await view.service_now("api")
    assert isinstance(found, Unanswered)
    assert why in found.why
