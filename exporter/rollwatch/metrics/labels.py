"""How the values of a figure's own labels are bounded: what they may be, and what becomes of the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LabelDef", "LabelKind", "plain_value"]

_LONGEST = 64
_HOPELESS = 4 * _LONGEST
_UNFIT = re.compile(r"[^A-Za-z0-9._/-]+", re.ASCII)


class LabelKind(StrEnum):
    """What keeps the values of a label few."""

    CLOSED = "closed"
    """Only the declared values exist; others are refused."""
    ANY = "any"
    """Whatever comes, through the bounded registry; the rest become `other`."""
    ROUTE = "route"
    """A path or route template: ids in it become `_id`, then as `ANY`."""
    STATUS = "status"
    """An HTTP status code, shown as its class: 503 is `5xx`."""


@dataclass(frozen=True, slots=True)
class LabelDef:
    """One own label of a figure."""

    name: str
    kind: LabelKind = LabelKind.ANY
    values: tuple[str, ...] = ()
    """What a `CLOSED` label may be."""


def plain_value(text: str) -> str:
    """`text` in the 1 to 64 characters that a value from outside may have; empty if it is hopelessly long."""
    return "" if len(text) > _HOPELESS else _UNFIT.sub("_", text)[:_LONGEST]
