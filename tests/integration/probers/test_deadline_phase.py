"""What a run was waiting for when its time was up: it decides whether our own network may be to blame."""

from __future__ import annotations

import random
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollwatch.clock import SystemClock
from rollwatch.config.secrets import SecretStore
from rollwatch.engine.runner import Outcome, Runner
from rollwatch.model import Reason
from rollwatch.probers import discover
from rollwatch.probers._network import Network
from rollwatch.probers.contract import ProbeEnv

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = discover()
KIND_OF = {"http": "http", "https": "http", "ws": "websocket", "tcp": "tcp", "tls": "tls"}


async def run(scheme: str, port: int, *, network_is_up: bool, **said: str) -> Outcome:
    async def own_network_is_up() -> bool:
        return network_is_up

    clock = SystemClock()
    network = Network(clock=clock)
    env = ProbeEnv(clock=clock, rng=random.random, user_agent="test", network=network)
    kind = KINDS[KIND_OF[scheme]]
    address = f"127.0.0.1:{port}"
    target = {"address": address} if scheme in ("tcp", "tls") else {"url": f"{scheme}://{address}/"}
    spec = kind.spec.model_validate(
        {"kind": KIND_OF[scheme], "timeout": "300ms", **target, **said},
        context={"secrets": SecretStore(Path("/"), {})},
    )
    runner = Runner(clock, lag_since=lambda _began: 0.0, own_network_is_up=own_network_is_up)
    try:
        return await runner.run("a/b", kind.build(spec, env), spec.timeout)
    finally:
        await network.close()


@contextmanager
def silent() -> Iterator[int]:
    """A port whose connections are made, and never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that drops whoever wants to connect, as a lost route does: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for client in waiting:
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for client in waiting:
                client.close()


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "tcp", "tls"])
async def test_no_connection_is_no_verdict_while_our_own_network_is_down(scheme: str) -> None:
    with black_hole() as port:
        down = await run(scheme, port, network_is_up=False)
        up = await run(scheme, port, network_is_up=True)

    assert down.reason is Reason.OWN_NETWORK
    assert up.reason is Reason.TIMEOUT
    assert up.detail.endswith("while connecting")


@pytest.mark.parametrize(
    ("scheme", "waited"),
    [
        ("http", "while waiting for the answer to begin"),
        ("https", "during the TLS handshake"),
        ("ws", "while waiting for the answer to begin"),
        ("tls", "during the TLS handshake"),
        ("tcp", "while waiting for the answer to begin"),
    ],
)
async def test_who_connects_and_says_nothing_is_down(scheme: str, waited: str) -> None:
    said = {"expect": "SSH"} if scheme == "tcp" else {}
    with silent() as port:
        outcome = await run(scheme, port, network_is_up=False, **said)

    assert outcome.reason is Reason.TIMEOUT
    assert outcome.detail.endswith(waited)
