"""What a process says of itself to strangers."""

from __future__ import annotations

import pytest

from rollwatch.serving.health import Health
from support.manual_clock import ManualClock
from support.web import ask, listening


@pytest.mark.parametrize(("problem", "status"), [(None, 200), ("api/pay-probe has not run.", 503)])
async def test_strangers_hear_whether_it_is_alive_and_not_what_is_wrong(
    problem: str | None, status: int
) -> None:
    health = Health("rollwatch exporter", "1.0", ManualClock(), alive=lambda: problem, ready=lambda: None)
    async with listening(routes=health.liveness()) as listener:
        answer = await ask(listener, "/-/healthy")
        assert answer.status == status
        assert "pay-probe" not in answer.body
        assert "1.0" not in answer.body
        for path in ("/-/ready", "/health"):
            assert (await ask(listener, path)).status == 404
