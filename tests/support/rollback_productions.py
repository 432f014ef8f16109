"""Productions for each strategy that needs no platform; they remember how often they were taken back."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.rollback_fakes import Ledger
from support.rollback_git import Team

__all__ = ["STRATEGIES", "Production", "make_templates", "production"]

STRATEGIES = ("command", "git-revert", "redeploy")

_DO = 'sleep 0.05; echo "$1 $2" >> "$3"'
_STATUS = 'grep -q "^$1 " "$2" 2>/dev/null || exit 3'


@dataclass(frozen=True, slots=True)
class Production:
    """A service `api` whose release `bad` is to be taken back to `good`."""

    base: Path
    strategy: str
    spec: dict[str, Any]
    bad: str
    good: str

    def executions(self) -> int:
        """How often it really was taken back."""
        if self.strategy != "git-revert":
            return len(Ledger(self.base / "ledger").lines)
        origin = ["git", "-C", str(self.base / "origin.git")]
        log = [*origin, "log", "--format=%H", f"{self.bad}..main"]
        return len(subprocess.run(log, check=True, capture_output=True, text=True).stdout.split())

    def is_back(self) -> bool:
        """Whether production is as it was before the bad release."""
        if self.strategy != "git-revert":
            return self.executions() == 1
        origin = ["git", "-C", str(self.base / "origin.git")]
        same = [*origin, "diff", "--quiet", self.good, "main"]
        return subprocess.run(same, check=False).returncode == 0


def make_templates(root: Path) -> tuple[str, str]:
    """A repository with a good and a bad release, to be copied; their commits."""
    team = Team(root)
    good = team.commit("good", api_txt="works\n")
    return good, team.commit("bad", api_txt="is broken\n")


def production(strategy: str, root: Path, base: Path, good: str, bad: str) -> Production:
    """One of its own below `base`, from the templates below `root`."""
    ledger = str(base / "ledger")
    order = ["sh", "{rollback_id}", "{target_commit}", ledger]
    spec: dict[str, Any]
    if strategy == "command":
        spec = {
            "run": ["sh", "-c", _DO, *order],
            "status": ["sh", "-c", _STATUS, "sh", "{rollback_id}", ledger],
        }
    else:
        shutil.copytree(root / "origin.git", base / "origin.git")
        spec = {"repository": str(base / "origin.git")}
        if strategy == "redeploy":
            spec |= {"build": ["test", "-f", "api.txt"], "deploy": ["sh", "-c", _DO, *order]}
    return Production(base, strategy, spec, bad, good)
