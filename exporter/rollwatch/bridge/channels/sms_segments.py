"""How much fits into a text message: GSM 03.38 where the text allows it, else UCS-2. Pure.

One segment holds 160 septets or 70 UTF-16 units; where there are more, each gives up room for its header: 153
and 67 (3GPP TS 23.038 section 6.2, TS 23.040 section 9.2.3.24.1).
"""

from __future__ import annotations

import unicodedata

__all__ = ["fitted", "plain", "segments"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Take an escape, and so two septets."""
_SIMPLER: dict[int, str] = {
    0x201C: '"',
    0x201D: '"',
    0x201E: '"',
    0x2018: "'",
    0x2019: "'",
    0x2013: "-",
    0x2014: "-",
    0x2022: "-",
    0x2026: "...",
    0x2192: "->",
    0x2264: "<=",
    0x2265: ">=",
    0x00B5: "u",
    0x00D7: "x",
}
"""Quotation marks, dashes, dots, arrows and signs."""
_ELLIPSIS = "..."


def plain(text: str) -> str:
    """`text` on one line, typographic signs as ASCII has them, and without what no telephone shows."""
    simpler = unicodedata.normalize("NFC", text).translate(_SIMPLER)
    # Symbols (emoji are some), controls, and what is no character would make all of it UCS-2, for nothing.
    kept = (
        " " if char.isspace() else char
        for char in simpler
        if char in _BASIC or char in _EXTENDED or char.isspace() or unicodedata.category(char)[0] in "LMNP"
    )
    return " ".join("".join(kept).split())


def segments(text: str) -> int:
    """How many segments the text takes."""
    units = _septets(text)
    one, each = (160, 153) if units is not None else (70, 67)
    size = units if units is not None else _utf16(text)
    return 1 if size <= one else -(-size // each)


def fitted(text: str, at_most: int) -> str:
    """`text`, cut at its end where it would take more than `at_most` segments."""
    if segments(text) <= at_most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if segments(text[:middle].rstrip() + _ELLIPSIS) <= at_most:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + _ELLIPSIS


def _septets(text: str) -> int | None:
    """None if the text has a character that GSM 03.38 has not."""
    size = 0
    for char in text:
        if char in _BASIC:
            size += 1
        elif char in _EXTENDED:
            size += 2
        else:
            return None
    return size


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
