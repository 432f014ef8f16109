"""`python rollback_load_peers.py PORT`: Prometheus, exporter and Alertmanager in one, answering at once.

Every alert fires, was not there before the deployment and is not silenced; every service is up. What a
handler takes beside them is its own time. `POST /api/v2/alerts` is taken and forgotten.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from urllib.parse import parse_qs, urlsplit

ENVIRONMENT = "production"


def answer(target: str) -> object:
    """What is said to a request for `target`; None is 404."""
    url, now = urlsplit(target), time.time()
    match url.path:
        case "/api/v1/query":
            found = {"there": 1, "is_up": 1, "data": 1, "time": now}
            return _result(
                "vector", [{"metric": {"is": name}, "value": [now, str(v)]} for name, v in found.items()]
            )
        case "/api/v1/query_range":
            points = [[now + step, "1"] for step in range(5)]
            return _result("matrix", [{"metric": {"is": "data"}, "values": points}])
        case "/api/v1/rules":
            return {"status": "success", "data": {"groups": []}}
        case "/api/v2/silences":
            return []
        case "/api/monitoring/dashboard":
            return _dashboard(parse_qs(url.query)["service"][0], now)
        case "/api/v2/alerts" | "/-/ready":
            return {}
        case _:
            return None


def _result(kind: str, result: list[object]) -> object:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def _dashboard(service: str, now: float) -> object:
    run = {"started_at": now, "verdict": "up", "reason": "ok"}
    probe = {"id": f"{service}/health", "name": "health", "last_run": run}
    seen = {"name": service, "version": None, "version_changed_at": None, "probes": [probe]}
    return {"environment": ENVIRONMENT, "generated_at": now, "services": [seen]}


class Peer(asyncio.Protocol):
    """One request, one answer, and the connection is closed: so do the handler's questions."""

    def __init__(self) -> None:
        self._got = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection has no other

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head) or self._transport is None:
            return
        said = answer(head.split(b" ", 2)[1].decode())
        text = json.dumps(said).encode()
        status = b"200 OK" if said is not None else b"404 Not Found"
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (status, len(text), text)
        )
        self._transport.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _serve(port: int) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Peer, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
