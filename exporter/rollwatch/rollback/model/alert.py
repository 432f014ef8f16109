"""One alert of a notification, as far as the handler uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RollbackAlert"]

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RollbackAlert:
    """Labels and annotations are remote text: bounded at intake, and never part of a command or a path."""

    fingerprint: str
    """16 hex digits: a hash of the labels, the same in each incident."""
    starts_at: float
    """When it began to fire, in Unix seconds; together with `fingerprint` this names one incident."""
    is_firing: bool
    labels: Mapping[str, str] = field(default_factory=lambda: _NONE)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    ends_at: float | None = None
    """When it was resolved; None while it fires."""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def service(self) -> str:
        return self.labels.get("service", "")

    @property
    def environment(self) -> str:
        return self.labels.get("environment", "")

    @property
    def paging_twin(self) -> str | None:
        """The alert that people get for the same trouble, by annotation `paging_twin`."""
        return self.annotations.get("paging_twin") or None

    @property
    def is_for_rollback(self) -> bool:
        return self.labels.get("rollback") == "auto"

    @property
    def is_test(self) -> bool:
        return self.labels.get("test") == "true"

    @property
    def incident(self) -> str:
        """The same for every delivery of one incident."""
        return f"{self.fingerprint}:{self.starts_at:.6f}"
