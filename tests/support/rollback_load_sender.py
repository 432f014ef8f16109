"""`python rollback_load_sender.py PORT TOKEN_FILE RATE SECONDS SEED SERVICE,...`: a storm of webhooks.

Open loop: each goes out when its time has come, whatever became of those before it, and its answer's time
counts from then. Of three kinds: new incidents, exact copies of earlier ones (1 to 50 in parallel, half of
them of the newest incident, whose first delivery may still be under way), resolved. Prints a line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = "production"
_COPIES = (1, 2, 3, 5, 10, 20, 50)
_KINDS = ("new", "copies", "resolved")
_WEIGHTS = (10, 6, 10)
"""With 13 copies on average: about 10, 80 and 10 of a hundred webhooks."""
_CONNECTIONS = 64
"""At most so many under way; others wait for their turn, and their time counts."""
_WAITS_S = 30.0


@dataclass(slots=True)
class Plan:
    """What is sent: the place of each in the grid of times, and its body."""

    shots: list[tuple[int, bytes]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    incidents: list[str] = field(default_factory=list)
    """As the journal names them."""


class Client(asyncio.Protocol):
    """A kept connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[int] | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP connection has no other

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        self._got = b""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError())


def alert_of(
    number: int, service: str, starts_at: float, *, ends_at: float | None = None
) -> dict[str, object]:
    """As Alertmanager writes it; times in whole microseconds, as the journal keeps them."""
    return {
        "status": "firing" if ends_at is None else "resolved",
        "labels": {
            "alertname": "RollbackHttpErrorRatio",
            "service": service,
            "environment": ENVIRONMENT,
            "severity": "critical",
            "rollback": "auto",
            "route": f"/orders/{number}",
        },
        "annotations": {
            "summary": f"14 % of the requests of {service} fail, 5 % are bearable",
            "description": "Since the last release a share of requests is answered with 5xx. " * 3,
            "runbook_url": "https://runbooks.example.com/RollbackHttpErrorRatio",
            "paging_twin": "HttpErrorsCritical",
        },
        "startsAt": _iso(starts_at),
        "endsAt": "0001-01-01T00:00:00Z" if ends_at is None else _iso(ends_at),
        "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=service%3Ahttp_errors&g0.tab=1",
        "fingerprint": f"{number:016x}",
    }


def body_of(alert: dict[str, object]) -> bytes:
    """One notification of one alert."""
    labels = {"service": alert["labels"]["service"]}  # type: ignore[index]
    return json.dumps(
        {
            "version": "4",
            "groupKey": f'{{}}/{{rollback="auto"}}:{labels}',
            "truncatedAlerts": 0,
            "status": alert["status"],
            "receiver": "rollback",
            "groupLabels": labels,
            "commonLabels": alert["labels"],
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.com:9093",
            "alerts": [alert],
        }
    ).encode()


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{round(at % 1 * 1e6) % 1_000_000:06d}Z"


def request_of(token: str, body: bytes) -> bytes:
    """As it goes over the wire."""
    return (
        b"POST /api/monitoring/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Alertmanager/0.28.0\r\n"
        b"Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (token.encode(), len(body), body)
    )


def planned(total: int, services: list[str], rng: random.Random, now: float) -> Plan:
    """`total` webhooks, the same for the same `rng`."""
    plan = Plan()
    firing: list[tuple[int, str, float]] = []
    unresolved: list[tuple[int, str, float]] = []
    while len(plan.shots) < total:
        kind = rng.choices(_KINDS, _WEIGHTS)[0] if firing else "new"
        place, copies = len(plan.shots), 1
        if kind == "new":
            # To the microsecond, and such that text and float agree on it.
            incident = (len(firing), rng.choice(services), int(now) - 60 + rng.randrange(30))
            firing.append(incident)
            unresolved.append(incident)
            plan.incidents.append(f"{incident[0]:016x}:{incident[2]:.6f}")
            body = body_of(alert_of(*incident))
        elif kind == "copies":
            copies = min(rng.choice(_COPIES), total - place)
            body = body_of(alert_of(*(firing[-1] if rng.random() < 0.5 else rng.choice(firing))))
        elif unresolved:
            incident = unresolved.pop(rng.randrange(len(unresolved)))
            body = body_of(alert_of(*incident, ends_at=incident[2] + 20.0))
        else:
            continue
        plan.kinds[kind] += copies
        plan.shots += [(place, body)] * copies
    return plan


async def send(port: int, token: str, plan: Plan, rate: float) -> dict[str, object]:
    """All of it, at `rate`; waits for what is still to be answered."""
    loop = asyncio.get_running_loop()
    free: asyncio.Queue[Client] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await _connected(port))
    answers: Counter[str] = Counter()
    took: list[float] = []
    tasks: set[asyncio.Task[None]] = set()

    async def shoot(due: float, body: bytes) -> None:
        client = await free.get()
        try:
            client.answer = loop.create_future()
            assert client.transport is not None
            client.transport.write(request_of(token, body))
            async with asyncio.timeout(_WAITS_S):
                answers[str(await client.answer)] += 1
            took.append(loop.time() - due)
        except (OSError, TimeoutError) as error:
            answers[type(error).__name__] += 1
            client = await _connected(port)
        free.put_nowait(client)

    began = loop.time() + 0.05
    late = 0.0
    for place, body in plan.shots:
        due = began + place / rate
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        late = max(late, loop.time() - due)
        task = loop.create_task(shoot(due, body))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_WAITS_S):
            while tasks:
                await asyncio.wait(tasks)
    while not free.empty():
        client = free.get_nowait()
        if client.transport is not None:
            client.transport.abort()
    return {
        "answers": dict(answers),
        "kinds": dict(plan.kinds),
        "incidents": plan.incidents,
        "took_ms": sorted(round(one * 1e3, 3) for one in took),
        "late_s": late,
        "lasted_s": loop.time() - began,
    }


async def _connected(port: int) -> Client:
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(Client, "127.0.0.1", port))[1]


def main() -> None:
    """Plan, send, tell."""
    port, token_file, rate, seconds, seed, services = sys.argv[1:]
    plan = planned(
        int(float(rate) * float(seconds)), services.split(","), random.Random(int(seed)), time.time()
    )
    token = Path(token_file).read_text()
    print(json.dumps(asyncio.run(send(int(port), token, plan, float(rate)))))


if __name__ == "__main__":
    main()
