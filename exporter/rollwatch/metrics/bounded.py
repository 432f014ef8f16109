"""The one gate through which values from outside become label values, so that nobody can grow our memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OTHER", "BoundedNames"]

OTHER = "other"
_ADMISSIBLE = re.compile(r"[A-Za-z0-9._/-]{1,64}", re.ASCII)


class BoundedNames:
    """At most `limit` values per metric and service; the rest become `other`.

    `on_fold` is called with the metric's name for every value that became `other`.
    """

    def __init__(self, limit: int = 50, *, on_fold: Callable[[str], None] | None = None) -> None:
        self._limit = limit
        self._on_fold = on_fold
        self._known: dict[str, dict[str, set[str]]] = {}

    def admit(self, metric_name: str, service: str, value: str) -> str:
        """`value` if it is well formed and known or there is room for it, else `other`."""
        known = self._known.setdefault(service, {}).setdefault(metric_name, set())
        if value in known or value == OTHER:
            return value
        if len(known) < self._limit and _ADMISSIBLE.fullmatch(value):
            known.add(value)
            return value
        if self._on_fold is not None:
            self._on_fold(metric_name)
        return OTHER

    def withdraw(self, metric_name: str, service: str, value: str) -> None:
        """The series with this value is gone (a release that was replaced): its place is free again."""
        self._known.get(service, {}).get(metric_name, set()).discard(value)

    def forget(self, service: str) -> None:
        """`service` and all its series are gone."""
        self._known.pop(service, None)
