"""The types of fields: from what people write to values ready to use. All in base units: seconds, bytes."""

from __future__ import annotations

import os
import re
import stat
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import core_schema

from rollwatch.config.address import Host, HostPort, Port
from rollwatch.config.expressions import JsonExpression, Pattern
from rollwatch.config.mistake import did_you_mean, expect_text, mistake, type_word
from rollwatch.config.secrets import Elsewhere, open_without_waiting
from rollwatch.config.template import SecretText, Template, TemplateStr
from rollwatch.config.urls import HeaderName, Headers, HttpUrl, Url, WsUrl

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = [
    "ByteSize",
    "HeaderName",
    "Headers",
    "Host",
    "HostPort",
    "HttpUrl",
    "JsonExpression",
    "LocalFile",
    "Name",
    "Pattern",
    "Port",
    "Seconds",
    "SecretText",
    "StatusRanges",
    "Template",
    "TemplateStr",
    "Url",
    "WsUrl",
    "did_you_mean",
    "expect_text",
    "format_bytes",
    "format_seconds",
    "mistake",
    "parse_bytes",
    "parse_seconds",
]

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_DURATION_PATTERN = "".join(rf"(?:({_NUMBER}){unit})?" for unit in _MILLISECONDS)
_DURATION = re.compile(_DURATION_PATTERN)
_SIZES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(B|KiB|MiB|GiB)")
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_RANGE = re.compile(r"([1-9][0-9]{2})(?:-([1-9][0-9]{2}))?|([1-9])xx")


def parse_seconds(value: object) -> float:
    """Seconds from `15s`, `1m30s`, `500ms`, `2h`, `7d`. Raises a mistake; a bare number is one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise mistake("is a number without a unit", f"Write {value:g}s if you mean seconds.")
    remedy = "Write it like 15s, 1m30s, 500ms, 2h or 7d."
    if not isinstance(value, str):
        raise mistake(f"must be a duration, not {type_word(value)}", remedy)
    match = _DURATION.fullmatch(value.strip())
    if match is None or not match[0]:
        raise mistake("is not a duration", remedy)
    # Decimal: 700ms is to be 0.7, as a person expects it in a label, not 0.7000000000000001.
    written = zip(match.groups(), _MILLISECONDS.values(), strict=True)
    return float(sum(Decimal(number) * unit for number, unit in written if number) / 1000)


def format_seconds(seconds: float) -> str:
    """The shortest way to write it that `parse_seconds` reads back, to the millisecond."""
    left = round(seconds * 1000)
    text = ""
    for unit, size in _MILLISECONDS.items():
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_bytes(value: object) -> int:
    """Bytes from `512B`, `64KiB`, `1MiB`, `2GiB`. Raises a mistake."""
    remedy = "Write it like 512B, 64KiB, 1MiB or 2GiB."
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise mistake("is a number without a unit", remedy)
    if not isinstance(value, str):
        raise mistake(f"must be a size, not {type_word(value)}", remedy)
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise mistake("is not a size", remedy)
    return int(float(match[1]) * _SIZES[match[2]])


def format_bytes(size: int) -> str:
    """The way to write it with the largest unit that divides it."""
    unit = max((unit for unit in _SIZES if size % _SIZES[unit] == 0), key=_SIZES.__getitem__) if size else "B"
    return f"{size // _SIZES[unit]}{unit}"


def _name(value: object) -> str:
    text = expect_text(value)
    if not _NAME.fullmatch(text):
        raise mistake(
            "is not a name",
            "Use 1 to 64 of a-z, 0-9, '.', '_' and '-', with a letter or digit first and last.",
        )
    return text


class _NoRegularFileError(OSError):
    """A pipe, a socket or a device."""


def _local_file(value: object, info: ValidationInfo) -> Path | None:
    if isinstance(value, Path):
        return value
    text = expect_text(value)
    store = (info.context or {}).get("secrets")
    if isinstance(store, Elsewhere):
        return None
    try:
        path = (store.base_dir if store is not None else Path()) / text
        # A pipe would stop whoever reads it until somebody writes.
        with open(path, "rb", opener=open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _NoRegularFileError
            file.read(1)
    except (OSError, ValueError) as error:
        known = {"FileNotFoundError": "there is none", "IsADirectoryError": "it is a directory"}
        known["_NoRegularFileError"] = "it is not a regular file"
        why = known.get(type(error).__name__, "it can't be opened")
        raise mistake(
            f"names a file that can't be read: {why}",
            "Paths are relative to the directory of the configuration file.",
        ) from None
    return path.absolute()


class StatusRanges(tuple[tuple[int, int], ...]):
    """HTTP status codes, as inclusive ranges: from `[200, "300-399", 2xx]`, or one of these alone."""

    __slots__ = ()

    def contains(self, status: int) -> bool:
        """Whether the status is in one of the ranges."""
        return any(low <= status <= high for low, high in self)

    def __str__(self) -> str:
        return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in self)

    @classmethod
    def _validate(cls, value: object) -> StatusRanges:
        if isinstance(value, StatusRanges):
            return value
        items = value if isinstance(value, list | tuple) else [value]
        if not items:
            raise mistake("is an empty list", "Write [200], or remove the key.")
        return cls(_status_range(item) for item in items)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda ranges: [str(StatusRanges([item])) for item in ranges]
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one: dict[str, Any] = {
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 999},
                {"type": "string", "pattern": "^([1-9][0-9]{2}(-[1-9][0-9]{2})?|[1-9]xx)$"},
            ]
        }
        return {"title": "status codes", "anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _status_range(item: object) -> tuple[int, int]:
    match = _RANGE.fullmatch(str(item)) if isinstance(item, str | int) else None
    if match is None:
        raise mistake("has an item that is no status code", 'Write it like 200, "300-399" or 2xx.')
    if match[3]:
        return int(match[3]) * 100, int(match[3]) * 100 + 99
    low, high = int(match[1]), int(match[2] or match[1])
    if low > high:
        raise mistake("has a range that ends before it begins", "Write the smaller status first.")
    return low, high


Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    PlainSerializer(format_seconds, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "title": "duration",
            "pattern": f"^(?=.){_DURATION_PATTERN}$",
            "examples": ["15s", "1m30s"],
        }
    ),
]
"""A duration in seconds, written with its unit: `15s`, `1m30s`, `500ms`, `2h`, `7d`."""

ByteSize = Annotated[
    int,
    BeforeValidator(parse_bytes),
    PlainSerializer(format_bytes, return_type=str),
    WithJsonSchema(
        {"type": "string", "title": "size", "pattern": f"^{_SIZE.pattern}$", "examples": ["64KiB", "1MiB"]}
    ),
]
"""A size in bytes, written with its unit: `512B`, `64KiB`, `1MiB`."""

Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "title": "name", "pattern": f"^{_NAME.pattern}$"}),
]
"""What becomes a label value: lower case, digits, `.`, `_`, `-`."""

LocalFile = Annotated[Path, PlainValidator(_local_file), WithJsonSchema({"type": "string", "title": "file"})]
"""A file that must be readable at load; relative to the directory of the configuration file.

None where the probe is for another location: its files need not be here.
"""
