"""A platform on a port of loopback: answers JSON as its subclass says, and as badly as a test asks."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Asked", "PlatformServer", "Reply"]


@dataclass(frozen=True)
class Asked:
    """One request."""

    operation: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What a caller gets. The kinds below `document` are instead of it, and take turns."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """A body that is no JSON."""
    never: bool = False
    """Nothing, until the caller is gone."""
    reset: bool = False
    drip: bool = False
    """A byte of the body every now and then, for ever."""
    drip_head: bool = False
    """The same of the head."""
    endless: bool = False
    """A body without an end, as fast as it is taken."""
    after: bool = False
    """Whether what was asked is done first."""


class PlatformServer:
    """`faults[operation]` are given one after another, then what the platform really answers."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: dict[str, deque[Reply]] = defaultdict(deque)
        self.lock = threading.RLock()
        self.on_asked: Callable[[Asked], None] = lambda _: None
        """Called before an answer is made, with the lock held."""

    def operation(self, method: str, path: str, body: Any) -> str:
        raise NotImplementedError

    def answer(self, asked: Asked) -> Reply:
        raise NotImplementedError

    def count(self, operation: str) -> int:
        """How often it was asked for."""
        return sum(asked.operation == operation for asked in self.asked)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def _do(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                reply = server._reply(self.command, self.path, dict(self.headers), text)
                with contextlib.suppress(OSError):
                    self._send(reply)

            def _send(self, reply: Reply) -> None:
                self.close_connection = True
                if reply.never:
                    # Until the caller closes.
                    self.connection.settimeout(10)
                    self.connection.recv(1)
                elif reply.reset:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                elif reply.drip_head:
                    self._drip(b"HTTP/1.1 200 OK\r\n")
                else:
                    self._whole(reply)

            def _whole(self, reply: Reply) -> None:
                body = b"" if reply.document is None else json.dumps(reply.document).encode()
                body = body if reply.raw is None else reply.raw
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.drip or reply.endless:
                    self.end_headers()
                    while reply.endless:
                        self.wfile.write(b" " * 65536)
                    self._drip(b"{")
                if reply.status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _drip(self, begin: bytes) -> None:
                self.wfile.write(begin)
                while not server._stop.wait(0.05):
                    self.wfile.write(b" ")

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.004,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.go_away()

    def go_away(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _reply(self, method: str, path: str, headers: dict[str, str], text: bytes) -> Reply:
        body = json.loads(text) if text else None
        with self.lock:
            asked = Asked(self.operation(method, path, body), method, path, headers, body)
            self.asked.append(asked)
            self.on_asked(asked)
            faults = self.faults[asked.operation]
            if not faults:
                return self.answer(asked)
            fault = faults.popleft()
            if fault.after:
                self.answer(asked)
            return fault
