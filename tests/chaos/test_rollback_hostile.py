"""Labels, programs, web pages and crowds that mean harm, against one running handler each."""

from __future__ import annotations

import contextlib
import gzip
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from support.processes import wait_for
from support.rollback_rig import ROLES, Rig, alert_body, by_command, rig, rigged, write_secret

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

        bodies = [body] * 50 + [alert_body(*(f"s{n}-{m}" for m in range(10))) for n in range(10)]
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
