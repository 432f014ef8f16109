"""What the platform answers, and what is seen afterwards: each end is stated, nothing older is tried."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.rollback.model.words import DeploymentState, ExecutionResult, State
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.ports import ProbeNow, ServiceNow
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.rollback_world import BAD, ENVIRONMENT, GOOD, alert, release, world

if TYPE_CHECKING:
    from rollwatch.rollback.policy.facts import Known

JUST_NOW = 0.0
LONG_AGO = 1.0


def probe(verdict: str = "up", reason: str = "ok", *, at: float | None = JUST_NOW, **more: Any) -> ProbeNow:
    return replace(ProbeNow("api/health", verdict, reason, at, critical=True), **more)


def seen(*probes: ProbeNow, version: str | None = None) -> ServiceNow:
    return ServiceNow(version, None, probes or (probe(),))


UP = seen()
DOWN = seen(probe("down", "status"))


@pytest.mark.parametrize(
    ("result", "outcome", "deployment", "keeps_claim"),
    [
        (ExecutionResult.DONE, State.SUCCEEDED, DeploymentState.FINISHED, True),
        (ExecutionResult.FAILED, State.FAILED, DeploymentState.FAILED, True),
        (ExecutionResult.TIMED_OUT, State.TIMED_OUT, DeploymentState.STARTED, True),
        (ExecutionResult.UNKNOWN, State.UNKNOWN, DeploymentState.STARTED, True),
        (ExecutionResult.NOT_DONE, State.FAILED, DeploymentState.FAILED, False),
    ],
)
async def test_each_answer_of_the_platform_has_its_outcome(
    tmp_path: Path, result: ExecutionResult, outcome: State, deployment: DeploymentState, keeps_claim: bool
) -> None:
    async with world(tmp_path) as here:
        told = tmp_path / "told"
        here.configure(after=[{"name": "restore", "run": ["sh", "-c", f"echo $ROLLWATCH_OUTCOME > {told}"]}])
        here.strategies["api"].result = result
        row = await here.run()
        assert row.state is outcome
        assert told.read_text().strip() == outcome.value
        assert (await here.journal.deployments(service="api"))[0].state is deployment
        past = await here.journal.past(ENVIRONMENT, ["api"], since=0.0)
        assert bool(past.claims) is keeps_claim
        assert past.flights == {}


async def test_a_strategy_that_does_not_answer_leaves_it_unknown(tmp_path: Path) -> None:
    async with world(tmp_path) as here:

        async def fail(_: object) -> None:
            raise PlatformFailed("the connection was reset")

        here.strategies["api"].on_execute = fail
        row = await here.run()
        assert row.state is State.UNKNOWN
        assert "the connection was reset" in (row.outcome_why or "")


# Looking (43, 44): K in a row, of runs after the deployment, of all probes that count.


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ([DOWN], "api/health is down (status)"),
        ([seen(probe("unknown", "timeout"))], "api/health is unknown (timeout)"),
        ([UP, DOWN, UP, DOWN], "api/health is down (status)"),
        ([seen(probe(at=LONG_AGO))], "api/health has not run since the rollback"),
        ([seen(probe(at=None))], "api/health has not run since the rollback"),
        ([Unanswered("the exporter is gone")], "the exporter did not say how it is: the exporter is gone"),
        ([UP, Unanswered("the exporter is gone")], "the exporter is gone"),
        ([ServiceNow(None, None, ())], "the exporter has no probe of it"),
        ([seen(probe(), probe("down", "dns", id="api/login"))], "api/login is down (dns)"),
    ],
)
async def test_what_is_not_seen_healthy_has_failed_and_a_person_hears_once(
    tmp_path: Path, views: list[Known[ServiceNow]], words: str
) -> None:
    async with world(tmp_path) as here:
        ids = await here.tell(alert())
        here.evidence.views = [UP, UP, *views]
        here.start()
        row = await here.over(ids[0])
        assert row.state is State.FAILED
        assert words in (row.outcome_why or "")
        assert (row.outcome_why or "").endswith("Nothing older is tried.")
        assert len(here.ledger.lines) == 1
        assert [after for _, _, after in here.events.moves].count("failed") == 1
        # It still fires, and comes again: that changes nothing.
        assert (await here.tell(alert())) != ids
        await here.stop()


@pytest.mark.parametrize(
    ("views", "spec"),
    [
        ([DOWN, UP, UP], {}),
        ([Unanswered("restarting"), UP], {}),
        ([seen(probe(), probe("down", "dns", id="api/extra", critical=False))], {}),
        ([seen(probe("down", "x", id="api/other"), probe(id="api/health"))], {"probes": ["health"]}),
        ([seen(probe(critical=False))], {}),
    ],
)
async def test_enough_good_looks_in_a_row_are_enough(
    tmp_path: Path, views: list[Known[ServiceNow]], spec: dict[str, Any]
) -> None:
    async with world(tmp_path) as here:
        here.configure(verify={"attempts": 5, "every": "1s", "in_a_row": 2, **spec})
        here.evidence.views = [UP, UP, *views]
        assert (await here.run()).state is State.SUCCEEDED


async def test_a_probe_that_verify_names_and_nobody_has_is_a_failure(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.configure(verify={"attempts": 2, "every": "1s", "in_a_row": 1, "probes": ["checkout"]})
        row = await here.run()
        assert row.state is State.FAILED
        assert "the exporter has no probe checkout" in (row.outcome_why or "")


async def test_one_run_seen_again_and_again_is_one_success(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_at = time.time() + 3600
        here.evidence.views = [UP, UP, seen(probe(at=run_at))]
        here.configure(verify={"attempts": 2, "every": "1s", "in_a_row": 2})
        row = await here.run()
        assert row.state is State.FAILED
        assert "its probes do not run any more" in (row.outcome_why or "")


# The version has really changed (34).


@pytest.mark.parametrize(
    ("reported", "platform", "words"),
    [
        ("1.4.2", None, "it reports version 1.4.2 and not 1.4.1"),
        (None, BAD, "the platform says that bbbbbbbbbbbb runs"),
        ("1.4.1", BAD, None),
        (None, GOOD, None),
        (GOOD[:10], None, None),
    ],
)
async def test_a_command_that_succeeds_and_changes_nothing_has_failed(
    tmp_path: Path, reported: str | None, platform: str | None, words: str | None
) -> None:
    async with world(tmp_path) as here:
        await here.deployed("api", GOOD, ago_s=7100, version="1.4.1")
        strategy = here.strategies["api"]
        strategy.changes_release = False

        async def deploy(_: object) -> None:
            here.evidence.version = reported
            strategy.running = None if platform is None else release("api", platform)

        strategy.on_execute = deploy
        row = await here.run()
        if words is None:
            assert row.state is State.SUCCEEDED, row.outcome_why
        else:
            assert row.state is State.FAILED
            assert words in (row.outcome_why or "")


async def test_without_a_known_target_version_the_bad_one_must_be_gone(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.evidence.version = BAD[:12]
        row = await here.run()
        assert row.state is State.FAILED
        assert f"it still reports version {BAD[:12]}, the bad release" in (row.outcome_why or "")


# Recovery, smoke, integrity, hooks after (36).


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([False, False, True], None),
        ([Unanswered("Prometheus restarts"), True], None),
        ([False], "RollbackHttpErrorRatio or its twin still fires"),
        ([Unanswered("no data")], "Nobody can say after"),
    ],
)
async def test_recovery_is_what_prometheus_says_it_is(
    tmp_path: Path, answers: list[Known[bool]], words: str | None
) -> None:
    async with world(tmp_path) as here:
        here.evidence.back = answers
        row = await here.run()
        assert row.state is (State.SUCCEEDED if words is None else State.FAILED)
        assert (words or "") in (row.outcome_why or "")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (
            {"smoke": {"run": ["sh", "-c", "echo login broken; exit 1"]}},
            "failed its smoke test: sh ended with",
        ),
        ({"smoke": {"run": ["sleep", "60"], "timeout": "200ms"}}, "failed its smoke test"),
        ({"integrity": {"run": ["sh", "-c", "echo 3 rows lost; exit 1"]}}, "failed its integrity check"),
    ],
)
async def test_a_check_that_fails_fails_the_rollback(
    tmp_path: Path, section: dict[str, Any], words: str
) -> None:
    async with world(tmp_path) as here:
        here.configure(**section)
        row = await here.run()
        assert row.state is State.FAILED
        assert words in (row.outcome_why or "")


@pytest.mark.parametrize("hook", [{"run": ["false"]}, {"run": ["sleep", "60"], "timeout": "200ms"}])
async def test_a_hook_after_that_fails_keeps_the_outcome_and_is_told(
    tmp_path: Path, hook: dict[str, Any]
) -> None:
    async with world(tmp_path) as here:
        last = tmp_path / "last"
        here.configure(after=[{"name": "restore", **hook}, {"name": "notify", "run": ["touch", str(last)]}])
        row = await here.run()
        assert row.state is State.SUCCEEDED
        assert "Warning: the hook api/restore" in (row.outcome_why or "")
        assert last.exists()


# The alert is resolved meanwhile (35).


async def test_a_resolved_alert_does_not_stop_what_has_begun(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        one = alert()

        async def resolve(_: object) -> None:
            await here.tell(replace(one, is_firing=False, ends_at=time.time()))
            here.evidence.firing = [False]

        here.strategies["api"].on_execute = resolve
        row = await here.run(one)
        assert row.state is State.SUCCEEDED
        assert row.resolved_at is not None


# Our own deployment (45) and repeats (3): nothing comes of them.


async def test_the_rollbacks_own_deployment_is_never_taken_back(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert (await here.run()).state is State.SUCCEEDED
        row = await here.run(replace(alert(ago_s=-0.5), fingerprint="2222222222222222"))
        assert row.state is State.DENIED
        assert len(here.ledger.lines) == 1


async def test_the_same_incident_delivered_again_is_the_same_rollback(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        one = alert()
        row = await here.run(one)
        for _ in range(5):
            assert await here.tell(one) == ()
        assert (await here.over(row.id)).state is State.SUCCEEDED
        assert len(here.ledger.lines) == 1
