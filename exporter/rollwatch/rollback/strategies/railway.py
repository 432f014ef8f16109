"""Railway: roll back to a given deployment, or build it again, and follow what comes of it.

The answer to a rollback has no id, so that the newest deployment is noted first, and a newer one of the same
commit is looked for afterwards. Nothing is called twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.model.words import ExecutionResult, StrategyName
from rollwatch.rollback.strategies._graphql import ask_graph, change_graph
from rollwatch.rollback.strategies._railway_deployments import (
    LIST,
    Fate,
    Row,
    appeared,
    find_target,
    live,
    read_rows,
)
from rollwatch.rollback.strategies.http import Ambiguous, Credential, JsonClient, NotSent, Refused
from rollwatch.rollback.strategies.pace import Pace, Until
from rollwatch.rollback.strategies.strategy import Eligibility, Execution, PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.config.rollback_strategies import RailwaySpec
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.strategies._graphql import GraphAnswer
    from rollwatch.rollback.strategies.strategy import Note, Order, PastRelease
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["RailwayStrategy"]

_log = structlog.get_logger(__name__)

_TIMEOUT_S = 300.0
_ALL = 100
_NEWEST = 20
_LEAST_LOOKS = 3
"""How often a new deployment is looked for, also when it should long have shown itself."""
_ROLLBACK = "mutation Rollback($id: String!) { deploymentRollback(id: $id) }"
_ROLLBACK_OBJECT = "mutation Rollback($id: String!) { deploymentRollback(id: $id) { id } }"
_REDEPLOY = (
    "mutation Redeploy($id: String!) { deploymentRedeploy(id: $id, usePreviousImageTag: false) { id } }"
)
_WANTS_SELECTION = "must have a selection of subfields"


class RailwayStrategy:
    """One service of one environment of a project on Railway."""

    name = StrategyName.RAILWAY

    def __init__(
        self,
        service: str,
        environment: str,
        spec: RailwaySpec,
        tools: StrategyTools,
        pace: Pace | None = None,
    ) -> None:
        self._service = service
        self._environment = environment
        self._spec = spec
        self._tools = tools
        self._pace = pace or Pace()
        self._client = JsonClient("Railway", spec.url, _credential(spec), tools, self._pace)

    @property
    def timeout_s(self) -> float:
        return self._spec.timeout or _TIMEOUT_S

    async def current(self) -> Release | None:
        """The newest deployment that went live, also where it has crashed since."""
        row = live(await self._rows(_NEWEST)) or live(await self._rows(_ALL))
        return None if row is None else row.release(self._service, self._environment)

    async def history(self) -> Sequence[PastRelease]:
        """The last 100 deployments that were begun; the commit is that of their metadata."""
        return [row.past(self._service, self._environment) for row in await self._rows(_ALL)]

    async def can_go_back(self, bad: Release, target: Release) -> Eligibility:
        """Whether Railway still has the image, or may build it again."""
        return self._eligible(find_target(await self._rows(_ALL), target), target)

    async def execute(self, order: Order, note: Note) -> Execution:
        """Note the newest deployment, call once, and follow the one that comes of it."""
        until = self._until(order.deadline_s)
        await note({"phase": "reading"})
        try:
            rows = await self._rows(_ALL, until)
        except Refused as refused:
            return _failed(f"Nothing was called: {refused.why}")
        except PlatformFailed as failed:
            return _not_done(f"Nothing was called: {failed.why}")
        runs = live(rows)
        if runs is None or not same_release(runs.release(self._service, self._environment), order.bad):
            what = "nothing" if runs is None else runs.release(self._service, self._environment).shown
            return _not_done(
                f"Nothing was called: Railway runs {what} now, and {order.bad.shown} was to be taken back"
            )
        row = find_target(rows, order.target)
        eligible = self._eligible(row, order.target)
        if row is None or not eligible.possible:
            return _failed(f"Nothing was called: {eligible.why}")
        if until.left <= 0:
            return _not_done("Nothing was called: no time was left for it")
        memo = {
            "phase": "calling",
            "action": "rollback" if row.can_rollback else "redeploy",
            "newest": rows[0].id,
            "newest_at": rows[0].created_at,
            "target": row.id,
            "commit": row.commit or order.target.commit,
            "called_at": self._tools.clock.wall(),
        }
        await note(memo)
        return await self._call(row, memo, note, until)

    async def what_happened(self, order: Order, memo: Mapping[str, Any], note: Note) -> Execution:
        """Follow the deployment that was noted, or look for one newer than the newest that was noted."""
        until = self._until(order.deadline_s)
        match memo.get("phase"):
            case None | "reading":
                return _not_done("Nothing was called before the handler stopped")
            case "following" if isinstance(memo.get("deployment"), str):
                return await self._follow(str(memo["deployment"]), None, until)
            case "calling" if isinstance(memo.get("newest"), str):
                since = self._tools.clock.wall() - float(memo.get("called_at") or 0.0)
                patience = self._pace.appear_s - max(since, 0.0)
                return await self._find(
                    memo, note, until, patience, "the handler stopped in the middle of it"
                )
            case _:
                return _unknown("What was noted before the handler stopped can't be read: look at Railway")

    async def close(self) -> None:
        """Nothing is held between calls."""

    async def _call(self, row: Row, memo: Mapping[str, Any], note: Note, until: Until) -> Execution:
        mutations = (_ROLLBACK, _ROLLBACK_OBJECT) if row.can_rollback else (_REDEPLOY,)
        field = "deploymentRollback" if row.can_rollback else "deploymentRedeploy"
        try:
            answer = await self._change(mutations[0], row.id, until)
            if len(mutations) > 1 and any(_WANTS_SELECTION in error.message for error in answer.errors):
                # A document is validated before any of it is carried out: this one did nothing.
                answer = await self._change(mutations[1], row.id, until)
        except NotSent as failed:
            return _not_done(f"Nothing was called: {failed.why}")
        except Refused as refused:
            return _failed(refused.why)
        except Ambiguous as lost:
            _log.warning("railway_answer_lost", service=self._service, target=row.id, why=lost.why)
            return await self._find(memo, note, until, self._pace.appear_s, lost.why)
        said = answer.data.get(field)
        if answer.errors and all(error.is_refusal for error in answer.errors) and not said:
            return _failed(f"Railway refused it: {answer.words}")
        if not answer.errors and said is False:
            return _failed("Railway answered that it did not roll back")
        created = said.get("id") if isinstance(said, dict) else None
        if isinstance(created, str) and created not in {row.id, memo["newest"]}:
            await note({**memo, "phase": "following", "deployment": created})
            return await self._follow(created, None, until)
        why = f"Railway answered with an error: {answer.words}" if answer.errors else "Railway accepted it"
        return await self._find(memo, note, until, self._pace.appear_s, why)

    async def _find(
        self, memo: Mapping[str, Any], note: Note, until: Until, patience_s: float, why: str
    ) -> Execution:
        """Look for the deployment that the call has made, and follow it."""
        patience = self._until(min(patience_s, until.left))
        newest, newest_at = str(memo["newest"]), float(memo.get("newest_at") or 0.0)
        commit = memo.get("commit")
        trouble = ""
        others = looks = 0
        while until.left > 0 and (looks < _LEAST_LOOKS or patience.left > 0):
            looks += 1
            wait = self._pace.poll_s
            try:
                rows = await self._rows(_NEWEST, until)
            except PlatformFailed as failed:
                trouble, wait = failed.why, max(wait, failed.retry_after_s or 0.0)
                if isinstance(failed, Refused) and not failed.again:
                    break
            else:
                trouble = ""
                row, others = appeared(rows, newest=newest, newest_at=newest_at, commit=commit)
                if row is not None:
                    await note({**memo, "phase": "following", "deployment": row.id})
                    return await self._follow(row.id, row, until)
            await until.rest(min(wait, max(patience.left, self._pace.poll_s)))
        seen = f"{others} newer deployments, none of them surely ours" if others else "no newer deployment"
        return _unknown(f"{why}; {trouble or f'Railway shows {seen}'}. Look at its deployments.")

    async def _follow(self, deployment: str, row: Row | None, until: Until) -> Execution:
        """Wait for the end of a deployment that is ours."""
        trouble: list[str] = []
        while True:
            wait = self._pace.poll_s
            if row is not None and row.fate is not Fate.UNDER_WAY:
                return _ended(row)
            if not await until.rest(wait):
                break
            try:
                rows = await self._rows(_NEWEST, until)
            except PlatformFailed as failed:
                trouble.append(failed.why)
                if isinstance(failed, Refused) and not failed.again:
                    return _unknown(f"Deployment {deployment} began, but {failed.why}", deployment)
                if not await until.rest(failed.retry_after_s or 0.0):
                    break
            else:
                trouble.clear()
                row = next((one for one in rows if one.id == deployment), None)
        # The last look may have been cut off by the end of the time.
        if len(trouble) > 1 or row is None:
            why = trouble[-1] if trouble else "Railway does not list it"
            return _unknown(f"Deployment {deployment} did not end in time; at last {why}", deployment)
        return Execution(
            ExecutionResult.TIMED_OUT,
            sentence(f"Deployment {row.id} was still {row.status} when time was up"),
            platform_id=row.id,
        )

    def _eligible(self, row: Row | None, target: Release) -> Eligibility:
        if row is None:
            why = f"{target.shown} is not among the last {_ALL} deployments that Railway lists"
            return Eligibility(possible=False, why=why)
        if row.can_rollback:
            return Eligibility(possible=True, why=f"Railway can roll back to deployment {row.id}")
        if self._spec.redeploy and row.can_redeploy:
            why = f"Railway has no image of deployment {row.id} any more, and can build it again"
            return Eligibility(possible=True, why=why)
        hint = "" if self._spec.redeploy else "; railway.redeploy would allow to build it again"
        return Eligibility(
            possible=False, why=f"Railway can't roll back to deployment {row.id}: its image is gone{hint}"
        )

    async def _rows(self, first: int, until: Until | None = None) -> tuple[Row, ...]:
        spec = self._spec
        place = {"projectId": spec.project, "environmentId": spec.environment, "serviceId": spec.service}
        within_s = None if until is None else until.left
        data = await ask_graph(
            self._client, "Railway", LIST, {"input": place, "first": first}, within_s=within_s
        )
        return read_rows(data)

    async def _change(self, mutation: str, deployment: str, until: Until) -> GraphAnswer:
        return await change_graph(self._client, "Railway", mutation, {"id": deployment}, within_s=until.left)

    def _until(self, seconds: float) -> Until:
        return Until(self._tools.clock, self._tools.rng, seconds)


def _credential(spec: RailwaySpec) -> Credential:
    if spec.token_kind == "project":  # noqa: S105  a kind, no token
        return Credential("Project-Access-Token", "", spec.token)
    return Credential("Authorization", "Bearer ", spec.token)


def _ended(row: Row) -> Execution:
    match row.fate:
        case Fate.UP:
            why = f"Railway runs deployment {row.id} ({row.status})"
            return Execution(ExecutionResult.DONE, why, platform_id=row.id)
        case Fate.NOT_KNOWN:
            why = f"Deployment {row.id} has the status {row.status or 'none'}, which says nothing: look at it"
            return _unknown(why, row.id)
        case _:
            why = f"Railway says {row.status} of deployment {row.id}, which was to bring the release back"
            return Execution(ExecutionResult.FAILED, sentence(why), platform_id=row.id)


def _not_done(why: str) -> Execution:
    return Execution(ExecutionResult.NOT_DONE, sentence(why))


def _failed(why: str) -> Execution:
    return Execution(ExecutionResult.FAILED, sentence(why))


def _unknown(why: str, platform_id: str | None = None) -> Execution:
    return Execution(ExecutionResult.UNKNOWN, sentence(why), platform_id=platform_id)
