"""From a spec to the bytes of a request, rendered once per version of its secrets; and to redirected ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit

import orjson

from rollwatch.config.address import parse_host
from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Reason
from rollwatch.probers._dial import Proxy
from rollwatch.probers._scrub import Scrubber, basic_authorization, sent_secrets
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.config.fields import Template
    from rollwatch.probers._http_spec import HttpRequestSpec

__all__ = ["Origin", "Renderer", "Request"]

_DEFAULT_PORT = {"http": 80, "https": 443}
_GOES_ANYWHERE = frozenset({"accept", "accept-language", "user-agent"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""What may be asked of a host that nobody but the target chose."""
_LOCATION_LIMIT = 8192
_REDIRECT_SAFE = "%/:?#[]@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is asked: scheme, host in lower case without brackets, port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As in a Host header: the port only if it is not the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    def may_follow(self, other: Origin) -> bool:
        """Whether what is meant for us may be sent to `other`: the same, or the same host made secure."""
        if self == other:
            return True
        return self.host == other.host and (self.scheme, self.port, other.scheme, other.port) == (
            "http",
            80,
            "https",
            443,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request, ready to be sent. Holds secrets: it has no repr."""

    method: str
    origin: Origin
    target: str
    """Path and query."""
    headers: tuple[tuple[str, str], ...]
    body: bytes
    proxy: Proxy | None
    wire: bytes

    def redirected(self, status: int, location: bytes) -> Request:
        """The request a redirect asks for. Raises ProbeFailure REDIRECT if it can't or must not be made."""
        if len(location) > _LOCATION_LIMIT:
            raise ProbeFailure(
                Reason.REDIRECT, f"the redirect's Location is longer than {_LOCATION_LIMIT} bytes"
            )
        origin, target = _resolve_location(self.origin, self.target, location)
        method, body = self.method, self.body
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            method, body = "GET", b""
        stays = self.origin.may_follow(origin)
        if not stays and (body or method not in _SAFE_METHODS):
            what = "the body" if body else f"{method}"
            raise ProbeFailure(
                Reason.REDIRECT,
                f"{status} would send {what} to {clean(origin.authority, 100)}, another host",
            )
        headers = tuple(
            (name, value)
            for name, value in self.headers
            if (stays or name.lower() in _GOES_ANYWHERE)
            and name.lower() != "host"
            and (body or not name.lower().startswith("content-"))
        )
        return compose(method, origin, target, headers, body=body, proxy=self.proxy, keeps=False)


def compose(
    method: str,
    origin: Origin,
    target: str,
    headers: tuple[tuple[str, str], ...],
    *,
    body: bytes,
    proxy: Proxy | None,
    keeps: bool,
) -> Request:
    """Put the bytes together (RFC 9112). `keeps`: whether the connection is meant to be used again."""
    names = {name.lower() for name, _ in headers}
    is_plain_proxied = proxy is not None and origin.scheme == "http"
    form = f"http://{origin.authority}{target}" if is_plain_proxied else target
    lines = [f"{method} {form} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {origin.authority}")
    lines += [f"{name}: {value}" for name, value in headers]
    if is_plain_proxied and proxy is not None and proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    if not keeps:
        lines.append("Connection: close")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("utf-8")
    return Request(method, origin, target, headers, body, proxy, head + body)


class Renderer:
    """Renders the request of a spec, again only when a secret changed."""

    def __init__(self, spec: HttpRequestSpec, user_agent: str) -> None:
        self._spec = spec
        self._user_agent = user_agent
        self._templates = [template for template in _templates(spec) if template.has_secret]
        self._version = -1
        self._request: Request | None = None
        self.scrubber = Scrubber(())

    def request(self) -> Request:
        """The request as it is now. Raises ProbeFailure SECRET_UNAVAILABLE."""
        version = sum(template.version for template in self._templates) if self._templates else 0
        if self._request is None or version != self._version:
            try:
                self._request = self._render()
                self.scrubber = Scrubber(_secrets(self._spec))
            except SecretUnavailable as missing:
                self._request = None
                raise ProbeFailure(Reason.SECRET_UNAVAILABLE, str(missing)) from None
            self._version = version
        return self._request

    def _render(self) -> Request:
        spec = self._spec
        parts = urlsplit(spec.url.render())
        origin = Origin(spec.url.scheme, spec.url.host.lower(), spec.url.port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = [(name, value.render_header()) for name, value in spec.headers.items()]
        names = {name.lower() for name, _ in headers}
        for name, value in self._defaults(parts.username, parts.password):
            if name.lower() not in names:
                headers.append((name, value))
        body = b""
        if spec.body is not None:
            body = spec.body.render().encode("utf-8")
        elif spec.json_body is not None:
            body = orjson.dumps(spec.json_body)
        return compose(
            spec.method,
            origin,
            target,
            tuple(headers),
            body=body,
            proxy=self._proxy(),
            keeps=spec.reuse_connection,
        )

    def _defaults(self, username: str | None, password: str | None) -> list[tuple[str, str]]:
        spec = self._spec
        encoding = "gzip" if spec.compression else "identity"
        found = [("User-Agent", self._user_agent), ("Accept", "*/*"), ("Accept-Encoding", encoding)]
        if spec.json_body is not None:
            found.append(("Content-Type", "application/json"))
        if spec.auth is not None and spec.auth.basic is not None:
            basic = spec.auth.basic
            found.append(
                ("Authorization", basic_authorization(basic.username.render(), basic.password.render()))
            )
        elif spec.auth is not None and spec.auth.bearer is not None:
            found.append(("Authorization", f"Bearer {spec.auth.bearer.render_header()}"))
        elif username is not None:
            found.append(("Authorization", basic_authorization(unquote(username), unquote(password or ""))))
        return found

    def _proxy(self) -> Proxy | None:
        url = self._spec.proxy
        if url is None:
            return None
        parts = urlsplit(url.render())
        has_user = parts.username is not None
        authorization = (
            basic_authorization(unquote(parts.username or ""), unquote(parts.password or ""))
            if has_user
            else None
        )
        return Proxy(url.host, url.port, authorization)


def _templates(spec: HttpRequestSpec) -> list[Template]:
    found: list[Template | None] = [spec.url, *spec.headers.values(), spec.body, spec.proxy]
    if spec.auth is not None:
        found.append(spec.auth.bearer)
        if spec.auth.basic is not None:
            found += [spec.auth.basic.username, spec.auth.basic.password]
    return [template for template in found if template is not None]


def _secrets(spec: HttpRequestSpec) -> Iterator[str]:
    basic = spec.auth.basic if spec.auth is not None else None
    logins = [] if basic is None else [(basic.username.render(), basic.password.render())]
    return sent_secrets(_templates(spec), logins)


def _resolve_location(origin: Origin, target: str, location: bytes) -> tuple[Origin, str]:
    base = f"{origin.scheme}://{origin.authority}{target}"
    try:
        parts = urlsplit(urljoin(base, quote(location, safe=_REDIRECT_SAFE)))
        host, port = parts.hostname, parts.port
        if parts.scheme not in _DEFAULT_PORT:
            raise ProbeFailure(
                Reason.REDIRECT, f"redirected to {clean(parts.scheme, 20)}:, which is not http or https"
            )
        name = parse_host(
            f"[{host}]" if host and ":" in host else unquote(host or "").encode("idna").decode()
        )
    except ValueError:
        raise ProbeFailure(Reason.REDIRECT, "redirected to a Location that is no URL") from None
    new = Origin(parts.scheme, name.lower(), port or _DEFAULT_PORT[parts.scheme])
    return new, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
