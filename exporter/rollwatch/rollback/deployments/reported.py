"""What CI reports: the body of `POST /api/monitoring/deployments`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rollwatch.errors import RollwatchError
from rollwatch.rollback.deployments.naming import COMMIT, NAME
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import DeploymentState
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["BODY_MAX", "BadReport", "DeploymentReport", "Reported", "read_report"]

BODY_MAX = 16 * 1024
_SKEW_S = 60.0
_OLDEST_S = 400 * 86_400.0
_WORDS_MAX = 200


class BadReport(RollwatchError):  # noqa: N818  what somebody sent, no fault of ours
    """The report can't be used. `why` and `remedy` are a sentence each, and quote no more than a key."""

    def __init__(self, why: str, remedy: str = "") -> None:
        self.why = why
        self.remedy = remedy
        super().__init__(f"{why} {remedy}".rstrip())


def _seconds(value: object) -> object:
    """RFC 3339 with a zone, or Unix seconds; anything else is left for pydantic to refuse."""
    if not isinstance(value, str) or len(value) > 40:
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return value if at.tzinfo is None else at.timestamp()


_Name = Annotated[str, Field(pattern=NAME)]
_Commit = Annotated[
    str,
    BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text),
    Field(pattern=COMMIT),
]
_At = Annotated[float, BeforeValidator(_seconds), Field(allow_inf_nan=False, ge=0, le=253_402_300_799)]


class DeploymentReport(BaseModel):
    """A deployment that was started, has finished, or has failed."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)

    service: _Name
    """As it is called in the configuration."""
    environment: _Name | None = None
    """The handler's, where it is left out."""
    state: Annotated[DeploymentState, Field(strict=False)]
    """started, finished or failed."""
    commit: _Commit | None = None
    """The whole SHA, 40 or 64 hex digits. At least one of commit, version and platform_id is needed."""
    version: _Name | None = None
    """What the release is called, and what its health endpoint reports."""
    platform_id: _Name | None = None
    """The deployment's id on the platform."""
    migration: bool = False
    """Whether it changes the schema of a database, so that going back over it may not be possible."""
    committed_at: _At | None = None
    """When the commit was made: RFC 3339 with a zone, or Unix seconds. For the lead time."""
    at: _At | None = None
    """When it was started, or ended: RFC 3339 with a zone, or Unix seconds. Now, where it is left out."""
    id: _Name | None = None
    """Of the deployment, the same at its start and its end; without it, the release connects them."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A report that was checked; times are Unix seconds."""

    release: Release
    state: DeploymentState
    at: float
    migration: bool
    committed_at: float | None
    deployment_id: str | None


def read_report(body: bytes, *, services: Collection[str], environment: str, now: float) -> Reported:
    """Read and check the body, at most BODY_MAX bytes. Raises BadReport.

    `services` are those with a rollback section in `environment`. Times up to 60 s ahead are taken for now.
    """
    if len(body) > BODY_MAX:
        raise BadReport(f"The report has more than {BODY_MAX // 1024} KiB.", "Send one deployment at a time.")
    try:
        said = DeploymentReport.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise BadReport("The report is no JSON.", "Send an object, as the API's description shows.") from None
    except ValidationError as error:
        raise BadReport(*_what_is_wrong(error)) from None
    where = environment if said.environment is None else said.environment
    if where != environment:
        raise BadReport(
            "The report is of another environment than this handler's.", "Send it to that environment's."
        )
    if said.service not in services:
        raise BadReport(
            "The report is of a service without a rollback section here.",
            "Give it one in rollwatch.yml, or correct the name.",
        )
    if said.commit is None and said.version is None and said.platform_id is None:
        raise BadReport(
            "The report does not say which release it is about.",
            "Send at least one of commit, version and platform_id.",
        )
    return Reported(
        Release(said.service, where, said.commit, said.version, said.platform_id),
        said.state,
        now if said.at is None else _believed("at", said.at, now),
        said.migration,
        None if said.committed_at is None else _believed("committed_at", said.committed_at, now),
        said.id,
    )


def _believed(key: str, at: float, now: float) -> float:
    if at > now + _SKEW_S:
        raise BadReport(f"{key} is in the future.", "Send Unix seconds or RFC 3339, and check the clock.")
    if at < now - _OLDEST_S and key == "at":
        raise BadReport(f"{key} is more than 400 days ago.", "Send Unix seconds or RFC 3339 with a zone.")
    return min(at, now)


_REMEDIES = {
    "commit": "Send the whole SHA: 40 or 64 hex digits.",
    "at": "Send RFC 3339 with a zone (2026-02-01T12:00:00Z), or Unix seconds.",
    "committed_at": "Send RFC 3339 with a zone (2026-02-01T12:00:00Z), or Unix seconds.",
    "state": "Send started, finished or failed.",
    "migration": "Send true or false.",
}
_NAMES = "Send 1 to 128 of A-Z a-z 0-9 . _ + : / @ - and no hyphen at the beginning."


def _what_is_wrong(error: ValidationError) -> tuple[str, str]:
    """The first mistake; of what was sent only a key, cleaned."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    if not first["loc"]:
        return "The report is no JSON object.", "Send an object, as the API's description shows."
    key = clean(str(first["loc"][0]), 60)
    if first["type"] == "missing":
        return f"{key} is missing.", _REMEDIES.get(key, _NAMES)
    if first["type"] == "extra_forbidden":
        return f"{key} is no key of a report.", f"Keys are {', '.join(DeploymentReport.model_fields)}."
    return f"{key} can't be used: {clean(first['msg'], _WORDS_MAX)}.", _REMEDIES.get(key, _NAMES)
