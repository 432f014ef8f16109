"""How a run ends: the reason, and what is kept."""

import asyncio
import errno

import pytest

from rollwatch.engine.runner import Runner
from rollwatch.errors import ProbeFailure, SecretUnavailable
from rollwatch.model import Phase, Reason
from support.fake_probes import GAUGE
from support.virtual import run_virtual, virtual_clock


class Scripted:
    def __init__(self, script):
        self.script = script

    async def probe(self, run):
        await self.script(run)


def run_script(script, *, timeout_s=5.0, lag=0.0, network=None, explain=False):
    async def main():
        clock = virtual_clock()
        runner = Runner(clock, lag_since=lambda _began: lag, own_network_is_up=network)
        return await runner.run("api/health", Scripted(script), timeout_s, explain=explain)

    return run_virtual(main())


def raising(error, phase=None):
    async def script(run):
        if phase is not None:
            run.enter(phase)
        raise error

    return script


async def silent(run):
    run.enter(Phase.TLS)
    await asyncio.sleep(1e6)


@pytest.mark.parametrize(
    ("script", "reason", "detail"),
    [
        (raising(ProbeFailure(Reason.STATUS, "answered 503")), Reason.STATUS, "answered 503"),
        (silent, Reason.TIMEOUT, "no answer within 5 s, during the TLS handshake"),
        (raising(TimeoutError()), Reason.INTERNAL_ERROR, "leaked"),
        (raising(KeyError("token=hunter2")), Reason.INTERNAL_ERROR, "KeyError in the prober"),
        (raising(OSError(errno.EMFILE, "Too many open files")), Reason.OWN_RESOURCES, "Too many open files"),
        (raising(OSError(errno.EIO, "I/O error")), Reason.INTERNAL_ERROR, "OSError"),
        (raising(SecretUnavailable("file:x", "gone")), Reason.SECRET_UNAVAILABLE, "${file:x}"),
    ],
    ids=["failure", "silence", "library timeout", "bug", "out of descriptors", "other OSError", "secret"],
)
def test_whatever_happens_becomes_a_reason_and_words(script, reason, detail):
    outcome = run_script(script)
    assert outcome.reason is reason
    assert detail in outcome.detail
    assert "hunter2" not in outcome.detail


def test_returning_means_up_and_everything_recorded_is_kept():
    async def script(run):
        run.enter(Phase.CONNECT)
        await asyncio.sleep(0.25)
        run.enter(Phase.PROCESSING)
        await asyncio.sleep(0.5)
        run.enter(Phase.CONNECT)
        await asyncio.sleep(0.25)
        run.leave()
        run.sample(GAUGE, 3.0, "a")
        run.sample(GAUGE, float("nan"), "b")
        run.note("status", 200)

    outcome = run_script(script, explain=True)
    assert (outcome.reason, outcome.detail) == (Reason.OK, "")
    assert outcome.duration_s == pytest.approx(1.0)
    assert outcome.run.phases == pytest.approx({Phase.CONNECT: 0.5, Phase.PROCESSING: 0.5})
    assert outcome.run.samples == [(GAUGE, ("a",), 3.0)]
    assert outcome.run.notes == [("status", "200")]


def test_the_deadline_keeps_what_was_learnt_before_it():
    outcome = run_script(silent, timeout_s=2.0)
    assert outcome.run.phases == pytest.approx({Phase.TLS: 2.0})
    assert outcome.run.notes is None


def test_a_deadline_missed_by_our_own_slowness_proves_nothing():
    assert run_script(silent, lag=2.0).reason is Reason.OVERLOADED
    assert run_script(silent, lag=1.0).reason is Reason.TIMEOUT
    own_bound = raising(ProbeFailure(Reason.TIMEOUT, "no message in time"))
    assert run_script(own_bound, lag=2.0).reason is Reason.OVERLOADED
    assert run_script(raising(ProbeFailure(Reason.STATUS, "")), lag=2.0).reason is Reason.STATUS


async def no():
    return False


async def yes():
    return True


@pytest.mark.parametrize(
    ("script", "network", "reason"),
    [
        (raising(ProbeFailure(Reason.UNREACHABLE, "x")), no, Reason.OWN_NETWORK),
        (raising(ProbeFailure(Reason.UNREACHABLE, "x")), yes, Reason.UNREACHABLE),
        (raising(ProbeFailure(Reason.UNREACHABLE, "x")), None, Reason.UNREACHABLE),
        (raising(ProbeFailure(Reason.STATUS, "x")), no, Reason.STATUS),
        (silent, no, Reason.TIMEOUT),
    ],
    ids=[
        "own network down",
        "network fine",
        "no reference",
        "the target answered",
        "silent after connecting",
    ],
)
def test_a_target_is_not_blamed_for_our_own_network(script, network, reason):
    assert run_script(script, network=network).reason is reason


@pytest.mark.parametrize("phase", [Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST])
def test_silence_before_anything_came_back_may_be_our_own_network(phase):
    async def connecting(run):
        run.enter(phase)
        await asyncio.sleep(1e6)

    assert run_script(connecting, network=no).reason is Reason.OWN_NETWORK


def test_cancellation_passes():
    async def main():
        runner = Runner(virtual_clock(), lag_since=lambda _began: 0.0, own_network_is_up=None)
        task = asyncio.create_task(runner.run("a/b", Scripted(silent), 5.0))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())
