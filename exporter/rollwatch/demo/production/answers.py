"""Small things several parts answer with."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

from aiohttp import web

__all__ = ["iso_time", "offers_bearer", "unavailable"]


def iso_time(wall: float) -> str:
    """RFC 3339 with milliseconds, as JavaScript's toISOString writes it."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def offers_bearer(request: web.Request, token: str) -> bool:
    """Whether the request carries `Authorization: Bearer` with this token."""
    offered = request.headers.get("Authorization", "")
    return hmac.compare_digest(offered.encode(), f"Bearer {token}".encode())


def unavailable(what: str) -> web.Response:
    """503 as a gateway answers it."""
    return web.json_response({"error": "service_unavailable", "message": what}, status=503)
