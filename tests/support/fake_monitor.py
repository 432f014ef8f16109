"""A monitor that shows what a test wants, and the parts of a production to show."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rollwatch.engine.view import Explained, ProbeView, ProductionView, RunRecord, RunRefused, ServiceView
from rollwatch.model import Component, Phase, Reason, Role, Verdict

NOW = 1_780_000_000.0
"""2026-05-28 20:26:40 UTC."""


def run(
    reason: Reason = Reason.OK,
    detail: str = "",
    *,
    ago_s: float = 5.0,
    took_s: float = 0.123,
    phases: dict[Phase, float] | None = None,
) -> RunRecord:
    """A run that began `ago_s` before NOW."""
    phases = {Phase.CONNECT: took_s / 4, Phase.PROCESSING: took_s / 2} if phases is None else phases
    return RunRecord(NOW - ago_s, took_s, reason.verdict, reason, detail, phases)


def probe(
    probe_id: str,
    *recent: RunRecord,
    verdict: Verdict | None = None,
    components: Sequence[Component] = (),
    target: str = "https://api.example.com/health",
    next_in_s: float | None = 10.0,
    role: Role = Role.NONE,
    kind: str = "http",
    skipped_runs: int = 0,
    status_page: str | None = None,
) -> ProbeView:
    """A probe as its runs leave it; the verdict is that of the last one unless given."""
    service, _, name = probe_id.partition("/")
    last = recent[-1] if recent else None
    is_same = [r.verdict is (last and last.verdict) for r in recent]
    since = None if last is None else recent[-1 - is_same[::-1].index(False) + 1 if False in is_same else 0]
    return ProbeView(
        id=probe_id,
        service=service,
        name=name,
        kind=kind,
        role=role,
        target=target,
        interval_s=15.0,
        timeout_s=5.0,
        verdict=verdict or (last.verdict if last else Verdict.UNKNOWN),
        since_at=since.started_at if since else None,
        last=last,
        last_success_at=max((r.started_at for r in recent if r.verdict is Verdict.UP), default=None),
        next_run_at=None if next_in_s is None else NOW + next_in_s,
        recent=recent,
        skipped_runs=skipped_runs,
        components=tuple(components),
        status_page=status_page,
    )


def service(
    name: str,
    *probes: ProbeView,
    version: str | None = None,
    version_changed_at: float | None = None,
    owner: str | None = None,
    links: dict[str, str] | None = None,
) -> ServiceView:
    """A service as its probes leave it."""
    order = (Verdict.DOWN, Verdict.UNKNOWN, Verdict.UP)
    worst = min((p.verdict for p in probes), key=order.index, default=Verdict.UNKNOWN)
    return ServiceView(name, owner, worst, version, version_changed_at, probes, links or {})


def production(
    *services: ServiceView, config_problem: str | None = None, loop_lag_s: float = 0.001
) -> ProductionView:
    """Everything, at NOW."""
    return ProductionView(
        environment="production",
        location="fra1",
        generated_at=NOW,
        started_at=NOW - 7200,
        config_loaded_at=NOW - 7200,
        config_problem=config_problem,
        loop_lag_s=loop_lag_s,
        services=services,
    )


class FakeMonitor:
    """Shows `shown`; answers runs on demand with `explained` or `refusal`, once `may_run` is set."""

    def __init__(self, shown: ProductionView) -> None:
        self.shown = shown
        self.explained: Explained | None = None
        self.refusal: RunRefused | None = None
        self.may_run = asyncio.Event()
        self.may_run.set()
        self.runs: list[str] = []

    def view(self) -> ProductionView:
        return self.shown

    async def run_now(self, probe_id: str) -> Explained:
        self.runs.append(probe_id)
        await self.may_run.wait()
        if self.refusal is not None:
            raise self.refusal
        return self.explained or Explained(
            probe_id, "https://api.example.com/health", run(ago_s=0), (("status", "200"),)
        )
