"""The JSON Schema says what the loader says, as far as a schema can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from jsonschema import Draft7Validator
from pydantic import BeforeValidator, Field, ValidationInfo

from rollwatch.config.fields import Name, expect_text
from rollwatch.config.known_keys import known_keys
from rollwatch.config.schema import json_schema
from rollwatch.config.secrets import Elsewhere
from rollwatch.config.yaml_tree import compose
from support.config_kinds import KINDS, WebSpec, load

TESTDATA = Path(__file__).parent / "testdata"
SCHEMA = json_schema(KINDS)
BEYOND_A_SCHEMA = {
    "clashes",
    "features-shared",
    "figure-limit-rules",
    "figure-rules",
    "logs-shared",
    "reading-names",
    "reading-rules",
    "records-fetched",
    "buckets",
    "control-character",
    "defaults-timeout-above-interval",
    "duplicate-key",
    "empty",
    "expressions",
    "files",
    "headers",
    "host-processes",
    "key-not-text",
    "merge",
    "null",
    "nesting",
    "not-utf8",
    "secrets",
    "syntax",
    "tab",
    "tag",
    "timeout-above-interval",
    "two-documents",
    "bridge-two-senders",
    "rollback-strategies",
    "rollback-times",
    "anchor-bomb",
    "anchor-missing",
    "anchor-recursive",
    "other-forms",
}


def plain(text: str) -> Any:
    root, _ = compose(text)
    assert root is not None
    return root.plain()


def complaints(document: object) -> list[str]:
    return [error.json_path for error in Draft7Validator(SCHEMA).iter_errors(document)]


def probe(**keys: object) -> dict[str, Any]:
    return {"environment": "test", "services": {"api": {"probes": {"a": keys}}}}


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in sorted(TESTDATA.glob("invalid-*.yml"))
        if p.stem.removeprefix("invalid-") not in BEYOND_A_SCHEMA
    ],
    ids=lambda path: path.stem,
)
def test_a_file_the_loader_refuses_is_marked_in_the_editor(path: Path) -> None:
    assert complaints(plain(path.read_text("utf-8"))) != []


@pytest.mark.parametrize(
    "keys",
    [
        {
            "kind": "web",
            "url": "http://x/",
            "interval": "1m30s",
            "expect": {"status": [200, "2xx"], "json": "a"},
        },
        {
            "kind": "web",
            "url": "https://x/${file:a}",
            "mode": {"field": "ab"},
            "body_limit": "64KiB",
            "wait": None,
        },
        {"kind": "line", "address": "[::1]:80", "buckets": [0.1, 1], "locations": ["fra1"]},
    ],
)
def test_what_the_loader_takes_is_not_marked(keys: dict[str, object]) -> None:
    assert KINDS[str(keys["kind"])].model_validate(keys, context={"secrets": Elsewhere(TESTDATA)})
    assert complaints(probe(**keys)) == []


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"kind": "nope"},
        {"kind": "line", "address": "x:1", "url": "http://x/"},
        {"kind": "web", "url": "ftp://x/"},
        {"kind": "web", "url": "http://x/", "interval": 15},
        {"kind": "web", "url": "http://x/", "interval": ""},
        {"kind": "web", "url": "http://x/", "checks": [{}]},
    ],
)
def test_a_kind_decides_which_keys_there_are(keys: dict[str, object]) -> None:
    assert complaints(probe(**keys)) != []


FIGURES = {"a_total": {"type": "counter", "help": "A."}, "b_seconds": {"type": "histogram", "help": "B."}}


@pytest.mark.parametrize(
    "service",
    [
        {
            "figures": {
                "users": {"type": "gauge", "help": "Users.", "labels": {"plan": ["free"], "region": "any"}}
            }
        },
        {
            "figures": {
                "users": {"type": "gauge", "help": "Users.", "limits": {"P1": {"above": 5, "for": "5m"}}}
            }
        },
        {"figures": {"rollwatch_active_users": {"limits": {"P2": {"below": 1.5}}, "stale_after": "1h"}}},
        {"figures": {**FIGURES, "sizes": {"type": "histogram", "help": "C.", "buckets": [1, 2.5]}}},
        {"push": {"token": "${env:T}"}},
        {"push": {"tokens": ["${file:t}", "${env:T}"], "origins": ["https://a.example", "http://[::1]:80/"]}},
        {"push": {"token": "${env:T}", "document": {"figures": {"rollwatch_database_up": "db.up"}}}},
        {"push": {"token": "${env:T}", "document": {"figures": {"rollwatch_database_up": {"value": "up"}}}}},
        {
            "push": {
                "token": "${env:T}",
                "document": {
                    "figures": {"rollwatch_database_up": ["a", {"value": "b", "when": "c", "scale": 0.5}]},
                    "id": "id",
                    "sent_at": "at",
                    "source": "host",
                },
            }
        },
        {
            "push": {
                "token": "${env:T}",
                "document": {
                    "figures": {
                        "rollwatch_system_errors_total": {
                            "each": "errors",
                            "add": "value",
                            "labels": {"type": {"value": "key", "pattern": "^[A-Z]+"}},
                        },
                        "rollwatch_database_size_bytes": {"value": "size", "labels": {"table": "'all'"}},
                    }
                },
            }
        },
        {"records": {"trades": {}}},
        {
            "figures": FIGURES,
            "records": {
                "trades": {
                    "id": "id",
                    "defaults": {"a": 1, "b": "x", "c": True, "d": 1.5},
                    "compute": {"e": "add(a, d)"},
                    "rules": [{"field": "a", "min": 0}],
                    "figures": {"a_total": {}, "b_seconds": "seconds"},
                    "totals": {"rollwatch_trading_executions_total": "length(@)"},
                    "keep": 20,
                }
            },
        },
        {"browser": {"origins": ["https://www.example.com"]}},
        {
            "browser": {
                "origins": ["https://www.example.com"],
                "sample": 0.1,
                "routes": ["/", "/stocks/:symbol", "/docs/*"],
                "goals": ["signup"],
                "ignore_errors": {"extension": "chrome-extension://"},
                "source_maps": "maps",
            }
        },
        {
            "figures": FIGURES,
            "logs": {
                "app": {"file": "app.log", "lines": [{"figures": {"a_total": {}}}], "line_limit": "64KiB"},
                "pipe": {
                    "fifo": "run/pipe",
                    "lines": [{"pattern": "(?P<s>[0-9]+)", "figures": {"b_seconds": "s"}}],
                },
                "in": {"stdin": True, "lines": [{"when": "a", "figures": {"a_total": {"add": "n"}}}]},
            },
        },
        {"features": {"checkout": {"endpoints": ["/cart", "POST-/pay", "/users/{id}"], "core": True}}},
    ],
)
def test_every_form_of_what_arrives_is_taken_and_not_marked(
    service: dict[str, object], tmp_path: Path
) -> None:
    document = {"environment": "test", "services": {"api": service}}
    (tmp_path / "rollwatch.yml").write_text(json.dumps(document))
    (tmp_path / "t").write_text("secret")

    assert load(tmp_path / "rollwatch.yml", env={"T": "secret"}).services["api"]
    assert complaints(document) == []


@pytest.mark.parametrize(
    ("thresholds", "is_good"),
    [
        ({"http_p95_seconds": {"P1": 0.8, "P2": "off"}}, True),
        ({"http_p95_seconds": {"P1": "800ms"}}, True),
        ({"http_5xx_ratio": {"rollback": 0.2}}, True),
        ({"http_5xx_ratio": {"P1": 5}}, False),
        ({"http_5xx_ratio": {"P3": 0.1}}, False),
        ({"http_p95": {"P1": 1}}, False),
        ({"cpu_ratio": {"P1": "80%"}}, False),
    ],
)
def test_thresholds_are_completed_and_checked(thresholds: dict[str, object], is_good: bool) -> None:
    document = {"environment": "test", "services": {"api": {"thresholds": thresholds}}}

    assert (complaints(document) == []) is is_good


def test_defaults_are_written_as_people_write_them() -> None:
    properties = SCHEMA["$defs"]["WebSpec"]["properties"]

    assert properties["interval"]["default"] == "15s"
    assert properties["body_limit"]["default"] == "64KiB"
    assert properties["retries"]["default"] == 0


def test_a_list_that_takes_one_item_says_so() -> None:
    def one(value: object) -> object:
        return value if isinstance(value, list) else [value]

    class Spec(WebSpec):
        """With lists of several manners."""

        several: Annotated[tuple[str, ...], BeforeValidator(one)] = ()
        """One or more."""
        strict: Annotated[tuple[str, ...], BeforeValidator(lambda value: value)] = ()
        """A list."""
        other: Annotated[tuple[str, ...], BeforeValidator(lambda value: int(expect_text(value)))] = ()
        """Fails on text."""
        informed: Annotated[tuple[str, ...], BeforeValidator(_informed)] = ()
        """Looks around."""

    properties = json_schema({"web": Spec})["$defs"]["Spec"]["properties"]

    assert [form["type"] for form in properties["several"]["anyOf"]] == ["string", "array"]
    assert {properties[name]["type"] for name in ("strict", "other", "informed")} == {"array"}


def test_names_in_a_mapping_are_checked() -> None:
    class Spec(WebSpec):
        """With names."""

        channels: dict[Name, int] = Field(default_factory=dict)
        """Numbers by name."""

    validator = Draft7Validator(json_schema({"web": Spec}))
    keys = {"kind": "web", "url": "http://x/"}

    assert validator.is_valid(probe(**keys, channels={"btc": 1}))
    assert not validator.is_valid(probe(**keys, channels={"B T C": 1}))
    assert not validator.is_valid(probe(**keys, channels={"btc": "x"}))


def _informed(value: object, info: ValidationInfo) -> object:
    return value


@pytest.mark.parametrize(
    ("location", "keys"),
    [
        (("expect",), {"status", "json", "body"}),
        (("checks", 0), {"field", "limit"}),
        (("mode", "Check"), {"field", "limit"}),
        (("names", "x"), set()),
        (("retries", "x"), set()),
        (("wait", "x"), set()),
        (("nowhere",), set()),
    ],
)
def test_the_keys_of_any_place_are_known(location: tuple[int | str, ...], keys: set[str]) -> None:
    assert known_keys(WebSpec, location) == keys
