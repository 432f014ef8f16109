"""An application that pushes as it should: little is lost, and nothing counts twice."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from rollwatch.demo.production.postbox import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.clock import Clock
    from rollwatch.demo.production.postbox import Postbox

__all__ = ["PATH", "Pusher"]

PATH = "/api/metrics/export"
_MOST_WAITING = 100


class Pusher:
    """Pushes in order, each push under an id of its own; what can't be sent now goes before the next.

    Of what waits, the 100 newest are kept.
    """

    def __init__(
        self, postbox: Postbox, token: str, source: str, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._postbox = postbox
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._source = source
        self._clock = clock
        self._new_id = new_id
        self._started_at = clock.wall()
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)

    async def push(self, **content: Any) -> None:
        """Push `metrics` or `records`, in the documented form."""
        document = {
            "id": self._new_id(),
            "source": self._source,
            "sent_at": self._clock.wall(),
            "started_at": self._started_at,
            **content,
        }
        self._waiting.append(json.dumps(document).encode())
        while self._waiting:
            if await self._postbox.post(PATH, self._waiting[0], self._headers) is Outcome.LATER:
                return
            self._waiting.popleft()
