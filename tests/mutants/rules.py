"""The shipped rule files as data; each of their mutants; and the tests that should notice."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mutants.expressions import changed_durations, changes

__all__ = ["CaseFile", "Mutant", "case_files", "groups_of", "load_groups", "mutants", "notices", "seconds"]

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus/rules"
TESTS = ROOT / "prometheus/tests"

Groups = dict[str, dict[str, Any]]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class Mutant:
    """One rule, changed in one place."""

    group: str
    index: int
    rule: dict[str, Any]
    name: str

    @property
    def words(self) -> list[str]:
        """What a test that is about the rule most likely names."""
        threshold = self.rule.get("labels", {}).get("threshold")
        return [word for word in (self.rule.get("alert") or self.rule["record"], threshold) if word]


@dataclass(frozen=True)
class CaseFile:
    """A promtool test; it says which groups it is about in `group_eval_order`."""

    path: Path
    document: dict[str, Any]

    def about(self, words: list[str]) -> CaseFile | None:
        """The part of it that names them all; None if that is all of it, or nothing."""
        tests = [test for test in self.document["tests"] if all(word in str(test) for word in words)]
        if not tests or len(tests) == len(self.document["tests"]):
            return None
        return CaseFile(self.path, {**self.document, "tests": tests})

    @property
    def cost(self) -> int:
        """How many steps promtool takes, about."""
        step = seconds(self.document["evaluation_interval"])
        lasts = [
            seconds(case["eval_time"])
            for test in self.document["tests"]
            for case in (*test.get("alert_rule_test", []), *test.get("promql_expr_test", []))
        ]
        return int(sum(lasts) / step)

    @property
    def groups(self) -> list[str]:
        return list(self.document["group_eval_order"])


def seconds(duration: object) -> float:
    """A duration as Prometheus writes it."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
    return round(sum(float(n) * units[u] for n, u in re.findall(r"([\d.]+)(ms|[smhdw])", str(duration))), 3)


def load_groups() -> Groups:
    """Every shipped group by its name."""
    found: Groups = {}
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.load(path.read_text("utf-8"), Loader=_Loader)["groups"]:
            assert group["name"] not in found, f"two groups are named {group['name']}"
            found[group["name"]] = group
    return found


def case_files() -> list[CaseFile]:
    """All of them."""
    paths = sorted(TESTS.glob("*.test.yml"))
    return [CaseFile(path, yaml.load(path.read_text("utf-8"), Loader=_Loader)) for path in paths]


def groups_of(topic: str, groups: Groups) -> list[str]:
    """The groups that belong to a topic."""
    return [name for name in groups if name in {topic, f"{topic}-sli", f"{topic}-thresholds"}]


def mutants(group: dict[str, Any]) -> Iterator[Mutant]:
    """Each rule of a group with one change."""
    for index, rule in enumerate(group["rules"]):
        title = rule.get("alert") or rule["record"]
        if rule.get("labels", {}).get("threshold"):
            title += f"{{{rule['labels']['threshold']} {rule['labels']['priority']}}}"
        for change in changes(rule["expr"]):
            yield Mutant(group["name"], index, {**rule, "expr": change.expr}, f"{title}: {change.what}")
        for what, new in changed_durations(rule.get("for", "")):
            yield Mutant(group["name"], index, {**rule, "for": new}, f"{title}: for: {what}")


def notices(mutant: Mutant | None, files: list[CaseFile], groups: Groups) -> bool:
    """Whether one of the tests fails with the mutant (or, given None, as shipped)."""
    if mutant is None:
        return any(_fails(file.document, _chosen(file, groups)) for file in files)
    files = [file for file in files if mutant.group in file.groups]
    # What speaks of the rule is the likeliest to notice, and a part of a file is the quickest to ask.
    parts = [part for file in files if (part := file.about(mutant.words)) is not None]
    return any(
        _fails(part.document, _chosen(part, groups, mutant)) for part in _quickest_first(parts)
    ) or any(_fails(file.document, _chosen(file, groups, mutant)) for file in _quickest_first(files))


def _quickest_first(files: list[CaseFile]) -> list[CaseFile]:
    return sorted(files, key=lambda file: file.cost)


def _chosen(file: CaseFile, groups: Groups, mutant: Mutant | None = None) -> list[dict[str, Any]]:
    chosen = [groups[name] for name in file.groups if name in groups]
    if mutant is None:
        return chosen
    return [_with(mutant, group) if group["name"] == mutant.group else group for group in chosen]


def _with(mutant: Mutant, group: dict[str, Any]) -> dict[str, Any]:
    changed = copy.copy(group)
    changed["rules"] = [
        mutant.rule if index == mutant.index else rule for index, rule in enumerate(group["rules"])
    ]
    return changed


def _fails(document: dict[str, Any], groups: list[dict[str, Any]]) -> bool:
    with tempfile.TemporaryDirectory(prefix="mutant") as place:
        rules, path = Path(place, "rules.yml"), Path(place, "test.yml")
        rules.write_text(yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=10_000))
        path.write_text(
            yaml.dump(
                {**document, "rule_files": ["rules.yml"]}, Dumper=_Dumper, sort_keys=False, width=10_000
            )
        )
        done = subprocess.run(
            [os.environ.get("PROMTOOL", "promtool"), "test", "rules", str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    return done.returncode != 0
