"""Prometheus, exporter and Alertmanager answer with what nobody should believe, or not at all."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.processes import wait_for
from support.rollback_load_peers import answer
from support.rollback_rig import by_command, rigged
from support.rollback_rig_peers import send

RIGHT_TO_LEFT = "\u202e"


Peer = http.server.BaseHTTPRequestHandler


def _hangs(peer: Peer, _: bytes) -> None:
    time.sleep(5)


def _begins(peer: Peer, *headers: tuple[str, str]) -> None:
    peer.send_response(200)
    for name, value in headers:
        peer.send_header(name, value)
    peer.end_headers()


def _never_ends(peer: Peer, _: bytes) -> None:
    _begins(peer)
    while True:
        peer.wfile.write(b"[" * 65_536)


def _explodes(peer: Peer, _: bytes) -> None:
    body = gzip.compress(bytes(20_000_000))
    _begins(peer, ("Content-Encoding", "gzip"), ("Content-Length", str(len(body))))
    peer.wfile.write(body)


def _is_deep(peer: Peer, _: bytes) -> None:
    send(peer, b"[" * 200_000)


def _is_no_number(peer: Peer, _: bytes) -> None:
    said = {"there": "NaN", "data": "+Inf", "time": str(time.time())}
    found = [{"metric": {"is": name}, "value": [time.time(), value]} for name, value in said.items()]
    document = {"status": "success", "data": {"resultType": "vector", "result": found}}
    send(peer, json.dumps(document).encode())


def _is_garbage(peer: Peer, _: bytes) -> None:
    send(peer, os.urandom(500))


PROMETHEUS = (_never_ends, _explodes, _is_deep, _is_no_number, _is_garbage)


def _dashboard(**said: Any) -> Callable[[Peer, bytes], None]:
    """The exporter's document, with this in the service."""

    def behave(peer: Peer, _: bytes) -> None:
        document: Any = answer(peer.path)
        service = document["services"][0]
        service.update({key: value(service) if callable(value) else value for key, value in said.items()})
        send(peer, json.dumps(document).encode())

    return behave


def _crowd(service: dict[str, Any]) -> list[dict[str, Any]]:
    [probe] = service["probes"]
    return [{**probe, "id": f"{service['name']}/p{n}", "name": f"p{n}"} for n in range(10_000)]


EXPORTER = {
    "is-no-number": (_dashboard(version_changed_at=float("nan")), "denied"),
    "terminal": (_dashboard(version=f"1.2\x1b[2J\n{RIGHT_TO_LEFT}", version_changed_at=1.0), "failed"),
    "huge": (_dashboard(version="v" * 1_000_000, version_changed_at=1.0), "failed"),
    "crowd": (_dashboard(probes=_crowd), "succeeded"),
}


CLOCK = {"hours-ahead": 10_800.0, "hours-behind": -10_800.0}
"""Of the handler itself: then it is the one that is not believed."""


def _refuses(peer: Peer, _: bytes) -> None:
    send(peer, b"{}", 502)


def test_hostile_peers_stop_nothing_and_are_never_believed(tmp_path: Path) -> None:
    asked = [behave.__name__.strip("_").replace("_", "-") for behave in PROMETHEUS]
    services = [*asked, *EXPORTER, *CLOCK, "at-the-end"]
    with rigged(tmp_path, {service: by_command(f"echo {service} >>ledger") for service in services}) as here:
        here.handler["fallback"] = {"url": f"{here.peers.url}/fallback"}
        here.write()
        with here.running() as process:
            for service in services:
                here.deployed(service)
            for service, behave in zip(asked, PROMETHEUS, strict=True):
                here.peers.behave = {"/api/v1/query": behave, "/api/v1/query_range": behave}
                row = here.over(here.alerts(service)[0])
                assert row["state"] == "denied", service
            here.peers.behave = {}
            for service, ahead_s in CLOCK.items():
                here.set_clock(ahead_s)
                assert here.over(here.alerts(service)[0])["state"] == "denied", service
            here.set_clock(0)
            assert here.lines() == []
            for service, (behave, outcome) in EXPORTER.items():
                here.peers.behave = {"/api/monitoring/dashboard": behave, "/api/v2/alerts": _refuses}
                row = here.over(here.alerts(service)[0])
                assert row["state"] == outcome, row["why"]
                assert len(json.dumps(row)) < 20_000
            # Alertmanager did not take them: the fallback is told of each once, and of nothing twice.
            wait_for(lambda: len(here.peers.fallback) >= 2, "the fallback to be told")
            here.peers.posted.clear()
            here.peers.behave = {"/api/v1/query": _hangs, "/api/v1/query_range": _hangs}
            here.alerts("at-the-end")
            wait_for(lambda: here.peers.posted, "Alertmanager to be told again")
            told = [(told["alert"], told["rollback_id"]) for told in here.peers.fallback]
            assert sorted(told) == sorted(set(told))
            assert not set(process.output) & {"\x1b", RIGHT_TO_LEFT}
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
