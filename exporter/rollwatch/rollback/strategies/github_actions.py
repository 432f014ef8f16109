"""GitHub Actions: dispatch a rollback workflow, once, and follow its run to its end.

The inputs are `service`, `deployment_id` (the target's id on the platform, else its commit, else its version)
and those of the configuration. GitHub may accept a dispatch without saying which run came of it: then the run
is ours whose name holds the order's id (`run-name: ... ${{ inputs.rollback_id }}`, with an input
`rollback_id: "{rollback_id}"`), else the only new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from rollwatch.rollback.model.words import ExecutionResult, StrategyName
from rollwatch.rollback.strategies._github_api import branch_name, github_client, is_id
from rollwatch.rollback.strategies._github_deployments import Deployments
from rollwatch.rollback.strategies._github_runs import (
    Run,
    ended,
    is_named,
    ours,
    read_run,
    read_runs,
    still_runs,
)
from rollwatch.rollback.strategies.http import Ambiguous, NotSent, Refused
from rollwatch.rollback.strategies.pace import Pace, Until
from rollwatch.rollback.strategies.placeholders import Unfilled, fill, order_values
from rollwatch.rollback.strategies.strategy import Eligibility, Execution, PlatformFailed
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.config.rollback_strategies import GitHubActionsSpec
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.strategies.http import Answered
    from rollwatch.rollback.strategies.strategy import Note, Order, PastRelease
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["GitHubActionsStrategy"]

_log = structlog.get_logger(__name__)

_TIMEOUT_S = 300.0
_DETAILS = "return_run_details"
_LEAST_LOOKS = 3
"""How often a new run is looked for, also when it should long have shown itself."""


class GitHubActionsStrategy:
    """One service whose rollback is a workflow."""

    name = StrategyName.GITHUB_ACTIONS

    def __init__(
        self,
        service: str,
        environment: str,
        spec: GitHubActionsSpec,
        tools: StrategyTools,
        pace: Pace | None = None,
    ) -> None:
        self._service = service
        self._environment = environment
        self._spec = spec
        self._tools = tools
        self._pace = pace or Pace()
        self._client = github_client(self._spec.url, self._spec.token, tools, self._pace)
        self._actions = f"/repos/{self._spec.repository}/actions"
        self._workflow = f"{self._actions}/workflows/{quote(self._spec.workflow, safe='')}"
        self._deployments = (
            None
            if self._spec.deployments_environment is None
            else Deployments(
                self._client, self._spec.repository, self._spec.deployments_environment, tools, self._pace
            )
        )

    @property
    def timeout_s(self) -> float:
        return self._spec.timeout or _TIMEOUT_S

    async def current(self) -> Release | None:
        """The newest successful deployment to `deployments_environment`; None where that is not set."""
        if self._deployments is None:
            return None
        return await self._deployments.current(self._service, self._environment)

    async def history(self) -> Sequence[PastRelease]:
        """The last 30 deployments to `deployments_environment`; empty where that is not set."""
        if self._deployments is None:
            return ()
        return await self._deployments.history(self._service, self._environment)

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        """Whether the workflow is there and active, and every input has a value."""
        try:
            self._inputs(order_values(bad, target))
        except Unfilled as missing:
            return Eligibility(possible=False, why=sentence(f"an input can't be filled: {missing.why}"))
        try:
            said = (await self._client.ask("GET", self._workflow)).json
        except Refused as refused:
            if refused.status != 404:
                raise
            why = (
                f"{self._spec.repository} has no workflow {self._spec.workflow}, or the token may not see it"
            )
            return Eligibility(possible=False, why=sentence(why))
        state = said.get("state") if isinstance(said, dict) else None
        if state != "active":
            word = clean(state, 40) if isinstance(state, str) else "not known"
            why = f"the workflow {self._spec.workflow} is not active, but {word}"
            return Eligibility(possible=False, why=sentence(why))
        return Eligibility(possible=True, why=f"the workflow {self._spec.workflow} can be dispatched")

    async def execute(self, order: Order, note: Note) -> Execution:
        """Note the newest run, dispatch once, and follow the run that comes of it."""
        until = self._until(order.deadline_s)
        await note({"phase": "reading"})
        try:
            inputs = self._inputs(order_values(order.bad, order.target, order.id))
            runs = await self._runs(until)
        except Unfilled as missing:
            return _failed(f"Nothing was dispatched: an input can't be filled: {missing.why}")
        except Refused as refused:
            return _failed(f"Nothing was dispatched: {refused.why}")
        except PlatformFailed as failed:
            return _not_done(f"Nothing was dispatched: {failed.why}")
        if until.left <= 0:
            return _not_done("Nothing was dispatched: no time was left for it")
        memo = {
            "phase": "calling",
            "newest_run": max((run.id for run in runs), default=0),
            "called_at": self._tools.clock.wall(),
        }
        await note(memo)
        try:
            answered = await self._dispatch(inputs, until)
        except NotSent as failed:
            return _not_done(f"Nothing was dispatched: {failed.why}")
        except Refused as refused:
            return _failed(refused.why)
        except Ambiguous as lost:
            _log.warning("github_answer_lost", service=self._service, order=order.id, why=lost.why)
            return await self._find(order, memo, note, until, patience_s=self._pace.appear_s, why=lost.why)
        number = answered.json.get("workflow_run_id") if isinstance(answered.json, dict) else None
        if not is_id(number):
            why = "GitHub accepted the dispatch without naming its run"
            return await self._find(order, memo, note, until, patience_s=self._pace.appear_s, why=why)
        await note({**memo, "phase": "following", "run": number})
        return await self._follow(number, None, memo, note, until)

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        """Follow the run that was noted, or look for one newer than the newest that was noted."""
        until = self._until(order.deadline_s)
        match memo.get("phase"):
            case None | "reading":
                return _not_done("Nothing was dispatched before the handler stopped")
            case "following" if is_id(memo.get("run")):
                return await self._follow(memo["run"], None, memo, note, until)
            case "calling" if isinstance(memo.get("newest_run"), int):
                since = self._tools.clock.wall() - float(memo.get("called_at") or 0.0)
                patience = self._pace.appear_s - max(since, 0.0)
                why = "the handler stopped in the middle of the dispatch"
                return await self._find(order, memo, note, until, patience_s=patience, why=why)
            case _:
                return _unknown("What was noted before the handler stopped can't be read: look at GitHub")

    async def close(self) -> None:
        """Nothing is held between calls."""

    def _inputs(self, values: Mapping[str, str | None]) -> dict[str, str]:
        known = ("target_id", "target_commit", "target_version")
        target = next((name for name in known if values.get(name) is not None), known[0])
        return {
            "service": self._service,
            "deployment_id": fill(f"{{{target}}}", values),
            **{name: fill(text, values) for name, text in self._spec.inputs.items()},
        }

    async def _dispatch(self, inputs: Mapping[str, str], until: Until) -> Answered:
        path = f"{self._workflow}/dispatches"
        body = {"ref": self._spec.ref, "inputs": dict(inputs)}
        try:
            return await self._client.change("POST", path, {**body, _DETAILS: True}, within_s=until.left)
        except Refused as refused:
            # An older Enterprise Server does not know the key, and has done nothing.
            if refused.status != 422 or _DETAILS not in str(refused.json):
                raise
        return await self._client.change("POST", path, body, within_s=until.left)

    async def _find(
        self,
        order: Order,
        memo: Mapping[str, Any],
        note: Note,
        until: Until,
        *,
        patience_s: float,
        why: str,
    ) -> Execution:
        """Look for the run of the dispatch, and follow it. One without our id must show itself twice."""
        patience = self._until(min(patience_s, until.left))
        before: Run | None = None
        trouble = ""
        candidates = looks = 0
        while until.left > 0 and (looks < _LEAST_LOOKS or patience.left > 0):
            looks += 1
            wait = self._pace.poll_s
            try:
                runs = await self._runs(until)
            except PlatformFailed as failed:
                trouble, wait = failed.why, max(wait, failed.retry_after_s or 0.0)
                if isinstance(failed, Refused) and not failed.again:
                    break
            else:
                trouble = ""
                branch = branch_name(self._spec.ref)
                run, candidates = ours(runs, order_id=order.id, newest=int(memo["newest_run"]), branch=branch)
                is_sure = run is not None and (
                    is_named(run, order.id) or (before is not None and before.id == run.id)
                )
                if run is not None and is_sure:
                    await note({**memo, "phase": "following", "run": run.id})
                    return await self._follow(run.id, run, memo, note, until)
                before = run
            await until.rest(min(wait, max(patience.left, self._pace.poll_s)))
        seen = f"{candidates} new runs, none of them surely ours" if candidates else "no new run"
        return _unknown(f"{why}; {trouble or f'GitHub shows {seen}'}. Look at the runs of the workflow.")

    async def _follow(
        self, number: int, run: Run | None, memo: Mapping[str, Any], note: Note, until: Until
    ) -> Execution:
        """Wait for the end of our run."""
        patience = self._until(min(self._pace.appear_s, until.left))
        trouble: list[str] = []
        is_told = False
        while True:
            if run is not None and run.is_over:
                return ended(run)
            if run is not None and run.needs_approval and not is_told:
                is_told = True
                await note({**memo, "phase": "following", "run": number, "detail": still_runs(run)})
                _log.warning("github_run_waits", service=self._service, run=number)
            wait = self._pace.poll_s
            try:
                said = await self._client.ask("GET", f"{self._actions}/runs/{number}", within_s=until.left)
                run = read_run(said.json)
                trouble.clear()
            except PlatformFailed as failed:
                trouble.append(failed.why)
                wait = max(wait, failed.retry_after_s or 0.0)
                # A run that was only just made may not be found yet.
                is_new = isinstance(failed, Refused) and failed.status == 404 and patience.left > 0
                if isinstance(failed, Refused) and not failed.again and not is_new:
                    return _unknown(f"Run {number} was begun, but {failed.why}", str(number))
            if run is not None and run.is_over:
                continue
            if not await until.rest(wait):
                break
        # The last look may have been cut off by the end of the time.
        if len(trouble) > 1 or run is None:
            why = trouble[-1] if trouble else "GitHub did not tell of it"
            return _unknown(f"Run {number} did not end in time; at last {why}", str(number))
        why = sentence(f"Time was up: {still_runs(run)}. It may still roll back.")
        return Execution(ExecutionResult.TIMED_OUT, why, platform_id=str(run.id), facts=run.facts)

    async def _runs(self, until: Until) -> tuple[Run, ...]:
        path = f"{self._workflow}/runs?event=workflow_dispatch&per_page=30"
        return read_runs((await self._client.ask("GET", path, within_s=until.left)).json)

    def _until(self, seconds: float) -> Until:
        return Until(self._tools.clock, self._tools.rng, seconds)


def _not_done(why: str) -> Execution:
    return Execution(ExecutionResult.NOT_DONE, sentence(why))


def _failed(why: str) -> Execution:
    return Execution(ExecutionResult.FAILED, sentence(why))


def _unknown(why: str, platform_id: str | None = None) -> Execution:
    return Execution(ExecutionResult.UNKNOWN, sentence(why), platform_id=platform_id)
