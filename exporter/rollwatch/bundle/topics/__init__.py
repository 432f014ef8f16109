"""Every subject that alerts are about, one file each: `topic(settings)` gives its rules."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.bundle.rules import Topic
    from rollwatch.bundle.settings import Settings

__all__ = ["ORDER", "topics"]

ORDER = (
    "health",
    "requests",
    "providers",
    "trading",
    "websocket",
    "browser",
    "application",
    "database",
    "machines",
    "figures",
    "releases",
    "slo",
    "rollback",
    "escalation",
    "meta",
)
"""As files and documentation have them."""


def topics(settings: Settings) -> tuple[Topic, ...]:
    """All of them for one installation, in `ORDER`."""
    found = {module.name for module in pkgutil.iter_modules(__path__)}
    return tuple(_maker(name)(settings) for name in ORDER if name in found)


def _maker(name: str) -> Callable[[Settings], Topic]:
    maker: Callable[[Settings], Topic] = importlib.import_module(f"{__name__}.{name}").topic
    return maker
