"""Single flight, and once for each bad release: two handlers, and two rollbacks, never both begin."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from rollwatch.rollback.journal.journal import SqlJournal
from rollwatch.rollback.journal_port import Busy
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.words import Level, State
from rollwatch.rollback.ports import LostLease
from support.rollback_rows import NOW, brought_to, going_of, wish_of


async def _begin(journal: SqlJournal, rollback: Rollback, *going: Going) -> Rollback | Busy:
    wanted = dataclasses.replace(rollback, going=going or (going_of(),))
    return await journal.begin(wanted, now=NOW, by=rollback.lease_owner or "?", why="the guards are met")


async def test_what_is_begun_is_written_down(journal: SqlJournal) -> None:
    rollback = await brought_to(journal, State.SETTLING)
    going = (going_of(), going_of("d", "c", service="web"))

    begun = await _begin(journal, rollback, *going)

    assert isinstance(begun, Rollback)
    assert (begun.state, begun.going, begun.version) == (State.PREPARING, going, rollback.version + 1)
    past = await journal.past("production", ["api", "web", "db"], since=NOW)
    assert past.flights == {"api": begun.id, "web": begun.id}
    assert {(claim.service, claim.release_key) for claim in past.claims} == {
        ("api", "commit:" + "b" * 40),
        ("web", "commit:" + "d" * 40),
    }
    assert past.executions == (NOW,)


async def test_one_rollback_is_begun_by_one_handler(journal: SqlJournal, other: SqlJournal) -> None:
    rollback = await brought_to(journal, State.SETTLING)

    answers = await asyncio.gather(
        *(_begin(each, rollback) for _ in range(5) for each in (journal, other)), return_exceptions=True
    )

    assert sum(isinstance(answer, Rollback) for answer in answers) == 1
    assert sum(isinstance(answer, LostLease) for answer in answers) == 9


async def test_of_many_rollbacks_of_a_service_one_begins(journal: SqlJournal, other: SqlJournal) -> None:
    ready = [await brought_to(journal, State.SETTLING, number=number) for number in range(8)]

    answers = await asyncio.gather(
        *(_begin(journal if number % 2 else other, one) for number, one in enumerate(ready))
    )

    (begun,) = [answer for answer in answers if isinstance(answer, Rollback)]
    assert {answer for answer in answers if isinstance(answer, Busy)} == {
        Busy(begun.id, "api", is_running=True)
    }
    assert (await journal.figures())["running"] == 1


async def test_busy_changes_nothing(journal: SqlJournal) -> None:
    running = await brought_to(journal, State.EXECUTING, service="web")
    rollback = await brought_to(journal, State.SETTLING, number=2)

    answer = await _begin(journal, rollback, going_of(), going_of(service="web"))

    assert answer == Busy(running.id, "web", is_running=True)
    assert await journal.get(rollback.id) == rollback
    assert (await journal.past("production", ["api"], since=0)).flights == {}


async def _over(journal: SqlJournal) -> Rollback:
    rollback = await brought_to(journal, State.FINISHING)
    return await journal.move(rollback, State.FAILED, now=NOW, by="one", why="failed")


async def test_a_release_is_taken_back_once(journal: SqlJournal) -> None:
    first = await _over(journal)
    second = await brought_to(journal, State.SETTLING, number=2)

    assert await _begin(journal, second) == Busy(first.id, "api", is_running=False)
    assert isinstance(await _begin(journal, second, going_of("e")), Rollback)


@pytest.mark.parametrize("level", [Level.MANUAL, Level.EMERGENCY])
async def test_a_person_may_take_it_back_once_more(journal: SqlJournal, level: Level) -> None:
    first = await _over(journal)
    second = await brought_to(journal, State.SETTLING, wanted=wish_of(level))

    begun = await _begin(journal, second)

    assert isinstance(begun, Rollback)
    await journal.drop_claims(begun)
    (claim,) = (await journal.past("production", ["api"], since=0)).claims
    assert claim.rollback_id == first.id


async def test_an_emergency_waits_for_what_flies(journal: SqlJournal) -> None:
    running = await brought_to(journal, State.EXECUTING)
    second = await brought_to(journal, State.SETTLING, wanted=wish_of(Level.EMERGENCY))

    assert await _begin(journal, second) == Busy(running.id, "api", is_running=True)


async def test_the_same_service_elsewhere_is_another(journal: SqlJournal) -> None:
    await brought_to(journal, State.EXECUTING)
    wanted = dataclasses.replace(wish_of(), environment="staging")
    second = await brought_to(journal, State.SETTLING, wanted=wanted)

    assert isinstance(await _begin(journal, second), Rollback)


async def test_what_can_not_be_begun(journal: SqlJournal) -> None:
    received = await brought_to(journal, State.RECEIVED)
    settling = await brought_to(journal, State.SETTLING, number=2)

    with pytest.raises(AssertionError):
        await _begin(journal, received)
    with pytest.raises(AssertionError):
        await journal.begin(settling, now=NOW, by="one", why="`going` is empty")
    with pytest.raises(LostLease):
        await _begin(journal, dataclasses.replace(settling, lease_owner="two"))
    with pytest.raises(LostLease):
        await _begin(journal, dataclasses.replace(settling, lease_owner=None))
