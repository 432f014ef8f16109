"""A real Prometheus is asked about faults that a test makes, and says what is so, or that it can't say."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from rollwatch.clock import SystemClock
from rollwatch.rollback.evidence.peer import Peer, new_session
from rollwatch.rollback.evidence.prometheus import Prometheus
from rollwatch.rollback.policy.facts import Unanswered
from support.rollback_prometheus import an_alert, judged, peer

WINDOW_S = 4.0
HOSTILE = 'a"pi\\.*|{}\n{x}é'
# Watched from the beginning, so that the tests share the time until there is a window of data.
STEADY = ("steady", "breaks", "errs", "dies", "vanishes", "steady-x", HOSTILE)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    with judged(tmp_path_factory.mktemp("prometheus")) as there:
        for service in (*STEADY, "old", "twin"):
            there.known(service, is_known=True)
            there.up(service, 1)
            there.errors(service, 0)
        there.up("old", 0)
        there.errors("twin", 0.05)
        yield there


@asynccontextmanager
async def asking(there):
    session = new_session("test")
    try:
        yield Prometheus(Peer("Prometheus", peer(there.url), session), SystemClock(), window_s=WINDOW_S)
    finally:
        await session.close()


async def eventually(ask, wanted):
    """The answer, once it is `wanted` (or of that type)."""
    answer = None
    for _ in range(200):
        answer = await ask()
        if answer is wanted or (isinstance(wanted, type) and isinstance(answer, wanted)):
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(f"stayed {answer}")


async def when_without_fault(there, alert):
    """A moment before which there was none, for certain."""
    for _ in range(200):
        at = time.time()
        if await there.fault_before(alert, at) is False:
            return at
        await asyncio.sleep(0.1)
    raise AssertionError("there never was a window of data")


@pytest.mark.parametrize("service", ["steady", HOSTILE])
@pytest.mark.parametrize("alert", [("RollbackHealthDown", {"probe": "health"}), ("RollbackErrors", {})])
async def test_a_service_that_is_well(prometheus, service, alert):
    name, labels = alert
    asked = an_alert(name, service, **labels)
    async with asking(prometheus) as there:
        assert await eventually(lambda: there.fault_before(asked, time.time()), False) is False
        assert await eventually(lambda: there.recovered(asked), True)
        assert await there.still_firing(asked) is False


async def test_a_fault_that_is_older_than_the_deployment(prometheus):
    """Also where only the paging twin was pending."""
    async with asking(prometheus) as there:
        down, errs = an_alert(service="old", probe="health"), an_alert("RollbackErrors", "twin")
        assert await eventually(lambda: there.fault_before(down, time.time()), True)
        assert await eventually(lambda: there.still_firing(down), True)
        assert await eventually(lambda: there.fault_before(errs, time.time()), True)
        assert await there.recovered(down) is False
        assert await there.recovered(errs) is False
        # It is the twin that is pending; the rollback alert itself does not fire.
        assert await eventually(lambda: there.still_firing(errs), False) is False


async def test_a_release_that_breaks_and_is_taken_back(prometheus):
    asked = an_alert(service="breaks", probe="health")
    async with asking(prometheus) as there:
        deployed_at = await when_without_fault(there, asked)
        prometheus.up("breaks", 0)
        assert await eventually(lambda: there.still_firing(asked), True)
        assert await there.fault_before(asked, deployed_at) is False
        assert await there.recovered(asked) is False
        # The same alert of another probe is another one, but a fault of the same service.
        other = an_alert(service="breaks", probe="other")
        assert await there.fault_before(other, time.time()) is True
        assert isinstance(await there.still_firing(other), Unanswered)
        prometheus.up("breaks", 1)
        assert await eventually(lambda: there.recovered(asked), True)
        assert await there.still_firing(asked) is False


async def test_names_are_taken_literally(prometheus):
    """`stead.` is no service, and a name that is a pattern asks for no other alert."""
    async with asking(prometheus) as there:
        await eventually(lambda: there.recovered(an_alert(service="steady", probe="health")), True)
        for alert in (an_alert(service="stead.", probe="health"), an_alert("RollbackErrors", "stead.*")):
            assert isinstance(await there.fault_before(alert, time.time()), Unanswered)
            assert isinstance(await there.recovered(alert), Unanswered)
        await eventually(lambda: there.still_firing(an_alert(service="old", probe="health")), True)
        pattern = an_alert("Rollback.*", "old", probe="health")
        assert await there.still_firing(pattern) is not True
        assert await there.fault_before(pattern, time.time()) is not True


async def test_a_prometheus_that_was_not_there_before_the_deployment_can_not_say(prometheus):
    asked = an_alert(service="steady", probe="health")
    async with asking(prometheus) as there:
        await eventually(lambda: there.fault_before(asked, time.time()), False)
        for deployed_at in (prometheus.began_at - 1, prometheus.began_at + WINDOW_S / 2, time.time() + 60):
            answer = await there.fault_before(asked, deployed_at)
            assert isinstance(answer, Unanswered)
            assert "has no data of probe health of steady for all of the" in answer.why


@pytest.mark.parametrize(
    ("service", "alert"),
    [("dies", ("RollbackErrors", {})), ("vanishes", ("RollbackHealthDown", {"probe": "health"}))],
)
async def test_an_exporter_that_is_gone_never_looks_like_health(prometheus, service, alert):
    name, labels = alert
    asked = an_alert(name, service, **labels)
    async with asking(prometheus) as there:
        await eventually(lambda: there.recovered(asked), True)
        await eventually(lambda: there.fault_before(asked, time.time()), False)
        prometheus.up(service, None)
        if not labels:
            prometheus.known(service, is_known=False)
        answer = await eventually(lambda: there.recovered(asked), Unanswered)
        assert "is the exporter up?" in answer.why
        assert isinstance(await there.still_firing(asked), Unanswered)
        assert isinstance(
            await eventually(lambda: there.fault_before(asked, time.time()), Unanswered), Unanswered
        )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("RollbackGone", "Prometheus has no rule RollbackGone any more"),
        ("RollbackBroken", "Prometheus can't evaluate its rule RollbackBroken"),
    ],
)
async def test_an_alert_that_can_not_fire_says_nothing(prometheus, name, why):
    async with asking(prometheus) as there:
        await eventually(lambda: there.recovered(an_alert("RollbackErrors", "steady")), True)
        for ask in (there.recovered, there.still_firing):
            assert await ask(an_alert(name, "steady")) == Unanswered(why)
