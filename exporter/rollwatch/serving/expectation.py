"""The header Expect: there is one expectation (RFC 9110, section 10.1.1), and no other is met.

aiohttp repeats what is expected in its answer, and fails where that is no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

__all__ = ["without_expectations"]


def without_expectations(answering: Answering) -> Answering:
    """`answering`, but for requests that expect what nobody can do. Raises Refusal 417 for those."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "100-continue").lower() not in {"", "100-continue"}:
            raise Refusal(
                417,
                "expectation_failed",
                "The request expects what this server can't do.",
                "Send it without the header Expect.",
                closes=True,
            )
        return await answering(request)

    return answer
