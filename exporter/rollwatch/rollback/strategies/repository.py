"""A clone of ours, and what is asked of its history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.config.placeholders import fill
from rollwatch.errors import RollwatchError
from rollwatch.rollback.strategies.git import Git, GitFailed
from rollwatch.rollback.strategies.placeholders import is_fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.rollback.model.release import Release

__all__ = ["ALL_BRANCHES", "TRAILER", "Commit", "NotFound", "Repository"]

ALL_BRANCHES = "*"

TRAILER = "Rollwatch-Rollback"
"""The trailer of commits of ours, with the order's id: they are never reverted."""

_HEX = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TRAILER_LINE = re.compile(rf"^{TRAILER}:[ \t]*(\S+)[ \t]*$", re.MULTILINE | re.IGNORECASE)


class NotFound(RollwatchError):  # noqa: N818  an answer
    """The repository has no such release. The text says so to a person."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit on the first-parent line."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def orders(self) -> tuple[str, ...]:
        """The rollbacks that made it, by its trailers."""
        return tuple(_TRAILER_LINE.findall(self.message))


class Repository:
    """A bare clone of one branch with the tags on it, or of all branches. Methods raise GitFailed."""

    def __init__(self, git: Git, url: str, branch: str) -> None:
        self.git = git
        self._url = url
        self.branch = branch
        self._ref = f"refs/heads/{branch}"

    async def clone(self, *, is_bare: bool = True) -> None:
        """Into the empty directory. What files hold comes when it is needed, where the server can do that."""
        only = () if self.branch == ALL_BRANCHES else ("--single-branch", f"--branch={self.branch}")
        await self.git.do(
            *(
                "clone",
                "--quiet",
                "--bare" if is_bare else "--no-checkout",
                "--no-local",
                "--template=",
                "--filter=blob:none",
            ),
            *(*only, "--", self._url, str(self.git.directory)),
        )

    async def fetch(self) -> None:
        """Bring the branch up to date, also where it was rewritten."""
        await self.git.do(
            *("fetch", "--quiet", "--prune", "--filter=blob:none", "origin"),
            *(f"+{self._ref}:{self._ref}", "+refs/tags/*:refs/tags/*"),
        )

    async def tip(self) -> Commit:
        """The branch's newest commit, as of the last fetch."""
        return (await self.line(self._ref, 1))[0]

    async def line(self, start: str, at_most: int) -> Sequence[Commit]:
        """The first-parent line from `start` (a full name), newest first."""
        answer = await self.git.do(
            *("log", "-z", "--first-parent", f"--max-count={at_most}", "--no-show-signature"),
            *("--encoding=UTF-8", "--format=%H %T %P%n%B", "--end-of-options", start, "--"),
        )
        text = answer.printed.decode("utf-8", "replace")
        return [_commit(entry) for entry in text.split("\0") if entry]

    async def check_out(self, sha: str) -> None:
        """Write the files of a commit; not for bare clones."""
        await self.git.do("checkout", "--quiet", "--force", "--detach", sha, "--")

    async def contains(self, sha: str) -> bool:
        """Whether the branch has the commit in its history."""
        answer = await self.git.ask("merge-base", "--is-ancestor", sha, self._ref)
        return answer.result.exit_code == 0

    async def resolve(self, release: Release, tag_names: Sequence[str]) -> str:
        """The full name of the release's commit; `tag_names` may have `{version}`. Raises NotFound."""
        if release.commit is not None:
            if not _HEX.fullmatch(release.commit):
                raise NotFound("its commit is no full SHA")
            found = await self._commit_of(release.commit)
            if found is None:
                raise NotFound(f"the repository has no commit {release.commit[:12]}")
            return found
        if release.version is None:
            raise NotFound("it is known by its platform id only, and git has commits and tags")
        return await self._resolve_tag(release.version, tag_names)

    async def _resolve_tag(self, version: str, tag_names: Sequence[str]) -> str:
        if not is_fit(version):
            raise NotFound("its version is no name that a tag can have")
        found = {}
        for name in tag_names:
            tag = fill(name, {"version": version})
            commit = await self._commit_of(f"refs/tags/{tag}")
            if commit is not None:
                found[tag] = commit
        if not found:
            names = " or ".join(fill(name, {"version": version}) for name in tag_names)
            raise NotFound(f"the repository has no tag {names}")
        if len(set(found.values())) > 1:
            raise NotFound(f"the tags {' and '.join(found)} are different commits")
        return next(iter(found.values()))

    async def _commit_of(self, name: str) -> str | None:
        answer = await self.git.ask(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if not answer.result.is_success:
            return None
        if not _HEX.fullmatch(answer.line):
            raise GitFailed("git rev-parse", answer.result)
        return answer.line


def _commit(entry: str) -> Commit:
    head, _, message = entry.lstrip("\n").partition("\n")
    sha, tree, *parents = head.split(" ")
    return Commit(sha, tree, tuple(parent for parent in parents if parent), message)
