"""Alerts become rows: once per incident, whatever the network and Alertmanager's peers do."""

from __future__ import annotations

import asyncio

import pytest

from rollwatch.rollback.journal.journal import SqlJournal
from rollwatch.rollback.journal_port import Taken
from rollwatch.rollback.model.words import Level, State
from support.rollback_rows import NOW, alert_of, brought_to, due, taken, wish_of


async def test_an_incident_is_one_row_however_often_it_is_delivered_at_once(
    journal: SqlJournal, other: SqlJournal
) -> None:
    answers = await asyncio.gather(
        *(each.take([(alert_of(), "api")], NOW) for _ in range(25) for each in (journal, other))
    )

    assert sum(len(answer.new) for answer in answers) == 1
    assert sum(answer.repeated for answer in answers) == 49
    (row,) = await journal.history()
    assert (row.state, row.repeats, row.version) == (State.RECEIVED, 49, 1)
    assert await due(journal, NOW) == [row.id]


async def test_the_row_says_all_that_the_alert_said(journal: SqlJournal) -> None:
    alert = alert_of(summary="5xx 34 %", paging_twin="HttpErrorRatioHigh")
    (rollback_id,) = (await journal.take([(alert, "shop")], NOW)).new

    row = await journal.get(rollback_id)

    assert row is not None
    assert (row.alert, row.unit, row.service, row.environment) == (alert, "shop", "api", "production")
    assert (row.level, row.created_at, row.actor) == (Level.AUTOMATIC, NOW, None)
    (move,) = await journal.transitions(rollback_id)
    assert (move.before, move.after, move.by) == (None, State.RECEIVED, "alert")


async def test_incidents_differ_by_when_they_began(journal: SqlJournal) -> None:
    await taken(journal)

    later = await journal.take([(alert_of(starts_at=NOW + 3600), "api")], NOW + 3660)

    assert len(later.new) == 1
    assert len(await journal.history()) == 2


async def test_one_notification_may_hold_the_same_incident_twice(journal: SqlJournal) -> None:
    found = await journal.take([(alert_of(1), "api"), (alert_of(2), "api"), (alert_of(1), "api")], NOW)

    assert (len(found.new), found.repeated) == (2, 1)
    assert sorted(found.new) == list(found.new)


async def test_many_incidents_in_one_notification(journal: SqlJournal) -> None:
    alerts = [(alert_of(number), "api") for number in range(700)]

    first = await journal.take(alerts, NOW)
    second = await journal.take(alerts, NOW + 1)

    assert (len(first.new), second.repeated) == (700, 700)


@pytest.mark.parametrize("state", [State.DENIED, State.DRY_RUN, State.EXPIRED])
async def test_what_was_not_done_is_asked_again_at_most_once_a_minute(
    journal: SqlJournal, state: State
) -> None:
    over = await brought_to(journal, state)
    delivery = [(alert_of(summary="still"), "api")]

    assert await journal.take(delivery, NOW + 59) == Taken(repeated=1)
    assert await due(journal, NOW + 59) == []
    assert await journal.take(delivery, NOW + 60) == Taken(new=(over.id,))
    assert await journal.take(delivery, NOW + 61) == Taken(repeated=1)

    row = await journal.get(over.id)
    assert row is not None
    assert (row.state, row.repeats, row.version) == (State.RECEIVED, 3, over.version + 1)
    assert row.alert == alert_of(summary="still")
    assert await due(journal, NOW + 61) == [over.id]


@pytest.mark.parametrize("state", [State.SETTLING, State.AWAITING_APPROVAL, State.EXECUTING, State.FINISHING])
async def test_a_repeat_disturbs_nothing_that_goes_on(journal: SqlJournal, state: State) -> None:
    before = await brought_to(journal, state)

    assert await journal.take([(alert_of(), "api")], NOW + 600) == Taken(repeated=1)

    row = await journal.get(before.id)
    assert row is not None
    assert (row.state, row.version, row.lease_owner, row.repeats) == (state, before.version, "one", 1)
    await journal.move(before, state, now=NOW + 601, by="one", why="goes on", asked=1)


async def test_a_resolved_alert_stops_nothing_and_is_not_asked_again(journal: SqlJournal) -> None:
    running = await brought_to(journal, State.EXECUTING)
    denied = await brought_to(journal, State.DENIED, number=2, service="web")
    over = [(alert_of(is_firing=False), "api"), (alert_of(2, service="web", is_firing=False), "web")]

    assert await journal.take(over, NOW + 10) == Taken(resolved=2)
    assert await journal.take(over, NOW + 20) == Taken(resolved=2)
    # A peer of Alertmanager's that comes late.
    assert await journal.take([(alert_of(2, service="web"), "web")], NOW + 600) == Taken(repeated=1)

    rows = {row.id: row for row in await journal.history()}
    assert (rows[running.id].state, rows[running.id].resolved_at) == (State.EXECUTING, NOW + 10)
    assert (rows[denied.id].state, rows[denied.id].resolved_at) == (State.DENIED, NOW + 10)


async def test_resolved_may_come_before_firing(journal: SqlJournal) -> None:
    assert await journal.take([(alert_of(is_firing=False), "api")], NOW) == Taken(resolved=1)
    assert await journal.history() == []

    row = await journal.get(await taken(journal, now=NOW + 5))

    assert row is not None
    assert row.resolved_at == NOW


async def test_what_one_notification_brings_in_vain_does_not_harm_the_others(journal: SqlJournal) -> None:
    """Works that wait are done in one transaction; a number that no database holds is one notification's."""
    broken = alert_of(3, starts_at=1.0)
    object.__setattr__(broken, "labels", {"service": object(), "environment": "production"})

    answers = await asyncio.gather(
        *(journal.take([(alert, "api")], NOW) for alert in (alert_of(1), broken, alert_of(2))),
        return_exceptions=True,
    )

    assert isinstance(answers[0], Taken)
    assert isinstance(answers[1], Exception)
    assert isinstance(answers[2], Taken)
    assert len(await journal.history()) == 2


@pytest.mark.parametrize("text", ["a\0b", "\ud800x", "… 🙂 '\";--", ""])
async def test_any_text_is_kept_as_well_as_it_can_be(journal: SqlJournal, text: str) -> None:
    (rollback_id,) = (await journal.take([(alert_of(summary=text), f"unit{text}")], NOW)).new

    row = await journal.get(rollback_id)

    assert row is not None
    assert row.alert is not None
    row.alert.annotations["summary"].encode()
    assert row.unit.startswith("unit")
    assert await journal.get(f"rb-{text}") is None
    assert await journal.history(before="\0", service=text) == []


async def test_a_wish_of_a_person_is_a_row_of_its_own_each_time(journal: SqlJournal) -> None:
    wanted = wish_of(Level.EMERGENCY, wanted_target="1.4.2", dry_run=True)

    first, second = await journal.create(wanted, NOW), await journal.create(wanted, NOW)

    assert first.id < second.id
    assert (first.state, first.level, first.actor, first.reason) == (
        State.RECEIVED,
        Level.EMERGENCY,
        "jane",
        "5xx since the release",
    )
    assert (first.wanted_target, first.dry_run, first.alert) == ("1.4.2", True, None)
    assert await due(journal, NOW) == [first.id, second.id]
    (move,) = await journal.transitions(first.id)
    assert (move.by, move.why) == ("jane", "5xx since the release")
