"""What the file may say of a JSON document whose figures are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from rollwatch.config.fields import JsonExpression, Name, Seconds, mistake
from rollwatch.config.probe_spec import ProbePriority  # noqa: TC001  pydantic needs it
from rollwatch.config.readings import Readings  # noqa: TC001  pydantic needs it
from rollwatch.probers._http_expect import AnswerExpect
from rollwatch.probers._http_spec import HttpRequestSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.readings import Reading

__all__ = ["JsonSpec"]


class JsonSpec(HttpRequestSpec):
    """A JSON document, and the figures and records in it."""

    kind: Literal["json"] = "json"
    """Read figures from a JSON document over HTTP or HTTPS."""
    interval: Annotated[Seconds, Field(ge=1, le=86_400)] = 60.0
    """Time between the starts of two runs."""
    priority: ProbePriority = "P2"
    """The worst alert its being DOWN may raise; the figures it reads have limits of their own."""
    expect: AnswerExpect = AnswerExpect()
    """What the answer must be; otherwise nothing is read from it."""
    figures: Readings = Field(default_factory=dict)
    """By figure of the service, where it is in the document."""
    records: Annotated[dict[Name, JsonExpression], Field(max_length=50)] = Field(default_factory=dict)
    """By kind of records of the service, where their list is, the oldest first; of a longer one the last 1000
    are read."""

    def readings(self) -> Mapping[str, tuple[Reading, ...]]:
        """The figures a run reads."""
        return self.figures

    def records_read(self) -> Mapping[str, JsonExpression]:
        """The records a run reads."""
        return self.records

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if not self.figures and not self.records:
            raise mistake("reads nothing", "Add figures or records, or use kind: http.")
        return self
