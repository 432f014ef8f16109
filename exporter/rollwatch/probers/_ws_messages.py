"""Looking at messages: the expected one among others, and the channel each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollwatch.config.fields import JsonExpression
    from rollwatch.probers._ws_spec import ExpectSpec

__all__ = ["JUDGED_LIMIT", "Channels", "Expectation", "Message"]

JUDGED_LIMIT = 256 * 1024
"""A larger message counts, but no expression looks at it: taking it apart would hold up every other probe."""

_UNREAD = object()
_NOT_JSON = object()


class Message:
    """One message; parsed as JSON when first asked, once."""

    __slots__ = ("_document", "data", "text")

    def __init__(self, data: bytes | bytearray, text: str | None) -> None:
        self.data = data
        self.text = text
        self._document: Any = _UNREAD

    def holds(self, expression: JsonExpression) -> bool:
        """Whether the message is JSON of at most JUDGED_LIMIT bytes and `expression` is true of it."""
        if self._document is _UNREAD:
            if len(self.data) > JUDGED_LIMIT:
                self._document = _NOT_JSON
                return False
            try:
                self._document = orjson.loads(self.data if self.text is None else self.text)
            except ValueError:
                self._document = _NOT_JSON
        return self._document is not _NOT_JSON and expression.holds(self._document)


class Expectation:
    """Waits for the message that meets everything `spec` says, among at most `max_messages`."""

    def __init__(self, spec: ExpectSpec) -> None:
        self._spec = spec
        self.seen = 0
        self.is_met = False

    @property
    def is_open(self) -> bool:
        """Whether a further message can still meet it."""
        return not self.is_met and (self._spec.max_messages is None or self.seen < self._spec.max_messages)

    def look(self, message: Message) -> bool:
        """Take in the next message, while it is open. True if that decided it, either way."""
        self.seen += 1
        self.is_met = self._is_it(message)
        return not self.is_open

    def _is_it(self, message: Message) -> bool:
        spec = self._spec
        if spec.text is not None and spec.text.encode() not in message.data:
            return False
        if spec.regex is not None:
            within = bytes(message.data) if message.text is None else message.text
            if spec.regex.search(within) is None:
                return False
        return spec.json_ is None or message.holds(spec.json_)

    def shortfall(self, within_s: float) -> str:
        """Why it was not met, for a person."""
        if self.seen == 0:
            return f"no message at all came within {within_s:g} s"
        others = f"{self.seen} message{'s' if self.seen > 1 else ''} came"
        bound = f"within {within_s:g} s" if self.is_open else "as many as max_messages allows"
        return f"the expected message did not come; {others}, {bound}"


class Channels:
    """Tells which declared channels a message belongs to; it may be several, or none."""

    def __init__(self, expressions: Mapping[str, JsonExpression]) -> None:
        self._expressions = tuple(expressions.items())

    def __bool__(self) -> bool:
        return bool(self._expressions)

    def of(self, message: Message) -> Iterator[str]:
        """The names of its channels."""
        return (name for name, expression in self._expressions if message.holds(expression))
