"""wss: certificates good and bad, client certificates, a proxy on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.model import Phase, Reason
from rollwatch.probers import _ws_metrics as m
from rollwatch.probers._tls import EARLIEST_EXPIRY
from support.certificates import pki
from support.loops import LOOPS, on_loop
from support.ws_peers import Peer, serving, text, until
from support.ws_probing import Totals, make_env, make_prober, make_spec, probe, run_once, watching

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

TICK = '{"type":"tick"}'


async def tick(peer: Peer) -> None:
    await peer.upgrade()
    await peer.send(text("x" * 100_000) + text(TICK))
    await peer.serve_politely()


async def probe_wss(context: ssl.SSLContext, tls: dict[str, Any], host: str = "127.0.0.1") -> Any:
    async with serving(tick, context) as server:
        spec = await asyncio.to_thread(
            make_spec, 0, url=f"wss://{host}:{server.port}/feed", tls=tls, expect={"json": "type == 'tick'"}
        )
        return await run_once(make_prober(spec), spec.timeout, explain=True)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_good_certificate_is_up_with_its_facts_and_the_tls_phase(loop: str, tmp_path: Path) -> None:
    tls = {"ca_file": str(pki().ca_file(tmp_path))}
    outcome = on_loop(loop, probe_wss(pki().server(), tls))
    assert outcome.reason is Reason.OK, outcome.detail
    assert set(outcome.run.phases) == {Phase.CONNECT, Phase.TLS, Phase.PROCESSING, Phase.TRANSFER}
    assert EARLIEST_EXPIRY in {sample.metric for sample in outcome.run.samples}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (pki().expired(), Reason.CERTIFICATE_EXPIRED),
        (pki().self_signed(), Reason.CERTIFICATE_UNTRUSTED),
        (pki().server("elsewhere.example.com"), Reason.CERTIFICATE_HOSTNAME),
    ],
    ids=["expired", "self-signed", "for another host"],
)
def test_a_bad_certificate_has_its_reason_and_still_its_facts(
    context: ssl.SSLContext, reason: Reason, loop: str, tmp_path: Path
) -> None:
    tls = {"ca_file": str(pki().ca_file(tmp_path))}
    outcome = on_loop(loop, probe_wss(context, tls))
    assert outcome.reason is reason, outcome.detail
    samples = {sample.metric: sample.value for sample in outcome.run.samples}
    assert EARLIEST_EXPIRY in samples
    assert samples[m.UPGRADED] == 0


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_client_certificate_is_shown_to_a_server_that_wants_one(is_shown: bool, tmp_path: Path) -> None:
    certificate, key = pki().client_files(tmp_path)
    tls = {"ca_file": str(pki().ca_file(tmp_path))}
    if is_shown:
        tls |= {"cert_file": str(certificate), "key_file": str(key)}
    outcome = on_loop("stock", probe_wss(pki().server(client_ca=True), tls))
    assert (outcome.reason is Reason.OK) == is_shown, outcome.detail


@pytest.mark.parametrize("loop", LOOPS)
def test_a_tls_connection_cut_off_is_an_abnormal_close(loop: str, tmp_path: Path) -> None:
    async def cut(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(text("one"))
        await asyncio.sleep(0.05)
        peer.writer.transport.abort()

    async def main() -> None:
        async with serving(cut, pki().server()) as server:
            said = {"url": f"wss://127.0.0.1:{server.port}/", "tls": {"verify": False}}
            async with watching(0, rng=lambda: 0.99, **said) as prober:
                totals = Totals(prober)
                await until(lambda: totals.count(m.CLOSES, "1006"))
                assert totals.count(m.MESSAGES) == 1

    on_loop(loop, main())


def test_a_server_that_never_answers_the_handshake_is_a_timeout_in_the_tls_phase() -> None:
    async def silent(peer: Peer) -> None:
        await peer.until_gone()

    async def main() -> Any:
        async with serving(silent) as server:
            return await probe(0, url=f"wss://127.0.0.1:{server.port}/", timeout="300ms")

    outcome = on_loop("stock", main())
    assert outcome.reason is Reason.TIMEOUT
    assert "TLS handshake" in outcome.detail


def proxying(answer: bytes) -> Any:
    """A proxy that answers CONNECT and, if it accepts, passes bytes on."""

    async def behave(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(answer)
        if b" 200 " not in answer:
            return
        host, _, port = peer.request.split(" ")[1].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()

        try:
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.transport.abort()

    return behave


@pytest.mark.parametrize("loop", LOOPS)
def test_a_session_goes_through_a_proxy(loop: str) -> None:
    async def main() -> Any:
        async with (
            serving(tick) as server,
            serving(proxying(b"HTTP/1.1 200 OK\r\n\r\n")) as proxy,
        ):
            said = {"proxy": f"http://us:pw@127.0.0.1:{proxy.port}", "expect": {"text": "tick"}}
            return await probe(server.port, **said), proxy, server

    outcome, proxy, server = on_loop(loop, main())
    assert outcome.reason is Reason.OK, outcome.detail
    assert proxy.peers[0].request.startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1")
    assert proxy.peers[0].header("Proxy-Authorization") == "Basic dXM6cHc="
    assert server.peers[0].header("Proxy-Authorization") is None


def test_a_proxy_that_refuses_is_said_so() -> None:
    async def main() -> Any:
        async with serving(proxying(b"HTTP/1.1 403 No\r\n\r\n")) as proxy:
            return await probe(1, proxy=f"http://127.0.0.1:{proxy.port}")

    assert on_loop("stock", main()).reason is Reason.PROXY_REFUSED


def test_a_name_is_resolved_in_a_phase_of_its_own() -> None:
    async def main() -> Any:
        async with serving(tick) as server:
            env = make_env()
            try:
                said = {"url": f"ws://localhost:{server.port}/", "ip": 4, "expect": {"text": "tick"}}
                return await run_once(make_prober(make_spec(0, **said), env), 5.0)
            finally:
                await env.network.close()

    outcome = on_loop("stock", main())
    assert outcome.reason is Reason.OK, outcome.detail
    assert Phase.RESOLVE in outcome.run.phases
