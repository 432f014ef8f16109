"""Prometheus, exporter and Alertmanager of a test: as they should be, unless it says otherwise."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from support.rollback_load_peers import answer

__all__ = ["Behaviour", "Peers", "send", "serving"]

Behaviour = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


@dataclass
class Peers:
    """Prometheus, exporter and Alertmanager in one, and the fallback at `/fallback`."""

    url: str = ""
    behave: dict[str, Behaviour] = field(default_factory=dict)
    """By path: what answers in the usual answer's place."""
    posted: list[dict[str, Any]] = field(default_factory=list)
    """The alerts that Alertmanager was told of."""
    fallback: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    """All bodies that came, for whoever looks for secrets."""


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    """A whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def serving() -> Iterator[Peers]:
    """Peers that listen."""
    peers = Peers()

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def _answer(self, body: bytes) -> None:
            path = urlsplit(self.path).path
            peers.raw.append(body)
            # Whoever asked may have gone.
            with contextlib.suppress(OSError):
                if path in peers.behave:
                    return peers.behave[path](self, body)
                if path == "/api/v2/alerts":
                    peers.posted.extend(json.loads(body))
                elif path == "/fallback":
                    peers.fallback.append(json.loads(body))
                    return send(self, b"{}")
                said = answer(self.path)
                return send(self, json.dumps(said).encode(), 404 if said is None else 200)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients may go at any time."""

    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        peers.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield peers
        finally:
            server.shutdown()
            thread.join()
