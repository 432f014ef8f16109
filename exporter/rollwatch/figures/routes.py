"""From a path to the route it belongs to, so that a million addresses become a few label values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.metrics.labels import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RouteTable", "plain_route", "route_label"]

_LONGEST = 512
_SEGMENTS = 8
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}://[^/?#]*")
_PLACEHOLDER = re.compile(r"[:$].+|\{.*\}|\[.*\]|<.*>|\*")
_REST = re.compile(r"\*\*?|:.+\*|\[+\.\.\..*\]|\{.+(?:\.\.\.|:\*|:path)\}|\{\*.+\}|<path:.+>")
"""What takes every segment that follows, as routers write it."""
_ID_WORD = "_id"
_LONG = 16
"""From so many characters on, a segment with a digit must look like words to be none."""
# A number, a date, a UUID, a long hex string, an e-mail address: what stands for one thing among many.
_ID = re.compile(
    r"[0-9]+(?:[.:-][0-9]+)*"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{12,}"
    r"|.*[0-9]{5}.*"
    r"|.*(?:@|%40).*"
    r"|[^-_.]{40,}",
    re.ASCII | re.DOTALL,
)
# `top`, `10`, `256gb`, `V2`: a word, a small number, or one of each.
_PART = re.compile(r"[^\W\d_]+|[0-9]{1,4}(?:[A-Za-z]{1,4})?|[A-Za-z]{1,10}[0-9]{1,4}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_BETWEEN = re.compile(r"[-_.]+|(?<=[a-z])(?=[A-Z])")
_MEAN_LETTERS = 3


def plain_route(path: str) -> str:
    """`path` without origin, query and fragment, ids replaced by `_id`, placeholders of templates by `_NAME`.

    `/users/42/orders?page=2` is `/users/_id/orders`, `/stocks/:symbol` and `/stocks/[symbol]` are
    `/stocks/_symbol`. What is made of words stays (`/blog/top-10-tips-for-2024`); what only looks random is
    an id (`/reset/x7Kq-02jWv9LmTz4`). At most eight segments are told apart.
    """
    path = _bare(path)
    segments = _segments(path)
    if not segments:
        return "/"
    words = [_word(segment) for segment in segments[:_SEGMENTS]]
    start = "/" if path.startswith("/") else ""
    return start + "/".join(words)


def route_label(path: str) -> str:
    """`plain_route` as it is shown: in the characters that a label may have."""
    return plain_value(plain_route(path))


def _bare(path: str) -> str:
    path = _ORIGIN.sub("", path[:_LONGEST], count=1) if "://" in path[:30] else path[:_LONGEST]
    return path.split("?", 1)[0].split("#", 1)[0]


def _word(segment: str) -> str:
    if _PLACEHOLDER.fullmatch(segment):
        name = re.sub(r"[^A-Za-z0-9_]+", "", segment)
        return f"_{name}" if name else _ID_WORD
    return _ID_WORD if _is_id(segment) else segment


def _is_id(segment: str) -> bool:
    if _ID.fullmatch(segment):
        return True
    return len(segment) >= _LONG and any(map(str.isdigit, segment)) and not _is_words(segment)


def _is_words(segment: str) -> bool:
    """Whether it is several words, perhaps with small numbers among them: a title, a method's name."""
    parts = [part for part in _BETWEEN.split(segment) if part]
    words = [part for part in parts if _WORD.fullmatch(part)]
    return (
        len(words) >= max(2, len(parts) / 2)
        and sum(map(len, words)) >= _MEAN_LETTERS * len(words)
        and all(map(_PART.fullmatch, parts))
    )


class _Template(NamedTuple):
    """A declared route; None stands for a placeholder."""

    text: str
    segments: tuple[str | None, ...]
    takes_rest: bool


class RouteTable:
    """Declared templates first: `/stocks/:symbol` takes one segment, `/docs/*` any that follow."""

    def __init__(self, templates: Iterable[str] = ()) -> None:
        self._declared: set[str] = set()
        # By their first segment, each list in the order of the declaration: a site may declare hundreds.
        self._by_first: dict[str, list[_Template]] = {}
        self._open: list[_Template] = []
        """Those that any first segment may fit."""
        for template in map(_template, templates):
            self._declared.add(template.text)
            first = template.segments[0] if template.segments else None
            if first is not None:
                self._by_first.setdefault(first, list(self._open)).append(template)
                continue
            for others in (self._open, *self._by_first.values()):
                others.append(template)

    def is_declared(self, route: str) -> bool:
        """Whether `route` is a template of the configuration, and so needs no bounding."""
        return route in self._declared

    def route(self, path: str) -> str:
        """The first declared template that `path` fits, else its `plain_route`."""
        bare = _bare(path)
        if bare in self._declared:
            return bare
        segments = _segments(bare)
        first = segments[0] if segments else ""
        for template in self._by_first.get(first, self._open):
            if _fits(segments, template):
                return template.text
        return plain_route(bare)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _template(text: str) -> _Template:
    segments = _segments(text)
    takes_rest = bool(segments) and _REST.fullmatch(segments[-1]) is not None
    if takes_rest:
        segments.pop()
    return _Template(text, tuple(None if _PLACEHOLDER.fullmatch(s) else s for s in segments), takes_rest)


def _fits(segments: list[str], template: _Template) -> bool:
    extra = len(segments) - len(template.segments)
    if extra < 0 or (extra > 0 and not template.takes_rest):
        return False
    pairs = zip(segments, template.segments, strict=False)
    return all(wanted is None or segment == wanted for segment, wanted in pairs)
