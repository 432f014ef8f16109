"""Deployments that several sources tell of: each is one row, whoever comes first, and however often."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from rollwatch.rollback.journal.journal import SqlJournal
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState
from support.rollback_rows import NOW, release_of

STARTED, FINISHED, FAILED = DeploymentState.STARTED, DeploymentState.FINISHED, DeploymentState.FAILED
CI, PLATFORM, HEALTH, OURS = (
    DeploymentSource.REPORTED,
    DeploymentSource.PLATFORM,
    DeploymentSource.HEALTH,
    DeploymentSource.ROLLBACK,
)
MINUTE = 60.0
A, B = release_of("a"), release_of("b")
V1 = Release("api", "production", version="1.0")
V2 = Release("api", "production", version="2.0")
P1 = Release("api", "production", platform_id="p1")
A_P1, A_P2 = release_of("a", platform_id="p1"), release_of("a", platform_id="p2")
A_V1 = release_of("a", version="1.0")


@dataclass(frozen=True)
class Told:
    """What is left of some reports (release, state, source, minutes): rows, oldest first, as
    (release, state, source, started, ended)."""

    name: str
    reports: tuple[tuple[Release, DeploymentState, DeploymentSource, float], ...]
    rows: tuple[tuple[Release, DeploymentState, DeploymentSource, float, float | None], ...]


CASES = (
    Told("a start", ((A, STARTED, CI, 0),), ((A, STARTED, CI, 0, None),)),
    Told("a start and its end", ((A, STARTED, CI, 0), (A, FINISHED, CI, 4)), ((A, FINISHED, CI, 0, 4),)),
    Told("a start and its failure", ((A, STARTED, CI, 0), (A, FAILED, CI, 4)), ((A, FAILED, CI, 0, 4),)),
    Told("an end alone", ((A, FINISHED, CI, 0),), ((A, FINISHED, CI, 0, 0),)),
    Told("a start twice", ((A, STARTED, CI, 0), (A, STARTED, CI, 1)), ((A, STARTED, CI, 0, None),)),
    Told("an end twice", ((A, FINISHED, CI, 0), (A, FINISHED, CI, 0)), ((A, FINISHED, CI, 0, 0),)),
    Told("an end before its start", ((A, FINISHED, CI, 4), (A, STARTED, CI, 0)), ((A, FINISHED, CI, 0, 4),)),
    Told("clocks that differ", ((A, STARTED, CI, 2), (A, FINISHED, PLATFORM, 1)), ((A, FINISHED, CI, 2, 2),)),
    Told(
        "an old start that never ended, and a new one",
        ((A, STARTED, CI, 0), (A, STARTED, CI, 31)),
        ((A, STARTED, CI, 0, None), (A, STARTED, CI, 31, None)),
    ),
    Told(
        "failed, then once more",
        ((A, STARTED, CI, 0), (A, FAILED, CI, 2), (A, STARTED, CI, 3), (A, FINISHED, CI, 5)),
        ((A, FAILED, CI, 0, 2), (A, FINISHED, CI, 3, 5)),
    ),
    Told(
        "the same release again, half an hour later",
        ((A, FINISHED, CI, 0), (A, FINISHED, CI, 31)),
        ((A, FINISHED, CI, 0, 0), (A, FINISHED, CI, 31, 31)),
    ),
    Told(
        "back to the first one by hand",
        ((A, FINISHED, CI, 0), (B, FINISHED, CI, 5), (A, FINISHED, CI, 10)),
        ((A, FINISHED, CI, 0, 0), (B, FINISHED, CI, 5, 5), (A, FINISHED, CI, 10, 10)),
    ),
    Told(
        "a report that comes late, after another release",
        ((A, FINISHED, CI, 0), (B, FINISHED, CI, 5), (A, FINISHED, PLATFORM, 0)),
        ((A, FINISHED, CI, 0, 0), (B, FINISHED, CI, 5, 5)),
    ),
    Told(
        "the version beside a commit that is being deployed",
        ((A, STARTED, CI, 0), (V1, FINISHED, HEALTH, 3), (A, FINISHED, CI, 4)),
        ((A_V1, FINISHED, CI, 0, 3),),
    ),
    Told(
        "the version beside a commit that was deployed",
        ((A, FINISHED, CI, 0), (V1, FINISHED, HEALTH, 2), (V1, FINISHED, HEALTH, 3)),
        ((A_V1, FINISHED, CI, 0, 0),),
    ),
    Told(
        "the version first, then the commit",
        ((V2, FINISHED, HEALTH, -90), (V1, FINISHED, HEALTH, 0), (A, FINISHED, CI, 1)),
        ((V2, FINISHED, HEALTH, -90, -90), (A_V1, FINISHED, CI, 0, 0)),
    ),
    Told(
        "the version first, then a late start and an end",
        (
            (V2, FINISHED, HEALTH, -90),
            (V1, FINISHED, HEALTH, 1),
            (A, STARTED, CI, 0),
            (A, FINISHED, CI, 2),
        ),
        ((V2, FINISHED, HEALTH, -90, -90), (A_V1, FINISHED, CI, 0, 1)),
    ),
    Told(
        "a version that was noticed too late to belong to it",
        ((A, FINISHED, CI, 0), (V1, FINISHED, HEALTH, 31)),
        ((A, FINISHED, CI, 0, 0), (V1, FINISHED, HEALTH, 31, 31)),
    ),
    Told(
        "another version than the commit's",
        ((A_V1, FINISHED, CI, 0), (V2, FINISHED, HEALTH, 2)),
        ((A_V1, FINISHED, CI, 0, 0), (V2, FINISHED, HEALTH, 2, 2)),
    ),
    Told(
        "a version, and a deployment that begins afterwards",
        ((V1, FINISHED, HEALTH, 0), (B, STARTED, CI, 5)),
        ((V1, FINISHED, HEALTH, 0, 0), (B, STARTED, CI, 5, None)),
    ),
    Told(
        "a version after a deployment that failed",
        ((A, STARTED, CI, 0), (A, FAILED, CI, 2), (V1, FINISHED, HEALTH, 3)),
        ((A, FAILED, CI, 0, 2), (V1, FINISHED, HEALTH, 3, 3)),
    ),
    Told(
        "the platform's list, read again and again",
        ((A_P1, FINISHED, PLATFORM, 0), (B, FINISHED, CI, 9), (A_P1, FINISHED, PLATFORM, 0)) * 2,
        ((A_P1, FINISHED, PLATFORM, 0, 0), (B, FINISHED, CI, 9, 9)),
    ),
    Told(
        "the platform's id beside CI's commit",
        ((A, FINISHED, CI, 0), (A_P1, FINISHED, PLATFORM, 1)),
        ((A_P1, FINISHED, CI, 0, 0),),
    ),
    Told(
        "one commit, deployed twice by the platform",
        ((A_P1, FINISHED, PLATFORM, 0), (A_P2, FINISHED, PLATFORM, 3)),
        ((A_P1, FINISHED, PLATFORM, 0, 0), (A_P2, FINISHED, PLATFORM, 3, 3)),
    ),
    Told(
        "ours, noticed by others",
        (
            (A_V1, FINISHED, CI, 0),
            (B, FINISHED, CI, 5),
            (A_V1, FINISHED, OURS, 9),
            (V1, FINISHED, HEALTH, 10),
        ),
        ((A_V1, FINISHED, CI, 0, 0), (B, FINISHED, CI, 5, 5), (A_V1, FINISHED, OURS, 9, 9)),
    ),
    Told(
        "ours, noticed by others first",
        ((B, FINISHED, CI, 5), (A, STARTED, CI, 8), (A, FINISHED, OURS, 9)),
        ((B, FINISHED, CI, 5, 5), (A, FINISHED, OURS, 8, 9)),
    ),
    Told(
        "ours goes by the id of what it brought back",
        ((P1, FINISHED, PLATFORM, 0), (B, FINISHED, CI, 5), (P1, FINISHED, OURS, 9)),
        ((P1, FINISHED, PLATFORM, 0, 0), (B, FINISHED, CI, 5, 5), (P1, FINISHED, OURS, 9, 9)),
    ),
)


async def _told(journal: SqlJournal, case: Told, service: str) -> list[Deployment]:
    for release, state, source, minutes in case.reports:
        await journal.record_deployment(
            replace(release, service=service), state, source, at=NOW + minutes * MINUTE
        )
    return list(reversed(await journal.deployments(service=service)))


async def test_what_several_sources_tell(journal: SqlJournal) -> None:
    """Each case in a service of its own."""
    found = await asyncio.gather(*(_told(journal, case, f"s{number}") for number, case in enumerate(CASES)))

    for case, rows in zip(CASES, found, strict=True):
        assert [
            (
                replace(row.release, service="api"),
                row.state,
                row.source,
                (row.started_at - NOW) / MINUTE,
                None if row.ended_at is None else (row.ended_at - NOW) / MINUTE,
            )
            for row in rows
        ] == list(case.rows), case.name


async def test_a_deployment_keeps_all_that_was_said(journal: SqlJournal) -> None:
    first = await journal.record_deployment(A, STARTED, CI, at=NOW, committed_at=NOW - 3600)
    second = await journal.record_deployment(A_P1, FINISHED, PLATFORM, at=NOW + 5, migration=True)
    third = await journal.record_deployment(A, FINISHED, OURS, at=NOW + 6, rollback_id="rb-1")

    assert first.id == second.id == third.id
    assert (third.migration, third.committed_at, third.rollback_id) == (True, NOW - 3600, "rb-1")
    assert (third.release, third.source, third.live_at) == (A_P1, OURS, NOW + 5)
    assert await journal.deployments() == [third]


async def test_a_revert_is_a_release_of_its_own_and_is_deployed_by_somebody_else(journal: SqlJournal) -> None:
    """Known only once it is made; what CI says of it afterwards is about the same deployment."""
    ours = {"source": OURS, "rollback_id": "rb-1"}
    made = Release("api", "production", commit="e" * 40, version="1.4.2")
    first = await journal.record_deployment(A, STARTED, at=NOW, **ours)
    await journal.record_deployment(made, FINISHED, at=NOW + 5, **ours)
    await journal.record_deployment(replace(made, version=None), STARTED, CI, at=NOW + 6)
    last = await journal.record_deployment(made, FINISHED, CI, at=NOW + 60)

    assert (last.id, last.release, last.source, last.rollback_id) == (first.id, made, OURS, "rb-1")
    assert await journal.deployments() == [last]


async def test_a_commit_is_not_given_to_the_release_that_ran_before(journal: SqlJournal) -> None:
    """CI is faster than the health endpoint: what was seen at the start is what is being replaced."""
    before = await journal.record_deployment(V1, FINISHED, HEALTH, at=NOW)
    new = await journal.record_deployment(B, FINISHED, CI, at=NOW + 20)

    assert new.id != before.id
    assert new.release == B


async def test_the_reporter_may_name_the_deployment(journal: SqlJournal) -> None:
    first = await journal.record_deployment(A, STARTED, CI, at=NOW)
    await journal.record_deployment(A, STARTED, CI, at=NOW + 3600)

    ended = await journal.record_deployment(A, FAILED, CI, at=NOW + 3601, deployment_id=first.id)
    other = await journal.record_deployment(B, FINISHED, CI, at=NOW + 3602, deployment_id="dp-unknown")

    assert (ended.id, ended.state) == (first.id, FAILED)
    assert other.id not in {first.id, "dp-unknown"}
    elsewhere = Release("web", "production", commit="c" * 40)
    with_foreign_id = await journal.record_deployment(elsewhere, FINISHED, CI, at=NOW, deployment_id=first.id)
    assert with_foreign_id.id != first.id


async def test_two_handlers_that_notice_at_once_make_one(journal: SqlJournal, other: SqlJournal) -> None:
    found = await asyncio.gather(
        *(
            each.record_deployment(V1, FINISHED, HEALTH, at=NOW + number)
            for number in range(5)
            for each in (journal, other)
        )
    )

    assert len({deployment.id for deployment in found}) == 1


async def test_deployments_are_listed_newest_first(journal: SqlJournal) -> None:
    for number in range(6):
        service = "api" if number % 2 else "web"
        release = Release(service, "production", version=f"{number}")
        await journal.record_deployment(release, FINISHED, CI, at=NOW + number)

    assert [one.release.version for one in await journal.deployments(limit=4)] == ["5", "4", "3", "2"]
    assert [one.release.version for one in await journal.deployments(before=NOW + 2)] == ["1", "0"]
    assert [one.release.version for one in await journal.deployments(service="api", limit=2)] == ["5", "3"]


async def test_a_person_marks_a_release(journal: SqlJournal) -> None:
    deployment = await journal.record_deployment(A, FINISHED, CI, at=NOW)

    good = await journal.mark(deployment.id, good=True, actor="jane", now=NOW)
    assert good is not None
    assert good.marked is True
    await journal.mark(deployment.id, good=None, actor="jane", now=NOW)
    assert [one.marked for one in await journal.deployments()] == [None]
    assert await journal.mark("dp-unknown", good=False, actor="jane", now=NOW) is None
