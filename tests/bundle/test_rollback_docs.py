"""The pages on the rollback handler say what the code says, and their examples load."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from rollwatch.bundle.posted import POSTED
from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.config.rollback_words import StrategyName
from rollwatch.config.secrets import SecretStore
from rollwatch.probers import discover
from rollwatch.rollback.intake.reading import read_delivery
from rollwatch.rollback.model.decision import Going
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import Level, Role, State, StepKind
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.steps.told import Told
from rollwatch.rollback.strategies.environment import ALLOWED
from rollwatch.serving.web_config_file import WebConfigSource

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("rollback.md", "rollback-strategies.md", "proxy.md", "install.md")
TEXTS = {name: (DOCS / name).read_text() for name in PAGES}
GUIDE = TEXTS["rollback.md"]
LEVELS = {
    tuple(Level): "all",
    (Level.AUTOMATIC, Level.MANUAL): "automatic, manual",
    (Level.AUTOMATIC,): "automatic",
}
LASTS = {0: "while it lasts", 900: "15 min", 3600: "60 min"}


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    for name, text in TEXTS.items():
        for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL | re.MULTILINE):
            yield name, block
        for block in re.findall(rf"^   ```{language}\n(.*?)^   ```", text, re.DOTALL | re.MULTILINE):
            yield name, block


EXAMPLES = [
    pytest.param(block, id=f"{name}-{number}")
    for number, (name, block) in enumerate(_blocks("yaml"))
    if {"services", "rollback"} & set(yaml.safe_load(block)) and "jobs" not in yaml.safe_load(block)
]
WEB_CONFIGS = [
    pytest.param(block, id=f"{name}-{number}")
    for number, (name, block) in enumerate(_blocks("yaml"))
    if "role: alert" in block
]
FRAME = {
    "environment": "production",
    "rollback": {
        "prometheus": {"url": "http://127.0.0.1:9090"},
        "exporter": {"url": "http://127.0.0.1:9717"},
        "alertmanager": {"url": "http://127.0.0.1:9093"},
    },
}


def _service(said: dict[str, object]) -> dict[str, object]:
    """What an example leaves out."""
    rollback = said.get("rollback")
    if isinstance(rollback, dict) and "strategy" not in rollback:
        rollback |= {"strategy": "command", "triggers": ["RollbackHealthDown"], "command": {"run": ["true"]}}
    return {"probes": {"health": {"kind": "tcp", "address": "127.0.0.1:80"}}, **said}


def _rows(text: str, columns: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == columns:
            yield cells


def test_the_table_of_guards_is_the_code() -> None:
    shown = [row for row in _rows(GUIDE, 5) if row[0].strip("`") in set(Guard)]
    assert [row[:4] for row in shown] == [
        [f"`{guard}`", guard.meaning, "hard" if guard.is_hard else "soft", LEVELS[guard.levels]]
        for guard in Guard
    ]
    assert all(row[4].endswith(".") for row in shown), "it says what to do"


def test_the_table_of_what_people_are_told_is_the_code() -> None:
    shown = [row for row in _rows(GUIDE, 4) if row[0].strip("`") in {name.value for name in POSTED}]
    assert shown == [
        [f"`{name}`", alert.priority.value, alert.condition, LASTS[int(alert.lasts_s)]]
        for name, alert in POSTED.items()
    ]


def test_every_state_role_and_variable_is_explained() -> None:
    words = {*State, *Role, *ALLOWED}
    assert {word for word in words if f"`{word}`" not in GUIDE} == set()


@pytest.mark.parametrize("strategy", list(StrategyName))
def test_every_strategy_has_its_section(strategy: StrategyName) -> None:
    section = TEXTS["rollback-strategies.md"].partition(f"\n## {strategy}\n")[2].partition("\n## ")[0]
    for word in ("Needs", "Done", "After a crash", "Traps"):
        assert f"**{word}**" in section


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_loads_as_the_handler_reads_it(example: str, tmp_path: Path) -> None:
    said = yaml.safe_load(example)
    document = {**FRAME, **said, "rollback": {**FRAME["rollback"], **said.get("rollback", {})}}  # type: ignore[dict-item]
    services = {name: _service(spec) for name, spec in said.get("services", {}).items()}
    for unit in document["rollback"].get("units", {}).values():
        services |= {name: _service({"rollback": {}}) for name in unit if name not in services}
    document["services"] = services or {"api": _service({"rollback": {}})}
    for name in re.findall(r"\$\{file:([^}]+)\}", example):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            "postgresql://a:b@c/d" if "journal" in name else "https://example.com/0123456789"
        )
    file = tmp_path / "rollwatch.yml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    kinds = {name: kind.spec for name, kind in discover().items()}
    secrets = SecretStore(tmp_path, {})
    config = load_config(file, kinds, secrets=secrets, location="here", program=Program.ROLLBACK)
    assert config.rollback is not None


@pytest.mark.parametrize("example", WEB_CONFIGS)
async def test_an_example_of_tokens_has_roles_of_the_handler(example: str, tmp_path: Path) -> None:
    (tmp_path / "tokens").mkdir()
    for token in yaml.safe_load(example)["tokens"]:
        (tmp_path / token["file"]).write_text(f"a-token-of-{token['name']}-0123456789")
    file = tmp_path / "web.yml"
    file.write_text(example)
    source = await WebConfigSource.opened(file, Role)
    assert Role.ALERT in {token.role for token in source.current.tokens}


def test_the_alert_to_explain_is_one_that_alertmanager_could_send() -> None:
    [alert] = [block for name, block in _blocks("json") if name == "rollback.md" and "groupKey" in block]
    delivered = read_delivery(alert.encode())
    assert [one.name for one in delivered.rollback] == ["RollbackHealthDown"]
    assert not delivered.unusable


def test_the_document_of_hooks_is_the_one_that_is_posted() -> None:
    [block] = [block for name, block in _blocks("json") if name == "rollback.md" and '"hook_after"' in block]
    shown = json.loads(block)
    bad, target = (Release("api", "production", **shown[side]) for side in ("bad", "target"))
    going = Going("api", bad, target, "dp-1")
    told = Told(StepKind.HOOK_AFTER, shown["rollback_id"], "production", going, State.SUCCEEDED)
    assert told.document() == shown
    assert {name for name in told.variables() if f"`{name}`" not in GUIDE} == set()
