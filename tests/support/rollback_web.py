"""The handler's listener on port 0, with a token per role, before a `World`: real journal, policy, worker."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from rollwatch.clock import SystemClock
from rollwatch.rollback.evidence.gather import Gatherer
from rollwatch.rollback.intake.alerts import ALERTS_PATH, BODY_MAX, AlertIntake, Arrival
from rollwatch.rollback.model.words import Role, State
from rollwatch.rollback.policy.decide import decide
from rollwatch.rollback.web.api import api_routes
from rollwatch.rollback.web.explaining import Explainer
from rollwatch.rollback.web.service import RollbackService
from rollwatch.serving.app import build_app
from rollwatch.serving.limits import Limits
from rollwatch.serving.server import serve
from rollwatch.serving.web_config_file import WebConfigSource
from support.rollback_notifications import alert, notification
from support.rollback_world import ENVIRONMENT, World, world
from support.web import password_hash, token_digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rollwatch.rollback.journal_port import Journal
    from rollwatch.rollback.model.decision import Decision
    from rollwatch.rollback.policy.facts import Question
    from rollwatch.serving.route import Route
    from rollwatch.serving.server import Listener

__all__ = ["USER", "Said", "Web", "firing", "starts_at", "token", "web"]


_NAME, _PASSWORD = "someone", "has-every-role"
USER = f"Basic {base64.b64encode(f'{_NAME}:{_PASSWORD}'.encode()).decode()}"
"""The Authorization of a user, who has every role."""


def token(role: Role) -> str:
    """The token of the role; its name is `the-<role>`."""
    return f"token-of-role-{role}-0123456789"


def starts_at(ago_s: float = 60.0) -> str:
    """RFC 3339, as an alert that has been firing for so long."""
    at = time.time() - ago_s
    fraction = int(at % 1 * 1e9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{fraction:09d}Z"


def firing(service: str = "api", **changes: Any) -> dict[str, Any]:
    """An alert that the policy would follow."""
    return alert({"service": service}, startsAt=changes.pop("startsAt", starts_at()), **changes)


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass
class Web:
    """The listener, and a client of it."""

    world: World
    listener: Listener
    session: aiohttp.ClientSession
    routes: list[Route]
    arrivals: list[Arrival]
    questions: list[Question] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return self.world.journal

    @property
    def url(self) -> str:
        return self.listener.url

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: Role | None = Role.APPROVE,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Said:
        """`path` is below /api/monitoring where it does not begin with /api. Bytes go as they are."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if role is not None:
            sent["Authorization"] = f"Bearer {token(role)}"
        if key is not None:
            sent["Idempotency-Key"] = key
        raw = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        data = None if raw is None else io.BytesIO(raw)
        path = path if path.startswith("/api") else f"/api/monitoring{path}"
        async with self.session.request(method, f"{self.url}{path}", data=data, headers=sent) as answer:
            return Said(answer.status, dict(answer.headers), await answer.text())

    async def deliver(self, *alerts: Any, **changes: Any) -> Said:
        """What Alertmanager does."""
        return await self.ask("POST", ALERTS_PATH, notification(*alerts, **changes), role=Role.ALERT)

    async def trigger(self, service: str = "api", **more: Any) -> Said:
        body = {"service": service, "reason": "it is broken", "actor": "alice", **more}
        return await self.ask("POST", "/rollback/trigger", body)

    async def reached(self, rollback_id: str, *states: State) -> None:
        await self.world.until(rollback_id, lambda row: row.state in states)

    async def rows(self) -> int:
        return len(await self.journal.history(limit=1000))


@asynccontextmanager
async def web(
    base: Path,
    *services: str,
    limits: Limits | None = None,
    works: bool = True,
    judge_within_s: float = 10.0,
    journal: Journal | None = None,
) -> AsyncIterator[Web]:
    """Before a world of these services. `works` False: nothing is judged. `journal` replaces the world's."""
    async with world(base, *services) as here:
        worker = here.start() if works else here.worker()
        clock = SystemClock()
        used = journal or here.journal
        arrivals: list[Arrival] = []
        questions: list[Question] = []

        def units() -> dict[str, str]:
            return dict.fromkeys(here.plan.rules.services, here.plan.rules.unit)

        async def ask(question: Question) -> Decision:
            questions.append(question)
            plan = here.plans.of(question.environment, question.service)
            gatherer = Gatherer(used, here.evidence, dict(here.strategies), clock, deadline_s=2.0)
            rules = here.plan.rules if plan is None else plan.rules
            facts = await gatherer.facts(question, rules)
            return decide(question, facts, None if plan is None else plan.rules)

        service = RollbackService(
            used,
            clock,
            environment=ENVIRONMENT,
            units=units,
            wake=worker.wake,
            judge_within_s=judge_within_s,
        )
        routes = [
            *AlertIntake(used, clock, units, worker.wake, arrivals.append).routes(),
            *api_routes(
                service,
                Explainer(ask, environment=ENVIRONMENT),
                used,
                clock,
                environment=ENVIRONMENT,
                services=units,
            ),
        ]
        source = await WebConfigSource.opened(await asyncio.to_thread(_tokens, base), Role)
        bounds = replace(limits or Limits(), body_bytes=BODY_MAX)
        async with (
            serve(build_app(routes, source, limits=bounds), "127.0.0.1:0") as listener,
            aiohttp.ClientSession() as session,
        ):
            yield Web(here, listener, session, routes, arrivals, questions)


def _tokens(base: Path) -> Path:
    lines = [
        f"  - {{name: the-{role}, role: {role}, sha256: {token_digest(token(role))}}}\n" for role in Role
    ]
    path = base / "web.yml"
    users = f"basic_auth_users:\n  {_NAME}: {password_hash(_PASSWORD)}\n"
    path.write_text("tokens:\n" + "".join(lines) + users)
    return path
