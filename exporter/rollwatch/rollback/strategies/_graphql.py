"""GraphQL over a JsonClient. Its errors come with status 200, or with 400."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollwatch.rollback.strategies.http import Ambiguous, Answered, Refused
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.rollback.strategies.http import JsonClient

__all__ = ["GraphAnswer", "GraphError", "ask_graph", "change_graph"]


@dataclass(frozen=True, slots=True)
class GraphError:
    """One error of an answer: remote text, bounded."""

    message: str
    code: str

    @property
    def is_refusal(self) -> bool:
        """Whether it says that nothing was done; a fault inside the platform says nothing of the kind."""
        return self.code not in _FAULTS and not any(word in self.message.lower() for word in _FAULT_WORDS)

    @property
    def passes(self) -> bool:
        """Whether the same question may be answered later."""
        said = f"{self.code} {self.message}".lower().replace("_", " ")
        return not self.is_refusal or "rate limit" in said


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """`data` is empty where the answer has none."""

    data: Mapping[str, Any]
    errors: tuple[GraphError, ...]

    @property
    def words(self) -> str:
        return clean("; ".join(error.message for error in self.errors[:3]), 160)


_FAULTS = frozenset({"INTERNAL_SERVER_ERROR", "INTERNAL", "TIMEOUT", "SERVICE_UNAVAILABLE", "UNAVAILABLE"})
_FAULT_WORDS = ("timed out", "timeout", "internal server error", "something went wrong")


async def ask_graph(
    client: JsonClient,
    platform: str,
    query: str,
    variables: Mapping[str, Any],
    *,
    path: str = "",
    within_s: float | None = None,
) -> Mapping[str, Any]:
    """The `data` of a query. Raises CallFailed, also where the answer has errors."""
    body = {"query": query, "variables": dict(variables)}
    answer = _read(platform, await client.ask("POST", path, body, within_s=within_s))
    if any(error.passes for error in answer.errors):
        raise Ambiguous(f"{platform} did not answer the question: {answer.words}")
    if answer.errors:
        raise Refused(f"{platform} refused the question: {answer.words}", status=200)
    return answer.data


async def change_graph(
    client: JsonClient,
    platform: str,
    mutation: str,
    variables: Mapping[str, Any],
    *,
    path: str = "",
    within_s: float | None = None,
) -> GraphAnswer:
    """What a mutation answered, with its errors. Raises CallFailed."""
    body = {"query": mutation, "variables": dict(variables)}
    try:
        answered = await client.change("POST", path, body, within_s=within_s)
    except Refused as refused:
        errors = refused.json.get("errors") if isinstance(refused.json, dict) else None
        if refused.status != 400 or not errors:
            raise
        return GraphAnswer({}, _errors(errors))
    return _read(platform, answered)


def _read(platform: str, answered: Answered) -> GraphAnswer:
    document = answered.json
    if not isinstance(document, dict) or not ("data" in document or "errors" in document):
        raise Ambiguous(f"{platform} answered {answered.status} with something that is no GraphQL")
    data = document.get("data")
    return GraphAnswer(data if isinstance(data, dict) else {}, _errors(document.get("errors") or ()))


def _errors(errors: Sequence[Any]) -> tuple[GraphError, ...]:
    if not isinstance(errors, list | tuple):
        return (GraphError("an error it does not name", ""),)
    return tuple(_error(error) for error in errors[:10])


def _error(error: Any) -> GraphError:
    said = error if isinstance(error, dict) else {}
    extensions = said.get("extensions")
    # GitHub names the kind in `type`, Apollo in `extensions.code`.
    code = extensions.get("code") if isinstance(extensions, dict) else said.get("type")
    message = said.get("message")
    return GraphError(
        clean(message if isinstance(message, str) else "an error it does not name", 300),
        code if isinstance(code, str) else "",
    )
