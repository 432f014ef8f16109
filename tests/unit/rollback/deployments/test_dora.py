"""DORA's figures of histories that were reckoned by hand."""

from dataclasses import replace

import pytest

from rollwatch.rollback.deployments.dora import failed_deployments, figures
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import DeploymentSource, DeploymentState, Level, State

DAY = 86_400.0
SINCE, UNTIL = 0.0, 10 * DAY


def release(version, service="api", environment="production"):
    return Release(service, environment, version=version)


def deployed(version, at, *, took=60.0, **changes):
    plain = Deployment(
        f"dp-{version}-{at:g}",
        release(version),
        DeploymentState.FINISHED,
        DeploymentSource.REPORTED,
        at - took,
        at,
    )
    return replace(plain, **changes)


def rolled_back(bad, target, ended_at, state=State.SUCCEEDED, **changes):
    going = (Going("api", bad.release, target.release, bad.id),)
    plain = Rollback(
        f"rb-{ended_at:g}", 7, state, Level.AUTOMATIC, "production", "api", "api", ended_at - 90, ended_at
    )
    return replace(plain, going=going, **changes)


def of(deployments, rollbacks=(), **changes):
    where = {"service": "api", "environment": "production", "since": SINCE, "until": UNTIL} | changes
    return figures(deployments, rollbacks, **where)


GOOD = deployed("1", 1 * DAY, committed_at=1 * DAY - 600)
BAD = deployed("2", 2 * DAY, committed_at=2 * DAY - 200)
FIXED = deployed("3", 3 * DAY)
BACK = rolled_back(BAD, GOOD, 2 * DAY + 400)
OWN = deployed(
    "1", 2 * DAY + 300, source=DeploymentSource.ROLLBACK, rollback_id=BACK.id, committed_at=1 * DAY - 600
)


def test_a_release_that_was_taken_back():
    found = of([FIXED, OWN, BAD, GOOD], [BACK])
    assert (found.finished, found.broken, found.per_day) == (3, 0, 0.3)
    assert found.success_ratio == 1.0
    assert found.change_fail_ratio == pytest.approx(1 / 3)
    # From the bad release being live to the good one being live again: not from the alert.
    assert found.recovery_s == 300.0
    assert found.lead_time_s == 400.0


def test_nothing_is_said_of_nothing():
    found = of([])
    assert (found.finished, found.per_day) == (0, 0.0)
    assert (found.success_ratio, found.change_fail_ratio, found.recovery_s, found.lead_time_s) == (None,) * 4


def test_a_deployment_that_never_went_live_is_no_change_that_failed():
    found = of([GOOD, replace(BAD, state=DeploymentState.FAILED)])
    assert (found.finished, found.broken) == (1, 1)
    assert found.success_ratio == 0.5
    assert found.change_fail_ratio == 0.0


@pytest.mark.parametrize(
    ("deployments", "rollbacks", "recovery_s"),
    [
        # Where its deployment was not written down, the rollback's end counts.
        ([GOOD, BAD], [BACK], 400.0),
        # A hotfix ends it where no rollback did; what was bad as well does not.
        ([GOOD, replace(BAD, marked=False), FIXED], [], DAY),
        (
            [GOOD, replace(BAD, marked=False), replace(FIXED, marked=False), deployed("4", 4 * DAY)],
            [],
            1.5 * DAY,
        ),
        ([GOOD, BAD, FIXED], [rolled_back(BAD, GOOD, 2 * DAY + 400, State.FAILED)], DAY),
        (
            [GOOD, BAD, OWN, FIXED],
            [rolled_back(BAD, GOOD, 2 * DAY + 400, State.TIMED_OUT, id=BACK.id)],
            DAY,
        ),
        # The bad release once more is no recovery.
        ([GOOD, replace(BAD, marked=False), deployed("2", 2.5 * DAY)], [], None),
        ([GOOD, BAD], [rolled_back(BAD, GOOD, 2 * DAY + 400, State.UNKNOWN)], None),
    ],
)
def test_what_ends_a_failure(deployments, rollbacks, recovery_s):
    assert of(deployments, rollbacks).recovery_s == recovery_s


@pytest.mark.parametrize(
    "state", [State.DENIED, State.DRY_RUN, State.CANCELLED, State.SUPERSEDED, State.SETTLING]
)
def test_what_was_not_carried_out_makes_no_failure(state):
    assert of([GOOD, BAD], [rolled_back(BAD, GOOD, 2 * DAY + 400, state)]).change_fail_ratio == 0.0


def test_a_person_has_the_last_word():
    assert of([GOOD, replace(BAD, marked=True)], [BACK]).change_fail_ratio == 0.0
    assert of([replace(GOOD, marked=False), BAD]).change_fail_ratio == 0.5
    [failed] = failed_deployments(
        [GOOD, replace(BAD, marked=False)], [], service="api", environment="production"
    )
    assert (failed.deployment.id, failed.recovered_at, failed.recovery_s) == (BAD.id, None, None)


def test_what_a_platform_lists_of_a_rollback_is_no_change():
    listed = replace(OWN, id="dp-listed", source=DeploymentSource.PLATFORM, rollback_id=None)
    listed = replace(listed, release=replace(OWN.release, platform_id="p-9"), started_at=OWN.started_at + 5)
    assert of([GOOD, BAD, OWN, listed], [BACK]).finished == 2


def test_only_the_window_the_service_and_the_environment_count():
    others = [
        deployed("9", 2 * DAY, release=release("9", service="web")),
        deployed("9", 2 * DAY, release=release("9", environment="staging")),
        deployed("9", UNTIL),
        deployed("9", UNTIL, state=DeploymentState.FAILED),
        deployed("9", 5 * DAY, state=DeploymentState.STARTED, ended_at=None),
    ]
    elsewhere = replace(rolled_back(GOOD, GOOD, 2 * DAY), environment="staging")
    found = of([GOOD, *others], [elsewhere])
    assert (found.finished, found.broken, found.change_fail_ratio) == (1, 0, 0.0)
    # A failure from before the window that was ended within it is a recovery of the window.
    late = of([GOOD, BAD, OWN], [BACK], since=2 * DAY + 1)
    assert (late.finished, late.recovery_s) == (0, 300.0)


def test_a_commit_from_the_future_has_no_lead_time():
    assert of([replace(GOOD, committed_at=GOOD.ended_at + 5)]).lead_time_s is None
