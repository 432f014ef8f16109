"""Which keys may stand at a place of the file, read from the models."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["key_of", "known_keys", "models_in"]


def key_of(name: str, field: FieldInfo) -> str:
    """What a field is called in the file: its alias if it has one."""
    return field.alias or name


def known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """The keys of the mapping at `location` (as pydantic gives it) below `model`."""
    return {
        key_of(name, field)
        for found in _models_at(model, location)
        for name, field in found.model_fields.items()
    }


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model in an annotation, containers and unions looked through, without the models' own fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def _models_at(annotation: Any, location: tuple[int | str, ...]) -> Iterator[type[BaseModel]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _models_at(get_args(annotation)[0], location)
    elif origin in {Union, types.UnionType}:
        for branch in get_args(annotation):
            yield from _models_at(branch, location)
            # pydantic names the branch it tried, unless the only other one is None.
            yield from _models_at(branch, location[1:])
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not location:
            yield annotation
            return
        for name, field in annotation.model_fields.items():
            if key_of(name, field) == location[0]:
                yield from _models_at(field.annotation, location[1:])
    elif origin is not None and location:
        arguments = [item for item in get_args(annotation) if item is not Ellipsis]
        value = arguments[-1:] if issubclass(origin, Mapping) else arguments
        for argument in value:
            yield from _models_at(argument, location[1:])
