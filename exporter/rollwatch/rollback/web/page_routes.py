"""Every address of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.web.login import LoginRoutes
from rollwatch.rollback.web.login_gate import LoginGate
from rollwatch.rollback.web.page import page_files
from rollwatch.rollback.web.page_acting import ActingPages
from rollwatch.rollback.web.page_parts import PageParts
from rollwatch.rollback.web.page_reading import ReadingPages
from rollwatch.rollback.web.session import Sessions
from rollwatch.rollback.web.session_visit import Visits
from rollwatch.serving.route import ANYONE, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.web.page_parts import SettingsNow
    from rollwatch.rollback.web.service import RollbackService

__all__ = ["page_routes"]


def page_routes(
    service: RollbackService,
    journal: Journal,
    clock: Clock,
    *,
    environment: str,
    settings: SettingsNow,
    random_bytes: Callable[[int], bytes],
    first_wait_s: float = 0.25,
    every_s: float = 2.0,
) -> list[Route]:
    """The pages, their forms and files. Each asks for a session itself, but for login and files.

    `random_bytes(n)` can't be guessed; `first_wait_s` is what the first failed login costs; pages look for
    news every `every_s`.
    """
    sessions = Sessions(clock.monotonic, random_bytes)
    visits = Visits(sessions, lambda: settings().public_url)
    parts = PageParts(service, journal, clock, environment, settings, visits, every_s)
    gate = LoginGate(clock.monotonic, first_s=first_wait_s)
    return [
        *ReadingPages(parts).routes(),
        *ActingPages(parts).routes(),
        *LoginRoutes(sessions, visits, gate, environment).routes(),
        Route("GET", "/static/{name}", page_files().answer, ANYONE),
    ]
