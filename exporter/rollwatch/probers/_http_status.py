"""What a status that is not expected says: of the target, of our credentials, of how often we ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
from rollwatch.probers._http_answer import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Container

    from rollwatch.config.fields import StatusRanges
    from rollwatch.probers._http_answer import Response
    from rollwatch.probers.run import Run

__all__ = ["WAITING_STATUSES", "status_failure"]

WAITING_STATUSES = (429, 503)
"""Those that Retry-After belongs to (RFC 6585 section 4, RFC 9110 section 15.6.4)."""


def status_failure(
    run: Run,
    response: Response,
    expected: StatusRanges,
    *,
    now: float,
    has_credentials: bool,
    waits_after: Container[int] = WAITING_STATUSES,
) -> ProbeFailure | None:
    """Why the status is no good, or None; `now` is Unix time.

    429 is RATE_LIMITED; 401 and 403 are CREDENTIALS_REJECTED if `has_credentials`; all else is STATUS. What
    Retry-After asks for is noted on `run` for the statuses of `waits_after`.
    """
    status = response.status
    if expected.contains(status):
        return None
    answered, wait = f"answered {status}, expected {expected}", ""
    if status in waits_after:
        run.retry_after_s = retry_after_s(response.headers, now)
        wait = "" if run.retry_after_s is None else f"; it asks to wait {run.retry_after_s:.0f} s"
    if status == 429:
        return ProbeFailure(Reason.RATE_LIMITED, f"{answered}: too many requests{wait}")
    if status in (401, 403) and has_credentials:
        return ProbeFailure(Reason.CREDENTIALS_REJECTED, f"{answered}: it rejects our credentials")
    return ProbeFailure(Reason.STATUS, answered + wait)
