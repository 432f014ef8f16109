"""A route and who may use it: what a program hands to `build_app`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from enum import StrEnum

__all__ = ["ANYONE", "Handler", "Request", "Route"]

Request = web.Request
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANYONE: frozenset[StrEnum] = frozenset()
"""The roles of a route that asks for none, even where authentication is configured: it shows nothing."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path. A GET answers HEAD as well."""

    method: str
    path: str
    handler: Handler
    roles: frozenset[StrEnum]
    """A caller needs one of these; `ANYONE` when empty. Users of basic auth have every role."""
    is_open: bool = True
    """Whether anybody may use it while no authentication is configured."""
    request_s: float | None = None
    """Time for the whole answer, where `Limits.request_s` does not fit."""
    is_cross_origin: bool = False
    """Whether pages of other sites may send to it with effects: the handler itself judges their `Origin`, and
    what they declare of the body (`read_body` does), so that they may read every answer."""
