"""The shape of `GET /api/monitoring/errors`. Members may be added at any time."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["ErrorGroupJson", "ErrorsJson", "ServiceErrorsJson"]


class _Json(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class ErrorGroupJson(_Json):
    """Errors of one type, one kind of message and one file. Its texts come from browsers: escape them."""

    group: str
    """The fingerprint, and the label of rollwatch_browser_errors_total."""
    title: str
    """What people call it: type and message."""
    kind: Literal["error", "rejection"]
    """An exception nobody caught, or a promise that was rejected and not handled; as of the newest error."""
    message: str
    """Of the newest error, at most 1,000 characters."""
    stack: str
    """The newest that was told, a frame a line: in places of the sources where a map tells them, or the first
    2,000 characters as they came where many are new at once. Empty if there was none."""
    path: str
    """Of the page of the newest error, without query and fragment."""
    route: str | None
    """The template the application itself gave for that page."""
    releases: list[str]
    """In which it was seen, newest last, at most 8."""
    browsers: list[str]
    """In which it was seen, newest last, at most 8."""
    sessions: int
    """How many sessions met it: an estimate, within a few percent up to 50,000."""
    count: int
    """How often it was reported."""
    first_seen_at: float
    """When this process first saw it, Unix seconds."""
    last_seen_at: float
    """When it was last reported, Unix seconds."""
    ignored_by: str | None
    """The pattern of ignore_errors that matched the newest error."""


class ServiceErrorsJson(_Json):
    """One service with `browser`."""

    service: str
    """Its name in the configuration."""
    groups: list[ErrorGroupJson]
    """Seen last first."""


class ErrorsJson(_Json):
    """The errors that browsers reported to one exporter, since it was started."""

    generated_at: float
    """The moment, Unix seconds."""
    services: list[ServiceErrorsJson]
    """By name."""
