"""Takes our secrets out of remote text: a server may say back what we sent it, as it was or encoded."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollwatch.config.fields import Template

__all__ = ["Scrubber", "basic_authorization", "sent_secrets"]

_SHORTEST = 4
"""Shorter stretches are too common to be told from ordinary text."""
_CUT = "…"
"""What `clean` writes where it cut a text: the beginning of a secret may stand right before it."""
_SEPARATORS = re.compile(r"[\s/?&=;,:@\"']+")
_BASIC = re.compile(r"\s*basic\s+(\S+)\s*", re.IGNORECASE)
_PERCENT = re.compile("%[0-9A-F]{2}")


class Scrubber:
    """Knows what must not be shown. Holds secrets: it has no repr of its own."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in set(secrets) if len(secret) >= _SHORTEST for form in _forms(secret)}
        self._secrets = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def scrub(self, text: str) -> str:
        """`text` with every secret as `***`, also one that was cut by `clean`."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "***")
        if self._secrets and _CUT in text:
            *cut, rest = text.split(_CUT)
            text = _CUT.join([*map(self._without_beginning, cut), rest])
        return text

    def scrub_json(self, document: Any, body: bytes) -> Any:
        """`document`, which was decoded from `body`, with every text and name in it scrubbed, in place.

        Numbers stay as they are. Takes its time with a large document: that belongs in a thread.
        """
        if not self._may_hold_one(body):
            return document
        whole = [document]
        waiting: list[Any] = [whole]
        while waiting:
            holder = waiting.pop()
            if isinstance(holder, dict):
                scrubbed = {self.scrub(name): self._of_value(value) for name, value in holder.items()}
                holder.clear()
                holder.update(scrubbed)
                waiting += [value for value in holder.values() if isinstance(value, dict | list)]
            else:
                holder[:] = map(self._of_value, holder)
                waiting += [value for value in holder if isinstance(value, dict | list)]
        return whole[0]

    def _may_hold_one(self, body: bytes) -> bool:
        """Whether to look at every text. In JSON without escapes a secret stands as it is."""
        if not self._secrets:
            return False
        text = body.decode("utf-8", "replace")
        return "\\" in text or any(secret in text for secret in self._secrets)

    def _of_value(self, value: Any) -> Any:
        return self.scrub(value) if isinstance(value, str) else value

    def _without_beginning(self, text: str) -> str:
        """`text` without the beginning of a secret at its end."""
        for secret in self._secrets:
            at = text.find(secret[:_SHORTEST], max(0, len(text) - len(secret)))
            while at >= 0:
                if secret.startswith(text[at:]):
                    return f"{text[:at]}***"
                at = text.find(secret[:_SHORTEST], at + 1)
        return text


def _forms(secret: str) -> Iterator[str]:
    """`secret` as servers write what they were sent: in URLs, JSON, HTML, base64."""
    yield from (secret, unquote(secret), html.escape(secret), html.escape(secret, quote=False))
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded
        yield _PERCENT.sub(lambda found: found[0].lower(), encoded)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    coded = base64.b64encode(secret.encode()).decode("ascii")
    yield from (coded, coded.rstrip("="))


def basic_authorization(username: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def sent_secrets(
    templates: Iterable[Template], logins: Iterable[tuple[str | None, str | None]]
) -> Iterator[str]:
    """Every stretch of what is sent that is not in what may be shown. Raises SecretUnavailable.

    `logins` are users and passwords that are sent as Basic credentials beside those in URLs.
    """
    for template in templates:
        rendered, masked = template.render(), template.masked
        if rendered == masked:
            continue
        pieces = {rendered, *_SEPARATORS.split(rendered)}
        yield from (piece for piece in pieces if piece not in masked)
        yield from _of_basic(rendered)
        yield from _of_userinfo(rendered)
    for username, password in logins:
        yield f"{username or ''}:{password or ''}"


def _of_basic(text: str) -> Iterator[str]:
    """What a header `Basic ...` says in plain text."""
    match = _BASIC.fullmatch(text)
    if match is not None:
        try:
            login = base64.b64decode(match[1], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        yield login
        yield login.partition(":")[2]


def _of_userinfo(text: str) -> Iterator[str]:
    """The credentials made of a URL's user and password."""
    if "@" in text and "://" in text:
        try:
            parts = urlsplit(text)
        except ValueError:
            return  # a text that only looks like a URL; ours were checked when the file was read
        if parts.username is not None:
            yield f"{unquote(parts.username)}:{unquote(parts.password or '')}"
