"""What the pages are given by the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.web.page_settings import PageSettings

if TYPE_CHECKING:
    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.web.service import RollbackService
    from rollwatch.rollback.web.session_visit import Visits

__all__ = ["PageParts", "SettingsNow"]

SettingsNow = Callable[[], PageSettings]
"""Of the configuration in force, now."""


@dataclass(frozen=True, slots=True)
class PageParts:
    """Shared by the routes that read and those that act."""

    service: RollbackService
    journal: Journal
    clock: Clock
    environment: str
    settings: SettingsNow
    visits: Visits
    every_s: float
    """How often a page looks for news."""
