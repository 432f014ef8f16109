"""Every value inside a spec, with its path as the file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from rollwatch.config.known_keys import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["values_in"]


def values_in(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Path and value of each leaf, in the order of the models' fields."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from values_in(getattr(value, name), _join(path, key_of(name, field)))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from values_in(item, _join(path, str(key)))
    elif isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        for index, item in enumerate(value):
            yield from values_in(item, f"{path}[{index}]")
    else:
        yield path, value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
