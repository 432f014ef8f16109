"""What is said to a WebSocket endpoint, with its secrets: rendered once per version of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from websockets.uri import WebSocketURI

from rollwatch.probers._dial import Proxy
from rollwatch.probers._scrub import Scrubber, basic_authorization, sent_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.config.fields import Template
    from rollwatch.probers._ws_spec import WebSocketSpec

__all__ = ["Rendered", "Renderer"]


class Rendered(NamedTuple):
    """Ready to be sent. Holds secrets: never show it."""

    uri: WebSocketURI
    headers: tuple[tuple[str, str], ...]
    sends: tuple[str, ...]
    proxy: Proxy | None
    scrubber: Scrubber
    has_credentials: bool
    """Whether something secret is sent: 401 and 403 then say more about us than about the target."""


class Renderer:
    """Renders what a spec says, again only when a secret changed."""

    def __init__(self, spec: WebSocketSpec, user_agent: str) -> None:
        self._spec = spec
        self._user_agent = user_agent
        self._secret = [template for template in _templates(spec) if template.has_secret]
        self._version = -1
        self._rendered: Rendered | None = None

    def render(self) -> Rendered:
        """Everything as it is now. Raises SecretUnavailable."""
        version = sum(template.version for template in self._secret)
        if self._rendered is None or version != self._version:
            self._rendered = None
            self._rendered = self._render()
            self._version = version
        return self._rendered

    def _render(self) -> Rendered:
        spec = self._spec
        url = urlsplit(spec.url.render())
        headers = {"User-Agent": self._user_agent}
        if spec.auth is not None and spec.auth.basic is not None:
            basic = spec.auth.basic
            headers["Authorization"] = basic_authorization(basic.username.render(), basic.password.render())
        elif spec.auth is not None and spec.auth.bearer is not None:
            headers["Authorization"] = f"Bearer {spec.auth.bearer.render_header()}"
        elif url.username is not None:
            headers["Authorization"] = basic_authorization(unquote(url.username), unquote(url.password or ""))
        for name, value in spec.headers.items():
            for known in [known for known in headers if known.lower() == name.lower()]:
                del headers[known]
            headers[name] = value.render_header()
        secrets = tuple(_secrets(spec))
        is_telling = bool({name.lower() for name in headers} & {"authorization", "cookie"})
        return Rendered(
            uri=WebSocketURI(
                spec.url.scheme == "wss", spec.url.host, spec.url.port, url.path, url.query, None, None
            ),
            headers=tuple(headers.items()),
            sends=tuple(text.render() for text in spec.send),
            proxy=_proxy(spec),
            scrubber=Scrubber(secrets),
            has_credentials=bool(secrets) or is_telling or spec.tls.cert_file is not None,
        )


def _proxy(spec: WebSocketSpec) -> Proxy | None:
    if spec.proxy is None:
        return None
    url = urlsplit(spec.proxy.render())
    has_user = url.username is not None
    authorization = (
        basic_authorization(unquote(url.username or ""), unquote(url.password or "")) if has_user else None
    )
    return Proxy(spec.proxy.host, spec.proxy.port, authorization)


def _templates(spec: WebSocketSpec) -> Iterator[Template]:
    yield spec.url
    yield from spec.headers.values()
    yield from spec.send
    if spec.proxy is not None:
        yield spec.proxy
    if spec.auth is not None and spec.auth.bearer is not None:
        yield spec.auth.bearer
    if spec.auth is not None and spec.auth.basic is not None:
        yield spec.auth.basic.username
        yield spec.auth.basic.password


def _secrets(spec: WebSocketSpec) -> Iterator[str]:
    basic = spec.auth.basic if spec.auth is not None else None
    logins = [] if basic is None else [(basic.username.render(), basic.password.render())]
    return sent_secrets(_templates(spec), logins)
