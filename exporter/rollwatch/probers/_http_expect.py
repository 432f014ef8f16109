"""What an answer must be for its target to be UP, and what is read from its body beside that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import orjson
from pydantic import BeforeValidator, Field

from rollwatch.config.fields import JsonExpression, Pattern, Seconds, StatusRanges
from rollwatch.config.spec import Spec
from rollwatch.probers._components import Components, read_components
from rollwatch.probers._timestamp import read_timestamp
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "NO_FACTS",
    "AnswerExpect",
    "BodyFacts",
    "ComponentsSpec",
    "ExpectSpec",
    "TimestampSpec",
    "read_body",
]

_VERSION_LIMIT = 100


def _as_tuple(value: object) -> object:
    """One item may be written without the list around it."""
    return value if isinstance(value, list | tuple) else (value,)


_Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_as_tuple)]
_Keywords = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], BeforeValidator(_as_tuple)
]
_Expressions = Annotated[tuple[JsonExpression, ...], BeforeValidator(_as_tuple)]


class ExpectSpec(Spec):
    """What the answer must be. Everything that is said must hold."""

    status: StatusRanges = StatusRanges([(200, 299)])
    """The status codes that are good."""
    headers: dict[str, Pattern] = Field(default_factory=dict)
    """For each header, a pattern that one of its values must match."""
    keyword: _Keywords = ()
    """Texts the body must contain, exactly as written."""
    not_keyword: _Keywords = ()
    """Texts the body must not contain."""
    body: _Patterns = ()
    """Patterns the body must match."""
    not_body: _Patterns = ()
    """Patterns the body must not match."""
    json_body: Annotated[_Expressions, Field(alias="json")] = ()
    """JMESPath expressions that must be true of the body."""

    @property
    def has_text_checks(self) -> bool:
        """Whether headers or the body are matched with text."""
        return bool(self.headers or self.keyword or self.not_keyword or self.body or self.not_body)


class AnswerExpect(Spec):
    """What the answer must be where the document in it is what matters."""

    status: StatusRanges = StatusRanges([(200, 299)])
    """The status codes that are good."""
    json_body: Annotated[_Expressions, Field(alias="json", max_length=100)] = ()
    """JMESPath expressions that must be true of the body."""


class ComponentsSpec(Spec):
    """The parts a health body reports."""

    auto: bool = True
    """Whether to find them."""
    critical: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    """Those that production can't do without: one of them down, or not reported, is DOWN."""


class TimestampSpec(Spec):
    """Freshness of a moment in the body."""

    json_path: Annotated[JsonExpression, Field(alias="json")] = JsonExpression("timestamp")
    """Where it is."""
    max_age: Annotated[Seconds, Field(gt=0)]
    """How old it may be."""
    max_ahead: Annotated[Seconds, Field(ge=0)] = 60.0
    """How far in the future it may be: clocks differ."""


class BodyFacts(NamedTuple):
    """What a body says. `problem` is why it is no JSON, then nothing else is known."""

    problem: str
    is_utf8: bool
    components: Components
    version: str | None
    timestamp: float | None
    uptime_s: float | None
    status_word: str
    failed: JsonExpression | None
    """The first expectation that does not hold."""


NO_FACTS = BodyFacts("", True, Components((), 0), None, None, None, "", None)


def read_body(  # a pure function of its arguments: it may run in a thread
    body: bytes,
    *,
    expected: tuple[JsonExpression, ...],
    components: ComponentsSpec | None,
    version: JsonExpression | None,
    timestamp: JsonExpression | None,
) -> BodyFacts:
    """Read a JSON body; never raises."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return NO_FACTS._replace(problem=_problem(body, error), is_utf8=_is_utf8(body))
    parts = Components((), 0)
    if components is not None and components.auto:
        parts = read_components(document, frozenset(components.critical))
    found_version = version.search(document) if version is not None else _get(document, "version")
    uptime = _get(document, "uptime")
    is_number = isinstance(uptime, int | float) and not isinstance(uptime, bool)
    status = _get(document, "status")
    return BodyFacts(
        problem="",
        is_utf8=True,
        components=parts,
        version=_version(found_version, may_be_number=version is not None),
        timestamp=read_timestamp(timestamp.search(document)) if timestamp is not None else None,
        uptime_s=float(uptime) if is_number and 0 <= uptime < 1e12 else None,
        status_word=clean(status, 60) if isinstance(status, str) else "",
        failed=next(_failing(expected, document), None),
    )


def _failing(expected: tuple[JsonExpression, ...], document: Any) -> Iterator[JsonExpression]:
    return (expression for expression in expected if not expression.holds(document))


def _get(document: Any, key: str) -> Any:
    return document.get(key) if isinstance(document, dict) else None


def _version(value: Any, *, may_be_number: bool) -> str | None:
    if isinstance(value, str) and value.strip():
        return clean(value.strip(), _VERSION_LIMIT)
    if may_be_number and isinstance(value, int | float) and not isinstance(value, bool):
        return clean(str(value), _VERSION_LIMIT)
    return None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _problem(body: bytes, error: orjson.JSONDecodeError) -> str:
    if not body.strip():
        return "the body is empty, not JSON"
    return f"the body is not JSON: {clean(error.msg, 80)} (line {error.lineno}, column {error.colno})"
