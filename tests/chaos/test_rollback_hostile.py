"""Labels, programs, peers, web pages and crowds that mean harm, against one running handler each."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from support.processes import wait_for
from support.rollback_load_peers import answer
from support.rollback_rig import ROLES, Rig, alert_body, by_command, rig, rigged, send, write_secret

SECRET = "s3cr3t-of-the-deployment-0123456789"
IN_ADDRESS = "s3cr3t-of-an-address-0123456789"
OF_HANDLER = "s3cr3t-of-the-handler-0123456789"
RIGHT_TO_LEFT = "\u202e"
LABELS = {
    "shell": "`touch pwned`",
    "substituted": "$(touch pwned)",
    "option": "--upload-pack=touch pwned",
    "line": "a\nlevel=critical event=forged",
    "direction": f"{RIGHT_TO_LEFT}cba",
    "markup": "<script>alert(1)</script>",
    "template": "{{ .x }}${file:web.yml}",
    "terminal": "\x1b[2J\x07",
}
ESCAPES = (
    r"printf '\033[31mred\033[0m\033]0;title\007\033[2J\342\200\256 over\n\r\nlevel=critical event=forged\n'"
)
TELLS = (
    """env; echo "$DEPLOY_TOKEN"; printf %s "$DEPLOY_TOKEN" | base64; printf %s "$DEPLOY_TOKEN" | fold -w 7"""
)


def _hook(script: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "hook", "run": ["/bin/sh", "-c", script], **more}]


HOSTILE = {
    # Which outcome each has.
    "escapes": ("failed", by_command(f"{ESCAPES}; exit 3")),
    "tells": (
        "failed",
        by_command(f"{TELLS}; exit 1", command={"secrets": {"DEPLOY_TOKEN": "${file:deploy}"}}),
    ),
    "floods": ("succeeded", by_command("head -c 200000000 /dev/zero; echo the-end")),
    "hangs": (
        "failed",
        by_command(
            "echo WRONG >>ledger",
            before=_hook(
                "setsid sh -c 'touch escaped; exec sleep 300' & sleep 300",
                timeout="1s",
            ),
        ),
    ),
    "looks": (
        "succeeded",
        by_command(
            "env >of-program",
            before=_hook("env >of-hook"),
            after=[{"name": "call", "url": "http://127.0.0.1:1/${file:address}"}],
        ),
    ),
}
REFUSED: list[dict[str, Any]] = [
    {"nul": "a\0b"},
    {"huge": "x" * 1_000_000},
    {"service": "--upload-pack=x"},
    {"service": "$(x)"},
    {"alertname": "a\nb"},
    {"environment": f"pro{RIGHT_TO_LEFT}duction"},
]


def test_hostile_labels_and_programs_reach_nothing_and_secrets_are_nowhere(tmp_path: Path) -> None:
    for name, secret in (("deploy", SECRET), ("address", IN_ADDRESS)):
        write_secret(tmp_path / name, secret)
    services = {name: way for name, (_, way) in HOSTILE.items()}
    fallback = {"url": "http://127.0.0.1:1/${file:address}"}
    with (
        rigged(tmp_path, services, fallback=fallback) as here,
        here.running(env={"HANDLER_SECRET": OF_HANDLER}) as process,
    ):
        for service in services:
            here.deployed(service)
        rows = {service: here.alerts(service, labels=LABELS)[0] for service in services}
        for labels in REFUSED:
            status, said = here.ask("/api/monitoring/alerts", alert_body("api", labels=labels), role="alert")
            assert (status, said["refused"], said["rollbacks"]) == (200, 1, []), list(labels)
        ended = {service: here.over(row) for service, row in rows.items()}
        assert {service: row["state"] for service, row in ended.items()} == {
            service: outcome for service, (outcome, _) in HOSTILE.items()
        }
        output = {service: "".join(step["output"] for step in row["steps"]) for service, row in ended.items()}
        assert "red? over\n" in output["escapes"]
        assert "DEPLOY_TOKEN=***" in output["tells"]
        assert len(output["floods"]) < 70_000
        assert output["floods"].endswith("the-end\n")
        assert (tmp_path / "escaped").exists()
        assert _programs(tmp_path) == []
        assert not (tmp_path / "ledger").exists()
        assert not (tmp_path / "pwned").exists()

        wait_for(lambda: here.peers.posted, "its own alerts")
        commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        shown = {
            "log": process.output,
            "pages": "".join(str(here.ask(path)) for path in _PATHS),
            "rows": "".join(map(str, ended.values())),
            "alerts": b"".join(here.peers.raw).decode(),
            "commands": commands,
            "of a program": (tmp_path / "of-program").read_text(),
            "of a hook": (tmp_path / "of-hook").read_text(),
        }
        hidden = [SECRET, IN_ADDRESS, OF_HANDLER, *here.tokens.values()]
        # Half of one would be too much as well.
        told = [(where, part) for where, text in shown.items() for part in hidden if part[4:24] in text]
        assert told == []
        for text in (shown["log"], shown["alerts"], shown["of a program"], shown["of a hook"]):
            assert not set(text) & {"\x1b", "\x07", "\0", RIGHT_TO_LEFT}
            assert not any(line.startswith("level=") for line in text.splitlines())
            assert "touch pwned" not in text
        assert {_mode(path) for path in here.storage.iterdir() if path.is_file()} == {0o600}
        assert {_mode(path) for path in (here.storage, *here.storage.iterdir()) if path.is_dir()} == {0o700}
        assert here.os_process.children() == []


_PATHS = (
    "/metrics",
    "/health",
    "/login",
    "/api/monitoring/rollback/status",
    "/api/monitoring/rollback/history",
    "/api/monitoring/deployments",
)


def _programs(place: Path) -> list[list[str]]:
    """What still runs there, but for the handler."""
    there = psutil.process_iter(["cwd", "cmdline"])
    return [
        one.info["cmdline"]
        for one in there
        if one.info["cwd"] == str(place) and one.info["cmdline"] and "serve" not in one.info["cmdline"]
    ]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# Peers.

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


PROMETHEUS = (_hangs, _never_ends, _explodes, _is_deep, _is_no_number, _is_garbage)


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


def _refuses(peer: Peer, _: bytes) -> None:
    send(peer, b"{}", 502)


def test_hostile_peers_stop_nothing_and_are_never_believed(tmp_path: Path) -> None:
    asked = [behave.__name__.strip("_").replace("_", "-") for behave in PROMETHEUS]
    services = [*asked, *EXPORTER, "at-the-end"]
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


# Crowds, and pages of others.


def test_crowds_and_pages_of_others_do_nothing(tmp_path: Path) -> None:
    services = {
        "api": by_command("echo api >>ledger"),
        "web": by_command("echo WRONG >>ledger", mode="approve"),
    }
    with rig(tmp_path, services) as here:
        here.deployed("web")
        pages_of_others(here)
        assert here.lines() == []
        here.deployed("api")
        before = _held(here)
        body = alert_body("api")

        def post(body: bytes) -> int:
            return here.ask("/api/monitoring/alerts", body, role="alert")[0]

        bodies = [body] * 50 + [alert_body(*(f"s{n}-{m}" for m in range(20))) for n in range(20)]
        with ThreadPoolExecutor(32) as pool, contextlib.ExitStack() as slow:
            for _ in range(300):
                slow.enter_context(_never_done(here))
            assert set(pool.map(post, bodies)) == {200}
            bomb = gzip.compress(bytes(50_000_000))
            status, _ = here.ask(
                "/api/monitoring/alerts", bomb, role="alert", headers={"Content-Encoding": "gzip"}
            )
            assert status == 415
        rows = here.ask("/api/monitoring/rollback/history?service=api")[1]["rollbacks"]
        assert [here.over(row["id"])["state"] for row in rows] == ["succeeded"]
        assert here.lines() == ["api"]
        wait_for(lambda: not here.ask("/api/monitoring/rollback/status")[1]["open"], "all to be judged")
        wait_for(lambda: _held(here)[0] <= before[0] + 3, "its descriptors to be closed")
        assert _held(here)[1] < before[1] + 40


def _held(here: Rig) -> tuple[int, int]:
    """Descriptors, and memory in MiB."""
    return here.os_process.num_fds(), here.os_process.memory_info().rss >> 20


def _never_done(here: Rig) -> socket.socket:
    """A client that promises a body and does not send it."""
    host, _, port = here.url.removeprefix("http://").strip("/").partition(":")
    client = socket.create_connection((host, int(port)), timeout=10)
    head = [
        "POST /api/monitoring/alerts HTTP/1.1",
        f"Host: {host}:{port}",
        f"Authorization: Bearer {here.tokens['alert']}",
        "Content-Type: application/json",
        "Content-Length: 1000",
    ]
    client.sendall("\r\n".join([*head, "", "{"]).encode())
    return client


FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    "a browser without Origin": {"Sec-Fetch-Site": "cross-site"},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a plain text": {"Content-Type": "text/plain"},
}


def pages_of_others(here: Rig) -> None:
    """They have a token, even."""
    [row] = here.alerts("web")
    here.reached(row, "awaiting_approval")
    base, who = "/api/monitoring/rollback", {"actor": "anna"}
    wishes: dict[str, dict[str, Any]] = {
        f"{base}/{row}/approve": who,
        f"{base}/{row}/cancel": {**who, "reason": "x"},
        f"{base}/trigger": {**who, "service": "web", "reason": "x", "level": "emergency"},
        f"{base}/pause": {**who, "reason": "x"},
    }
    for name, headers in FOREIGN.items():
        for path, body in wishes.items():
            assert here.ask(path, body, role="approve", headers=headers)[0] in {403, 415}, (name, path)
    for role in ROLES[:3]:
        for path, body in wishes.items():
            assert here.ask(path, body, role=role)[0] == 403, (role, path)
    said = here.ask(f"{base}/status")[1]
    assert (said["paused"], said["running"], here.row(row)["state"]) == (False, [], "awaiting_approval")
