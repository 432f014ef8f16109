"""Selectors of PromQL, from label values that may be anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["exactly", "one_of", "quoted", "selector"]

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_UNFIT = re.compile(r'[\\"\x00-\x1f\x7f]')
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(text: str) -> str:
    """`text` as a string literal. A lone surrogate, which no label value can hold, becomes `?`."""
    fit = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return f'"{_UNFIT.sub(_escaped, fit)}"'


def exactly(label: str, value: str) -> str:
    """A matcher: the label has this value."""
    return f"{_name(label)}={quoted(value)}"


def one_of(label: str, values: Iterable[str]) -> str:
    """A matcher: the label has one of these values, taken literally."""
    return f"{_name(label)}=~{quoted('|'.join(_SPECIAL.sub(_literal, value) for value in values))}"


def selector(metric: str, labels: Mapping[str, str], *more: str) -> str:
    """`metric{label="value",…}`, with matchers of this module in `more`."""
    return f"{metric}{{{','.join([*(exactly(*item) for item in labels.items()), *more])}}}"


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\x{ord(found[0]):02x}"


def _literal(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _name(label: str) -> str:
    if not _LABEL.fullmatch(label):
        raise AssertionError("labels are named by us, never by an alert")
    return label
