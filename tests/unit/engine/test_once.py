"""One run without an engine."""

import asyncio

import pytest

from rollwatch.config.config import ProbeDef
from rollwatch.engine.once import run_once
from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
from rollwatch.probers.contract import ProbeEnv
from support.fake_probes import FakeSpec, fake_kinds, up
from support.virtual import run_virtual, virtual_clock


def once(behaviour, kind="fake", timeout="5s"):
    async def main():
        env = ProbeEnv(clock=virtual_clock(), rng=lambda: 0.5, user_agent="test")
        spec = FakeSpec(kind=kind, does="it", timeout=timeout)
        kinds = fake_kinds({"it": behaviour})
        outcome = await run_once(ProbeDef("a/b", "a", "b", kind, spec), kinds[kind], env)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome

    return run_virtual(main())


def test_it_notes_every_fact():
    async def noting(run):
        run.note("status", 200)

    outcome = once(noting)
    assert (outcome.reason, outcome.run.notes) == (Reason.OK, [("status", "200")])


def starting(after):
    runs = []

    async def behave(run):
        runs.append(run)
        if len(runs) <= after:
            raise ProbeFailure(Reason.NOT_STARTED, "the session is being opened")
        await up(run)

    return behave


@pytest.mark.parametrize(("after", "reason"), [(0, Reason.OK), (10, Reason.OK), (10_000, Reason.NOT_STARTED)])
def test_a_session_is_given_time_to_open(after, reason):
    assert once(starting(after), kind="session").reason is reason
