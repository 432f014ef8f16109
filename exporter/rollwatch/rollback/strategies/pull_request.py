"""Proposes to revert the bad release on the branch that production is deployed from, by a pull request.

GitHub makes the revert itself, so that protected branches stay protected. Every word of the pull request is
ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from rollwatch.rollback.strategies._github_api import (
    branch_name,
    commit_of,
    github_client,
    graph_client,
    is_id,
    page_of,
)
from rollwatch.rollback.strategies._graphql import change_graph
from rollwatch.rollback.strategies.http import Ambiguous, Refused
from rollwatch.rollback.strategies.pace import Pace, Until
from rollwatch.rollback.strategies.strategy import PlatformFailed
from rollwatch.text import sentence

if TYPE_CHECKING:
    from rollwatch.config.rollback_strategies import PullRequestSpec
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.strategies.http import JsonClient
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["MARKER", "Proposal", "propose"]

MARKER = "Rollwatch-Rollback"
"""The line of a body by which our own pull request is known again: `Rollwatch-Rollback: <id>`."""

_REVERT = (
    "mutation Revert($id: ID!, $title: String!, $body: String!) {"
    " revertPullRequest(input: {pullRequestId: $id, title: $title, body: $body, draft: false})"
    " { revertPullRequest { url } } }"
)
_PAGES = 3
_PER_PAGE = 30
_REVERTED = re.compile(r"^This reverts commit ([0-9a-f]{40}|[0-9a-f]{64})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The open pull request; or none, and why there is none."""

    url: str | None
    why: str
    """One bounded sentence, free of secrets."""


@dataclass(frozen=True, slots=True)
class _Merged:
    node: str
    number: int


async def propose(
    spec: PullRequestSpec,
    bad: Release,
    rollback_id: str,
    tools: StrategyTools,
    pace: Pace | None = None,
) -> Proposal:
    """Open a pull request that reverts the one of `bad`, or give back the one that is open already.

    None is opened where the branch does not hold the commit any more, where it was reverted, and where the
    commit came without a pull request. Raises PlatformFailed where GitHub does not answer, within a minute or
    two; asking again is safe.
    """
    pace = pace or Pace()
    if bad.commit is None:
        return Proposal(None, "The commit of the bad release is not known: no revert can be proposed")
    github = _GitHub(spec, tools, pace)
    if not await github.holds(bad.commit):
        return Proposal(None, f"{spec.branch} does not hold {bad.commit[:12]} any more")
    merged = await github.merged_as(bad.commit)
    if await github.is_reverted(bad.commit, merged):
        return Proposal(None, f"{spec.branch} holds a revert of {bad.commit[:12]} already")
    if (url := await github.open_revert(rollback_id, merged)) is not None:
        return Proposal(url, "A pull request that reverts it is open already")
    if merged is None:
        short = bad.commit[:12]
        why = f"{short} came to {spec.branch} without a pull request: git revert -m 1 {short} by hand"
        return Proposal(None, why)
    return await github.revert(merged, bad, rollback_id)


class _GitHub:
    def __init__(self, spec: PullRequestSpec, tools: StrategyTools, pace: Pace) -> None:
        self._spec = spec
        self._tools = tools
        self._pace = pace
        self._branch = branch_name(spec.branch)
        self._repo = f"/repos/{spec.repository}"
        self._rest: JsonClient = github_client(spec.url, spec.token, tools, pace)

    async def holds(self, commit: str) -> bool:
        """Whether the branch's head comes after the commit, or is it."""
        # The second page has no files, which could be more than any bound.
        path = f"{self._repo}/compare/{commit}...{quote(self._branch, safe='')}?per_page=1&page=2"
        said = (await self._rest.ask("GET", path)).json
        status = said.get("status") if isinstance(said, dict) else None
        if status not in {"ahead", "identical", "behind", "diverged"}:
            raise PlatformFailed("GitHub did not say whether the branch holds the commit")
        return status in {"ahead", "identical"}

    async def merged_as(self, commit: str) -> _Merged | None:
        """The merged pull request that brought the commit to the branch."""
        path = f"{self._repo}/commits/{commit}/pulls?per_page={_PER_PAGE}"
        pulls = _objects((await self._rest.ask("GET", path)).json)
        merged = [one for one in pulls if one.get("merged_at") and self._is_for_branch(one)]
        merged.sort(key=lambda one: one.get("merge_commit_sha") != commit)
        for one in merged:
            node, number = one.get("node_id"), one.get("number")
            if isinstance(node, str) and is_id(number):
                return _Merged(node, number)
        return None

    async def is_reverted(self, commit: str, merged: _Merged | None) -> bool:
        """Whether one of the branch's last 100 commits takes it back, and is not taken back itself."""
        query = urlencode({"sha": self._branch, "per_page": 100})
        undone: set[str] = set()
        for one in _objects((await self._rest.ask("GET", f"{self._repo}/commits?{query}")).json):
            sha = commit_of(one.get("sha"))
            details = one.get("commit")
            message = details.get("message") if isinstance(details, dict) else None
            if sha == commit:
                break
            if not isinstance(message, str) or sha in undone:
                continue
            undone.update(_REVERTED.findall(message))
            if merged is not None and self._reverts(message, merged):
                undone.add(commit)
        return commit in undone

    async def open_revert(self, rollback_id: str, merged: _Merged | None) -> str | None:
        """Our own open pull request for this rollback, or anybody's that reverts the same one."""
        marker = f"{MARKER}: {rollback_id}"
        for page in range(1, _PAGES + 1):
            query = urlencode(
                {
                    "state": "open",
                    "base": self._branch,
                    "sort": "created",
                    "direction": "desc",
                    "per_page": _PER_PAGE,
                    "page": page,
                }
            )
            pulls = _objects((await self._rest.ask("GET", f"{self._repo}/pulls?{query}")).json)
            for one in pulls:
                body = one.get("body")
                if not isinstance(body, str) or (url := page_of(one.get("html_url"))) is None:
                    continue
                is_ours = marker in body.splitlines()
                if is_ours or (merged is not None and self._reverts(body, merged)):
                    return url
            if len(pulls) < _PER_PAGE:
                break
        return None

    async def revert(self, merged: _Merged, bad: Release, rollback_id: str) -> Proposal:
        """Have GitHub open it."""
        graph = graph_client(self._spec.url, self._spec.token, self._tools, self._pace)
        variables = {
            "id": merged.node,
            "title": f"Revert #{merged.number}: {bad.service} was rolled back",
            "body": _body(self._spec.repository, merged, bad, rollback_id),
        }
        try:
            answer = await change_graph(graph, "GitHub", _REVERT, variables)
        except Refused as refused:
            return Proposal(None, sentence(f"No revert was proposed: {refused.why}"))
        except Ambiguous as lost:
            return await self._opened_after_all(merged, rollback_id, lost.why)
        payload = answer.data.get("revertPullRequest")
        made = payload.get("revertPullRequest") if isinstance(payload, dict) else None
        url = page_of(made.get("url")) if isinstance(made, dict) else None
        if url is not None:
            return Proposal(url, f"A pull request that reverts #{merged.number} was opened")
        if answer.errors and all(error.is_refusal for error in answer.errors):
            why = f"GitHub could not make a revert of #{merged.number}: {answer.words}. Revert it by hand."
            return Proposal(None, sentence(why))
        return await self._opened_after_all(merged, rollback_id, "GitHub did not say what it opened")

    async def _opened_after_all(self, merged: _Merged, rollback_id: str, why: str) -> Proposal:
        """Nothing is asked for twice: the one that may have been opened shows itself, or a person looks."""
        until = Until(self._tools.clock, self._tools.rng, min(self._pace.appear_s, 60.0))
        while True:
            if (url := await self.open_revert(rollback_id, merged)) is not None:
                return Proposal(url, f"A pull request that reverts #{merged.number} was opened")
            if not await until.rest(self._pace.poll_s):
                raise PlatformFailed(sentence(f"{why}; no revert of #{merged.number} is open so far"))

    def _is_for_branch(self, pull: dict[str, Any]) -> bool:
        base = pull.get("base")
        return isinstance(base, dict) and base.get("ref") == self._branch

    def _reverts(self, text: str, merged: _Merged) -> bool:
        """Whether GitHub's own line is in it: `Reverts acme/api#12`, or `Reverts #12`."""
        pattern = rf"^Reverts (?:{re.escape(self._spec.repository)})?#{merged.number}\b"
        return re.search(pattern, text, re.MULTILINE | re.IGNORECASE) is not None


def _body(repository: str, merged: _Merged, bad: Release, rollback_id: str) -> str:
    return (
        f"Reverts {repository}#{merged.number}\n\n"
        f"{bad.service} in {bad.environment} was taken back from {bad.commit}, which this branch still "
        "holds: the next deployment would bring it back.\n\n"
        "This reverts one pull request. If more came with the release, revert those too. Merging it changes "
        "what is deployed next; to bring the change back later, revert this.\n\n"
        f"{MARKER}: {rollback_id}\n"
    )


def _objects(said: Any) -> list[dict[str, Any]]:
    if not isinstance(said, list):
        raise PlatformFailed("GitHub listed nothing: its answer has another shape than documented")
    return [one for one in said[:100] if isinstance(one, dict)]
