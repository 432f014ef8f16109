"""All rules on all dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch_dashboards.lint import layout, panels, targets
from rollwatch_dashboards.lint.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rollwatch_dashboards.lint.finding import Document, Known

__all__ = ["RULES", "findings", "findings_of"]

RULES = (*layout.RULES, *panels.RULES, *targets.RULES)


def findings_of(board: Document, known: Known) -> Iterator[Finding]:
    """What is wrong with one dashboard."""
    for rule in RULES:
        yield from rule(board, known)


def findings(boards: Mapping[str, Document], known: Known) -> Iterator[tuple[str, Finding]]:
    """What is wrong with each file, and with all of them together."""
    for name, board in boards.items():
        yield from ((name, finding) for finding in findings_of(board, known))
    uids = [board["uid"] for board in boards.values()]
    for missing in sorted(known.uids - set(uids)):
        yield (
            "grafana/dashboards",
            Finding("dashboard-identity", "folder", f"there is no dashboard {missing}"),
        )
    for what in (uids, [board["title"] for board in boards.values()]):
        yield from (
            ("grafana/dashboards", Finding("dashboard-identity", "folder", f"{twice} is there twice"))
            for twice in _twice(what)
        )


def _twice(words: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for word in words:
        if word in seen:
            yield word
        seen.add(word)
