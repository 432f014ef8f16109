"""The wall clock jumps by hours, back and forth, on virtual time: no burst, no stop, the grid keeps."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from rollwatch.config.config import Config, ProbeDef, Service
from rollwatch.config.document import HostSpec, Links
from rollwatch.engine.engine import Engine
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.model import Role, Verdict
from rollwatch.probers.contract import ProbeEnv
from support.fake_probes import FakeSpec, fake_kinds, up
from support.virtual import run_virtual, virtual_clock

HOUR = 3600.0
JUMPS = {
    "forth": [HOUR],
    "back": [-HOUR],
    "to and fro": [5 * HOUR, -9 * HOUR, 0.5, -0.5, 48 * HOUR, -48 * HOUR],
    "before 1970": [-2e9],
}


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS.keys())
@pytest.mark.parametrize("role", [Role.NONE, Role.PRIMARY])
def test_a_jump_of_the_wall_clock_moves_no_run(jumps: list[float], role: Role) -> None:
    starts: list[float] = []

    async def counted(run) -> None:
        starts.append(asyncio.get_running_loop().time())
        await up(run)

    async def main() -> None:
        clock = virtual_clock()
        env = ProbeEnv(clock=clock, rng=lambda: 0.5, user_agent="test")
        engine = Engine(fake_kinds({"counted": counted}), Store(), BoundedNames(), env, location="here")
        spec = FakeSpec(interval="30s", timeout="5s", does="counted", role=role)
        probe = ProbeDef("api/health", "api", "health", "fake", spec)
        services = {"api": Service("api", "me", Links(), {})}
        config = Config("test", "here", services, (probe,), HostSpec(), None)
        async with engine.running():
            await engine.apply(config)
            await asyncio.sleep(100)
            for jump in jumps:
                clock.wall_offset += jump
                await asyncio.sleep(10)
                # A reload between two jumps leaves the probe as it is.
                await engine.apply(config)
                await asyncio.sleep(90)
                assert engine.overdue() == []
            (service,) = engine.view().services
            (seen,) = service.probes
        assert (seen.verdict, seen.skipped_runs) == (Verdict.UP, 0)
        assert seen.next_run_at is not None
        assert 0 <= seen.next_run_at - clock.wall() <= 30

    run_virtual(main())
    # The first run may be an early one, off the grid.
    on_grid = starts if role is Role.PRIMARY else starts[1:]
    assert {round(b - a, 6) for a, b in itertools.pairwise(on_grid)} == {30.0}
    assert len(on_grid) == pytest.approx((100 * (1 + len(jumps))) / 30, abs=1)
