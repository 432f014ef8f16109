"""Answers that are no success: one shape for people and for programs, and always with what to do.

Text: the message, then the remedy, a line each. JSON: `{"error", "message", "remedy"}`, where `error`
is a word that stays the same between releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from rollwatch.errors import RollwatchError
from rollwatch.serving.negotiation import JSON, TEXT, preferred

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Refusal", "refusal_response"]


class Refusal(RollwatchError):  # noqa: N818  an answer, not a fault
    """Raised by a handler to answer with `status`. Nothing secret and no remote text goes in."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        remedy: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        closes: bool = False,
    ) -> None:
        self.status = status
        self.error = error
        self.message = message
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.closes = closes
        """Whether the connection ends with the answer: what follows on it can't be trusted or is unwanted."""
        super().__init__(message)


def refusal_response(refusal: Refusal, accept: str | None, *, path: str = "") -> web.Response:
    """The answer for a client with this `Accept`; under `/api/` JSON unless text is asked for by name."""
    offers = (JSON, TEXT) if path.startswith("/api/") else (TEXT, JSON)
    if preferred(accept, offers) == JSON:
        body = {"error": refusal.error, "message": refusal.message, "remedy": refusal.remedy}
        response = web.Response(status=refusal.status, body=orjson.dumps(body), content_type=JSON)
    else:
        lines = [refusal.message, refusal.remedy] if refusal.remedy else [refusal.message]
        response = web.Response(status=refusal.status, text="\n".join(lines) + "\n")
    response.headers.update(refusal.headers)
    if refusal.closes:
        response.force_close()
    return response
