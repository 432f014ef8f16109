"""From a name to a connection a protocol can speak on: resolve, connect, TLS, each a phase of the run.

    transport, protocol = await dial(run, HostPort("example.com", 443), factory=MyProtocol, env=env,
                                     tls=env.network.tls.get(spec.tls), server_hostname="example.com")

Everything opened is closed again when this raises or is cancelled; afterwards the transport is the caller's,
who ends it with `transport.abort()`. Nothing is tried twice, but for one address of the other IP version.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rollwatch.errors import ProbeFailure
from rollwatch.metrics.catalogue import PROBE_DNS_LOOKUP_TIME_SECONDS, PROBE_IP_PROTOCOL
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Phase, Reason
from rollwatch.probers._hold import Hold, tunnel
from rollwatch.probers._resolve import Address, IpVersion, literal
from rollwatch.probers._socket_errors import connect_failure, is_out_of_ours
from rollwatch.probers._tls import TLS_METRICS, TLS_REASONS, handshake_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.probers._certificate import Certificate
    from rollwatch.probers._network import Network
    from rollwatch.probers._tls import TlsClient
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["CONNECTION_PHASES", "DIAL_METRICS", "DIAL_REASONS", "IpVersion", "Proxy", "Target", "dial"]

CONNECTION_PHASES = MetricDef(
    "probe_tcp_duration_seconds",
    MetricType.GAUGE,
    "Time the last run spent in each phase.",
    labels=("phase",),
    meaning="Per phase, when the last run went through it.",
)
"""The phases of kinds that only connect."""
DIAL_METRICS = TLS_METRICS
"""What dialling samples beside the metrics every probe has."""
DIAL_REASONS = TLS_REASONS | {
    Reason.NAME_NOT_FOUND,
    Reason.RESOLVER_FAILED,
    Reason.CONNECT_REFUSED,
    Reason.UNREACHABLE,
    Reason.CONNECTION_RESET,
    Reason.CONNECTION_CLOSED,
    Reason.PROXY_REFUSED,
    Reason.OWN_NETWORK,
    Reason.OWN_RESOURCES,
}

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)

_RESOLVE_SHARE = 0.5
"""A resolver that is silent for this share of the timeout is the resolver's fault, not the target's."""
_LOOK_SHARE = 0.3
"""A look at a bad certificate may take this share of the timeout, and has to end before the last tenth."""


class Target(NamedTuple):
    """Where to connect. `config.fields.HostPort` has the same shape."""

    host: str
    port: int


class Proxy(NamedTuple):
    """An HTTP proxy that opens a tunnel (CONNECT, RFC 9110 section 9.3.6)."""

    host: str
    port: int
    authorization: str | None
    """The value of Proxy-Authorization; secret."""


async def dial(
    run: Run,
    target: tuple[str, int],
    *,
    factory: Callable[[], ProtocolT],
    env: ProbeEnv,
    tls: TlsClient | None = None,
    server_hostname: str | None = None,
    ip: IpVersion = IpVersion.ANY,
    timeout_s: float = 5.0,
    proxy: Proxy | None = None,
) -> tuple[asyncio.Transport, ProtocolT]:
    """Connect to `target` and hand the connection to `factory()`.

    Enters RESOLVE (unless the host is an address), CONNECT, and TLS if `tls`; the last is still under way on
    return. `server_hostname` is asked for by SNI and must be in the certificate; default: the target's host.
    `timeout_s` is the run's, of which the resolver gets half. With `proxy` the name is resolved there.
    Raises ProbeFailure with one of DIAL_REASONS.
    """
    first = target if proxy is None else (proxy.host, proxy.port)
    context = None if tls is None else await tls.context()
    address, others = await _resolve(run, first[0], ip, env.network, timeout_s)
    loop = asyncio.get_running_loop()
    run.enter(Phase.CONNECT)
    if context is None and proxy is None:
        return await _connect(run, loop, factory, (address, *others), first, is_proxy=False)
    raw, hold = await _connect(run, loop, Hold, (address, *others), first, is_proxy=proxy is not None)
    transport = raw
    try:
        if proxy is not None:
            await tunnel(raw, hold, target, proxy.authorization)
        if tls is not None and context is not None:
            run.enter(Phase.TLS)
            name = (server_hostname or target[0]).rstrip(".")
            try:
                transport = await _handshake(loop, raw, hold, context, name)
            except (OSError, ssl.CertificateError) as error:
                leaf = None
                if isinstance(error, ssl.SSLCertVerificationError):
                    leaf = await _look(
                        run, env.network, target, name, proxy=proxy, via=address, timeout_s=timeout_s
                    )
                raise _tls_failure(error, name, leaf, hold) from None
            env.network.tls.sample(run, transport.get_extra_info("ssl_object"), is_trusted=tls.spec.verify)
        protocol = factory()
        hold.hand_over(transport, protocol)
    except BaseException:
        transport.abort()
        raw.abort()
        raise
    return transport, protocol


async def _resolve(
    run: Run, host: str, ip: IpVersion, network: Network, timeout_s: float
) -> tuple[Address, tuple[Address, ...]]:
    """The address to use, and one of the other IP version to fall back on, if any may be."""
    known = literal(host)
    if known is not None:
        if ip is not IpVersion.ANY and str(known.version) != ip:
            raise ProbeFailure(
                Reason.UNREACHABLE, f"{host} is no IPv{ip} address, and only those are allowed"
            )
        return known, ()
    run.enter(Phase.RESOLVE)
    try:
        found = await network.resolver.resolve(host, ip, timeout_s * _RESOLVE_SHARE)
    finally:
        run.leave()
        run.sample(PROBE_DNS_LOOKUP_TIME_SECONDS, run.phases[Phase.RESOLVE])
    address = found[0]
    return address, tuple(other for other in found[1:] if other.version != address.version)[:1]


async def _connect(
    run: Run,
    loop: asyncio.AbstractEventLoop,
    factory: Callable[[], ProtocolT],
    addresses: tuple[Address, ...],
    target: tuple[str, int],
    *,
    is_proxy: bool,
) -> tuple[asyncio.Transport, ProtocolT]:
    for nth, address in enumerate(addresses):
        run.sample(PROBE_IP_PROTOCOL, address.version)
        if run.notes is not None:
            run.note("address", f"{address.host} port {target[1]}")
        try:
            return await loop.create_connection(factory, address.host, target[1])
        except OSError as error:
            if nth + 1 < len(addresses) and not is_out_of_ours(error):
                run.note("fallback", f"IPv{address.version} failed: {error.strerror or error}")
                continue
            raise connect_failure(error, target, address, is_proxy=is_proxy) from None
    raise AssertionError("there is at least one address")


async def _handshake(
    loop: asyncio.AbstractEventLoop, raw: asyncio.Transport, hold: Hold, context: ssl.SSLContext, name: str
) -> asyncio.Transport:
    transport = await loop.start_tls(raw, hold, context, server_hostname=name)
    if transport is None:  # the peer went away in the very moment the handshake was done
        raise ConnectionResetError("connection lost after the handshake")
    return transport


async def _look(
    run: Run,
    network: Network,
    target: tuple[str, int],
    name: str,
    *,
    proxy: Proxy | None,
    via: Address,
    timeout_s: float,
) -> Certificate | None:
    """What a refused certificate says, by a second connection that trusts anything and sends nothing."""
    run.leave()
    left_s = 0.9 * timeout_s - sum(run.phases.values())
    loop = asyncio.get_running_loop()
    port = target[1] if proxy is None else proxy.port
    raw: asyncio.Transport | None = None
    try:
        async with asyncio.timeout(min(left_s, timeout_s * _LOOK_SHARE)):
            raw, hold = await loop.create_connection(Hold, via.host, port)
            if proxy is not None:
                await tunnel(raw, hold, target, proxy.authorization)
            transport = await _handshake(loop, raw, hold, network.tls.blind(), name)
            return network.tls.sample(run, transport.get_extra_info("ssl_object"), is_trusted=False)
    except (OSError, ssl.CertificateError, ProbeFailure):
        # Only the facts are missed: the verdict stands already.
        return None
    finally:
        if raw is not None:
            raw.abort()


def _tls_failure(error: BaseException, name: str, leaf: Certificate | None, hold: Hold) -> ProbeFailure:
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return handshake_failure(error, name, leaf)
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError):
        return ProbeFailure(Reason.CONNECTION_RESET, f"{name} reset the connection during the TLS handshake")
    return ProbeFailure(Reason.CONNECTION_CLOSED, f"{name} closed the connection during the TLS handshake")
