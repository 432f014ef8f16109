"""CPU per HTTP probe: the exporter beside blackbox_exporter, aiohttp and a bare protocol, on one nginx."""

from __future__ import annotations

import contextlib
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psutil

from bench.harness import Table, Target, cpu_s, program, script
from support.processes import free_port

__all__ = ["run"]

RATE = 500
ROUNDS = 3
WARM_UP_S = 2.0
WINDOW_S = 6.0
MAX_RATIO = 0.5

_BODY = '{"status": "ok", "version": "1.4.2", "database": "connected", "uptime": 86400}'
_PATTERN = '"status": ?"ok"'

Subject = Callable[[], contextlib.AbstractContextManager[psutil.Process]]


@contextlib.contextmanager
def _nginx(home: Path) -> Iterator[tuple[int, int]]:
    """The target and the port that counts what it was asked."""
    port, status = free_port(), free_port()
    config = home / "nginx.conf"
    config.write_text(
        f"daemon off; pid {home}/nginx.pid; worker_processes 1; error_log stderr notice;\n"
        "events { worker_connections 4096; }\n"
        "http { access_log off; default_type application/json;\n"
        f"  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 '{_BODY}'; }} }}\n"
        f"  server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}\n"
        "}\n"
    )
    with program(["nginx", "-p", str(home), "-c", str(config)], cwd=home, says="start worker process "):
        yield port, status


def _answered(status: int) -> int:
    """How many requests nginx has answered, those to this address included."""
    with urllib.request.urlopen(f"http://127.0.0.1:{status}/", timeout=5) as answer:
        numbers = re.search(r"(\d+) (\d+) (\d+) \n", answer.read().decode())
    if numbers is None:
        raise RuntimeError("nginx's stub_status is not as it was")
    return int(numbers[3])


def _subjects(home: Path, port: int) -> dict[str, Subject]:
    config = home / "rollwatch.yml"
    target = f"http://127.0.0.1:{port}/"
    probe = f"{{kind: http, url: '{target}', interval: 1s, timeout: 1s, expect: {{body: '{_PATTERN}'}}}}"
    probes = "".join(f"      p{number}: {probe}\n" for number in range(RATE))
    config.write_text(f"environment: bench\nlocation: here\nservices:\n  web:\n    probes:\n{probes}")
    blackbox = home / "blackbox.yml"
    blackbox.write_text(
        "modules:\n  ok:\n    prober: http\n    timeout: 1s\n    http:\n      preferred_ip_protocol: ip4\n"
        f"      fail_if_body_not_matches_regexp: ['{_PATTERN}']\n"
    )

    @contextlib.contextmanager
    def exporter() -> Iterator[psutil.Process]:
        argv = [sys.executable, "-m", "rollwatch", "exporter", f"--config.file={config}"]
        with program([*argv, "--web.listen-address=127.0.0.1:0"], cwd=home, says="event=started") as process:
            yield psutil.Process(process.pid)

    @contextlib.contextmanager
    def blackbox_exporter() -> Iterator[psutil.Process]:
        own = free_port()
        argv = [
            "prometheus-blackbox-exporter",
            f"--config.file={blackbox}",
            f"--web.listen-address=127.0.0.1:{own}",
        ]
        path = f"/probe?module=ok&target={quote(target, safe='')}"
        with program(argv, cwd=home, says="Listening on") as process:  # noqa: SIM117  the order matters
            with program(
                script("http_peers.py", "scrape", "127.0.0.1", own, RATE, path), cwd=home, says="ready"
            ):
                yield psutil.Process(process.pid)

    def peer(mode: str) -> Subject:
        @contextlib.contextmanager
        def run_peer() -> Iterator[psutil.Process]:
            with program(
                script("http_peers.py", mode, "127.0.0.1", port, RATE), cwd=home, says="ready"
            ) as process:
                yield psutil.Process(process.pid)

        return run_peer

    return {
        "blackbox_exporter (Debian's)": blackbox_exporter,
        "rollwatch exporter": exporter,
        "aiohttp's client, uvloop": peer("aiohttp"),
        "floor: bare asyncio protocol, uvloop": peer("bare"),
    }


def _measure(subject: Subject, status: int) -> tuple[float, float]:
    """CPU seconds per request, and requests per second, over one window."""
    with subject() as process:
        time.sleep(WARM_UP_S)
        asked, spent, began = _answered(status), cpu_s(process), time.monotonic()
        time.sleep(WINDOW_S)
        if not process.is_running():
            raise RuntimeError("a process under measurement ended early")
        spent, took = cpu_s(process) - spent, time.monotonic() - began
        asked = _answered(status) - asked - 1
    return spent / max(asked, 1), asked / took


def run() -> Table:
    """Measure in interleaved rounds; about a minute and three quarters."""
    with tempfile.TemporaryDirectory() as directory, _nginx(Path(directory)) as (port, status):
        subjects = _subjects(Path(directory), port)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
        for _ in range(ROUNDS):
            for name, subject in subjects.items():
                found[name].append(_measure(subject, status))
    table = Table(
        "CPU per HTTP probe",
        f"{RATE} probes a second of one nginx, each with a fresh connection and a pattern on the body; "
        f"{ROUNDS} interleaved rounds of {WINDOW_S:g} s, the median of each. CPU is user and system time of "
        "the whole process. blackbox_exporter is driven over kept connections, as by "
        "Prometheus. nginx counts "
        "the probes.",
        ("process", "us/probe", "of blackbox", "rounds, us", "probes/s"),
    )
    medians = {name: statistics.median(cost for cost, _ in rounds) for name, rounds in found.items()}
    peer = medians["blackbox_exporter (Debian's)"]
    for name, rounds in found.items():
        spread = " ".join(f"{cost * 1e6:.0f}" for cost, _ in rounds)
        rate = statistics.median(rate for _, rate in rounds)
        table.rows.append(
            (name, f"{medians[name] * 1e6:.0f}", f"{medians[name] / peer:.2f}", spread, f"{rate:.0f}")
        )
    ratio = medians["rollwatch exporter"] / peer
    table.targets.append(
        Target(f"at most {MAX_RATIO} of blackbox_exporter's CPU", f"{ratio:.2f}", ratio <= MAX_RATIO)
    )
    return table
