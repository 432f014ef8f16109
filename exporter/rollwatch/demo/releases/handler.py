"""The few calls the demo makes to the rollback handler's API."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir

__all__ = ["Handler"]

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Handler:
    """The handler at `port` of this host, with the token of that name. Calls raise DemoError."""

    run_dir: RunDir
    port: int
    token: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What it answers, from JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            token = (self.run_dir.secrets / self.token).read_text("ascii").strip()
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            answer = json.loads(response.read() or b"null")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DemoError(
                f"the rollback handler at 127.0.0.1:{self.port} does not answer ({error}). "
                "Is the demo running, with alerting? Start it with 'rollwatch demo up'"
            ) from error
        finally:
            connection.close()
        if response.status >= 300:
            said = answer.get("message", "") if isinstance(answer, dict) else ""
            raise DemoError(f"the rollback handler answered {response.status}: {said}")
        return answer
