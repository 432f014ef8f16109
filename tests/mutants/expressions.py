"""What can be changed in a PromQL expression so that it means something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Change", "changed_durations", "changes"]

_TOKEN = re.compile(
    r"""
    (?P<text>"(?:[^"\\]|\\.)*")
  | (?P<range>\[[^\]]*\])
  | (?P<selector>\{)
  | (?P<offset>\boffset\s+\d[\w]*)
  | (?P<word>[a-zA-Z_:][\w:]*)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<comparison>==|!=|>=|<=|>|<)
  | (?P<rest>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MATCHER = re.compile(r'\s*[a-zA-Z_]\w*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"\s*')
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_FLIPPED = {">": "<", "<": ">", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}


class Change(NamedTuple):
    """One changed expression, and what was changed."""

    what: str
    expr: str


def changed_durations(text: str) -> Iterator[tuple[str, str]]:
    """Each duration in `text` doubled and halved, one at a time."""
    for found in _DURATION.finditer(text):
        count, unit = int(found[1]), found[2]
        for word, new in (("doubled", f"{count * 2}{unit}"), ("halved", _half(count, unit))):
            yield f"{found[0]} {word}", text[: found.start()] + new + text[found.end() :]


def _half(count: int, unit: str) -> str:
    if count % 2 == 0:
        return f"{count // 2}{unit}"
    smaller = {
        "s": (1000, "ms"),
        "m": (60, "s"),
        "h": (60, "m"),
        "d": (24, "h"),
        "w": (7, "d"),
        "y": (52, "w"),
    }
    factor, name = smaller[unit]
    half = count * factor // 2
    return f"{half}{name}" if half * 2 == count * factor else _half(count * factor, name)


def changes(expr: str) -> Iterator[Change]:
    """Every single change: comparisons turned round, numbers a fifth off, durations, matchers left out."""
    at = 0
    while at < len(expr):
        found = _TOKEN.match(expr, at)
        assert found is not None
        end = found.end()

        def put(new: str, start: int = at, stop: int = end) -> str:
            return expr[:start] + new + expr[stop:]

        match found.lastgroup:
            case "comparison":
                yield Change(f"{found[0]} turned round", put(_FLIPPED[found[0]]))
            case "number" if float(found[0]) != 0:
                for percent in (120, 80):
                    yield Change(f"{found[0]} at {percent} %", put(f"{float(found[0]) * percent / 100:.12g}"))
            case "range" | "offset":
                for what, new in changed_durations(found[0]):
                    yield Change(f"{what} in {found[0]}", put(new))
            case "selector":
                end, matchers = _matchers(expr, end)
                for index, matcher in enumerate(matchers):
                    left = ",".join(matchers[:index] + matchers[index + 1 :])
                    yield Change(
                        f"without {matcher}", expr[:at] + (f"{{{left}}}" if left else "") + expr[end:]
                    )
        at = end


def _matchers(expr: str, at: int) -> tuple[int, list[str]]:
    found: list[str] = []
    while expr[at] != "}":
        if expr[at] == ",":
            at += 1
            continue
        matcher = _MATCHER.match(expr, at)
        if matcher is None:
            at += 1
            continue
        found.append(matcher[0].strip())
        at = matcher.end()
    return at + 1, found
