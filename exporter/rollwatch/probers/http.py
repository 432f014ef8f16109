"""Kind `http`: one request, and what its answer must be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from rollwatch.config.fields import JsonExpression, mistake
from rollwatch.errors import ProbeFailure
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Reason
from rollwatch.probers._http import (
    HTTP_METRICS,
    HTTP_PHASES,
    HTTP_REASONS,
    BodyFailure,
    HttpClient,
    HttpRequestSpec,
)
from rollwatch.probers._http_expect import (
    NO_FACTS,
    BodyFacts,
    ComponentsSpec,
    ExpectSpec,
    TimestampSpec,
    read_body,
)
from rollwatch.probers._http_status import status_failure
from rollwatch.probers.contract import ProberKind
from rollwatch.text import clean, listed, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.model import Component
    from rollwatch.probers._http import Response
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["KIND", "HttpProber", "HttpSpec"]

FAILED_DUE_TO_REGEX = MetricDef(
    "probe_failed_due_to_regex",
    MetricType.GAUGE,
    "1 if a header, keyword or pattern was not as expected, else 0.",
    meaning="When one is expected and the last run got an answer.",
)
HEALTH_TIMESTAMP = MetricDef(
    "rollwatch_health_timestamp_seconds",
    MetricType.GAUGE,
    "The moment the body's timestamp names, in Unix time.",
    meaning="With `timestamp` configured, when the last body had one.",
)
HEALTH_UPTIME = MetricDef(
    "rollwatch_health_uptime_seconds",
    MetricType.GAUGE,
    "What the body says under `uptime`, taken as seconds.",
    meaning="With `components` configured, when the last body had one.",
)

_EXCERPT = 500


class HttpSpec(HttpRequestSpec):
    """A request, and what its answer must be."""

    kind: Literal["http"] = "http"
    """Ask over HTTP or HTTPS."""
    expect: ExpectSpec = ExpectSpec()
    """What the answer must be."""
    components: ComponentsSpec | None = None
    """The parts the body reports, each of which gets a series."""
    version: JsonExpression | None = None
    """Where the body names its version; default: text under `version`."""
    timestamp: TimestampSpec | None = None
    """A moment in the body that must be recent."""

    @model_validator(mode="after")
    def _a_redirect_can_be_seen(self) -> Self:
        ranges = self.expect.status
        if all(low >= 300 and high <= 399 and low != 304 for low, high in ranges) and self.follow_redirects:
            raise mistake(
                "expects a redirect, but redirects are followed",
                "Write follow_redirects: false beside it.",
                at=("expect", "status"),
            )
        return self


class HttpProber:
    """Probes one URL."""

    def __init__(self, spec: HttpSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._clock = env.clock
        self._client = HttpClient(spec, env)
        self._keywords = [(text, text.encode()) for text in spec.expect.keyword]
        self._not_keywords = [(text, text.encode()) for text in spec.expect.not_keyword]
        self._needs_json = bool(spec.expect.json_body or spec.version or spec.timestamp or spec.components)

    async def probe(self, run: Run) -> None:
        """UP if the answer is what the spec expects.

        Judged in this order: status, headers, body, JSON, timestamp, critical components.
        """
        failure: ProbeFailure | None = None
        try:
            response = await self._client.fetch(run)
            facts = await self._read(run, response)
            self._judge(run, response, facts)
        except BodyFailure as bad_body:
            failure = self._status_failure(run, bad_body.response, NO_FACTS) or bad_body
        except ProbeFailure as other:
            failure = other
        if self._spec.expect.has_text_checks:
            is_text = failure is not None and failure.reason in (Reason.HEADER_MISMATCH, Reason.BODY_MISMATCH)
            run.sample(FAILED_DUE_TO_REGEX, is_text)
        if failure is not None:
            raise ProbeFailure(failure.reason, sentence(self._client.scrub(failure.detail)))

    async def _read(self, run: Run, response: Response) -> BodyFacts:
        """What the body says, whatever the verdict: a 503 still tells which component is down."""
        spec, body, scrub = self._spec, response.body, self._client.scrub
        if run.notes is not None and body:
            begin = body[: 8 * _EXCERPT].decode("utf-8", "replace")
            run.note("body", clean(scrub(begin if len(body) <= 8 * _EXCERPT else f"{begin}…"), _EXCERPT))
        if not self._needs_json and not body.startswith(b"{"):
            return NO_FACTS
        read = partial(
            read_body,
            body,
            expected=spec.expect.json_body,
            components=spec.components,
            version=spec.version,
            timestamp=spec.timestamp.json_path if spec.timestamp is not None else None,
        )
        facts = await asyncio.to_thread(read) if response.is_large else read()
        if facts.version is not None:
            run.version = scrub(facts.version)
            run.note("version", run.version)
        if facts.timestamp is not None:
            run.sample(HEALTH_TIMESTAMP, facts.timestamp)
        if spec.components is not None:
            run.components.extend(self._without_secrets(facts.components.found))
            if facts.uptime_s is not None:
                run.sample(HEALTH_UPTIME, facts.uptime_s)
            for part in run.components if run.notes is not None else ():
                mark = ", critical" if part.is_critical else ""
                run.note("component", f"{part.name} is {'up' if part.is_up else 'down'} ({part.word}{mark})")
            if facts.components.ignored:
                run.note("components", f"only the first {len(facts.components.found)} are read")
        return facts

    def _without_secrets(self, components: tuple[Component, ...]) -> Iterable[Component]:
        """Names become labels, and both names and words are shown."""
        scrub = self._client.scrub
        everything = "\n".join(f"{component.name}\n{component.word}" for component in components)
        if scrub(everything) == everything:
            return components
        return [replace(one, name=scrub(one.name), word=scrub(one.word)) for one in components]

    def _judge(self, run: Run, response: Response, facts: BodyFacts) -> None:
        failure = (
            self._status_failure(run, response, facts)
            or self._header_failure(response)
            or self._text_failure(response)
            or self._json_failure(facts)
            or self._timestamp_failure(facts)
            or self._component_failure(facts)
        )
        if failure is not None:
            raise failure

    def _status_failure(self, run: Run, response: Response, facts: BodyFacts) -> ProbeFailure | None:
        spec, down = self._spec, facts.components.down
        failure = status_failure(
            run,
            response,
            spec.expect.status,
            now=self._clock.wall(),
            has_credentials=spec.has_credentials,
            # A health endpoint that is down is asked all the same: how else would we see it recover?
            waits_after=(429,),
        )
        if failure is None or failure.reason is not Reason.STATUS or not down:
            return failure
        return ProbeFailure(Reason.STATUS, f"{failure.detail}; down: {listed(down)}")

    def _header_failure(self, response: Response) -> ProbeFailure | None:
        for name, pattern in self._spec.expect.headers.items():
            values = response.headers.get_all(name)
            if not values:
                return ProbeFailure(Reason.HEADER_MISMATCH, f"the answer has no header {name}")
            if not any(pattern.search(value) for value in values):
                wanted = clean(pattern.source, 80)
                detail = f"the header {name} is '{clean(values[0], 80)}', expected to match {wanted}"
                return ProbeFailure(Reason.HEADER_MISMATCH, detail)
        return None

    def _text_failure(self, response: Response) -> ProbeFailure | None:
        expect, body = self._spec.expect, response.body
        wrong = (
            next(
                (f"does not contain '{clean(text, 120)}'" for text, raw in self._keywords if raw not in body),
                None,
            )
            or next(
                (f"contains '{clean(text, 120)}'" for text, raw in self._not_keywords if raw in body), None
            )
            or next(
                (f"does not match {clean(p.source, 120)}" for p in expect.body if not p.search(body)), None
            )
            or next((f"matches {clean(p.source, 120)}" for p in expect.not_body if p.search(body)), None)
        )
        return None if wrong is None else ProbeFailure(Reason.BODY_MISMATCH, f"the body {wrong}")

    def _json_failure(self, facts: BodyFacts) -> ProbeFailure | None:
        spec = self._spec
        must_be_json = (
            spec.expect.json_body or spec.timestamp or (spec.components and spec.components.critical)
        )
        if facts.problem and must_be_json:
            reason = Reason.JSON_INVALID if facts.is_utf8 else Reason.ENCODING_INVALID
            return ProbeFailure(reason, facts.problem)
        if facts.failed is None:
            return None
        says = f"; its status is '{facts.status_word}'" if facts.status_word else ""
        return ProbeFailure(
            Reason.JSON_MISMATCH, f"not true of the body: {clean(facts.failed.source, 150)}{says}"
        )

    def _timestamp_failure(self, facts: BodyFacts) -> ProbeFailure | None:
        spec = self._spec.timestamp
        if spec is None:
            return None
        if facts.timestamp is None:
            where = clean(spec.json_path.source, 80)
            return ProbeFailure(Reason.TIMESTAMP_STALE, f"the body has no timestamp at {where}")
        age = self._clock.wall() - facts.timestamp
        if age > spec.max_age:
            detail = f"the body's timestamp is {age:.0f} s old, allowed are {spec.max_age:g} s"
            return ProbeFailure(Reason.TIMESTAMP_STALE, detail)
        if -age > spec.max_ahead:
            detail = f"the body's timestamp is {-age:.0f} s in the future, allowed are {spec.max_ahead:g} s"
            return ProbeFailure(Reason.TIMESTAMP_STALE, detail)
        return None

    def _component_failure(self, facts: BodyFacts) -> ProbeFailure | None:
        spec = self._spec.components
        if spec is None or not spec.auto or not spec.critical:
            return None
        critical = [component for component in facts.components.found if component.is_critical]
        down = [component for component in critical if not component.is_up]
        if down:
            said = ", ".join(f"{component.name} ({clean(component.word, 60)})" for component in down[:5])
            return ProbeFailure(Reason.COMPONENT_DOWN, f"critical components are down: {said}")
        missing = [name for name in spec.critical if not facts.components.names_one(name)]
        if missing:
            detail = f"the body does not report the critical components {listed(missing)}"
            return ProbeFailure(Reason.COMPONENT_DOWN, detail)
        return None


KIND = ProberKind(
    name="http",
    spec=HttpSpec,
    build=HttpProber,
    reasons=HTTP_REASONS
    | {
        Reason.STATUS,
        Reason.HEADER_MISMATCH,
        Reason.BODY_MISMATCH,
        Reason.JSON_INVALID,
        Reason.JSON_MISMATCH,
        Reason.TIMESTAMP_STALE,
        Reason.COMPONENT_DOWN,
        Reason.RATE_LIMITED,
        Reason.CREDENTIALS_REJECTED,
    },
    target=lambda spec: spec.url.masked,
    metrics=(*HTTP_METRICS, FAILED_DUE_TO_REGEX, HEALTH_TIMESTAMP, HEALTH_UPTIME),
    phase_metric=HTTP_PHASES,
)
