"""Takes secrets out of what programs say, in the forms in which programs say them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from rollwatch.config.template import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Redaction"]

_LEAST_ENCODED = 6
"""Encodings of shorter secrets are so short that they would be found in any text."""
_LEAST_LINE = 8
_BREAKS = "\r\n"
# Bounded everywhere: on what a program writes, an open end costs the square of its length.
_CREDENTIALS = re.compile(r"(https?://)[^\s/]{1,4096}@", re.IGNORECASE)
_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,256}:)[^\s/]{1,4096}@", re.IGNORECASE)
_WITHOUT_BREAKS = str.maketrans("", "", _BREAKS)


class Redaction:
    """Replaces secrets by `***`: as they are, in URLs, in JSON, in base64; also where lines were wrapped."""

    __slots__ = ("_forms", "longest")

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {form.translate(_WITHOUT_BREAKS) for secret in secrets for form in _forms(secret)}
        self._forms = tuple(sorted(found - {""}))
        self.longest = 2 * max(map(len, self._forms), default=0)
        """Characters: what is cut nearer to an edge than this may leave a piece of one."""

    def redact(self, text: str) -> str:
        """`text` without secrets, and without credentials in addresses."""
        return _PASSWORD.sub(rf"\1{MASK}@", _CREDENTIALS.sub(rf"\1{MASK}@", self._without_secrets(text)))

    def _without_secrets(self, text: str) -> str:
        joined = text.translate(_WITHOUT_BREAKS)
        spans = sorted(span for form in self._forms for span in _spans(joined, form))
        if not spans:
            return text
        places = [place for place, character in enumerate(text) if character not in _BREAKS]
        parts: list[str] = []
        shown_to = hidden_to = 0
        for start, end in spans:
            if start >= hidden_to:
                parts += [text[shown_to : places[start]], MASK]
            hidden_to = max(hidden_to, end)
            shown_to = places[hidden_to - 1] + 1
        return "".join([*parts, text[shown_to:]])


def _spans(text: str, form: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + len(form))


def _forms(secret: str) -> set[str]:
    stripped = secret.strip()
    # A key of many lines is mostly shown line by line, with something before each.
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= _LEAST_LINE}
    if len(stripped) < _LEAST_ENCODED:
        return {secret, stripped}
    escaped = {json.dumps(stripped, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
    quoted = {quote(stripped), quote(stripped, safe=""), quote_plus(stripped)}
    return {stripped, *lines, *escaped, *quoted, *_base64_forms(stripped.encode())}


def _base64_forms(value: bytes) -> set[str]:
    """What base64 makes of it wherever it stands in a longer text (`user:secret`), without its edges."""
    forms = set()
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + value).decode().rstrip("=")
            forms.add(encoded[-(-offset * 8 // 6) : (offset + len(value)) * 8 // 6])
    return forms
