"""Fields of the file that are text for people, or name files that need not be there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from rollwatch.config.fields import HttpUrl, expect_text, mistake

__all__ = ["FutureFile", "Line", "Link"]


def _link(value: object) -> str:
    text = expect_text(value)
    if "${" in text:
        raise mistake("is shown to everybody and can't hold a secret", "Write it without.")
    url = HttpUrl.from_field(text, None)
    if url.masked != url.render():
        raise mistake("is shown to everybody and has credentials in it", "Write it without them.")
    return url.render()


def _path(value: object, info: ValidationInfo) -> Path:
    text = expect_text(value)
    if not text or "\x00" in text:
        raise mistake("is not a path", "Write the path of a file.")
    store = (info.context or {}).get("secrets")
    return Path(text) if store is None else Path(store.base_dir, text)


def _line(text: str) -> str:
    if not text.isprintable():
        raise mistake("has a line break or another control character", "Write one line of text.")
    return text


Link = Annotated[
    str,
    BeforeValidator(_link),
    WithJsonSchema({"type": "string", "title": "address for people", "pattern": "^https?://"}),
]
"""An address for people; it is published, so it can't have credentials."""

FutureFile = Annotated[
    Path, BeforeValidator(_path), WithJsonSchema({"type": "string", "title": "file", "minLength": 1})
]
"""A file that need not exist at load; relative to the directory of the configuration file."""

Line = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_line)]
"""One line of text."""
