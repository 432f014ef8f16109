"""JSON as strangers send it, read without mercy: what two readers could understand differently is refused.

The standard library's parser, because its hooks see a key that comes twice, and because the loop gets its
turn between them when a long body is read in a thread; faster ones keep the interpreter's lock to the end.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from rollwatch.ingest.push.outcomes import PushOutcome
from rollwatch.serving.refusal import Refusal

__all__ = ["DEEPEST", "read_json"]

DEEPEST = 32
"""Objects and lists may be nested this deep."""
_LONGEST_INTEGER = 300
"""Digits; more, and no float can hold it."""


def read_json(body: bytes) -> Any:
    """The document in `body`. Raises Refusal 400 that says what is wrong with it.

    Refused beside broken JSON: keys that come twice, NaN and infinities, numbers that overflow, halves of
    surrogate pairs, and more than 32 levels (RFC 8259 sections 4, 6, 8.2 and 9).
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(f"The body is not UTF-8 (byte {error.start + 1})") from None
    if not text.strip():
        raise _invalid("The body is empty")
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _invalid(f"The body is not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _too_deep() from None
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_too_deep(document):
        raise _too_deep()
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(document)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _invalid("An object in the body has the same key twice")
    return members


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _invalid("A number in the body is too large")
    return number


def _int(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise _invalid("A number in the body is too large")
    return int(text)


def _constant(_: str) -> NoReturn:
    raise _invalid("The body holds NaN or Infinity, which JSON has not")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_float, parse_int=_int, parse_constant=_constant
)


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, dict | list) for one in level)


def _check_surrogates(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _invalid("A text in the body has half of a surrogate pair") from None


def _too_deep() -> Refusal:
    return _invalid(f"The body is nested more than {DEEPEST} deep")


def _invalid(message: str) -> Refusal:
    return Refusal(400, PushOutcome.JSON_INVALID, f"{message}.", "Send one JSON document in UTF-8.")
