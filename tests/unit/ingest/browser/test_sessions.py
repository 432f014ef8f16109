"""Which sessions go on, and how long those lasted that ended."""

from __future__ import annotations

import pytest

from rollwatch.ingest.browser.sessions import Sessions
from support.manual_clock import ManualClock


class Table:
    """A small one, and what ended in it."""

    def __init__(self, limit: int = 3) -> None:
        self.clock = ManualClock()
        self.ended: list[tuple[str, float]] = []
        self.sessions = Sessions(
            self.clock, lambda device, s: self.ended.append((device, s)), secret=b"k", limit=limit
        )

    def hear(self, name: str, age_s: float = 0.0) -> None:
        self.sessions.hear(name, age_s, "mobile")

    def after(self, seconds: float) -> tuple[int, int]:
        """How many are active, and how many known, then."""
        self.clock.advance(seconds)
        self.sessions.sweep()
        return self.sessions.active, len(self.sessions)


@pytest.fixture
def table() -> Table:
    return Table()


def test_a_session_is_active_for_5_minutes_and_known_for_30(table: Table) -> None:
    table.hear("a", 12.5)
    assert table.after(300) == (1, 1)
    assert table.after(1) == (0, 1)
    assert table.after(1499) == (0, 1)
    assert table.ended == []
    assert table.after(1) == (0, 0)
    assert table.ended == [("mobile", 12.5)]


def test_a_session_that_is_heard_of_again_goes_on(table: Table) -> None:
    table.hear("a", 1)
    table.hear("b", 1)
    table.after(200)
    table.hear("a", 201)
    assert table.after(200) == (1, 2)
    table.hear("b", 401)
    assert table.after(150) == (1, 2), "a has gone quiet, and b has come back"
    assert table.after(1500) == (0, 1)
    assert table.ended == [("mobile", 201)]


def test_a_beacon_that_comes_late_makes_no_session_younger(table: Table) -> None:
    table.hear("a", 60)
    table.hear("a", 50)
    table.after(301)
    table.after(1801)
    assert table.ended == [("mobile", 60)]


def test_the_one_unheard_for_longest_makes_room_and_is_not_taken_for_ended(table: Table) -> None:
    table.hear("quiet", 1)
    table.after(301)
    for name in ("a", "b", "c"):
        table.hear(name, 2)
    assert table.after(0) == (3, 3)
    table.hear("d", 3)
    assert table.after(0) == (3, 3)
    table.after(301)
    table.after(1801)
    assert table.ended == [("mobile", 2), ("mobile", 2), ("mobile", 3)]


def test_much_to_end_is_done_in_pieces() -> None:
    table = Table(limit=100)
    for index in range(10):
        table.hear(str(index))
    table.clock.advance(2000)
    assert table.sessions.sweep(at_most=4) is True
    while table.sessions.sweep(at_most=4):
        pass
    assert (len(table.sessions), len(table.ended)) == (0, 10)


def test_no_session_id_is_kept(table: Table) -> None:
    table.hear("a-secret-session")
    assert "a-secret-session" not in repr(vars(table.sessions))
