"""One file per kind of probe; a module here that has a `KIND` is a kind."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.probers.contract import ProberKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["discover"]


@cache
def discover() -> Mapping[str, ProberKind]:
    """Every kind in this package by name, sorted. Raises ValueError if two share a name."""
    kinds: dict[str, ProberKind] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        kind = getattr(importlib.import_module(f"{__name__}.{info.name}"), "KIND", None)
        if not isinstance(kind, ProberKind):
            continue
        if kind.name in kinds:
            raise ValueError(f"two modules declare the kind {kind.name!r}")
        kinds[kind.name] = kind
    return MappingProxyType(kinds)
