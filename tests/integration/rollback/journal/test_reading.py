"""What the journal says: to the runner, to the policy, to people; and what it forgets."""

from __future__ import annotations

import asyncio

from rollwatch.rollback.journal.journal import SqlJournal, open_journal
from rollwatch.rollback.journal_port import Reply
from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, State
from rollwatch.rollback.policy.facts import Incident
from support.manual_clock import ManualClock
from support.rollback_rows import (
    NOW,
    alert_of,
    brought_to,
    due,
    going_of,
    next_due_at,
    release_of,
    taken,
    wish_of,
)

CI, FINISHED = DeploymentSource.REPORTED, DeploymentState.FINISHED


async def _deployed(journal: SqlJournal, count: int, since: float) -> None:
    """So many releases of `api`, one a second."""
    releases = [Release("api", "production", version=str(number)) for number in range(count)]
    await asyncio.gather(
        *(
            journal.record_deployment(release, FINISHED, CI, at=since + number)
            for number, release in enumerate(releases)
        )
    )


async def test_history_is_read_page_by_page(journal: SqlJournal) -> None:
    ids = [await taken(journal, number, service="api" if number % 2 else "web") for number in range(7)]
    await journal.cancel(ids[3], "jane", "no", NOW)
    newest = ids[::-1]

    first = [row.id for row in await journal.history(limit=3)]
    second = [row.id for row in await journal.history(limit=3, before=first[-1])]
    third = [row.id for row in await journal.history(limit=3, before=second[-1])]

    assert first + second + third == newest
    assert [row.id for row in await journal.history(service="api")] == [ids[5], ids[3], ids[1]]
    assert [row.id for row in await journal.history(state=State.CANCELLED)] == [ids[3]]
    assert [row.id for row in await journal.history(service="web", state=State.CANCELLED)] == []
    assert [row.id for row in await journal.history(service="web", limit=2, before=ids[4])] == [
        ids[2],
        ids[0],
    ]


async def test_what_is_due(journal: SqlJournal) -> None:
    received = await taken(journal, 1)
    settling = (await brought_to(journal, State.SETTLING, number=2)).id
    waiting = (await brought_to(journal, State.AWAITING_APPROVAL, number=3)).id
    running = (await brought_to(journal, State.EXECUTING, number=4)).id
    await brought_to(journal, State.DENIED, number=5)
    for rollback_id in (settling, waiting, running):
        await journal.release(rollback_id, "one")

    assert await due(journal, NOW) == [received, running]
    assert await next_due_at(journal) == NOW + 20
    assert await due(journal, NOW + 20) == [received, settling, running]
    assert await due(journal, NOW + 1800) == [received, settling, waiting, running]
    assert await due(journal, NOW + 1800, limit=2) == [received, settling]
    assert [row.id for row in await journal.open_rollbacks()] == [received, settling, waiting, running]


async def test_the_next_time_to_look_counts_leases(journal: SqlJournal) -> None:
    assert await next_due_at(journal) is None
    received = await taken(journal)
    assert await next_due_at(journal) is None

    await journal.lease(received, "one", NOW, NOW + 30)
    assert await next_due_at(journal) == NOW + 30

    settling = await brought_to(journal, State.SETTLING, number=2)
    await journal.renew(settling.id, "one", NOW + 10)
    assert await next_due_at(journal) == NOW + 20
    await journal.renew(settling.id, "one", NOW + 25)
    assert await next_due_at(journal) == NOW + 25


async def test_the_past_of_a_unit(journal: SqlJournal) -> None:
    await _deployed(journal, 103, NOW - 9000)
    await journal.record_deployment(release_of("e", service="db"), FINISHED, CI, at=NOW)
    await journal.record_deployment(Release("api", "staging", version="s"), FINISHED, CI, at=NOW)
    old = alert_of(1, starts_at=NOW - 8999)
    older_than_told = alert_of(2, starts_at=NOW - 8998)
    await journal.take([(old, "shop"), (older_than_told, "shop")], NOW - 8000)
    await journal.take([(alert_of(3, service="db", starts_at=NOW - 8990), "db")], NOW - 8000)
    await journal.take([(alert_of(4, service="db", starts_at=NOW - 20), "db")], NOW - 10)
    await journal.take([(alert_of(5, environment="staging"), "shop")], NOW)
    await journal.take([(alert_of(5, service="db", starts_at=NOW - 20, is_firing=False), "db")], NOW)
    await journal.take([(alert_of(4, service="db", starts_at=NOW - 20, is_firing=False), "db")], NOW)

    past = await journal.past("production", ["api", "web"], since=NOW - 600)

    assert {service: len(each) for service, each in past.deployments.items()} == {"api": 100, "web": 0}
    assert past.deployments["api"][0].release.version == "102"
    assert set(past.incidents) == {
        Incident("db", "db", NOW - 20, NOW - 10, NOW),
    }
    with_old = await journal.past("production", ["db"], since=NOW - 9000)
    assert {incident.starts_at for incident in with_old.incidents} == {
        NOW - 8999,
        NOW - 8998,
        NOW - 8990,
        NOW - 20,
    }


async def test_incidents_since_the_oldest_deployment_that_is_told(journal: SqlJournal) -> None:
    """Whether a release was healthy is asked long after its alert has gone."""
    await journal.record_deployment(release_of("a"), FINISHED, CI, at=NOW - 86_400)
    await journal.take([(alert_of(1, starts_at=NOW - 86_000), "api")], NOW - 86_000)
    await journal.take([(alert_of(2, starts_at=NOW - 86_401), "api")], NOW - 86_000)
    await journal.take([(alert_of(3, service="web", starts_at=NOW - 86_000), "web")], NOW - 86_000)

    past = await journal.past("production", ["api"], since=NOW - 600)

    assert [incident.starts_at for incident in past.incidents] == [NOW - 86_000]


async def test_rollbacks_are_counted_once_each_and_anew_when_the_breaker_closes(journal: SqlJournal) -> None:
    both = (going_of(), going_of(service="web"))
    await brought_to(journal, State.EXECUTING, going=both)
    await brought_to(journal, State.EXECUTING, service="db", now=NOW + 5, wanted=wish_of(service="db"))
    await journal.close_breaker("web", "jane", NOW + 7)
    await journal.close_breaker("web", "jane", NOW + 8)

    past = await journal.past("production", ["api", "web", "db"], since=NOW)

    assert (past.executions, past.breaker_closed_at) == ((NOW,), NOW + 8)
    assert (await journal.past("production", ["api"], since=NOW + 1)).executions == ()


async def test_pauses(journal: SqlJournal, other: SqlJournal) -> None:
    await journal.pause(None, "jane", "load test", NOW)
    await journal.pause("api", "joe", "migration", NOW + 1)
    await journal.pause("api", "jane", "longer", NOW + 2)

    everything, api = Pause(None, "jane", "load test", NOW), Pause("api", "jane", "longer", NOW + 2)
    assert list(await other.pauses()) == [everything, api]
    assert (await other.past("production", ["web"], since=NOW)).pauses == (everything,)
    assert (await other.past("production", ["web", "api"], since=NOW)).pauses == (everything, api)
    assert await other.resume("api", "joe", NOW + 3)
    assert not await journal.resume("api", "joe", NOW + 3)
    assert await journal.resume(None, "joe", NOW + 3)
    assert await journal.pauses() == []


async def test_an_answer_is_kept_for_a_day(url: str) -> None:
    clock = ManualClock(wall=NOW)
    journal = await open_journal(url, clock=clock)
    try:
        first, second = Reply("0a", 202, '{"id":"rb-1"}'), Reply("0b", 409, "{}")
        assert await journal.reply("key") is None
        assert await journal.keep_reply("key", first, NOW) == first
        assert await journal.keep_reply("key", second, NOW + 1) == first
        clock.advance(86_399)
        assert await journal.reply("key") == first
        clock.advance(1)
        assert await journal.reply("key") is None
        assert await journal.keep_reply("key", second, clock.wall()) == second
    finally:
        await journal.close()


async def test_figures(journal: SqlJournal) -> None:
    assert await journal.figures() == {"open": 0, "running": 0, "oldest_received_at": 0, "rows": 0}
    await taken(journal, 1, now=NOW - 5)
    await taken(journal, 2)
    await brought_to(journal, State.VERIFYING, number=3)
    await brought_to(journal, State.DENIED, number=4)

    assert await journal.figures() == {
        "open": 3,
        "running": 1,
        "oldest_received_at": NOW - 5,
        "rows": 4,
    }


async def test_what_is_long_over_is_forgotten_in_pieces(journal: SqlJournal) -> None:
    running = await brought_to(journal, State.EXECUTING, number=100, service="web")
    done = await brought_to(journal, State.FINISHING, number=101)
    await journal.move(done, State.SUCCEEDED, now=NOW, by="one", why="verified")
    for number in range(5):
        await brought_to(journal, State.DENIED, number=number, service="db")
    await journal.take([(alert_of(0, service="db"), "db")], NOW + 90)
    await journal.take([(alert_of(0, is_firing=False), "db"), (alert_of(77, is_firing=False), "db")], NOW)
    await journal.pause("db", "jane", "x", NOW)
    later = await taken(journal, 200, now=NOW + 100)

    pieces = [await journal.prune(NOW + 50, limit=3) for _ in range(4)]

    assert (pieces[0], pieces[-1]) == (3, 0)
    left = [row.id for row in await journal.history()]
    # What fires still is the same incident, whenever it comes again.
    assert (left[0], left[-1], len(left)) == (later, running.id, 3)
    assert await journal.steps(done.id) == []
    assert await journal.transitions(done.id) == []
    past = await journal.past("production", ["api"], since=0)
    assert [claim.rollback_id for claim in past.claims] == [done.id]
    assert len(await journal.pauses()) == 1


async def test_the_newest_deployments_are_never_forgotten(journal: SqlJournal) -> None:
    await _deployed(journal, 104, NOW)
    await journal.record_deployment(Release("web", "production", version="1"), FINISHED, CI, at=NOW)

    assert await journal.prune(NOW + 2) == 2
    assert await journal.prune(NOW + 10_000) == 2
    assert await journal.prune(NOW + 10_000) == 0

    past = await journal.past("production", ["api", "web"], since=NOW)
    assert [len(each) for each in past.deployments.values()] == [100, 1]


async def test_check_writes_and_reads(journal: SqlJournal) -> None:
    await journal.check()
    await journal.check()


async def test_what_figures_about_deployments_need(journal: SqlJournal) -> None:
    """Of a unit's rollback every service is told; what was not carried out is left out."""
    both = (going_of(), going_of(service="web"))
    for number, state in enumerate((State.SUCCEEDED, State.FAILED, State.UNKNOWN)):
        at, going = NOW + number, both[:1] if number else both
        row = await brought_to(journal, State.EXECUTING, number=number + 1, going=going, now=at)
        for after in (State.VERIFYING, State.FINISHING, state):
            row = await journal.move(row, after, now=at, by="one", why="it goes on")
        await journal.drop_claims(row)
    await brought_to(journal, State.DENIED, number=9)
    states = (State.SUCCEEDED, State.FAILED)

    found = await journal.carried_out("production", states, since=NOW, limit=10)

    assert [(one.state, one.updated_at, one.going) for one in found] == [
        (State.SUCCEEDED, NOW, both),
        (State.FAILED, NOW + 1, both[:1]),
    ]
    later = await journal.carried_out("production", states, since=NOW + 1, limit=10)
    assert [one.state for one in later] == [State.FAILED]
    assert await journal.carried_out("staging", states, since=0, limit=10) == []


async def test_deployments_since_or_else_the_last_before(journal: SqlJournal) -> None:
    await _deployed(journal, 5, NOW)
    newest = [one.id for one in await journal.deployments(service="api")]

    async def told(since: float, limit: int = 10, service: str = "api") -> list[str]:
        found = await journal.deployed("production", service, since=since, limit=limit)
        return [one.id for one in found]

    assert await told(0.0) == newest
    assert await told(0.0, limit=2) == newest[:2]
    assert await told(NOW + 1e6) == newest[:1]
    assert await told(0.0, service="web") == []
