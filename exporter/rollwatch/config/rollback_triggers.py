"""The alerts that may take a service back: a list of names, or names with settings."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from rollwatch.config.fields import Seconds
from rollwatch.config.mistake import mistake, refuse, type_word
from rollwatch.config.rollback_words import RollbackTrigger
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import PydanticCustomError, core_schema

__all__ = ["TriggerSpec", "Triggers"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_PREFIX = "rollback"
_NEAR = 0.75
_EXAMPLE = "Write names of rollback alerts: [RollbackHealthDown, RollbackHttpErrorRatio]."


class TriggerSpec(Spec):
    """One rollback alert that may take this service back."""

    window: Annotated[Seconds, Field(ge=60, le=86_400)] = 1800.0
    """How long after a deployment the alert may blame it."""


def _triggers(value: object) -> object:
    if not isinstance(value, list | dict):
        raise mistake(
            f"must be a list of names, or a mapping with settings, not {type_word(value)}", _EXAMPLE
        )
    if not value:
        raise mistake("is empty, so that nothing is ever rolled back", _EXAMPLE)
    places: Sequence[str | int] = range(len(value)) if isinstance(value, list) else list(value)
    names = list(value)
    found = [
        wrong
        for index, (place, name) in enumerate(zip(places, names, strict=True))
        if (wrong := _wrong(name, names[:index], place)) is not None
    ]
    refuse(found)
    return value if isinstance(value, dict) else {name: {} for name in value}


def _wrong(name: object, before: list[Any], place: str | int) -> PydanticCustomError | None:
    if not isinstance(name, str):
        remedy = "Settings stand in a mapping: triggers: {RollbackLatency: {window: 10m}}."
        return mistake(f"must be the name of an alert, not {type_word(name)}", remedy, at=(place,))
    if not _NAME.fullmatch(name):
        return mistake("is no name of an alert", _EXAMPLE, at=(place,))
    if name in before:
        return mistake("is there twice", "Remove one.", at=(place,))
    near = _nearest(name)
    if near is not None:
        return mistake(
            "is no rollback alert that comes with rollwatch", f"Did you mean '{near}'?", at=(place,)
        )
    return None


def _nearest(name: str) -> str | None:
    """The shipped alert that was meant, where `name` is none and one is near."""
    if name in set(RollbackTrigger):
        return None
    # What all of them begin with would make any two of them alike; people forget it, too.
    by_rest = {trigger.lower().removeprefix(_PREFIX): trigger.value for trigger in RollbackTrigger}
    near = difflib.get_close_matches(name.lower().removeprefix(_PREFIX), by_rest, n=1, cutoff=_NEAR)
    return by_rest[near[0]] if near else None


class _Forms:
    """Tells editors of the list, where the loader sees the mapping made of it."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = {**handler(schema), "minProperties": 1, "propertyNames": {"pattern": f"^{_NAME.pattern}$"}}
        shipped = [trigger.value for trigger in RollbackTrigger]
        name = {
            "title": "name of an alert",
            "anyOf": [{"enum": shipped}, {"type": "string", "pattern": f"^{_NAME.pattern}$"}],
        }
        return {"anyOf": [{"type": "array", "items": name, "minItems": 1, "uniqueItems": True}, mapping]}


Triggers = Annotated[dict[str, TriggerSpec], Field(max_length=50), BeforeValidator(_triggers), _Forms()]
"""Settings by name of alert; written as a list where all have the usual ones."""
