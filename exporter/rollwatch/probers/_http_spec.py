"""What the file may say of one HTTP request. Shared by every kind that sends one."""

from __future__ import annotations

from typing import Annotated, Any, Self

import orjson
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rollwatch.config.fields import ByteSize, Headers, HttpUrl, SecretText, Template, mistake
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.config.spec import Spec
from rollwatch.config.template import MASK
from rollwatch.probers._resolve import IpVersion
from rollwatch.probers._tls import TlsSpec

__all__ = ["AuthSpec", "BasicAuth", "HttpRequestSpec", "Ip"]

Ip = Annotated[
    IpVersion,
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
    WithJsonSchema({"enum": ["any", "4", "6", 4, 6]}),
]
"""`any`, `4` or `6`."""

_OURS = {
    "connection": "Use reuse_connection.",
    "content-length": "It is computed from the body.",
    "transfer-encoding": "The body is sent whole.",
    "accept-encoding": "Use compression: true.",
    "proxy-authorization": "Write user and password into the proxy's URL.",
}


class BasicAuth(Spec):
    """User and password (RFC 7617)."""

    username: Template
    """The user's name."""
    password: SecretText
    """The user's password."""

    @model_validator(mode="after")
    def _a_name_has_no_colon(self) -> Self:
        if ":" in self.username.masked:
            raise mistake("has a colon, which ends the name", "Remove it.", at=("username",))
        return self


class AuthSpec(Spec):
    """Credentials; never sent to another host than the URL's."""

    basic: BasicAuth | None = None
    """User and password."""
    bearer: SecretText | None = None
    """A token, sent as `Authorization: Bearer ...`."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.basic is None) == (self.bearer is None):
            raise mistake("must be either basic or bearer", "Write one of the two.")
        return self


class HttpRequestSpec(ProbeSpec):
    """A request and how its answer is fetched."""

    url: HttpUrl
    """What to ask for."""
    method: Annotated[str, Field(pattern="^[A-Z]{3,16}$")] = "GET"
    """The request's method."""
    headers: Headers = Field(default_factory=dict)
    """Header fields to send. Only harmless ones follow a redirect to another host."""
    body: Template | None = None
    """The request's body."""
    json_body: Annotated[Any, Field(alias="json")] = None
    """The request's body as JSON; sets Content-Type."""
    auth: AuthSpec | None = None
    """Credentials to send."""
    tls: TlsSpec = TlsSpec()
    """How to speak TLS, for https."""
    proxy: HttpUrl | None = None
    """An HTTP proxy to go through; it may carry user and password."""
    ip: Ip = IpVersion.ANY
    """Which addresses of the host to use; `any` prefers IPv4."""
    follow_redirects: bool = True
    """Whether to go where a redirect leads."""
    max_redirects: Annotated[int, Field(ge=1, le=20)] = 5
    """How many redirects to follow."""
    body_limit: Annotated[ByteSize, Field(ge=1, le=16 * 1024**2)] = 1024**2
    """The longest body to accept, decoded."""
    compression: bool = False
    """Whether to ask for a compressed answer. A compressed one is understood in any case."""
    reuse_connection: bool = False
    """Whether to keep the connection for the next run; phases before the request then mostly vanish."""

    @model_validator(mode="after")
    def _is_one_request(self) -> Self:
        if self.method == "CONNECT":
            raise mistake("can't be CONNECT", "Use proxy, or kind: tcp.", at=("method",))
        if self.body is not None and self.json_body is not None:
            raise mistake("can't stand beside body", "Write body or json.", at=("json",))
        names = {name.lower() for name in self.headers}
        for name in sorted(names & _OURS.keys()):
            raise mistake(f"can't set {name}", _OURS[name], at=("headers",))
        if self.auth is not None and "authorization" in names:
            raise mistake("stands beside a header Authorization", "Remove one of the two.", at=("auth",))
        if self.proxy is not None and self.proxy.scheme != "http":
            raise mistake("must be an http:// URL", "TLS to the proxy is not supported.", at=("proxy",))
        if self.json_body is not None and b"${" in orjson.dumps(self.json_body):
            raise mistake("can't hold a reference to a secret", "Write the text as body.", at=("json",))
        return self

    @property
    def has_credentials(self) -> bool:
        """Whether something secret is sent: 401 and 403 then say more about us than about the target."""
        shown = (self.url, *self.headers.values(), *([self.body] if self.body is not None else []))
        names = {name.lower() for name in self.headers}
        return (
            self.auth is not None
            or self.tls.cert_file is not None
            or bool(names & {"authorization", "cookie"})
            or any(template.has_secret or MASK in template.masked for template in shown)
        )
