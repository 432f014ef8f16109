"""The file a newcomer copies is good, shows every kind, and fits the published schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.config.reference import reference
from rollwatch.config.rollback_words import Mode
from rollwatch.config.schema import json_schema
from rollwatch.config.secrets import SecretStore
from rollwatch.config.yaml_tree import compose
from rollwatch.probers import discover

if TYPE_CHECKING:
    from rollwatch.config.config import Config

ROOT = Path(__file__).parents[3]
KINDS = {name: kind.spec for name, kind in discover().items()}


@pytest.fixture
def example(tmp_path: Path) -> Config:
    path = tmp_path / "rollwatch.yml"
    shutil.copy(ROOT / "rollwatch.example.yml", path)
    (tmp_path / "secrets").mkdir()
    for name in ("api-token", "massive", "push-api", "tradier"):
        (tmp_path / "secrets" / name).touch(0o600)
        (tmp_path / "secrets" / name).write_text("0123456789abcdef\n")
    secrets = SecretStore(tmp_path, {"FEED_TOKEN": "s3cret"})
    return load_config(path, KINDS, secrets=secrets, location=None)


def test_the_bridge_loads_the_example_with_its_own_secrets_only(tmp_path: Path) -> None:
    shutil.copy(ROOT / "rollwatch.example.yml", tmp_path / "rollwatch.yml")
    (tmp_path / "secrets").mkdir()
    for name in ("bridge", "twilio-sid", "twilio-token", "smtp"):
        (tmp_path / "secrets" / name).write_text("0123456789abcdef\n")
    for name in ("chat-webhook", "watchdog-url"):
        (tmp_path / "secrets" / name).write_text("https://hooks.example.com/0123456789abcdef\n")
    for path in (tmp_path / "secrets").iterdir():
        path.chmod(0o600)

    config = load_config(
        tmp_path / "rollwatch.yml",
        KINDS,
        secrets=SecretStore(tmp_path, {}),
        location=None,
        program=Program.BRIDGE,
    )

    assert config.warnings == ()
    assert config.mail_password is not None
    assert config.mail_password.render() == "0123456789abcdef"


def test_the_rollback_handler_loads_the_example_with_its_own_secrets_only(tmp_path: Path) -> None:
    shutil.copy(ROOT / "rollwatch.example.yml", tmp_path / "rollwatch.yml")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "github").write_text("0123456789abcdef\n")
    for name in ("rollback-webhook", "release-tool"):
        (tmp_path / "secrets" / name).write_text("https://hooks.example.com/0123456789abcdef\n")
    for path in (tmp_path / "secrets").iterdir():
        path.chmod(0o600)

    config = load_config(
        tmp_path / "rollwatch.yml",
        KINDS,
        secrets=SecretStore(tmp_path, {}),
        location=None,
        program=Program.ROLLBACK,
    )

    assert config.warnings == ()
    modes = {service.rollback.mode for service in config.services.values() if service.rollback is not None}
    assert modes == {Mode.DRY_RUN}, "whoever copies the example takes nothing back by surprise"


def plain(path: Path) -> Any:
    root, _ = compose(path.read_text("utf-8"))
    assert root is not None
    return root.plain()


def test_the_example_loads_without_a_warning_and_shows_every_kind(example: Config) -> None:
    assert {probe.kind for probe in example.probes} == set(KINDS)
    assert example.warnings == ()


def test_the_example_means_the_same_to_other_yaml_readers() -> None:
    path = ROOT / "rollwatch.example.yml"
    theirs = yaml.safe_load(path.read_text("utf-8"))
    theirs["services"]["api"]["thresholds"]["http_p95_seconds"]["P2"] = "off"  # YAML 1.1 reads False

    assert plain(path) == theirs


def test_the_example_fits_the_published_schema() -> None:
    schema = json.loads((ROOT / "docs/rollwatch.schema.json").read_text("utf-8"))
    Draft7Validator.check_schema(schema)

    assert list(Draft7Validator(schema).iter_errors(plain(ROOT / "rollwatch.example.yml"))) == []


def test_the_published_schema_is_what_the_code_says() -> None:
    published = json.loads((ROOT / "docs/rollwatch.schema.json").read_text("utf-8"))

    assert published == json_schema(KINDS), "run tools/generated"


def test_the_documented_keys_are_what_the_code_says() -> None:
    page = (ROOT / "docs/configuration.md").read_text("utf-8")

    assert page.endswith(reference(KINDS)), "run tools/generated"


def test_every_key_of_every_kind_is_explained() -> None:
    rows = [line.split(" | ") for line in reference(KINDS).splitlines() if line.startswith("| `")]

    assert [row[0] for row in rows if not row[-1].strip(" |") and len(row) == 4] == []
