"""What the file may say about a websocket probe."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rollwatch.config.fields import (
    ByteSize,
    Headers,
    HttpUrl,
    JsonExpression,
    Name,
    Pattern,
    Seconds,
    TemplateStr,
    WsUrl,
    mistake,
)
from rollwatch.config.probe_spec import ProbePriority, ProbeSpec
from rollwatch.config.spec import Spec
from rollwatch.probers._http_spec import AuthSpec, Ip
from rollwatch.probers._resolve import IpVersion
from rollwatch.probers._tls import TlsSpec
from rollwatch.probers._ws_metrics import ALL_CHANNELS

__all__ = ["ExpectSpec", "PingSpec", "WebSocketSpec"]

_WATCH_ONLY = ("stale_after", "channels", "ping")
_OF_THE_PROTOCOL = frozenset({"connection", "upgrade", "host"})


class ExpectSpec(Spec):
    """The message to wait for: the first that meets everything said here, whatever comes before it."""

    json_: JsonExpression | None = Field(default=None, alias="json")
    """A JMESPath expression that must be true of the message as JSON."""
    text: Annotated[str, Field(min_length=1)] | None = None
    """What the message must contain."""
    regex: Pattern | None = None
    """An RE2 pattern that must match somewhere in the message."""
    within: Annotated[Seconds, Field(gt=0, le=300)] | None = None
    """How long after the session was opened it may come; default: the probe's timeout."""
    max_messages: Annotated[int, Field(ge=1)] | None = None
    """Give up after this many messages; default: only time decides."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self.json_ is None and self.text is None and self.regex is None:
            raise mistake("says nothing about the message", "Write json, text or regex.")
        return self


class PingSpec(Spec):
    """Pings measure the round trip and find a peer that is gone without a word."""

    every: Annotated[Seconds, Field(ge=1, le=3600)] = 30.0
    """Time between two pings; the first is sent when the session opens."""
    timeout: Annotated[Seconds, Field(gt=0, le=300)] = 10.0
    """A pong that takes longer ends the session; at most `every`."""

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if self.timeout > self.every:
            raise mistake("is longer than every", "Make it at most every.", at=("timeout",))
        return self


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class WebSocketSpec(ProbeSpec):
    """A WebSocket endpoint: opened anew by each run, or watched over one long session."""

    kind: Literal["websocket"]
    """Talk to a WebSocket endpoint."""
    url: WsUrl
    """ws:// or wss:// URL of the endpoint."""
    mode: Literal["connect", "watch"] = "connect"
    """`connect`: each run opens a session and closes it. `watch`: one session is held, runs report on it."""
    priority: ProbePriority = "none"
    """The worst alert its being DOWN may raise by itself; feeds have alerts of their own beside it."""
    send: Annotated[
        tuple[TemplateStr, ...],
        BeforeValidator(_as_list),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = ()
    """Text messages to send, in order, as soon as a session is open."""
    expect: ExpectSpec | None = None
    """The message that must come."""
    subprotocols: tuple[Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")], ...] = ()
    """Subprotocols to offer, the preferred first; the server must choose one of them."""
    headers: Headers = Field(default_factory=dict)
    """Header fields of the upgrade request."""
    auth: AuthSpec | None = None
    """Credentials to send with the upgrade request."""
    origin: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,253}$")] | None = None
    """The Origin to claim, for servers that only let in certain pages."""
    tls: TlsSpec = TlsSpec()
    """How to speak TLS, for wss."""
    proxy: HttpUrl | None = None
    """An HTTP proxy to go through by CONNECT; it may carry user and password."""
    ip: Ip = IpVersion.ANY
    """Which addresses of the host to use; `any` prefers IPv4."""
    compression: bool = True
    """Whether to offer permessage-deflate, as browsers do."""
    message_limit: Annotated[ByteSize, Field(ge=1, le=64 * 1024**2)] = 1024**2
    """The largest message to take, after decompression."""
    ping: PingSpec = PingSpec()
    """Mode watch: how the round trip is measured."""
    stale_after: Annotated[Seconds, Field(gt=0)] | None = None
    """Mode watch: exported for the alert on a stale feed; does not decide UP or DOWN."""
    channels: dict[Name, JsonExpression] = Field(default_factory=dict)
    """Mode watch: by channel the expression that is true of its messages; each gets its own freshness."""

    @model_validator(mode="after")
    def _options_apply(self) -> Self:
        if self.mode == "connect":
            for key in _WATCH_ONLY:
                if key in self.model_fields_set:
                    raise mistake("applies to mode watch only", "Remove it, or write mode: watch.", at=(key,))
        if self.url.scheme == "ws" and "tls" in self.model_fields_set:
            raise mistake("applies to wss only", "Remove it, or write a wss:// URL.", at=("tls",))
        if ALL_CHANNELS in self.channels:
            raise mistake("stands for every message", "Choose another name.", at=("channels", ALL_CHANNELS))
        for name in self.headers:
            if name.lower() in _OF_THE_PROTOCOL or name.lower().startswith("sec-websocket-"):
                remedy = "Remove it; subprotocols, origin and compression have keys of their own."
                raise mistake("is set by the protocol", remedy, at=("headers", name))
        if self.auth is not None and any(name.lower() == "authorization" for name in self.headers):
            raise mistake("stands beside a header Authorization", "Remove one of the two.", at=("auth",))
        if self.proxy is not None and self.proxy.scheme != "http":
            raise mistake("must be an http:// URL", "TLS to the proxy is not supported.", at=("proxy",))
        within = self.expect.within if self.expect is not None else None
        if self.mode == "connect" and within is not None and within > self.timeout:
            raise mistake("is longer than the timeout", "Raise timeout.", at=("expect", "within"))
        return self
