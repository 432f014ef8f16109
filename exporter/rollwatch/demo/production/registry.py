"""Every part of the production. A new part is one file and one line at the end of `PARTS`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.demo.production import api, fallback, feed, front, gateway, node, primary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.demo.production.part import Part

__all__ = ["CONTROL", "DEFAULT_BASE_PORT", "PARTS", "ports_from"]

PARTS: tuple[Part, ...] = (
    front.PART,
    api.PART,
    feed.PART,
    primary.PART,
    fallback.PART,
    node.PART,
    gateway.PART,
)

DEFAULT_BASE_PORT = 9730
CONTROL = "control"


def ports_from(base: int) -> Mapping[str, int]:
    """The port of the control endpoint and of each part: `base`, then one each. 0: any free port for each."""
    names = (CONTROL, *(part.name for part in PARTS))
    return MappingProxyType({name: base + offset if base else 0 for offset, name in enumerate(names)})
