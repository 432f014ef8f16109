"""A client of the handler's REST API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

import requests

from rollwatch import __version__
from rollwatch.cli.exits import Exit
from rollwatch.errors import RollwatchError
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HandlerClient", "HandlerSaid"]

_BASE = "/api/monitoring"
_CONNECT_S, _ANSWER_S = 5.0, 45.0
_ATTEMPTS, _PAUSE_S = 3, 0.5
_EXITS = {409: Exit.NOT_UP}
"""What is refused for how things stand; other refusals are about how it was asked."""


class HandlerSaid(RollwatchError):  # noqa: N818  an answer
    """The handler refused, or could not be asked. `code` is what the shell is told."""

    def __init__(self, message: str, remedy: str, code: Exit, rollback_id: str | None = None) -> None:
        self.code = code
        self.rollback_id = rollback_id
        super().__init__(f"{message} {remedy}".strip())


class HandlerClient:
    """Blocks, for 45 s an attempt at most."""

    def __init__(
        self,
        url: str,
        token: str | None,
        ca_file: str | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._sleep = sleep
        self._session = requests.Session()
        # A .netrc would replace the token, a proxy would see it.
        self._session.trust_env = False
        self._session.verify = ca_file or True
        self._session.headers["User-Agent"] = f"rollwatch/{__version__}"
        self._session.headers["Accept"] = "application/json"
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    @property
    def url(self) -> str:
        return self._url

    def get(self, path: str, query: Mapping[str, str | int | None] | None = None) -> dict[str, Any]:
        """Raises HandlerSaid."""
        return self._asked("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any] | bytes, *, key: str | None = None) -> dict[str, Any]:
        """Raises HandlerSaid. With an Idempotency-Key it is asked again where the answer got lost."""
        data: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": _given(body)}
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._asked("POST", path, headers=headers, **data)

    def close(self) -> None:
        self._session.close()

    def _asked(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        is_repeatable = method == "GET" or "Idempotency-Key" in request["headers"]
        attempts = _ATTEMPTS if is_repeatable else 1
        for attempt in range(1, attempts + 1):
            try:
                answer = self._session.request(
                    method,
                    f"{self._url}{_BASE}{path}",
                    timeout=(_CONNECT_S, _ANSWER_S),
                    allow_redirects=False,
                    **request,
                )
            except requests.RequestException as error:
                if attempt == attempts or isinstance(error, requests.exceptions.SSLError | ValueError):
                    self._cant_reach(error)
            else:
                if answer.status_code != 503 or attempt == attempts:
                    return self._read(answer)
            self._sleep(_PAUSE_S)
        raise AssertionError("the last attempt returns or raises")

    def _read(self, answer: requests.Response) -> dict[str, Any]:
        try:
            document = answer.json()
        except ValueError:
            document = None
        if answer.ok and answer.status_code < 300 and isinstance(document, dict):
            return document
        said = document if isinstance(document, dict) else {}
        message = clean(
            str(said.get("message") or f"It answered {answer.status_code}, and not as ours do."), 500
        )
        remedy = clean(str(said.get("remedy") or f"Is {self._url} the rollback handler?"), 500)
        code = _EXITS.get(answer.status_code)
        if code is None:
            code = Exit.USAGE if said and answer.status_code < 500 else Exit.UNDECIDED
        blocking = said.get("rollback")
        raise HandlerSaid(message, remedy, code, blocking if isinstance(blocking, str) else None)

    def _cant_reach(self, error: requests.RequestException) -> NoReturn:
        if isinstance(error, requests.exceptions.SSLError):
            why = "its certificate is not trusted (--ca-file)"
        elif isinstance(error, requests.Timeout):
            why = "it did not answer in time"
        elif isinstance(error, requests.ConnectionError):
            why = "nothing answers there"
        else:
            why = "that is no address"
        raise HandlerSaid(
            f"The rollback handler can't be reached at {clean(self._url)}: {why}.",
            "Is it running (rollwatch rollback serve)? Else name it with --url.",
            Exit.UNDECIDED,
        ) from None


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
