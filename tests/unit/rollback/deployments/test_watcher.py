"""Deployments are learnt from versions and platforms, into a real journal, whatever fails meanwhile."""

import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from rollwatch.rollback.deployments.watcher import Watcher
from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.journal_port import NewRollback
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.release import Release, same_release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Level, State
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.ports import JournalFailed, ProbeNow, ServiceNow
from rollwatch.rollback.strategies.strategy import PastRelease, PlatformFailed
from support.manual_clock import ManualClock

WALL = 1_780_000_000.0
COMMIT = {name: name * 40 for name in "abc"}
STARTED, FINISHED, FAILED = DeploymentState
HEALTH, REPORTED, PLATFORM = DeploymentSource.HEALTH, DeploymentSource.REPORTED, DeploymentSource.PLATFORM


@dataclass
class Production:
    """What the exporter and the platform say of service api."""

    clock: ManualClock
    version: str | None = None
    changed_at: float | None = None
    is_well: bool = True
    silence: Unanswered | None = None
    listed: list[PastRelease] = field(default_factory=list)
    failure: PlatformFailed | None = None
    told: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def service_now(self, service):
        if self.silence is not None:
            return self.silence
        verdict = "up" if self.is_well else "down"
        probe = ProbeNow("api/health", verdict, "ok", self.clock.wall() - 5, critical=True)
        return ServiceNow(self.version, self.changed_at, (probe,))

    async def history(self):
        if self.failure is not None:
            raise self.failure
        return self.listed

    def bad_release_again(self, *said):
        self.told.append(said)

    def deploys(self, version):
        """Another version is live from now on."""
        self.version, self.changed_at = version, self.clock.wall()


class World:
    def __init__(self, journal, clock):
        self.journal = journal
        self.clock = clock
        self.production = Production(clock)
        self.restart()

    def restart(self):
        """Another handler process, or the same after a reload."""
        here = self.production
        self.watcher = Watcher(
            self.journal, here, here, {"api": here}, clock=self.clock, environment="production"
        )

    async def look(self, after=15.0, times=1):
        for _ in range(times):
            self.clock.advance(after)
            await self.watcher.look_at_versions()

    async def look_at_platform(self):
        self.clock.advance(60)
        await self.watcher.look_at_platforms()

    async def report(self, state, *, at=None, source=REPORTED, service="api", **names):
        at = self.clock.wall() if at is None else at
        return await self.journal.record_deployment(
            Release(service, "production", **names), state, source, at=at
        )

    async def deployments(self):
        """Oldest first: version, commit, state, source."""
        found = await self.journal.deployments(service="api")
        return [(one.release.version, one.release.commit, one.state, one.source) for one in reversed(found)]

    async def newest(self):
        return (await self.journal.deployments(service="api"))[0]


@pytest.fixture
async def world(tmp_path):
    clock = ManualClock(wall=WALL)
    journal = await open_journal(str(tmp_path / "journal.sqlite"), clock=clock)
    yield World(journal, clock)
    await journal.close()


async def test_the_first_sight_is_the_baseline_and_each_change_a_deployment(world):
    world.production.version = "1"
    await world.look(times=3)
    assert await world.deployments() == [("1", None, FINISHED, HEALTH)]
    world.production.deploys("2")
    live_at = world.clock.wall()
    await world.look(times=3)
    assert await world.deployments() == [("1", None, FINISHED, HEALTH), ("2", None, FINISHED, HEALTH)]
    newest = await world.newest()
    assert newest.live_at == live_at
    # It began after the last run that found the old one well; not when it was seen.
    assert newest.started_at == live_at - 5
    # A restart of the handler tells nothing new.
    world.restart()
    await world.look(times=2)
    assert len(await world.deployments()) == 2


async def test_trouble_while_it_is_deployed_is_not_older_than_the_deployment(world):
    world.production.version = "1"
    await world.look(times=2)
    well_at = world.clock.wall() - 5
    world.production.is_well = False
    await world.look(times=4)
    world.production.deploys("2")
    await world.look()
    assert (await world.newest()).started_at == well_at


async def test_what_was_down_for_long_was_not_brought_down_by_the_next_deployment(world):
    world.production.version = "1"
    await world.look(times=2)
    world.production.is_well = False
    await world.look(times=30)
    world.production.deploys("2")
    await world.look()
    newest = await world.newest()
    assert newest.started_at == newest.live_at - 90
    # And where it never was well, nothing says that it began before it was seen.
    await world.look(times=30)
    world.production.deploys("3")
    await world.look()
    newest = await world.newest()
    assert newest.started_at == newest.live_at


async def test_a_change_while_no_handler_ran_is_found_at_its_start(world):
    await world.report(FINISHED, version="1", at=WALL - 86_400)
    world.production.version, world.production.changed_at = "2", WALL - 3600
    await world.look()
    assert await world.deployments() == [("1", None, FINISHED, REPORTED), ("2", None, FINISHED, HEALTH)]
    assert (await world.newest()).live_at == WALL - 3600


@pytest.mark.parametrize("changed_at", [None, WALL - 7200])
async def test_a_version_that_is_on_its_way_out_is_no_deployment(world, changed_at):
    """CI says that 2 is live; the exporter has not seen it yet."""
    await world.report(FINISHED, version="2", at=WALL - 10)
    world.production.version, world.production.changed_at = "1", changed_at
    await world.look()
    assert await world.deployments() == [("2", None, FINISHED, REPORTED)]
    world.production.deploys("2")
    await world.look()
    assert await world.deployments() == [("2", None, FINISHED, REPORTED)]


async def test_what_ci_reports_and_what_is_seen_is_one_deployment(world):
    world.production.version = "1"
    await world.look(times=2)
    world.clock.advance(1)
    await world.report(STARTED, commit=COMMIT["b"])
    await world.look()
    world.production.deploys("2")
    await world.look(times=2)
    # The first instance answers with 2: it is under way until CI says otherwise.
    assert (await world.deployments())[1:] == [("2", COMMIT["b"], STARTED, REPORTED)]
    await world.report(FINISHED, commit=COMMIT["b"])
    await world.look(times=3)
    assert (await world.deployments())[1:] == [("2", COMMIT["b"], FINISHED, REPORTED)]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_deployment_that_ci_never_ended_ends_by_what_is_seen(world, restarted):
    world.production.version = "1"
    await world.look()
    await world.report(STARTED, version="2")
    world.production.deploys("2")
    live_at = world.clock.wall()
    await world.look(times=2)
    if restarted:
        world.restart()
        await world.look()
    assert (await world.newest()).state is STARTED
    await world.look(after=900, times=2)
    newest = await world.newest()
    assert (newest.state, newest.live_at, newest.release.version) == (FINISHED, live_at, "2")


@pytest.mark.parametrize("version", [None, "", "-x", "1 2", "ü" * 5, "v" * 200])
async def test_a_version_that_can_not_be_used_is_no_release(world, version):
    world.production.version = "1"
    await world.look()
    world.production.version = version
    await world.look(times=2)
    assert len(await world.deployments()) == 1


async def test_an_exporter_that_says_nothing_changes_nothing(world):
    world.production.version = "1"
    await world.look()
    world.production.silence = Unanswered("it is down")
    await world.look(times=3)
    world.production.silence = None
    await world.look()
    assert len(await world.deployments()) == 1


def listed(platform_id, commit, ago_s, *, took_s=60.0, failed=False):
    release = Release("api", "production", commit=COMMIT[commit], platform_id=platform_id)
    started_at = WALL - ago_s
    return PastRelease(release, started_at, None if took_s is None else started_at + took_s, failed)


async def test_what_the_platform_lists_is_recorded_once(world):
    world.production.listed = [
        listed("p3", "c", 100, took_s=None),
        listed("p2", "b", 7200, failed=True),
        listed("p1", "a", 86_400),
    ]
    for _ in range(3):
        await world.look_at_platform()
        world.restart()
    assert await world.deployments() == [
        (None, COMMIT["a"], FINISHED, PLATFORM),
        (None, COMMIT["b"], FAILED, PLATFORM),
        (None, COMMIT["c"], STARTED, PLATFORM),
    ]
    world.production.listed[0] = listed("p3", "c", 100)
    await world.look_at_platform()
    newest = await world.newest()
    assert (newest.state, newest.live_at, newest.started_at) == (FINISHED, WALL - 40, WALL - 100)


async def test_the_platform_completes_what_ci_and_health_told(world):
    await world.report(FINISHED, version="1", commit=COMMIT["a"], at=WALL - 30)
    world.production.version = "1"
    world.production.listed = [listed("p1", "a", 90)]
    await world.look()
    await world.look_at_platform()
    [only] = await world.journal.deployments(service="api")
    assert (only.release.version, only.release.platform_id) == ("1", "p1")


async def test_names_of_a_platform_that_are_not_fit_are_not_kept(world):
    strange = Release("api", "production", platform_id="$(reboot)")
    other = Release("api", "staging", platform_id="p1")
    world.production.listed = [PastRelease(one, WALL - 90, WALL) for one in (strange, other)]
    await world.look_at_platform()
    assert await world.deployments() == []


async def taken_back(world, bad, target):
    """As the runner leaves the journal after a rollback."""
    wanted = NewRollback(Level.MANUAL, "production", "api", "api", "ann", "it is broken")
    row = await world.journal.create(wanted, world.clock.wall())
    row = await world.journal.lease(row.id, "handler", world.clock.wall(), world.clock.wall() + 1000)
    deployment = next(
        one
        for one in await world.journal.deployments(service="api")
        if same_release(one.release, Release("api", "production", **bad))
    )
    going = (Going("api", deployment.release, Release("api", "production", **target), deployment.id),)
    moves = {"by": "handler", "why": "test"}
    row = await world.journal.move(row, State.SETTLING, now=world.clock.wall(), going=going, **moves)
    row = await world.journal.begin(row, now=world.clock.wall(), **moves)
    row = await world.journal.move(row, State.EXECUTING, now=world.clock.wall(), **moves)
    world.clock.advance(20)
    await world.journal.record_deployment(
        Release("api", "production", **target),
        FINISHED,
        DeploymentSource.ROLLBACK,
        at=world.clock.wall(),
        rollback_id=row.id,
    )
    row = await world.journal.move(
        row, State.FINISHING, now=world.clock.wall(), outcome=State.SUCCEEDED, **moves
    )
    await world.journal.move(row, State.SUCCEEDED, now=world.clock.wall(), **moves)
    return row.id


async def test_a_bad_release_that_comes_again_is_told_once(world):
    world.production.version = "1"
    await world.look()
    await world.report(FINISHED, version="2", commit=COMMIT["b"])
    world.production.deploys("2")
    await world.look(times=2)
    rollback_id = await taken_back(world, {"commit": COMMIT["b"]}, {"version": "1"})
    world.production.deploys("1")
    # What was rolled back, and what was rolled back to, are no news.
    await world.look(times=5)
    assert world.production.told == []
    # CI begins to deploy it once more, by its version only.
    world.clock.advance(600)
    await world.report(STARTED, version="2")
    await world.look(times=3)
    assert world.production.told == [("api", "production", "2", rollback_id)]
    # It goes live: the same deployment. The process starts again, long after: no news any more.
    world.production.deploys("2")
    await world.report(FINISHED, version="2")
    await world.look(times=3)
    world.clock.advance(3600)
    world.restart()
    await world.look(times=2)
    assert len(world.production.told) == 1


async def test_another_release_is_no_bad_one(world):
    world.production.version = "1"
    await world.look()
    world.production.deploys("2")
    await world.look()
    await taken_back(world, {"version": "2"}, {"version": "1"})
    world.production.deploys("3")
    await world.look(times=2)
    assert world.production.told == []


class Failing:
    """A journal whose disk is full for the first calls."""

    def __init__(self, journal, failures):
        self._journal = journal
        self.failures = failures

    def __getattr__(self, name):
        method = getattr(self._journal, name)

        async def call(*args, **kwargs):
            if self.failures > 0 and name in {"record_deployment", "past"}:
                self.failures -= 1
                raise JournalFailed("the disk is full")
            return await method(*args, **kwargs)

        return call


async def test_a_journal_that_fails_is_tried_again_and_ends_nothing(world):
    world.journal = Failing(world.journal, 5)
    world.restart()
    world.production.version = "1"
    world.production.listed = [listed("p1", "a", 86_400)]
    with capture_logs() as logs:
        await world.look(times=2)
        await world.look_at_platform()
    assert [one["why"] for one in logs if one["log_level"] == "warning"] == ["the disk is full"] * 5
    await world.look()
    await world.look_at_platform()
    assert {(one[0], one[3]) for one in await world.deployments()} == {("1", HEALTH), (None, PLATFORM)}


async def test_a_platform_that_fails_is_told_once_and_asked_again(world):
    world.production.failure = PlatformFailed("it answered 500")
    with capture_logs() as logs:
        for _ in range(3):
            await world.look_at_platform()
        world.production.failure = None
        world.production.listed = [listed("p1", "a", 86_400)]
        await world.look_at_platform()
    events = [one["event"] for one in logs]
    assert events == [
        "platform_history_unread",
        "platform_history_read_again",
        "deployment_seen",
    ]
    assert len(await world.deployments()) == 1


async def test_it_looks_at_once_and_ends_when_it_is_told_to(world):
    world.production.version = "1"
    world.production.listed = [listed("p1", "a", 86_400)]
    task = asyncio.create_task(world.watcher.run())
    async with asyncio.timeout(20):
        while len(await world.deployments()) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
