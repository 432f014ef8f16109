"""What the front end and its visitors know of the site."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RELEASE", "SYMBOLS"]

RELEASE = "2.8.1"

SYMBOLS: Mapping[str, float] = MappingProxyType({"AAPL": 189.4, "MSFT": 415.2, "NVDA": 131.7, "TSLA": 244.9})
"""What can be traded, and its usual price."""
