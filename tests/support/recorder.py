"""A webhook beside each of Alertmanager's receivers: what was told, to whom, when."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

__all__ = ["Recorder", "Told", "recording"]


@dataclass(frozen=True)
class Told:
    """One alert in one message to one receiver. `at` in seconds of `time.monotonic`."""

    at: float
    receiver: str
    status: str
    labels: dict[str, str]

    @property
    def name(self) -> str:
        return self.labels["alertname"]

    @property
    def place(self) -> tuple[str, str]:
        return self.labels.get("environment", ""), self.labels.get("service", "")


@dataclass
class Recorder:
    """Everything that was told so far."""

    port: int
    told: list[Told] = field(default_factory=list)

    def webhook(self, receiver: str) -> dict[str, Any]:
        """What a receiver's configuration is to have beside its own."""
        url = f"http://127.0.0.1:{self.port}/{quote(receiver, safe='')}"
        return {"webhook_configs": [{"url": url, "send_resolved": True}]}


@contextmanager
def recording() -> Iterator[Recorder]:
    """Listens on a free port for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            now = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver = unquote(self.path[1:])
            recorder.told += [
                Told(now, receiver, alert["status"], alert["labels"]) for alert in body["alerts"]
            ]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder = Recorder(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
