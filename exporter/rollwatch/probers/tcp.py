"""Kind `tcp`: a connection, and if wanted a question and its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from rollwatch.config.fields import ByteSize, HostPort, Pattern, Template, mistake
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Phase, Reason
from rollwatch.probers._dial import CONNECTION_PHASES, DIAL_METRICS, DIAL_REASONS, IpVersion, dial
from rollwatch.probers._http_spec import Ip
from rollwatch.probers._socket_errors import lost_failure
from rollwatch.probers._tls import TlsSpec
from rollwatch.probers.contract import ProberKind
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["KIND", "TcpProber", "TcpSpec"]

_SMALL = 4096
_PAUSE_S = 0.01


class TcpSpec(ProbeSpec):
    """A connection, and what is said on it."""

    kind: Literal["tcp"] = "tcp"
    """Connect over TCP."""
    address: HostPort
    """Where to connect, as host:port."""
    tls: TlsSpec | None = None
    """Speak TLS from the start; `{}` is enough."""
    ip: Ip = IpVersion.ANY
    """Which addresses of the host to use; `any` prefers IPv4."""
    send: Template | None = None
    """What to send once connected, in UTF-8, exactly as written."""
    expect: Pattern | None = None
    """A pattern that what arrives must match."""
    read_limit: Annotated[ByteSize, Field(ge=1, le=256 * 1024)] = 64 * 1024
    """How much may arrive without a match."""

    @model_validator(mode="after")
    def _something_is_said(self) -> Self:
        if self.send is not None and not self.send.masked:
            raise mistake("is empty", "Write what to send, or remove the key.", at=("send",))
        return self


class TcpProber:
    """Probes one address."""

    def __init__(self, spec: TcpSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._env = env
        self._tls = env.network.tls.get(spec.tls) if spec.tls is not None else None

    async def probe(self, run: Run) -> None:
        """UP if the connection is made and, where `expect` is said, what arrives matches it."""
        spec = self._spec
        try:
            question = spec.send.render().encode() if spec.send is not None else b""
        except SecretUnavailable as missing:
            raise ProbeFailure(Reason.SECRET_UNAVAILABLE, str(missing)) from None
        transport, listener = await dial(
            run,
            spec.address,
            factory=lambda: _Listener(spec.read_limit),
            env=self._env,
            tls=self._tls,
            server_hostname=spec.tls.server_name if spec.tls is not None else None,
            ip=spec.ip,
            timeout_s=spec.timeout,
        )
        try:
            run.leave()
            if question or spec.expect is not None:
                # The connection stands, so silence from here on is the target's; and a run that ends in
                # this phase is told so, which is why it is left only when all is well.
                run.enter(Phase.PROCESSING)
            if question:
                transport.write(question)
            if spec.expect is not None:
                await self._listen(run, listener, spec.expect)
            run.leave()
        finally:
            transport.abort()

    async def _listen(self, run: Run, listener: _Listener, expect: Pattern) -> None:
        searched = -1
        while True:
            if len(listener.received) > searched:
                searched = len(listener.received)
                if expect.search(bytes(listener.received)) is not None:
                    run.note("received", f"{searched} bytes, matching")
                    return
            if searched >= self._spec.read_limit:
                detail = f"nothing in the first {searched} bytes matches {clean(expect.source, 120)}"
                raise ProbeFailure(Reason.ANSWER_MISMATCH, detail)
            if listener.is_over and searched == len(listener.received):
                if searched and listener.lost_by is None:
                    detail = f"{searched} bytes arrived, then the end; none match {clean(expect.source, 120)}"
                    raise ProbeFailure(Reason.ANSWER_MISMATCH, detail)
                raise lost_failure(listener.lost_by, f"after {searched} bytes")
            if searched > _SMALL:
                await asyncio.sleep(
                    _PAUSE_S
                )  # a peer that drips must not have everything searched for each byte
            await listener.more(searched)


class _Listener(asyncio.Protocol):
    """Collects what arrives, up to a limit, and stops reading there."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._transport: asyncio.Transport | None = None
        self._changed: asyncio.Future[None] | None = None
        self.received = bytearray()
        self.is_over = False
        self.lost_by: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream: always a Transport

    def data_received(self, data: bytes) -> None:
        self.received += data[: self._limit - len(self.received)]
        if len(self.received) >= self._limit and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool | None:
        self.is_over = True
        self._wake()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self.lost_by = exc
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def more(self, known: int) -> None:
        """Return once there is more than `known` bytes, or the end."""
        if len(self.received) == known and not self.is_over:
            self._changed = asyncio.get_running_loop().create_future()
            await self._changed


KIND = ProberKind(
    name="tcp",
    spec=TcpSpec,
    build=TcpProber,
    reasons=DIAL_REASONS | {Reason.ANSWER_MISMATCH, Reason.SECRET_UNAVAILABLE},
    target=lambda spec: f"tcp://{spec.address}",
    metrics=DIAL_METRICS,
    phase_metric=CONNECTION_PHASES,
)
