"""Why an attempt failed, and whether another one can help."""

from __future__ import annotations

from rollwatch.errors import RollwatchError

__all__ = ["SendFailed", "is_permanent"]

_WORTH_ANOTHER = frozenset({408, 425, 429})


class SendFailed(RollwatchError):  # noqa: N818  a failed attempt is a result, not a fault of ours
    """One attempt came to nothing. `why` is one bounded phrase for a person, free of secrets."""

    def __init__(self, why: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        self.why = why
        self.permanent = permanent
        """Whether the same again would fail the same way."""
        self.retry_after_s = retry_after_s
        """How long the far end asks to be left alone."""
        super().__init__(why)


def is_permanent(status: int) -> bool:
    """Whether an HTTP status says that the request itself is wrong: 4xx but for 408, 425 and 429."""
    return 400 <= status < 500 and status not in _WORTH_ANOTHER
