"""What a service may say of the figures its applications push."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rollwatch.config.fields import JsonExpression, Name, SecretText, mistake
from rollwatch.config.origins import Origin
from rollwatch.config.readings import Readings
from rollwatch.config.spec import Spec

__all__ = ["DocumentSpec", "PushSpec"]


class DocumentSpec(Spec):
    """The application's own document, and where in it everything is."""

    figures: Readings = Field(default_factory=dict)
    """By figure, where it is in the document."""
    records: Annotated[dict[Name, JsonExpression], Field(max_length=50)] = Field(default_factory=dict)
    """By kind of records, where their list is in the document."""
    id: JsonExpression | None = None
    """What tells one push from another: the same one again is refused."""
    sent_at: JsonExpression | None = None
    """When it was sent: Unix seconds, milliseconds or ISO 8601. An older one than the last is refused."""
    source: JsonExpression | None = None
    """Which instance of the application sent it; running totals are kept apart by it."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.figures and not self.records:
            raise mistake("maps nothing", "Add figures or records.")
        return self


class PushSpec(Spec):
    """Who may push, and in which form."""

    token: SecretText | None = None
    """The token an application sends as `Authorization: Bearer ...`."""
    tokens: Annotated[tuple[SecretText, ...], Field(max_length=10)] = ()
    """More tokens: two while one replaces the other."""
    origins: Annotated[tuple[Origin, ...], Field(max_length=50)] = ()
    """Pages whose browsers may push without a token, within the rate of one client."""
    document: DocumentSpec | None = None
    """Where figures are in the application's own document; without it, the documented form is expected."""

    @model_validator(mode="after")
    def _somebody_may(self) -> Self:
        if not self.all_tokens and not self.origins:
            raise mistake("lets nobody push", "Add token: ${file:PATH}, or origins.")
        return self

    @property
    def all_tokens(self) -> tuple[SecretText, ...]:
        """Every token that is good."""
        return (*(() if self.token is None else (self.token,)), *self.tokens)
