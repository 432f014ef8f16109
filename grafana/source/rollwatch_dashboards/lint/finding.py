"""What is wrong with a dashboard, and what rules are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Document", "Finding", "Known", "Rule", "panels_of", "targets_of"]

Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault."""

    rule: str
    where: str
    """A panel with its id, or a part of the dashboard."""
    what: str
    """What is wrong, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a dashboard may name."""

    metrics: Mapping[str, frozenset[str]]
    """Exposed metrics, histograms by their parts, with their labels."""
    foreign: frozenset[str] = frozenset()
    """Metrics of others, whose labels are not known here."""
    recorded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Recorded series, with the labels they may have."""
    uids: frozenset[str] = frozenset()
    runbooks: frozenset[str] = frozenset()

    def labels(self, name: str) -> frozenset[str] | None:
        """Of a metric or a recording; None if it is neither."""
        return self.metrics[name] if name in self.metrics else self.recorded.get(name)


Rule: TypeAlias = Callable[[Document, Known], Iterable[Finding]]


def panels_of(board: Document) -> Iterator[Document]:
    """Every panel, those of closed rows too; rows themselves are none."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def targets_of(board: Document) -> Iterator[tuple[str, Document]]:
    """Every query of a panel, and where it stands."""
    for panel in panels_of(board):
        for target in panel.get("targets", ()):
            yield f"{panel['title']} ({panel['id']}{target['refId']})", target
