"""What the file may say about thresholds: `{http_p95_seconds: {P1: 0.8, P2: off}}`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.config.fields import parse_bytes, parse_seconds
from rollwatch.config.mistake import did_you_mean, type_word
from rollwatch.config.thresholds import THRESHOLDS, Threshold, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OFF", "Overrides", "read_overrides", "value_schema"]

OFF = "off"
"""Switches a threshold off."""

_FORMS = {
    Unit.RATIO: ("a ratio from 0 to 1", "Write 0.05 for 5 %."),
    Unit.SECONDS: ("seconds or a duration", "Write it like 0.8, 800ms or 14d."),
    Unit.BYTES: ("bytes or a size", "Write it like 100000000 or 100MiB."),
}


class _Mistake(NamedTuple):
    location: tuple[str, ...]
    message: str
    remedy: str


class Overrides(NamedTuple):
    """By threshold and priority the value in the threshold's unit; and what is wrong, with its place."""

    values: Mapping[str, Mapping[str, float]]
    mistakes: tuple[_Mistake, ...]


def read_overrides(raw: Mapping[str, object]) -> Overrides:
    """Check what a service says under `thresholds`."""
    values: dict[str, dict[str, float]] = {}
    mistakes: list[_Mistake] = []
    for name, said in raw.items():
        row = THRESHOLDS.get(name)
        if row is None:
            mistakes.append(_Mistake((name,), "is not a threshold", did_you_mean(name, THRESHOLDS)))
        elif not isinstance(said, dict):
            example = next(iter(row.defaults))
            message = f"must be a mapping from priority to value, not {type_word(said)}"
            mistakes.append(_Mistake((name,), message, f"Write {{{example}: {row.defaults[example]:g}}}."))
        else:
            values[name] = {}
            for priority, found in _read_row(row, said):
                if isinstance(found, _Mistake):
                    mistakes.append(found)
                else:
                    values[name][priority] = found
    return Overrides(values, tuple(mistakes))


def _read_row(row: Threshold, said: Mapping[str, object]) -> Iterator[tuple[str, float | _Mistake]]:
    known = [priority.value for priority in row.defaults]
    for priority, raw in said.items():
        place = (row.id, priority)
        if priority not in known:
            message = f"is not a priority of {row.id}"
            yield priority, _Mistake(place, message, f"It has {', '.join(known)}.")
            continue
        value = _value(row, raw)
        if value is None:
            what, example = _FORMS.get(row.unit, ("a number from 0 on", "Write it like 20, or off."))
            yield priority, _Mistake(place, f"must be {what}, or off", example)
        else:
            yield priority, value


def _value(row: Threshold, raw: object) -> float | None:
    if raw == OFF:
        return row.direction.off
    try:
        if row.unit is Unit.SECONDS and isinstance(raw, str):
            return parse_seconds(raw)
        if row.unit is Unit.BYTES and isinstance(raw, str):
            return float(parse_bytes(raw))
    except ValueError:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if math.isfinite(raw) and 0 <= raw <= row.unit.maximum else None


def value_schema(row: Threshold) -> dict[str, Any]:
    """The JSON Schema of one value of a row."""
    number: dict[str, Any] = {"type": "number", "minimum": 0}
    if math.isfinite(row.unit.maximum):
        number["maximum"] = row.unit.maximum
    forms = [number, {"const": OFF}]
    if row.unit in {Unit.SECONDS, Unit.BYTES}:
        forms.append({"type": "string", "pattern": "^[0-9]"})
    return {"anyOf": forms}
