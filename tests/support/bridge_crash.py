"""Kill a bridge, start it again, and see what its far ends got."""

from __future__ import annotations

import contextlib
import http.server
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from support.bridge_running import TOKEN
from support.processes import ROLLWATCH, Process, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Receiver", "bridge_process", "post_until_taken", "receiving", "wait_until_sent", "waiting"]


class Receiver:
    """A webhook that counts what it gets, by alert and status."""

    def __init__(self) -> None:
        self.url = ""
        self.got: Counter[tuple[str, str]] = Counter()
        self.on_call: Callable[[], None] | None = None
        """Called with each request, before it is answered."""
        self.lock = threading.Lock()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """In threads of its own, so that it answers whatever the test does."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said = orjson.loads(body)
            with receiver.lock:
                receiver.got[said["alert"], said["status"]] += 1
                on_call, receiver.on_call = receiver.on_call, None
            if on_call is not None:
                on_call()
            with contextlib.suppress(OSError):
                self.send_response(200)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def bridge_process(config: Path, port: int, step: str | None = None) -> Iterator[Process]:
    """A bridge in a process of its own, listening on `port`; one that dies at `step`, if any."""
    program = ROLLWATCH if step is None else [sys.executable, "-m", "support.bridge_crashing", step]
    argv = [*program, "bridge", "--config.file", str(config), "--storage.path", str(config.parent / "data")]
    argv += ["--web.listen-address", f"127.0.0.1:{port}"]
    process = Process(argv, cwd=config.parent, env={"PYTHONPATH": ":".join(sys.path)})
    try:
        process.line_with("event=started")
        yield process
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
        process.wait()


def post_until_taken(port: int, body: bytes, *, within_s: float = 30.0) -> bool:
    """What Alertmanager does: ask until it gets 2xx; whether it did."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/alerts/events", data=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            with error:
                if error.code < 500:
                    raise
        except OSError:
            pass
        time.sleep(0.02)
    return False


def waiting(port: int) -> int:
    """How many deliveries are not sent yet."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/deliveries?limit=1000", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return sum(one["state"] != "sent" for one in orjson.loads(answer.read())["deliveries"])


def wait_until_sent(port: int) -> None:
    wait_for(lambda: waiting(port) == 0 or None, "everything to be sent", deadline_s=60)
