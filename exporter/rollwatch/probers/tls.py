"""Kind `tls`: a TLS handshake and what the certificates say. How long they last is judged by rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from rollwatch.config.fields import HostPort
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.probers._dial import CONNECTION_PHASES, DIAL_METRICS, DIAL_REASONS, IpVersion, dial
from rollwatch.probers._http_spec import Ip
from rollwatch.probers._tls import TlsSpec
from rollwatch.probers.contract import ProberKind

if TYPE_CHECKING:
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["KIND", "TlsProbeSpec", "TlsProber"]


class TlsProbeSpec(ProbeSpec):
    """A TLS handshake."""

    kind: Literal["tls"] = "tls"
    """Connect and shake hands with TLS."""
    address: HostPort
    """Where to connect, as host:port."""
    tls: TlsSpec = TlsSpec()
    """How to speak TLS."""
    ip: Ip = IpVersion.ANY
    """Which addresses of the host to use; `any` prefers IPv4."""


class TlsProber:
    """Probes one address."""

    def __init__(self, spec: TlsProbeSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._env = env
        self._tls = env.network.tls.get(spec.tls)

    async def probe(self, run: Run) -> None:
        """UP if the handshake succeeds, which with `verify` means a good certificate for the host."""
        spec = self._spec
        transport, _ = await dial(
            run,
            spec.address,
            factory=asyncio.Protocol,
            env=self._env,
            tls=self._tls,
            server_hostname=spec.tls.server_name,
            ip=spec.ip,
            timeout_s=spec.timeout,
        )
        run.leave()
        transport.abort()


KIND = ProberKind(
    name="tls",
    spec=TlsProbeSpec,
    build=TlsProber,
    reasons=DIAL_REASONS,
    target=lambda spec: f"tls://{spec.address}",
    metrics=DIAL_METRICS,
    phase_metric=CONNECTION_PHASES,
)
