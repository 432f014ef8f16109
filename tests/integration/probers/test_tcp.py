"""The kind tcp: a connection, a question, an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from rollwatch.model import Phase, Reason
from rollwatch.probers.tcp import TcpProber, TcpSpec
from support.certificates import pki
from support.hostile import silent
from support.loops import LOOPS, on_loop
from support.running import Outcome, make_env, run_probe
from support.servers import Peer, serve

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable


async def probe(
    behave: Callable[[Peer], Awaitable[None]],
    *,
    timeout: float = 5.0,
    context: ssl.SSLContext | None = None,
    **said: Any,
) -> Outcome:
    async with serve(behave, tls=context) as server:
        spec = TcpSpec.model_validate({"address": server.address, **said})
        return await run_probe(TcpProber(spec, make_env()), timeout)


async def redis(peer: Peer) -> None:
    """Answers like a Redis, in two pieces."""
    while (line := await peer.reader.readline()) == b"PING\r\n":
        await peer.send(b"+PO")
        await peer.send(b"NG\r\n")
    await peer.send(b"-ERR " + line)


async def greets_and_closes(peer: Peer) -> None:
    await peer.send(b"220 mail.example ESMTP\r\n")


async def resets(peer: Peer) -> None:
    peer.reset()


async def floods(peer: Peer) -> None:
    while True:
        await peer.send(b"x" * 65536)


async def drips(peer: Peer) -> None:
    while True:
        await peer.send(b"x")
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("behave", "said", "reason", "words"),
    [
        pytest.param(silent, {}, Reason.OK, "", id="a connection is enough"),
        pytest.param(
            redis, {"send": "PING\r\n", "expect": r"^\+PONG"}, Reason.OK, "", id="question and answer"
        ),
        pytest.param(redis, {"send": "PING\r\n"}, Reason.OK, "", id="a question without an answer"),
        pytest.param(greets_and_closes, {"expect": "^220 "}, Reason.OK, "", id="a greeting"),
        pytest.param(
            greets_and_closes,
            {"expect": "^550 "},
            Reason.ANSWER_MISMATCH,
            "24 bytes arrived",
            id="another greeting",
        ),
        pytest.param(silent, {"expect": "."}, Reason.TIMEOUT, "", id="silence"),
        pytest.param(resets, {"expect": "."}, Reason.CONNECTION_RESET, "after 0 bytes", id="reset"),
        pytest.param(
            floods, {"expect": "y"}, Reason.ANSWER_MISMATCH, "nothing in the first 65536 bytes", id="a flood"
        ),
        pytest.param(drips, {"expect": "y"}, Reason.TIMEOUT, "", id="a drip"),
    ],
)
def test_what_a_server_says_decides(
    behave: Any, said: dict[str, Any], reason: Reason, words: str, loop: str
) -> None:
    outcome = on_loop(loop, probe(behave, timeout=0.5 if reason is Reason.TIMEOUT else 5, **said))
    assert outcome.reason is reason, outcome.detail
    assert words in outcome.detail
    assert (Phase.PROCESSING in outcome.run.phases) == bool(said)


@pytest.mark.parametrize("loop", LOOPS)
def test_it_speaks_tls_when_told(loop: str) -> None:
    said = {"tls": {"verify": False}, "send": "PING\r\n", "expect": "PONG"}
    outcome = on_loop(loop, probe(redis, context=pki().server(), **said))
    assert outcome.reason is Reason.OK, outcome.detail
    assert outcome.sampled("probe_ssl_earliest_cert_expiry") is not None


@pytest.mark.parametrize(
    "said", [{"address": "nowhere"}, {"address": "a.example:80", "send": ""}, {"kind": "http"}]
)
def test_a_mistake_in_the_file_is_found_at_load(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TcpSpec.model_validate({"address": "a.example:80", **said})
