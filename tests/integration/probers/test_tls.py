"""The kind tls, and TLS as the other kinds use it: good and bad certificates, and what is learnt of both."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError

from rollwatch.model import Phase, Reason, Verdict
from rollwatch.probers._tls import TlsSpec
from rollwatch.probers.http import HttpProber, HttpSpec
from rollwatch.probers.tls import KIND, TlsProber, TlsProbeSpec
from support.certificates import pki
from support.hostile import silent
from support.loops import LOOPS, on_loop
from support.running import Outcome, make_env, run_probe
from support.servers import Peer, answering, response, serve

if TYPE_CHECKING:
    from collections.abc import Callable

SERVERS: dict[str, tuple[Callable[[], ssl.SSLContext], Reason, str]] = {
    "expired": (lambda: pki().expired(), Reason.CERTIFICATE_EXPIRED, "expired on 2001-02-03"),
    "not yet valid": (lambda: pki().not_yet_valid(), Reason.CERTIFICATE_EXPIRED, "is not valid before"),
    "self-signed": (lambda: pki().self_signed(), Reason.CERTIFICATE_UNTRUSTED, "is not trusted"),
    "for another host": (
        lambda: pki().server("www.other.example"),
        Reason.CERTIFICATE_HOSTNAME,
        "the certificate is not for 127.0.0.1; it is for www.other.example",
    ),
}


@pytest.fixture
def ca(tmp_path: Path) -> str:
    return str(pki().ca_file(tmp_path))


def shake(port: int, *, timeout: float = 5, **tls: Any) -> Any:
    spec = TlsProbeSpec.model_validate({"address": f"127.0.0.1:{port}", "tls": tls})
    return run_probe(TlsProber(spec, make_env()), timeout)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_good_certificate_is_up_and_its_facts_are_known(ca: str, loop: str) -> None:
    spec = TlsSpec.model_validate({"ca_file": ca})

    async def main() -> Outcome:
        async with serve(silent, tls=pki().server()) as server:
            return await shake(server.port, **spec.model_dump())

    outcome = on_loop(loop, main())
    assert outcome.reason is Reason.OK, outcome.detail
    assert set(outcome.run.phases) == {Phase.CONNECT, Phase.TLS}
    in_3000 = dt.datetime(3000, 1, 1, tzinfo=dt.UTC).timestamp()
    assert outcome.sampled("probe_ssl_earliest_cert_expiry") == in_3000
    assert outcome.sampled("probe_ssl_last_chain_expiry_timestamp_seconds") == in_3000
    assert outcome.sampled("probe_tls_version_info", "TLS 1.3") == 1
    assert outcome.sampled("probe_tls_cipher_info") == 1
    assert {s.metric.name for s in outcome.run.samples} <= {m.name for m in KIND.metrics} | {
        "probe_ip_protocol"
    }


@pytest.mark.parametrize(("least", "verdict"), [("1.2", Verdict.UP), ("1.3", Verdict.DOWN)])
def test_a_server_that_speaks_too_old_a_tls_is_down(ca: str, least: str, verdict: Verdict) -> None:
    context = pki().server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    spec = TlsSpec.model_validate({"ca_file": ca, "min_version": least})

    async def main() -> Outcome:
        async with serve(silent, tls=context) as server:
            return await shake(server.port, **spec.model_dump())

    outcome = on_loop("stock", main())
    assert outcome.verdict is verdict, outcome.detail
    # Servers say why, or just hang up.
    assert outcome.reason in {Reason.OK, Reason.TLS_HANDSHAKE, Reason.CONNECTION_CLOSED}


async def test_probes_with_the_same_options_share_one_context() -> None:
    clients = make_env().network.tls
    same = [clients.get(TlsSpec()).context() for _ in range(5)]
    assert len({id(context) for context in await asyncio.gather(*same)}) == 1


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", ["tls", "https"])
@pytest.mark.parametrize("name", SERVERS)
def test_a_bad_certificate_is_down_and_its_facts_are_known_too(
    name: str, kind: str, ca: str, loop: str
) -> None:
    context, reason, words = SERVERS[name]
    tls = TlsSpec.model_validate({"ca_file": ca}).model_dump()

    async def main() -> tuple[Outcome, list[bytes], int]:
        async with serve(answering(response()), tls=context()) as server:
            if kind == "tls":
                outcome = await shake(server.port, **tls)
            else:
                said = {"url": server.url(scheme="https"), "tls": tls, "auth": {"bearer": "s3cr3t"}}
                outcome = await run_probe(HttpProber(HttpSpec.model_validate(said), make_env()))
            return outcome, server.requests, server.connections

    outcome, requests, connections = on_loop(loop, main())
    assert outcome.reason is reason, outcome.detail
    assert words in outcome.detail
    assert outcome.sampled("probe_ssl_earliest_cert_expiry") is not None
    assert outcome.sampled("probe_ssl_last_chain_expiry_timestamp_seconds") is None
    assert outcome.sampled("probe_tls_version_info", "TLS 1.3") == 1
    assert requests == []
    assert connections <= 2


@pytest.mark.parametrize("name", SERVERS)
async def test_without_verification_every_certificate_is_taken(name: str) -> None:
    async with serve(silent, tls=SERVERS[name][0]()) as server:
        outcome = await shake(server.port, verify=False)
    assert outcome.reason is Reason.OK
    assert outcome.sampled("probe_ssl_last_chain_expiry_timestamp_seconds") is None


async def test_another_name_can_be_asked_for(ca: str) -> None:
    said = {"ca_file": ca, "server_name": "www.other.example"}
    spec = await asyncio.to_thread(TlsSpec.model_validate, said)
    async with serve(silent, tls=pki().server("www.other.example")) as server:
        outcome = await shake(server.port, **spec.model_dump())
    assert outcome.reason is Reason.OK


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("has_certificate", [True, False])
def test_a_client_certificate_is_presented(ca: str, tmp_path: Path, loop: str, has_certificate: bool) -> None:
    certificate, key = pki().client_files(tmp_path)
    said: dict[str, Any] = {"ca_file": ca}
    said |= {"cert_file": str(certificate), "key_file": str(key)} if has_certificate else {}
    tls = TlsSpec.model_validate(said)

    async def main() -> Outcome:
        async with serve(answering(response()), tls=pki().server(client_ca=True)) as server:
            spec = HttpSpec.model_validate({"url": server.url(scheme="https"), "tls": tls})
            return await run_probe(HttpProber(spec, make_env()))

    outcome = on_loop(loop, main())
    assert (outcome.reason is Reason.OK) == has_certificate, outcome.detail
    if not has_certificate:  # with TLS 1.3 the refusal comes after the handshake
        assert outcome.reason in (Reason.TLS_HANDSHAKE, Reason.CONNECTION_RESET, Reason.CONNECTION_CLOSED)


async def breaks_off(peer: Peer) -> None:
    await peer.reader.read(100)


async def resets(peer: Peer) -> None:
    await peer.reader.read(100)
    peer.reset()


async def speaks_plainly(peer: Peer) -> None:
    await peer.send(b"220 mail.example ESMTP\r\n")
    await peer.stay_silent()


async def alerts(peer: Peer) -> None:
    await peer.reader.read(100)
    await peer.send(b"\x15\x03\x03\x00\x02\x02\x28")
    await peer.stay_silent()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (silent, Reason.TIMEOUT),
        (breaks_off, Reason.CONNECTION_CLOSED),
        (resets, Reason.CONNECTION_RESET),
        (speaks_plainly, Reason.TLS_HANDSHAKE),
        (alerts, Reason.TLS_HANDSHAKE),
    ],
)
def test_a_handshake_that_fails_has_its_reason(behave: Any, reason: Reason, loop: str) -> None:
    async def main() -> Outcome:
        async with serve(behave) as server:
            return await shake(server.port, verify=False, timeout=0.5)

    outcome = on_loop(loop, main())
    assert outcome.reason is reason, outcome.detail
    assert outcome.sampled("probe_ssl_earliest_cert_expiry") is None


async def test_a_server_that_is_slow_to_show_a_bad_certificate_again_does_not_hide_it(ca: str) -> None:
    """The second look has a bound of its own: what is known already is not lost to the deadline."""
    spec = await asyncio.to_thread(TlsSpec.model_validate, {"ca_file": ca})

    class OnceOnly:
        def __init__(self, port: int) -> None:
            self.port = port
            self.turns = 0

        async def __call__(self, peer: Peer) -> None:
            self.turns += 1
            if self.turns > 1:
                await peer.stay_silent()
                return
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            there = asyncio.create_task(pump(peer.reader, writer))
            await pump(reader, peer.writer)
            there.cancel()

    async with serve(silent, tls=pki().self_signed()) as bad, serve(OnceOnly(bad.port)) as front:
        said = {"address": front.address, "tls": spec, "timeout": "1s"}
        outcome = await run_probe(TlsProber(TlsProbeSpec.model_validate(said), make_env()), 1)
    assert outcome.reason is Reason.CERTIFICATE_UNTRUSTED
    assert outcome.sampled("probe_ssl_earliest_cert_expiry") is None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(4096):
            writer.write(data)
    except OSError:
        pass
    writer.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_https_goes_through_a_proxys_tunnel(ca: str, loop: str) -> None:
    tls = TlsSpec.model_validate({"ca_file": ca})

    async def main() -> None:
        async with serve(answering(response(b"inside")), tls=pki().server("inside.example")) as target:

            async def proxy(peer: Peer) -> None:
                await peer.request()
                reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
                await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                there = asyncio.create_task(pump(peer.reader, writer))
                await pump(reader, peer.writer)
                there.cancel()

            async with serve(proxy) as front:
                said = {
                    "url": "https://inside.example/x",
                    "proxy": f"http://me:pass@{front.address}",
                    "tls": tls,
                    "auth": {"bearer": "for-the-target"},
                    "expect": {"keyword": "inside"},
                }
                outcome = await run_probe(HttpProber(HttpSpec.model_validate(said), make_env()))
            assert outcome.reason is Reason.OK, outcome.detail
            proxied = b"Host: inside.example:443", b"Proxy-Authorization: Basic bWU6cGFzcw=="
            assert front.requests == [
                b"\r\n".join([b"CONNECT inside.example:443 HTTP/1.1", *proxied, b"", b""])
            ]
            assert b"Proxy-Authorization" not in target.requests[0]
            assert Phase.TLS in outcome.run.phases

    on_loop(loop, main())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "other credentials"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway"),
        (b"hello\r\n\r\n", "refused to connect"),
        (b"x" * 99_999, "did not answer with HTTP"),
        (b"", "did not answer with HTTP"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_named(answer: bytes, words: str) -> None:
    async with serve(answering(answer, close=True)) as front:
        said = {"url": "https://inside.example/", "proxy": f"http://{front.address}"}
        outcome = await run_probe(HttpProber(HttpSpec.model_validate(said), make_env()))
    assert outcome.reason is Reason.PROXY_REFUSED
    assert words in outcome.detail


@pytest.mark.parametrize("loop", LOOPS)
def test_a_certificate_file_that_changes_is_loaded_again(tmp_path: Path, loop: str) -> None:
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    tls = TlsSpec.model_validate({"ca_file": str(ca_file)})
    env = make_env()

    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

        def wall(self) -> float:
            return self.now

    clock = Clock()
    env.network.tls._clock = clock

    async def main() -> None:
        async with serve(silent, tls=pki().server()) as server:
            said = {"address": server.address, "tls": tls}
            prober = TlsProber(TlsProbeSpec.model_validate(said), env)
            assert (await run_probe(prober)).reason is Reason.CERTIFICATE_UNTRUSTED
            ca_file.write_bytes(b"half-writ")
            clock.now += 60
            assert (await run_probe(prober)).reason is Reason.CERTIFICATE_UNTRUSTED
            pki().ca_file(tmp_path)
            clock.now += 60
            assert (await run_probe(prober)).reason is Reason.OK

    on_loop(loop, main())


def test_an_encrypted_key_is_found_at_load(tmp_path: Path) -> None:
    certificate, key = pki().client_files(tmp_path, passphrase=b"swordfish")
    with pytest.raises(ValidationError, match="holds an encrypted key") as error:
        TlsSpec.model_validate({"cert_file": str(certificate), "key_file": str(key)})
    assert "without a passphrase" in str(error.value)


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_file_that_is_no_certificate_is_found_at_load(tmp_path: Path, key: str) -> None:
    path = tmp_path / "x.pem"
    path.write_text("nothing")
    with pytest.raises(ValidationError, match="can't be used"):
        TlsSpec.model_validate({key: str(path)})


def test_probes_with_equal_options_share_one_context() -> None:
    network = make_env().network
    one, two = TlsSpec(), TlsSpec(server_name="a.example")
    assert network.tls.get(one) is network.tls.get(two)
    assert network.tls.get(one) is not network.tls.get(TlsSpec(verify=False))


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_is_left_open_after_a_bad_certificate_or_a_silent_proxy(loop: str) -> None:
    """The servers never close by themselves, so that what we forget stays open."""

    async def main() -> None:
        async with serve(silent, tls=pki().self_signed()) as bad, serve(silent) as proxy:
            said = {"url": "https://inside.example/", "proxy": f"http://{proxy.address}"}
            proxied = HttpProber(HttpSpec.model_validate(said), make_env())

            async def round_() -> None:
                assert (await shake(bad.port)).reason is Reason.CERTIFICATE_UNTRUSTED
                assert (await run_probe(proxied, 0.05)).reason is Reason.TIMEOUT

            await round_()
            await asyncio.sleep(0.1)
            before = descriptors()
            for _ in range(5):
                await round_()
            async with asyncio.timeout(3):
                while descriptors() > before:
                    await asyncio.sleep(0.01)

    on_loop(loop, main())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
