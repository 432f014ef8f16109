"""Clones of one repository: a fresh one for each order, and one that is kept for questions."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rollwatch.errors import RollwatchError, SecretUnavailable
from rollwatch.rollback.strategies.environment import ORDER_VARIABLE, child_environment
from rollwatch.rollback.strategies.file_lock import locked
from rollwatch.rollback.strategies.git import Git, GitFailed
from rollwatch.rollback.strategies.repository import ALL_BRANCHES, Repository
from rollwatch.rollback.strategies.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from rollwatch.config.rollback_strategies import ExecutedSpec
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["CLONE_FAILED", "Clones", "why_no_clone"]

CLONE_FAILED = (GitFailed, SecretUnavailable, OSError)
"""What a clone may raise."""

_AUTHOR = re.compile(r"\s*(?P<name>[^<>]*[^<>\s])\s*<(?P<address>[^<>\s]+)>\s*")


class Clones:
    """Made of one address and branch; below `root`, which is ours alone."""

    def __init__(
        self,
        root: Path,
        spec: ExecutedSpec,
        tools: StrategyTools,
        *,
        url: str,
        branch: str = ALL_BRANCHES,
        author: str = "rollwatch <rollwatch@localhost>",
    ) -> None:
        self._spec = spec
        self._tools = tools
        self._url = url
        self._branch = branch
        self._identity = _identity(author)
        self._workspace = Workspace(root)
        key = hashlib.sha256(f"{url}\n{branch}".encode()).hexdigest()[:16]
        self._mirror = root / f"mirror-{key}.git"

    def git(self, directory: Path, within_s: float, order_id: str | None = None) -> Git:
        """For calls that together take at most `within_s` from now on. Raises SecretUnavailable."""
        more = dict(self._identity)
        if order_id is not None:
            more[ORDER_VARIABLE] = order_id
        environment = child_environment(self._spec, self._tools.environ)
        deadline = self._tools.clock.monotonic() + within_s
        return Git(directory, environment, self._tools.clock, deadline, more=more)

    @asynccontextmanager
    async def fresh(
        self, order_id: str, within_s: float, *, is_bare: bool = True
    ) -> AsyncIterator[Repository]:
        """A clone that is gone after the context. Raises CLONE_FAILED."""
        async with self._workspace.directory(order_id) as directory:
            repository = Repository(self.git(directory, within_s, order_id), self._url, self._branch)
            await repository.clone(is_bare=is_bare)
            yield repository

    def again(self, repository: Repository, order_id: str, within_s: float) -> Repository:
        """The same clone, with new time."""
        return Repository(self.git(repository.git.directory, within_s, order_id), self._url, self._branch)

    @asynccontextmanager
    async def kept(self, within_s: float) -> AsyncIterator[Repository]:
        """The clone for questions, up to date; one question at a time. Raises CLONE_FAILED."""
        async with asyncio.timeout(2 * within_s), locked(self._mirror.with_suffix(".lock")):
            yield await self._up_to_date(within_s)

    async def _up_to_date(self, within_s: float) -> Repository:
        if await asyncio.to_thread(self._mirror.is_dir):
            repository = Repository(self.git(self._mirror, within_s), self._url, self._branch)
            try:
                await repository.fetch()
            except GitFailed:
                # A crash may have broken it; and where the other side is in the way, cloning says so too.
                await asyncio.to_thread(shutil.rmtree, self._mirror, ignore_errors=True)
            else:
                return repository
        await asyncio.to_thread(self._mirror.mkdir, parents=True, exist_ok=True, mode=0o700)
        repository = Repository(self.git(self._mirror, within_s), self._url, self._branch)
        try:
            await repository.clone()
        except GitFailed:
            await asyncio.to_thread(shutil.rmtree, self._mirror, ignore_errors=True)
            raise
        return repository


def why_no_clone(error: RollwatchError | OSError) -> str:
    """A sentence's end for a person: why one of CLONE_FAILED was raised."""
    if isinstance(error, GitFailed):
        return error.why
    if isinstance(error, TimeoutError):
        return "the repository did not answer in time"
    if isinstance(error, OSError):
        return f"no clone can be kept on this host: {error.strerror}"
    return str(error)


def _identity(author: str) -> Mapping[str, str]:
    found = _AUTHOR.fullmatch(author)
    name, address = (found["name"], found["address"]) if found else (author, "rollwatch@localhost")
    return {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", address))
    }
