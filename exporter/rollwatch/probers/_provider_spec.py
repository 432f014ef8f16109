"""What the file may say of a third-party provider."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rollwatch.config.fields import HttpUrl, JsonExpression, Seconds, mistake
from rollwatch.config.probe_spec import ProbePriority  # noqa: TC001  pydantic needs it
from rollwatch.config.rules import Rules  # noqa: TC001  pydantic needs it
from rollwatch.config.spec import Spec
from rollwatch.probers._http_expect import AnswerExpect
from rollwatch.probers._http_spec import HttpRequestSpec

__all__ = ["Growing", "ProviderSpec", "StatusPage", "StatusPageJson"]


class Growing(Spec):
    """A figure of the answer that must keep growing: a block height, a sequence number."""

    value: JsonExpression
    """Where it is: a number, also as decimal or 0x… text."""
    within: Seconds
    """How long it may stand still."""


class StatusPageJson(Spec):
    """The provider's own word on how it is."""

    url: HttpUrl
    """Where it is offered as JSON (`https://status.example.com/api/v2/status.json`)."""
    healthy: JsonExpression
    """True if all is well (`status.indicator == 'none'`)."""


class StatusPage(Spec):
    """The provider's status page."""

    url: HttpUrl
    """The page for people; named in what is said when the provider is DOWN."""
    json_body: Annotated[StatusPageJson | None, Field(alias="json")] = None
    """The same for machines, read every 5 minutes."""


class ProviderSpec(HttpRequestSpec):
    """A third-party API: whether it answers, and how good its data is."""

    kind: Literal["provider"] = "provider"
    """Ask a third-party API over HTTP or HTTPS."""
    interval: Annotated[Seconds, Field(ge=1, le=86_400)] = 60.0
    """Time between the starts of two runs; the provider is never asked more often, not by hand either."""
    priority: ProbePriority = "none"
    """The worst alert its being DOWN may raise by itself; providers have alerts of their own beside it."""
    role: Literal["primary", "fallback"] = "primary"
    """Whether this provider is the first choice or stands in for one."""
    expect: AnswerExpect = AnswerExpect()
    """What the answer must be for the provider to be UP; the quality of its data is judged by rules."""
    records: JsonExpression | None = None
    """Where the records are: a list, or one object."""
    min_records: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Fewer records than this are DOWN; 1 by default."""
    max_records: Annotated[int, Field(ge=1, le=100_000)] = 5000
    """So many records of one answer are examined, from the first on."""
    rules: Rules = ()
    """What every record must satisfy."""
    growing: Growing | None = None
    """A value that must keep growing."""
    status_page: StatusPage | None = None
    """The provider's own status page."""

    @model_validator(mode="after")
    def _rules_have_records(self) -> Self:
        if self.records is None:
            said = "rules" if self.rules else "min_records" if self.min_records is not None else ""
            if said:
                remedy = "Add records: the JMESPath of the list, or '@' for the whole body."
                raise mistake("needs records", remedy, at=(said,))
        return self

    @model_validator(mode="after")
    def _growth_can_be_seen(self) -> Self:
        if self.growing is not None and self.growing.within < self.interval:
            raise mistake(
                "is shorter than the interval, so that every run would fail",
                "Write at least two intervals.",
                at=("growing", "within"),
            )
        return self
