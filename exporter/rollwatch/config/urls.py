"""URLs with secrets in them, and header fields: what a request is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator

from rollwatch.config.address import HostPort, parse_host, parse_port
from rollwatch.config.mistake import expect_text, mistake
from rollwatch.config.template import MASK, Cell, Template

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

__all__ = ["HeaderName", "Headers", "HttpUrl", "Url", "WsUrl"]

_SECRET = "\ue000"  # noqa: S105  stands for a secret while the URL around it is taken apart
_URL = re.compile(r"([^:/?#]*)://([^/?#]*)(.*)", re.DOTALL)
_UNFIT = re.compile(r"[^\x21-\x7e\ue000]|\\")
_PARAMETER = re.compile(r"([?&;])([^=&;]*)=[^&;]*")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TELLING = frozenset(
    (
        "auth",
        "authorization",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "jwt",
        "key",
        "pass",
        "passwd",
        "password",
        "pwd",
        "secret",
        "session",
        "sid",
        "sig",
        "signature",
        "token",
    )
)
_TELLING_ENDS = ("key", "password", "secret", "sessionid", "signature", "token")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Url(Template):
    """An absolute URL. Scheme, host and port are written out; the rest and the userinfo may be secret.

    A secret is percent-encoded for its place when rendered, so that it can't change where the URL leads.
    `masked` also hides the userinfo, and the values of query parameters with a telling name.
    """

    __slots__ = ("_safe", "_shown", "host", "port", "scheme")
    schemes: ClassVar[tuple[str, ...]] = ("http", "https", "ws", "wss")

    def __init__(self, parts: tuple[str | Cell, ...], *, is_hidden: bool = False) -> None:
        super().__init__(parts, is_hidden=is_hidden)
        text = "".join(part if isinstance(part, str) else _SECRET for part in parts)
        example = f"Write it like {self.schemes[-1]}://api.example.com/path."
        if any(isinstance(part, str) and _SECRET in part for part in parts) or _UNFIT.search(text):
            raise mistake("has a character that can't stand in a URL", "Write it percent-encoded (%20).")
        match = _URL.fullmatch(text)
        if match is None:
            raise mistake("is no absolute URL", example)
        scheme, authority, rest = match.groups()
        userinfo, at, host_port = authority.rpartition("@")
        if _SECRET in scheme or _SECRET in host_port:
            raise mistake(
                "takes its scheme, host or port from a secret", "Write these out; secrets may follow them."
            )
        if scheme.lower() not in self.schemes:
            raise mistake(
                f"must begin with {' or '.join(f'{scheme}://' for scheme in self.schemes)}", example
            )
        if "#" in rest:
            raise mistake("has a fragment, which is never sent", "Remove the part from '#' on.")
        host, port = _split(host_port)
        if not host:
            raise mistake("has no host", example)
        self.scheme: str = scheme.lower()
        """In lower case."""
        self.host: str = parse_host(host)
        """Without brackets."""
        self.port: int = parse_port(port) if port else _DEFAULT_PORTS[self.scheme]
        """As written, or the scheme's default."""
        query = rest.find("?")
        in_path = rest[: query if query >= 0 else len(rest)].count(_SECRET)
        before = userinfo.count(_SECRET)
        self._safe = ("",) * before + ("/",) * in_path + ("",) * rest[max(query, 0) :].count(_SECRET)
        """For each secret, what its place lets stand unencoded."""
        shown = _PARAMETER.sub(_shown, rest) if query >= 0 else rest
        self._shown = f"{scheme}://{MASK + at if at else ''}{host_port}{shown.replace(_SECRET, MASK)}"

    @property
    def address(self) -> HostPort:
        """Where to connect."""
        return HostPort(self.host, self.port)

    @property
    def is_written_out(self) -> bool:
        """Whether the file itself holds credentials of the URL."""
        return not self.has_secret and self._shown != self.render()

    @property
    def masked(self) -> str:
        """For people: without secrets, userinfo and telling parameters."""
        return self._shown

    def render(self) -> str:
        """The URL with its secrets. Raises SecretUnavailable."""
        safe = iter(self._safe)
        return "".join(
            part if isinstance(part, str) else quote(part.value(), safe=next(safe)) for part in self._parts
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        begins = "|".join(cls.schemes)
        return {
            "type": "string",
            "title": f"URL ({', '.join(cls.schemes)}); may contain secrets",
            "pattern": f"^({begins})://",
            "examples": [f"{cls.schemes[-1]}://api.example.com/"],
        }


class HttpUrl(Url):
    """http:// or https://"""

    __slots__ = ()
    schemes = ("http", "https")


class WsUrl(Url):
    """ws:// or wss://"""

    __slots__ = ()
    schemes = ("ws", "wss")


def _is_telling(name: str) -> bool:
    """Whether what goes by this name is a secret: `api_key`, `accessToken`, `X-Auth`; not `keyword`."""
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & _TELLING) or name.lower().endswith(_TELLING_ENDS)


def _shown(parameter: re.Match[str]) -> str:
    return f"{parameter[1]}{parameter[2]}={MASK}" if _is_telling(parameter[2]) else parameter[0]


def _split(host_port: str) -> tuple[str, str]:
    if host_port.startswith("["):
        host, bracket, port = host_port.partition("]")
        if port and not port.startswith(":"):
            raise mistake(
                "has something else than a port behind its host", "Write it like [2001:db8::1]:443."
            )
        return host + bracket, port.removeprefix(":")
    host, _, port = host_port.partition(":")
    return host, port


def _header_name(value: Any) -> str:
    name = expect_text(value)
    if not _TOKEN.fullmatch(name):
        raise mistake("is no header name", "Use letters, digits and hyphens (RFC 9110, token).")
    return name


def _headers(headers: dict[str, Template]) -> dict[str, Template]:
    seen: set[str] = set()
    for name, value in headers.items():
        if name.lower() in seen:
            raise mistake(
                "names one header twice", "Case makes no difference in header names; remove one.", at=(name,)
            )
        seen.add(name.lower())
        if not value.is_header_safe:
            raise mistake("has a line break or another control character", "Remove it.", at=(name,))
    return {name: value.hidden() if _is_telling(name) else value for name, value in headers.items()}


HeaderName = Annotated[str, BeforeValidator(_header_name)]
"""The name of a header field (RFC 9110)."""

Headers = Annotated[dict[HeaderName, Template], AfterValidator(_headers)]
"""Header fields by name. Values with a telling name are masked even if they were written into the file."""
