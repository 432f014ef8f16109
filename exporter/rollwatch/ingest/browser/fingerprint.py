"""Which errors of browsers are one and the same: a short id that outlives releases, minifiers and users."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

import re2

from rollwatch.ingest.browser.privacy import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.ingest.browser.frames import Frame

__all__ = ["TITLE_LIMIT", "file_name", "fingerprint", "title"]

TITLE_LIMIT = 200
"""Characters of a title."""
_LENGTH = 12
_MESSAGE_LIMIT = 1000
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.]{0,63}")
_UNNAMED = "Error"
_UNCAUGHT = ("Uncaught ", "(in promise) ")
_TYPED = re.compile(r"([A-Z][A-Za-z]{0,40}Error): ")

_URL = re2.compile(r"""[A-Za-z][A-Za-z0-9+.-]*:/{2,3}[^\s"'<>]*""")
# Safari and Firefox quote the expression that failed; in it, names of one or two letters are the minifier's.
_EXPRESSION = re2.compile(r"(\b(?:access|evaluating) )'([^'\n]*)'")
_SHORT_NAME = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]?(?![\w$])", re.ASCII)
_SHORT_SUBJECT = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]?(?=\.[A-Za-z_$]| is )", re.ASCII)
_QUOTED_OR_NUMBER = re2.compile(
    # Quoted, but not from the apostrophe of "Can't find variable" on.
    r"""(?i)(^|[\s(\[{:=,])(?:'([^'\n]*)'|"([^"\n]*)"|`([^`\n]*)`|“([^”\n]*)”)"""
    # The number of an error is its kind: React's "error #418", "status code 503".
    r"|(\b(?:error #|code |status |http )[0-9]{1,3}\b)"
    r"|(\b[0-9a-f]{6,}\b)"
    r"|0x[0-9a-f]+|[0-9]+(?:[.,:][0-9]+)*"
)
_IDENTIFIER = re.compile(r"[#@]?[A-Za-z_$][A-Za-z0-9_$.-]{0,63}")
_LONG_NUMBER = re.compile(r"[0-9]{3,}")

_SCRIPT = re.compile(r"\.(?:[cm]?jsx?|[cm]?tsx?|svelte|vue|wasm)\Z")
_PAGE = "<page>"
_CHUNK = "<chunk>"
_NOISE = frozenset({"bundle", "chunk", "es", "esm", "legacy", "min", "modern", "module", "prod", "umd"})
_SEPARATORS = ".~_-"
_HASH_8 = re.compile(r"[A-Za-z0-9_-]{8}")
_HEX = re.compile(r"[0-9A-Fa-f]{6,}")
_MIXED = re.compile(r"[0-9A-Za-z]{10,}")
_VERSION = re.compile(r"v?[0-9]+")


def fingerprint(name: str, message: str, frames: Sequence[Frame]) -> str:
    """An id of `[a-z0-9]{12}`: the same for errors of one type, one kind of message and one file at the top.

    Numbers, ids, URLs and quoted values of the message don't count, nor do functions, lines and columns, nor
    the hash in the file's name: all these change with each release or user.
    """
    kind, rest = _kind_and_message(name, message)
    parts = (kind, _normalised(rest), _top_file(frames))
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:_LENGTH]


def title(name: str, message: str) -> str:
    """What people call the error: `TypeError: x is not a function`; one line, free of personal data."""
    kind, rest = _kind_and_message(name, message)
    line = " ".join(rest.split())
    return scrub(f"{kind}: {line}" if line else kind, TITLE_LIMIT)


def file_name(url: str) -> str:
    """The name of a script without content hash, version and extension: `app` of `/x/app.3f2a9c.min.js`.

    `<page>` for what is no script (one within a page, whose name is a route), `<chunk>` if nothing is left.
    """
    name = url.rpartition("/")[2]
    stem = _SCRIPT.sub("", name)
    if stem == name:
        return _PAGE
    while stem and (shorter := _without_last_part(stem)) != stem:
        stem = shorter
    return stem or _CHUNK


def _kind_and_message(name: str, message: str) -> tuple[str, str]:
    kind = name if _NAME.fullmatch(name) else _UNNAMED
    rest = scrub(message, _MESSAGE_LIMIT).strip()
    for said in (*_UNCAUGHT, f"{kind}: "):
        rest = rest.removeprefix(said)
    typed = _TYPED.match(rest) if kind == _UNNAMED else None
    return (kind, rest) if typed is None else (typed[1], rest[typed.end() :])


def _normalised(message: str) -> str:
    text = _URL.sub("<url>", message)
    text = _EXPRESSION.sub(_expression, text)
    text = _SHORT_SUBJECT.sub("_", text)
    text = _QUOTED_OR_NUMBER.sub(_quoted_or_number, text)
    return " ".join(text.split())


def _expression(match: Any) -> str:
    said, expression = match.groups()
    return f"{said}'{_SHORT_NAME.sub('_', expression)}'"


def _quoted_or_number(match: Any) -> str:
    before, *values, code, digits = match.groups()
    if code is not None:
        return str(code)
    if digits is not None:
        return "<n>" if any(map(str.isdigit, digits)) else str(digits)
    if before is None:
        return "<n>"
    value = next((value for value in values if value is not None), "")
    kept = _LONG_NUMBER.sub("<n>", value) if _IDENTIFIER.fullmatch(value) else "<value>"
    return f"{before}'{kept}'"


def _top_file(frames: Sequence[Frame]) -> str:
    return next((file_name(frame.url) for frame in frames if frame.url is not None), "")


def _without_last_part(stem: str) -> str:
    # Vite's and esbuild's hashes have 8 characters, and a separator can be one of them.
    before, separator, last = stem[:-9], stem[-9:-8], stem[-8:]
    if separator and separator in _SEPARATORS and _HASH_8.fullmatch(last) and not _is_lowercase(last):
        return before
    at = max(map(stem.rfind, _SEPARATORS))
    last = stem[at + 1 :]
    is_kept = last.lower() not in _NOISE and not _is_hash(last) and not _VERSION.fullmatch(last)
    return stem if is_kept else stem[: max(at, 0)]


def _is_hash(part: str) -> bool:
    has_digit = any(map(str.isdigit, part))
    if _HEX.fullmatch(part):
        return has_digit or len(part) >= 16
    return has_digit and _MIXED.fullmatch(part) is not None


def _is_lowercase(text: str) -> bool:
    return all(character.islower() or character in _SEPARATORS for character in text)
