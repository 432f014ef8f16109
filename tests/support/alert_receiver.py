"""Whoever Alertmanager calls, on a port of loopback: records what comes, and answers as badly as asked."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["GARBAGE", "AlertReceiver", "Answer", "Call"]


@dataclass(frozen=True)
class Answer:
    """What a caller gets."""

    status: int = 200
    body: bytes = b"ok"
    delay_s: float = 0.0
    raw: bytes | None = None
    """Instead of HTTP."""


GARBAGE = Answer(raw=b"\x00\xff{[<not http at all>\r\n\r\n")
_GOOD = Answer()


@dataclass(frozen=True)
class Call:
    """One request, and whether it got a good answer."""

    path: str
    headers: dict[str, str]
    body: Any
    is_taken: bool


@dataclass
class AlertReceiver:
    """Answers at every path; `answers[path]` are given one after another, then only good ones."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    standing: dict[str, Answer] = field(default_factory=dict)
    """What a path answers until that is taken away again."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Listens; a second time on the port it had before."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = receiver._answer(self.path)
                receiver._stop.wait(answer.delay_s)
                is_taken = answer.raw is None and answer.status < 300
                receiver.calls.append(Call(self.path, dict(self.headers), json.loads(body), is_taken))
                try:
                    self._send(answer)
                except OSError:
                    self.close_connection = True

            def do_GET(self) -> None:
                self._send(receiver._answer(self.path.partition("?")[0]))

            def _send(self, answer: Answer) -> None:
                if answer.raw is not None:
                    self.wfile.write(answer.raw)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def taken(self, path: str, **labels: str) -> list[Any]:
        """The bodies of calls of `path` that got a good answer and are about an alert with `labels`."""
        return [
            call.body
            for call in self.calls
            if call.path == path and call.is_taken and _is_about(call, labels)
        ]

    def alerts(self, path: str, **labels: str) -> list[dict[str, Any]]:
        """The alerts of Alertmanager's own webhook documents, in the order they came."""
        return [
            alert
            for body in self.taken(path)
            for alert in body["alerts"]
            if labels.items() <= alert["labels"].items()
        ]

    def _answer(self, path: str) -> Answer:
        if self.answers[path]:
            return self.answers[path].popleft()
        return self.standing.get(path, _GOOD)


def _is_about(call: Call, labels: dict[str, str]) -> bool:
    if not labels:
        return True
    alerts = call.body.get("alerts", []) if isinstance(call.body, dict) else []
    return any(labels.items() <= alert["labels"].items() for alert in alerts)
