"""What is sent to the API. Unknown members are refused, so that a misspelt one is not passed over."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rollwatch.text import clean

__all__ = [
    "SERVICE_PATTERN",
    "ApproveBody",
    "Body",
    "BreakerBody",
    "CancelBody",
    "MarkBody",
    "PauseBody",
    "ResumeBody",
    "TriggerBody",
]

SERVICE_PATTERN = r"^[A-Za-z0-9._/-]{1,128}$"
# One line with something in it.
_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"

ServiceName = Annotated[str, Field(pattern=SERVICE_PATTERN)]
Actor = Annotated[
    str, Field(min_length=1, max_length=128, pattern=_LINE), AfterValidator(lambda text: clean(text, 128))
]
Reason = Annotated[
    str, Field(min_length=1, max_length=512, pattern=_LINE), AfterValidator(lambda text: clean(text, 512))
]
# Never something that a program could take for an option.
Target = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+@:-]{0,199}$")]


class Body(BaseModel):
    """A JSON object of exactly these members."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class TriggerBody(Body):
    """Take the release of a service back."""

    service: ServiceName
    """A service that rollwatch.yml declares with a section rollback."""
    reason: Reason
    """Why, for whoever reads it later."""
    actor: Actor
    """Who wants it. The name of the token is recorded beside it."""
    level: Literal["manual", "emergency"] = "manual"
    """An emergency skips every soft guard and the pause, never a hard one."""
    target: Target | None = None
    """A release to go back to: commit, version or platform id. Else the newest healthy one."""
    dry_run: bool = False
    """Only say what would be decided, guard by guard."""


class ApproveBody(Body):
    """Let a rollback that waits for it go on."""

    actor: Actor
    """Who approves."""


class CancelBody(Body):
    """Stop a rollback before it changes anything."""

    actor: Actor
    """Who cancels."""
    reason: Reason
    """Why."""


class PauseBody(Body):
    """No new rollbacks."""

    actor: Actor
    """Who pauses."""
    reason: Reason
    """Why, and perhaps until when."""
    service: ServiceName | None = None
    """Of this service only; else of all."""


class ResumeBody(Body):
    """Rollbacks again."""

    actor: Actor
    """Who resumes."""
    service: ServiceName | None = None
    """The pause of this service; else the one of all."""


class BreakerBody(Body):
    """Count the automatic rollbacks of a service anew."""

    service: ServiceName
    """The one that reached its limit."""
    actor: Actor
    """Who has looked at it."""


class MarkBody(Body):
    """What a person says of a release."""

    good: bool | None
    """true: it can be gone back to; false: never go back to it; null: nothing is said."""
    actor: Actor
    """Who says so."""
