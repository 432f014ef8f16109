"""Stacks of JavaScript errors, as Chrome, Edge, Firefox and Safari write them, taken apart.

The text of `Error.stack` is no standard: V8's is at v8.dev/docs/stack-trace-api, Firefox's on MDN under
Error.prototype.stack, and Safari's is like Firefox's. Places in WebAssembly are written as its Web API says
(www.w3.org/TR/wasm-web-api, section 4): `URL:wasm-function[INDEX]:0xOFFSET`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.ingest.browser.privacy import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FRAMES", "STACK_LIMIT", "Frame", "parse_stack", "render"]

FRAMES = 50
"""Frames kept of a stack."""
STACK_LIMIT = 16_384
"""Characters of a stack that are looked at."""
_FUNCTION_LIMIT = 128
_URL_LIMIT = 512
_LINE_LIMIT = 2048
"""A longer line of a stack is no frame."""

_NATIVE = "<native>"
_NATIVE_PLACES = frozenset(
    {_NATIVE, "<anonymous>", "[native code]", "[wasm code]", "native", "native code", "self-hosted"}
)
_INDEX = re.compile(r"index [0-9]{1,9}")  # at async Promise.all (index 0)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_OFFSET = re.compile(r"0x[0-9a-f]{1,8}", re.IGNORECASE)
_FIREFOX_LINE = re.compile(r"[0-9]{1,9}(?= > )")
_NAMELESS = frozenset({"", "?", "<anonymous>", "<unknown>", "anonymous", "Anonymous function"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a stack."""

    function: str | None
    """As the browser names it, at most 128 characters; None if it does not."""
    url: str | None
    """Of the script, without user, query and fragment; None for the browser's own code.

    After a source map was applied, the path of the source. At most 512 characters.
    """
    line: int | None
    """From 1; None if the browser does not say, as the column."""
    column: int | None
    """From 1. In WebAssembly the line is 1 and the column counts bytes, as in its source maps."""

    def __str__(self) -> str:
        numbers = "".join(f":{number}" for number in (self.line, self.column) if number is not None)
        place = f"{self.url or _NATIVE}{numbers}"
        return place if self.function is None else f"{self.function} ({place})"


class _Place(NamedTuple):
    url: str | None = None
    line: int | None = None
    column: int | None = None
    function: str | None = None
    """What runs there, where the place tells."""


_IN_BROWSER = _Place()


def parse_stack(stack: str) -> list[Frame]:
    """The frames of `Error.stack`, innermost first, free of personal data; lines that are none are skipped.

    At most 50, in time linear in `stack`. Never raises.
    """
    frames: list[Frame] = []
    for raw in scrub(stack[:STACK_LIMIT], STACK_LIMIT).split("\n"):
        line = raw.strip()
        frame = _frame(line) if len(line) <= _LINE_LIMIT else None
        if frame is not None:
            frames.append(frame)
            if len(frames) == FRAMES:
                break
    return frames


def render(frames: Iterable[Frame]) -> str:
    """The frames for people, one a line."""
    return "\n".join(f"at {frame}" for frame in frames)


def _frame(line: str) -> Frame | None:
    if line.startswith("at "):
        return _chrome(line[3:].removeprefix("async ").strip())
    function, at, location = line.partition("@")
    if at and "://" not in function:
        return _firefox(function, location)
    # Safari may leave out the @ where the function has no name.
    return _nameless(line) if "://" in line else None


def _nameless(text: str) -> Frame | None:
    # With one number alone, too much that is no frame would be one: http://host:8080
    place = _place(text)
    return None if place is None or place.column is None else _made("", place)


def _chrome(text: str) -> Frame | None:
    if not text.endswith(")"):
        return _nameless(text)
    function, opening, location = text[:-1].partition(" (")
    if not opening:
        return None
    if location.startswith("eval at "):
        # eval at a (eval at b (URL:1:2), <anonymous>:1:1): the place in a file is the innermost.
        location = location[location.rfind("eval at ") :].partition(" (")[2].partition(")")[0]
    place = _place(location.removeprefix("async "))
    return None if place is None else _made(function, place)


def _firefox(function: str, location: str) -> Frame | None:
    if " > " in location:
        # URL line 12 > eval line 3 > Function:1:2
        url, _, rest = location.partition(" line ")
        number = _FIREFOX_LINE.match(rest)
        place = None if number is None else _checked(url, int(number[0]), None)
    else:
        place = _place(location)
    # async*load, setTimeout handler*load: what came before was called by the browser.
    return None if place is None else _made(function.rpartition("*")[2], place)


def _place(text: str) -> _Place | None:
    if text in _NATIVE_PLACES or _INDEX.fullmatch(text):
        return _IN_BROWSER
    before, _, last = text.rpartition(":")
    if _OFFSET.fullmatch(last):
        url, _, index = before.rpartition(":")
        return _checked(url, 1, int(last, 16) + 1, index)
    if not _COUNT.fullmatch(last):
        return None
    url, _, line = before.rpartition(":")
    if _COUNT.fullmatch(line):
        return _checked(url, int(line), int(last))
    return None if line.isdigit() else _checked(before, int(last), None)


def _checked(url: str, line: int, column: int | None, function: str | None = None) -> _Place | None:
    if url in _NATIVE_PLACES or url.startswith("native "):
        return _Place(None, line or None, column or None)
    if " " in url or not url.strip("0123456789"):
        return None
    if len(url) > _URL_LIMIT:
        url = "…" + url[1 - _URL_LIMIT :]  # the name of the file is at the end
    return _Place(url, line or None, column or None, function)


def _made(name: str, place: _Place) -> Frame | None:
    name = name.strip()
    function = place.function if name in _NAMELESS else name
    if function is None and place is _IN_BROWSER:
        return None
    return Frame(None if function is None else function[:_FUNCTION_LIMIT], *place[:3])
