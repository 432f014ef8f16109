"""The browsers that made-up visitors use: how they call themselves, and how they tell of an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BROWSERS", "Browser"]


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser on one kind of device. `slowness` is against a desk with a good line."""

    user_agent: str
    device: Literal["mobile", "desktop"]
    slowness: float
    message: str
    """What it says when something undefined is asked for `toFixed`."""
    frame: str
    """A line of its stacks, for `{function}` in `{place}`."""
    tells_heap: bool = False

    def stack(self, message: str, function: str, place: str) -> str:
        """The stack of a TypeError. Chromium's begin with the message, those of the others do not."""
        frame = self.frame.format(function=function, place=place)
        return f"TypeError: {message}\n{frame}" if frame.startswith(" ") else frame


_CHROMIUM = "Cannot read properties of undefined (reading 'toFixed')"
_CHROMIUM_FRAME = "    at {function} ({place})"
_OTHER_FRAME = "{function}@{place}"

BROWSERS = (
    Browser(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36",
        *("desktop", 1.0, _CHROMIUM, _CHROMIUM_FRAME),
        tells_heap=True,
    ),
    Browser(
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Mobile Safari/537.36",
        *("mobile", 1.5, _CHROMIUM, _CHROMIUM_FRAME),
        tells_heap=True,
    ),
    Browser(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.1 Mobile/15E148 Safari/604.1",
        *("mobile", 1.3, "undefined is not an object (evaluating 'fees.order.toFixed')", _OTHER_FRAME),
    ),
    Browser(
        "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        *("desktop", 1.1, 'can\'t access property "toFixed", fees.order is undefined', _OTHER_FRAME),
    ),
    Browser(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
        *("desktop", 1.0, _CHROMIUM, _CHROMIUM_FRAME),
        tells_heap=True,
    ),
)
