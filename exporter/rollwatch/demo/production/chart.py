"""The picture at the top of the page: a year of made-up prices, drawn as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["chart"]

_WIDTH, _HEIGHT, _MARGIN = 960, 300, 24
# Every hour of trading: a picture of few bytes for its size would count as a background, and not for LCP.
_POINTS = 252 * 7
_STYLE = (
    "svg{--line:#4a4fd0;--ground:#fff;--grid:#e1e5ea}"
    "@media(prefers-color-scheme:dark){svg{--line:#9a9efc;--ground:#1b2029;--grid:#2c3440}}"
)


def chart(rng: Random) -> str:
    """A whole SVG document; it follows the colour scheme of whoever looks at it."""
    price, prices = 100.0, []
    for _ in range(_POINTS):
        price *= 1 + rng.gauss(0.00012, 0.0035)
        prices.append(price)
    low, high = min(prices), max(prices)
    step = _WIDTH / (_POINTS - 1)
    scale = (_HEIGHT - 2 * _MARGIN) / (high - low)
    points = " ".join(
        f"{index * step:.1f},{_HEIGHT - _MARGIN - (price - low) * scale:.1f}"
        for index, price in enumerate(prices)
    )
    grid = "".join(
        f'<path d="M0 {y:.0f}H{_WIDTH}" stroke="var(--grid)"/>'
        for y in (_MARGIN + (_HEIGHT - 2 * _MARGIN) * part / 4 for part in range(5))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"><style>{_STYLE}</style>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="var(--ground)"/>{grid}'
        f'<polygon points="0,{_HEIGHT} {points} {_WIDTH},{_HEIGHT}" fill="var(--line)" fill-opacity=".12"/>'
        f'<polyline points="{points}" fill="none" stroke="var(--line)" stroke-width="2"/></svg>'
    )
