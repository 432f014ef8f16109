"""Why a request of a person or a program was not followed."""

from __future__ import annotations

from rollwatch.errors import RollwatchError

__all__ = ["Declined"]


class Declined(RollwatchError):  # noqa: N818  an answer, not a fault
    """Nothing was changed. `status` is HTTP's; message and remedy are for a person, without secrets."""

    def __init__(
        self, status: int, error: str, message: str, remedy: str, *, rollback_id: str | None = None
    ) -> None:
        self.status = status
        self.error = error
        self.message = message
        self.remedy = remedy
        self.rollback_id = rollback_id
        """The rollback that is in the way."""
        super().__init__(message)
