"""A secret's value shows nowhere but in what is sent."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from rollwatch.config.describe import describe
from rollwatch.config.fields import SecretText, Template
from rollwatch.config.schema import json_schema
from rollwatch.config.secrets import SecretStore
from rollwatch.errors import ConfigError
from support.config_kinds import KINDS, WebSpec, load

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

VALUE = "hunter2"
FILE = """\
environment: test
services:
  api:
    probes:
      a:
        kind: web
        url: https://u:${env:S}@host.example/${env:S}?key=${env:S}&token=hunter2
        headers: {Authorization: "Bearer ${env:S}", X-Secret: hunter2, X-Plain: "${env:S}"}
        token: ${file:secret}
        body: '{"pin": "${env:S}"}'
      b: {kind: web, url: "https://u:hunter2@host.example/", token: hunter2}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "rollwatch.yml").write_text(FILE)
    (tmp_path / "secret").write_text(VALUE)
    return load(tmp_path / "rollwatch.yml", env={"S": VALUE})


def test_nothing_that_shows_a_config_shows_a_secret(config: Config) -> None:
    spec = config.probes[0].spec

    for shown in (
        repr(config),
        str(config),
        repr(spec),
        str(spec.model_dump()),
        spec.model_dump_json(),
        repr(spec.model_copy(deep=True)),
        repr(copy.deepcopy(spec)),
        "\n".join(describe(config)),
        "\n".join(config.warnings),
        json.dumps(json_schema(KINDS)),
        f"{spec.token} {spec.url} {spec.headers}",
        repr(vars(spec)),
    ):
        assert VALUE not in shown


def test_what_is_sent_has_the_secret(config: Config) -> None:
    spec = config.probes[0].spec

    assert isinstance(spec, WebSpec)
    assert spec.token is not None
    assert spec.token.render() == VALUE
    assert spec.headers["Authorization"].render_header() == f"Bearer {VALUE}"
    assert spec.body is not None
    assert spec.body.render() == '{"pin": "hunter2"}'


def test_a_config_with_secrets_can_not_be_pickled(config: Config, tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"S": VALUE})
    template = store.template("${env:S}")

    for holder in (config.probes[0].spec, template, store, store.cell("env:S")):
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(holder)
        assert VALUE not in repr(holder)


def test_an_error_beside_a_secret_shows_none_not_even_in_its_traceback(tmp_path: Path) -> None:
    path = tmp_path / "rollwatch.yml"
    path.write_text(
        FILE.replace("kind: web\n", "kind: web\n        level: hunter2\n        retries: hunter2\n")
    )
    (tmp_path / "secret").write_text(VALUE)

    with pytest.raises(ConfigError) as refusal:
        load(path, env={"S": VALUE})

    assert len(refusal.value.problems) == 2
    assert VALUE not in "".join(traceback.format_exception(refusal.value))


def test_a_spec_made_by_hand_hides_its_input_in_errors() -> None:
    with pytest.raises(ValidationError) as refusal:
        WebSpec(url="hunter2", retries="hunter2", names={"a": "hunter2"})

    assert VALUE not in str(refusal.value)


def test_secrets_written_into_the_file_are_warned_of_by_their_place(config: Config) -> None:
    written = [
        warning.partition(":")[0] for warning in config.warnings if "a secret stands in the file" in warning
    ]

    assert written == [
        "services.api.probes.a.headers.X-Secret",
        "services.api.probes.b.url",
        "services.api.probes.b.token",
    ]


def test_a_secret_text_is_masked_as_a_whole() -> None:
    assert str(SecretText.parse(VALUE)) == "***"
    assert repr(SecretText.parse(VALUE)) == "SecretText('***')"


def test_a_spec_without_a_store_takes_text_and_refuses_references() -> None:
    assert WebSpec(url="http://localhost/", body="a $$ b").body == Template.parse("a $$ b")
    with pytest.raises(ValidationError, match="secrets are not read here"):
        WebSpec(url="http://localhost/", body="${env:S}")


def test_a_template_made_before_is_taken_as_it_is() -> None:
    template = Template.parse("x")

    assert WebSpec(url="http://localhost/", body=template).body is template
    assert copy.copy(template) is template
