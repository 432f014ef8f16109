"""How much one client may ask of a listener."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one listener. Seconds and bytes."""

    connections: int = 256
    """Open at once; one more, and the one that has been waiting for its client longest is closed."""
    handshake_s: float = 10.0
    head_s: float = 10.0
    """From the first byte of a request (or the connection's start) to the end of its headers."""
    body_s: float = 10.0
    request_s: float = 30.0
    """From the end of the headers to the answer, unless the route says otherwise."""
    write_s: float = 10.0
    """What sending the answer may take beyond that."""
    idle_s: float = 90.0
    """A kept connection without a request; longer than the usual scrape interval."""
    body_bytes: int = 64 * 1024
    header_bytes: int = 8 * 1024
    """One header line, and the request line."""
    headers: int = 64
    shutdown_s: float = 5.0
    """What requests under way get when the listener closes."""


LIMITS = web.AppKey("LIMITS", Limits)
