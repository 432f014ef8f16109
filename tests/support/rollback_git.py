"""Real repositories for rollbacks: a bare origin, a team's clone of it, and a strategy that works on it."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollwatch.clock import SystemClock
from rollwatch.config.rollback_strategies import GitRevertSpec
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.strategies.git_revert import GitRevertStrategy
from rollwatch.rollback.strategies.strategy import Order
from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["ORDER_ID", "Notes", "Team", "order", "release", "revert_strategy", "tools"]

_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "Dana" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "dana@example.com" for role in ("AUTHOR", "COMMITTER")},
}

ORDER_ID = f"rb-{os.getpid()}/api"
"""By it processes are found: another one in each worker."""


class Team:
    """People who commit to `main` of `origin`, and push each time."""

    def __init__(self, root: Path) -> None:
        self.origin = root / "origin.git"
        self.work = root / "work"
        _git(root, "init", "-q", "--bare", "--initial-branch=main", str(self.origin))
        _git(root, "init", "-q", "--initial-branch=main", str(self.work))
        self.git("remote", "add", "origin", str(self.origin))

    def git(self, *arguments: str) -> str:
        return _git(self.work, *arguments)

    def at_origin(self, *arguments: str) -> str:
        return _git(self.origin, *arguments)

    def commit(self, message: str = "change", *, tag: str | None = None, **files: str) -> str:
        """Write `files` (a name's `_` is a dot), commit, push; the commit's name."""
        for name, text in files.items():
            (self.work / name.replace("_", ".")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        if tag is not None:
            self.git("tag", tag)
            self.git("push", "-q", "origin", tag)
        return self.push()

    def merge(self, message: str, *, onto: dict[str, str], branch: dict[str, str]) -> str:
        """A merge commit whose both sides changed something; what conflicts is decided for the branch."""
        self.git("checkout", "-q", "-b", "side")
        for name, text in branch.items():
            (self.work / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "on the side")
        self.git("checkout", "-q", "main")
        for name, text in onto.items():
            (self.work / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "meanwhile")
        self.git("merge", "-q", "--no-ff", "-X", "theirs", "-m", message, "side")
        self.git("branch", "-q", "-D", "side")
        return self.push()

    def push(self) -> str:
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def tip(self) -> str:
        return self.at_origin("rev-parse", "main")

    def tree(self, commit: str) -> str:
        return self.at_origin("rev-parse", f"{commit}^{{tree}}")

    def subjects(self, since: str) -> list[str]:
        """Of what was pushed after `since`, newest first."""
        return self.at_origin("log", "--format=%s", f"{since}..main").splitlines()

    def hook(self, name: str, script: str) -> None:
        """A hook of the origin, as its host has them."""
        path = self.origin / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@dataclass
class Notes:
    """The journal as a strategy sees it."""

    memos: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, memo: Any) -> None:
        self.memos.append(dict(memo))

    @property
    def last(self) -> dict[str, Any]:
        return self.memos[-1] if self.memos else {}


def release(commit: str | None = None, **known: str) -> Release:
    return Release("api", "production", commit=commit, **known)


def order(bad: Release | str, target: Release | str, *, deadline_s: float = 30.0) -> Order:
    bad = bad if isinstance(bad, Release) else release(bad)
    target = target if isinstance(target, Release) else release(target)
    return Order(ORDER_ID, bad, target, "RollbackHttpErrorRatio fired for api", deadline_s)


def tools(root: Path, **environ: str) -> StrategyTools:
    state = root / "state"
    state.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), **environ}
    return StrategyTools(SystemClock(), environment, state, random.Random(7), root)


def revert_strategy(root: Path, url: object, **environ: str) -> GitRevertStrategy:
    spec = GitRevertSpec.model_validate({"repository": str(url), "environment_variables": tuple(environ)})
    return GitRevertStrategy("api", "production", spec, tools(root, **environ))


def _git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=_ENV, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.strip()
