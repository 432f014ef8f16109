"""Text from browsers made fit to be kept: bounded, printable, and without what tells of a person."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["scrub"]

_REPLACED = 400
"""Each kind of find is replaced this often, and what follows is cut off. A long stack has about 100."""
_ROUNDS = 8
"""What stands beside a find may be one without it. Ordinary text needs one, and one that finds nothing."""
_JUDGED = 256
"""Characters of a long run that are looked at to tell a token from a name."""
_SHORTEST_HEX = 16
_SHORTEST_TOKEN = 20

_USERINFO = re2.compile(r"""://[^\s"<>/?#]*@""")
# A browser percent-encodes quotes, angle brackets and spaces in a query, but no other brackets.
_ABSOLUTE_QUERY = re2.compile(r"""([A-Za-z][A-Za-z0-9+.-]*://[^\s"<>?#]*)([?#][^\s"'<>]*)""")
# Without a scheme, only what has a key and a value: `a ? b : c` and `/(?<=x)/` are no queries.
_RELATIVE_QUERY = re2.compile(r"""()([?#][\pL\pN_.%\[\]~+-]+=[^\s"'<>]*)""")
_DATA_URL = re2.compile(r"""(\bdata:[A-Za-z0-9+./;=-]*,)[^\s"'<>)]+""")
# The last part is letters, which tells an address from a package and its version (vue@3.4.21).
_EMAIL = re2.compile(r"[\pL\pN._%+-]+(?:@|%40)[\pL\pN-]+(?:\.[\pL\pN-]+)*\.\pL{2,}")
_BEARER = re2.compile(r"(?i)(\bbearer[\s:=]+)([A-Za-z0-9._~+/=-]{8,})")
_JWT_OR_UUID = re2.compile(
    r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
)
# With the ending of a script's name, the run is a content hash and no token.
_ENDING = r"((?:\.[a-z]{2,8})?\.(?:[cm]?[jt]sx?|css|html?|map|svelte|vue|wasm)\b)?"
_RUN = re2.compile(r"([A-Za-z0-9_-]{16,})" + _ENDING)
# Payment cards have 13 to 19 digits (ISO/IEC 7812), often written in groups.
_NUMBER = re2.compile(r"(\d(?:[ -]?\d){12,})" + _ENDING)

# `re`, and linear: a match is a run of one class, or in a window of 16 characters.
_WITHIN_RUN = re.compile(r"[A-Za-z0-9]{16,}")
_RUNS_OF_ONE_CLASS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[_-]+")
_POSITION = re.compile(r":[0-9]{1,7}:[0-9]{1,7}\Z")
_POSITION_LENGTH = 16
_CLOSING = ")]},.;:!"
_CLOSED = 8
"""Closing characters that are kept after a position: eval in eval in eval ends in `))),`."""


def scrub(text: str, limit: int) -> str:
    """`text` without personal data, printable but for line feeds, at most `limit` (1 or more) characters.

    URLs lose user, query and fragment, and keep `:line:column` at their end; e-mail addresses, tokens and
    long numbers become `<email>`, `<token>` and `<number>`. Takes time linear in `text`, whatever is in it,
    and leaves what it made itself as it is.
    """
    text = _without_personal_data(_printable(text))
    if len(text) <= limit:
        return text
    # What was the name of a script may be a token, now that it is cut.
    return _without_personal_data(text[: limit - 1])[: limit - 1] + "…"


def _without_personal_data(text: str) -> str:
    for _ in range(_ROUNDS):
        before, text = text, _round(text)
        if text == before:
            break
    return text


def _round(text: str) -> str:
    if "://" in text:
        text = _replaced(_USERINFO, _bare_authority, text)
        text = _replaced(_ABSOLUTE_QUERY, _without_query, text)
    text = _replaced(_RELATIVE_QUERY, _without_query, text)
    text = _replaced(_DATA_URL, _without_data, text)
    text = _replaced(_EMAIL, _email, text)
    text = _replaced(_BEARER, _bearer, text)
    text = _replaced(_JWT_OR_UUID, _token, text)
    text = _replaced(_RUN, _run, text)
    return _replaced(_NUMBER, _number, text)


def _replaced(pattern: Any, replacement: Callable[[Any], str], text: str) -> str:
    pieces: list[str] = []
    end = found = 0
    for found, match in enumerate(islice(pattern.finditer(text), _REPLACED), 1):  # noqa: B007  counted below
        pieces += (text[end : match.start()], replacement(match))
        end = match.end()
    if found == _REPLACED and end < len(text):
        return "".join(pieces) + "…"
    return "".join(pieces) + text[end:] if pieces else text


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\t", " ")
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() else _in_place_of(c) for c in text)


def _in_place_of(character: str) -> str:
    """What stands for an unprintable character; controls and marks that turn the direction vanish."""
    if character in "\n\r\u2028\u2029":
        return "\n"
    if character.isspace():
        return " "
    return "\ufffd" if "\ud800" <= character <= "\udfff" else ""


def _bare_authority(_match: Any) -> str:
    return "://"


def _without_query(match: Any) -> str:
    url, query = match.groups()
    bare = query.rstrip(_CLOSING)
    position = _POSITION.search(bare[-_POSITION_LENGTH:])
    closing = query[len(bare) :][:_CLOSED]
    return f"{url}{position[0] if position else ''}{closing}"


def _without_data(match: Any) -> str:
    return f"{match[1]}<data>"


def _email(_match: Any) -> str:
    return "<email>"


def _token(_match: Any) -> str:
    return "<token>"


def _number(match: Any) -> str:
    return "<number>" if match[2] is None else str(match[0])


def _bearer(match: Any) -> str:
    word, credentials = match.groups()
    is_word = len(credentials) < _SHORTEST_TOKEN and not any(map(str.isdigit, credentials))
    return str(match[0]) if is_word else f"{word}<token>"


def _run(match: Any) -> str:
    run, ending = match.groups()
    if ending is None and any(map(_is_token, (run, *_WITHIN_RUN.findall(run)))):
        return "<token>"
    return str(match[0])


def _is_token(run: str) -> bool:
    """Whether a run of letters and digits looks random: hexadecimal, or its classes change as in base64.

    In random base64 two neighbours in three are of different classes; in names of words it is one in three.
    """
    if len(run) < _SHORTEST_HEX or run.isdigit():
        return False
    run = run[:_JUDGED]
    has_digit = any(map(str.isdigit, run))
    if has_digit and not run.strip("0123456789abcdefABCDEF"):
        return True
    changes = len(_RUNS_OF_ONE_CLASS.findall(run)) - 1
    return has_digit and len(run) >= _SHORTEST_TOKEN and changes >= 0.42 * len(run)
