"""The git repository of the demo's API: a bare one, whose branch `main` is what production is to run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BAD", "Committed", "Repository"]

_AUTHOR = "Ada <ada@larkspur.example>"
_HISTORY = (("1.4.0", 96), ("1.4.1", 30), ("1.4.2", 6))
"""Good releases, and how many hours ago each was committed."""
_TIMEOUT_S = 20.0
_FILE = "release.json"
BAD = "1.5.0"
"""The version of the bad release; its orders fail."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A release as the repository has it. `committed_at` in Unix seconds."""

    commit: str
    version: str
    is_broken: bool
    committed_at: float


@dataclass(frozen=True, slots=True)
class Repository:
    """The bare repository at `path`. Every method blocks, and raises DemoError if git fails."""

    path: Path
    git: str

    def make(self, now: float) -> None:
        """Anew, with a few good releases."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self.path), inside=False)
        for version, hours in _HISTORY:
            self.commit(version, is_broken=False, at=now - hours * 3600)

    def commit(self, version: str, *, is_broken: bool, at: float) -> str:
        """A new release on top of main; its commit."""
        content = json.dumps({"version": version, "orders": "broken" if is_broken else "well"}) + "\n"
        blob = self._git("hash-object", "-w", "--stdin", given=content)
        tree = self._git("mktree", given=f"100644 blob {blob}\t{_FILE}\n")
        parent = self.head()
        words = ("-p", parent) if parent else ()
        when = datetime.fromtimestamp(at, UTC).isoformat()
        commit = self._git("commit-tree", *words, "-m", f"Release {version}", tree, when=when)
        self._git("update-ref", "refs/heads/main", commit, *([parent] if parent else []))
        self._git("tag", f"v{version}", commit, "--force")
        return commit

    def head(self) -> str | None:
        """The commit of main; None in an empty repository."""
        found = self._git("for-each-ref", "--format=%(objectname)", "refs/heads/main")
        return found or None

    def read(self, commit: str) -> Committed:
        """What a commit holds."""
        try:
            said = json.loads(self._git("show", f"{commit}:{_FILE}"))
            return Committed(
                commit=commit,
                version=str(said["version"]),
                is_broken=said["orders"] != "well",
                committed_at=float(self._git("show", "--no-patch", "--format=%ct", commit)),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DemoError(f"{_FILE} of {commit} in {self.path} can't be read: {error}") from error

    def history(self) -> list[Committed]:
        """The releases on main, the oldest first."""
        return [self.read(commit) for commit in self._git("rev-list", "--reverse", "main").split()]

    def _git(
        self, *words: str, given: str | None = None, when: str | None = None, inside: bool = True
    ) -> str:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _named(when)},
        }
        place = ["-C", str(self.path)] if inside else []
        try:
            done = subprocess.run(  # noqa: S603  our own words
                [self.git, *place, *words],
                input=given,
                capture_output=True,
                text=True,
                env=environment,
                timeout=_TIMEOUT_S,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise DemoError(f"git {words[0]} failed in {self.path}: {error.stderr.strip()}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DemoError(f"git {words[0]} failed in {self.path}: {error}") from error
        return done.stdout.strip()


def _named(when: str | None) -> list[tuple[str, str]]:
    name, _, mail = _AUTHOR.partition(" <")
    named = [("NAME", name), ("EMAIL", mail.rstrip(">"))]
    return named if when is None else [*named, ("DATE", when)]
