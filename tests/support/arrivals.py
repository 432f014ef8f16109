"""An exporter that takes whatever comes in, and those who send: a browser, an application, a log."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.processes import Exporter, running_exporter
from support.siege import Figures, figures

__all__ = [
    "AGENT",
    "BEACON_PATH",
    "ORIGIN",
    "PUSH_PATH",
    "SESSIONS",
    "TOKEN",
    "Reception",
    "Sender",
    "beacon",
    "config_text",
    "exchange",
    "receiving",
    "request",
    "statuses",
]

ORIGIN = "https://www.example.com"
TOKEN = "a-token-of-the-application-42"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
PUSH_PATH = "/api/metrics/export"
BEACON_PATH = "/ingest/browser"
SESSIONS = 50
"""So many tabs send by turns."""
_RUN = os.urandom(4).hex()
_ids = itertools.count()

FIGURES = """\
    figures:
      orders_total: {type: counter, help: Orders., labels: {shop: any}}
      jobs_total: {type: counter, help: Jobs.}
      queue_length: {type: gauge, help: Queue., labels: {queue: any}}
      export_seconds: {type: histogram, help: Exports., buckets: [1, 10]}
    records:
      trades:
        id: id
        rules: [{field: price, required: true}]
        figures: {queue_length: {value: price, labels: {queue: symbol}}}
"""
LINES = """\
          - when: message == 'request'
            figures: {rollwatch_http_requests_total: {labels: {endpoint: path, code: status}}}
"""


def config_text(
    probes: dict[str, str],
    *,
    figures: str = FIGURES,
    browser: str = "routes: ['/stocks/:symbol'], goals: [signup]",
    lines: str = LINES,
    top: str = "",
) -> str:
    """Services `web` (browsers) and `api` (pushes, the log app.log, probes); what is given is YAML inside."""
    listed = "".join(f"      {name}: {{{said}}}\n" for name, said in probes.items())
    return (
        f"environment: test\nlocation: here\n{top}services:\n"
        f"  web:\n    browser: {{origins: ['{ORIGIN}'], {browser}}}\n"
        f"  api:\n    push: {{token: '{TOKEN}', origins: ['{ORIGIN}']}}\n{figures}"
        f"    logs:\n      app:\n        file: app.log\n        lines:\n{lines}"
        f"    probes:\n{listed}"
    )


def request(
    path: str, body: bytes = b"", *, method: str = "POST", headers: dict[str, str] | None = None
) -> bytes:
    """A whole HTTP request, after which the connection is to be closed."""
    said = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def beacon(*events: dict[str, Any], **members: Any) -> bytes:
    """A beacon with an id of its own, sent now."""
    number = next(_ids)
    said = {
        "v": 1,
        "id": f"beacon-{_RUN}-{number}",
        "service": "web",
        "session": f"session-{number % SESSIONS:04d}",
        "session_age_s": 10,
        "device": "desktop",
        "sent_at": time.time(),
        "events": events or [{"type": "view", "path": "/stocks/AAPL"}],
        **members,
    }
    return json.dumps(said).encode()


def exchange(port: int, data: bytes, *, within_s: float = 30.0) -> bytes:
    """What comes back for `data` until the other side closes; whatever there was when it resets."""
    answer = b""
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", port), within_s) as sock,
    ):
        sock.sendall(data)
        while more := sock.recv(1 << 16):
            answer += more
    return answer


def statuses(answer: bytes) -> list[int]:
    """Of every answer in what came back."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


class Reception:
    """A running exporter with its ingest listener."""

    def __init__(self, exporter: Exporter, directory: Path) -> None:
        self.exporter = exporter
        self.log = directory / "app.log"
        listening = [line for line in exporter.process.lines if "event=listening" in line]
        self.ingest = int(listening[1].split("url=")[1].split()[0].rpartition(":")[2])
        self.operators = int(exporter.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return self.exporter.process.popen.pid

    def post(self, path: str, body: bytes, headers: dict[str, str], client: str | None = None) -> int:
        """The status of the answer to one request on a connection of its own."""
        if client is not None:
            headers = {**headers, "X-Forwarded-For": client}
        connection = http.client.HTTPConnection("127.0.0.1", self.ingest, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:
                answer.read()
                return answer.status

    def push(self, *metrics: dict[str, Any], client: str | None = None, **document: Any) -> int:
        """An application pushes these metrics, or this document."""
        said = {"metrics": metrics, **document} if metrics else document
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        return self.post(PUSH_PATH, json.dumps(said).encode(), headers, client)

    def visit(self, *events: dict[str, Any], client: str | None = None, **members: Any) -> int:
        """A browser sends a beacon with these events."""
        headers = {"Origin": ORIGIN, "Content-Type": "text/plain;charset=UTF-8", "User-Agent": AGENT}
        return self.post(BEACON_PATH, beacon(*events, **members), headers, client)

    def write(self, *lines: dict[str, Any]) -> None:
        """The application writes lines to its log."""
        with self.log.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def figures(self) -> Figures:
        """A scrape."""
        return figures(self.exporter)

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series of that name, as a scrape shows them now."""
        found = 0.0
        for line in self.exporter.get("/metrics").splitlines():
            if line.startswith((f"{name}{{", f"{name} ")):
                found += Figures(f"{line}\n").total(name, **labels)
        return found


@contextlib.contextmanager
def receiving(directory: Path, text: str, *arguments: str, **options: Any) -> Iterator[Reception]:
    """An exporter under the configuration `text`, in `directory`, with an ingest listener."""
    config = directory / "rollwatch.yml"
    config.write_text(text)
    arguments = ("--web.ingest-address=127.0.0.1:0", *arguments)
    with running_exporter(config, *arguments, **options) as exporter:
        yield Reception(exporter, directory)


class Sender:
    """Well-behaved browsers, an application and its log at work in a thread; what was taken is counted.

    `reception` may be exchanged for another one; what can't be delivered meanwhile is lost.
    """

    def __init__(self, reception: Reception, *, every_s: float = 0.05, running_total: float = 1e6) -> None:
        self.reception = reception
        self.answers: Counter[tuple[str, int]] = Counter()
        """By way and status; 0 where there was no answer."""
        self.lines = 0
        self.running_total = running_total
        self._every_s = every_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def of(self, way: str) -> dict[int, int]:
        """How often a way was answered with which status."""
        return {status: count for (other, status), count in self.answers.items() if other == way}

    def _send(self) -> None:
        while not self._is_over.wait(self._every_s):
            self.running_total += 1
            self._try("total", {"name": "jobs_total", "total": self.running_total})
            self._try("add", {"name": "orders_total", "labels": {"shop": "books"}, "add": 1})
            self._try("beacon")
            self.reception.write({"message": "request", "path": "/cart", "status": 200})
            self.lines += 1

    def _try(self, way: str, *metrics: dict[str, Any]) -> None:
        status = 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = (
                self.reception.push(*metrics, source="app")
                if metrics
                else self.reception.visit(client=f"192.0.2.{self.lines % 250}")
            )
        self.answers[way, status] += 1
