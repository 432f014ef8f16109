"""Every key of the file, as Markdown tables made from the models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from rollwatch.config.document import Document, ServiceSpec
from rollwatch.config.fields import format_bytes, format_seconds
from rollwatch.config.known_keys import key_of, models_in
from rollwatch.config.notifications import EmailSpec, PagerDutySpec, SlackSpec, SmsSpec
from rollwatch.config.readings import Reading
from rollwatch.config.rollback import CheckSpec, HookSpec
from rollwatch.config.rollback_handler import PeerSpec
from rollwatch.config.schema import Generator
from rollwatch.config.thresholds import THRESHOLDS, Priority, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from rollwatch.config.probe_spec import ProbeSpec

__all__ = ["BEGIN", "reference"]

BEGIN = "<!-- From here on made from the code by tools/generated: change the models, not this text. -->"
"""What stands between the page as people wrote it and the reference."""

_CHANNELS = frozenset({SlackSpec, EmailSpec, PagerDutySpec, SmsSpec})
_DESCRIBED_AT = {CheckSpec: "smoke", HookSpec: "before", PeerSpec: "prometheus"}
"""Models that stand under several keys of one mapping, and the key with which they are described."""
_SIGNS = ((Ge, "ge", "at least"), (Gt, "gt", "more than"), (Le, "le", "at most"), (Lt, "lt", "less than"))


def reference(kinds: Mapping[str, type[ProbeSpec]]) -> str:
    """The reference of all keys when these kinds of probe exist."""
    lines = ["## Top level", "", *_table(Document)]
    for name, field in Document.model_fields.items():
        for model in _nested(field):
            if model is not ServiceSpec:
                lines += _section(model, key_of(name, field), 2)
    lines += _section(ServiceSpec, "services.NAME", 2)
    lines += _section(Reading, "READING", 2)
    lines += ["## Probes", "", f"`kind` is one of {', '.join(f'`{kind}`' for kind in sorted(kinds))}.", ""]
    for kind in sorted(kinds):
        lines += _section(kinds[kind], f"kind: {kind}", 3)
    return "\n".join([*lines, *_thresholds()])


def _section(model: type[BaseModel], title: str, level: int) -> Iterator[str]:
    yield from (f"{'#' * level} `{title}`", "", _text(model.__doc__ or ""), "")
    yield from _table(model)
    prefix = "" if title.startswith("kind:") else f"{title}."
    for name, field in model.model_fields.items():
        is_list = "tuple[" in str(field.annotation)
        for nested in _nested(field):
            if nested is Reading or (nested in _CHANNELS and title != "notifications"):
                # It stands in many places; it is described once.
                continue
            if _DESCRIBED_AT.get(nested, name) != name:
                continue
            yield from _section(
                nested, f"{prefix}{key_of(name, field)}{'[]' if is_list else ''}", min(level + 1, 6)
            )


def _nested(field: FieldInfo) -> Iterator[type[BaseModel]]:
    yield from dict.fromkeys(models_in(field.annotation))


def _table(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema(schema_generator=Generator)
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        key = key_of(name, field)
        found = schema["properties"][key]
        value = _words(found, schema.get("$defs", {})) + _bounds(field)
        # A default of `kind` is for code that makes a spec; in the file nothing else says what is meant.
        default = "required" if key == "kind" else _default(field, found)
        yield f"| `{key}` | {_text(value)} | {default} | {_text(field.description or '')} |"
    yield ""


def _default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    if field.is_required():
        return "required"
    default = schema.get("default")
    if default is None or default in ([], {}):
        return "—"
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"


def _words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What may stand there, in words."""
    match schema:
        case {"$ref": str(name)}:
            return _words(definitions[name.rpartition("/")[2]], definitions)
        case {"const": value}:
            return f"`{value}`"
        case {"enum": [*values]}:
            return " or ".join(dict.fromkeys(f"`{value}`" for value in values))
        case {"properties": _}:
            return "mapping, see below"
        case {"title": str(title)}:
            return title
        case {"anyOf": [*forms]} | {"oneOf": [*forms]}:
            words = dict.fromkeys(_words(form, definitions) for form in forms if form != {"type": "null"})
            return " or ".join(words)
        case {"items": item}:
            return f"list of {_words(item, definitions)}"
        case {"type": "object"}:
            items = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
            inner = [_words(item, definitions) for item in items if isinstance(item, dict) and item]
            return f"mapping of names to {inner[0]}" if inner else "mapping, see below"
        case {"type": str(name)}:
            plain = {"string": "text", "integer": "whole number", "boolean": "true or false"}
            return plain.get(name, name)
        case _:
            return "anything"


def _bounds(field: FieldInfo) -> str:
    unit = str(field.annotation) + str(field.metadata)
    write = (
        format_seconds
        if "parse_seconds" in unit
        else format_bytes
        if "parse_bytes" in unit
        else "{:g}".format
    )
    words = [
        f"{word} {write(getattr(mark, name))}"
        for mark in (*field.metadata, *_marks(field.annotation))
        for kind, name, word in _SIGNS
        if isinstance(mark, kind)
    ]
    return f", {' and '.join(words)}" if words else ""


def _marks(annotation: Any) -> Iterator[object]:
    """What `Field` says inside a union with None."""
    for branch in get_args(annotation):
        if get_origin(branch) is Annotated:
            for mark in branch.__metadata__:
                yield from getattr(mark, "metadata", [mark])


def _thresholds() -> Iterator[str]:
    priorities = " | ".join(priority.value for priority in Priority)
    yield from ("## Thresholds", "", f"| id | judged | unit | trouble is | {priorities} |")
    yield "|---|---|---|---|" + "---|" * len(Priority)
    for row in THRESHOLDS.values():
        values = [_number(row.defaults[p], row.unit) if p in row.defaults else "" for p in Priority]
        yield f"| `{row.id}` | {_text(row.sli)} | {row.unit} | {row.direction} | {' | '.join(values)} |"
    yield ""


def _number(value: float, unit: Unit) -> str:
    return format_seconds(value) if unit is Unit.SECONDS else f"{value:.9g}"


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
