"""The JSON Schema of rollwatch.yml, for editors. It says no more than the loader does, and often less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from rollwatch.config.document import Document, ServiceSpec
from rollwatch.config.fields import format_bytes, format_seconds
from rollwatch.config.override_values import value_schema
from rollwatch.config.thresholds import THRESHOLDS, Threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

    from rollwatch.config.probe_spec import ProbeSpec
    from rollwatch.config.spec import Spec

__all__ = ["Generator", "json_schema"]

_DRAFT = "http://json-schema.org/draft-07/schema#"
"""The newest one that the YAML plug-ins of editors know completely."""


class Generator(GenerateJsonSchema):
    """Without invented titles; defaults are written as people write them."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        found = super().dict_schema(schema)
        item = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        for pattern in found.get("patternProperties", {}):
            found["patternProperties"] = {pattern: item}
            found["additionalProperties"] = False
        if isinstance(found.get("additionalProperties"), dict):
            found["additionalProperties"] = item
        return found

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        found = super().function_before_schema(schema)
        if found.get("type") == "array" and "items" in found and _takes_one(schema["function"]):
            return {"anyOf": [found["items"], found]}
        return found

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        default = found.pop("default", None)
        if default is None or isinstance(default, dict):
            return found
        if type(default) in {int, float}:
            default = _as_written(default, str(found))
        return {**found, "default": default}


def _takes_one(function: Any) -> bool:
    """Whether the function in front of a list makes a list of one item written without it."""
    if function["type"] != "no-info":
        return False
    try:
        return tuple(function["function"]("an item")) == ("an item",)
    except (TypeError, ValueError):
        return False


def _as_written(default: float, schema: str) -> float | str:
    if "'duration'" in schema:
        return format_seconds(default)
    if "'size'" in schema:
        return format_bytes(int(default))
    return default


def json_schema(kinds: Mapping[str, type[ProbeSpec]]) -> dict[str, Any]:
    """The schema of the whole file when these kinds of probe exist."""
    models: list[type[Spec]] = [Document, ServiceSpec]
    models += dict.fromkeys(kinds[name] for name in sorted(kinds))
    references, definitions = models_json_schema(
        [(model, "validation") for model in models], schema_generator=Generator
    )
    found: dict[str, Any] = definitions["$defs"]
    for definition in found.values():
        definition.pop("title", None)
    specs = {name: references[kinds[name], "validation"] for name in sorted(kinds)}
    service = found["ServiceSpec"]["properties"]
    service["probes"] = _named(_probe(specs), service["probes"]["description"])
    service["thresholds"] = _thresholds(service["thresholds"]["description"])
    document = found.pop("Document")
    services = document["properties"]["services"]
    document["properties"]["services"] = _named({"$ref": "#/$defs/ServiceSpec"}, services["description"])
    document["properties"]["services"]["minProperties"] = 1
    return {"$schema": _DRAFT, "title": "rollwatch.yml", **document, "$defs": dict(sorted(found.items()))}


def _named(item: JsonSchemaValue, description: str) -> dict[str, Any]:
    """A mapping from names to items."""
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": "^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"},
        "additionalProperties": item,
    }


def _probe(specs: Mapping[str, JsonSchemaValue]) -> dict[str, Any]:
    """One probe: `kind` decides which keys there are."""
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(specs)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": spec}
            for name, spec in specs.items()
        ],
    }


def _thresholds(description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": {row.id: _threshold(row) for row in THRESHOLDS.values()},
    }


def _threshold(row: Threshold) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"{row.sli}; in {row.unit}, trouble is {row.direction} it",
        "additionalProperties": False,
        "properties": {
            priority.value: value_schema(row) | {"default": default}
            for priority, default in row.defaults.items()
        },
    }
