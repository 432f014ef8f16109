"""Kind `provider`: a third-party API, whether it answers, and how good its data is.

Bad data does not make a provider DOWN: rules over the valid ratio judge it. No data does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.errors import ProbeFailure
from rollwatch.figures.examining import Examiner, as_records
from rollwatch.model import Reason, Role
from rollwatch.probers import _provider_metrics as m
from rollwatch.probers._growth import Growth, as_growing_number
from rollwatch.probers._http import (
    HTTP_METRICS,
    HTTP_PHASES,
    HTTP_REASONS,
    BodyFailure,
    HttpClient,
    parse_json,
)
from rollwatch.probers._http_answer import error_said
from rollwatch.probers._http_status import status_failure
from rollwatch.probers._provider_spec import ProviderSpec
from rollwatch.probers._quota import quota_remaining
from rollwatch.probers._status_page import StatusPageReader
from rollwatch.probers.contract import ProberKind
from rollwatch.probers.run import Sample
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.config.fields import JsonExpression
    from rollwatch.probers._http import Response
    from rollwatch.probers.contract import ProbeEnv, Prober
    from rollwatch.probers.run import Run

__all__ = ["KIND", "ProviderProber", "WatchedProviderProber"]


class _Found(NamedTuple):
    """What a body holds of what the spec asks for."""

    failed: JsonExpression | None
    records: list[Any] | None
    value: Any
    error: str
    """What the body itself says went wrong (JSON-RPC answers 200 to that); remote text, bounded."""


class ProviderProber:
    """Probes one provider. Learns what is normal for its figures as it goes."""

    def __init__(self, spec: ProviderSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._clock = env.clock
        self._client = HttpClient(spec, env)
        self._examiner = Examiner(spec.rules)
        self._growth = None if spec.growing is None else Growth(spec.growing.within)
        self._grown_at: float | None = None
        self._needs_json = bool(spec.expect.json_body or spec.records or spec.growing)

    async def probe(self, run: Run) -> None:
        """UP if the provider answers with what it is asked for.

        Judged in this order: status, JSON, records, growth.
        """
        self._start_series(run)
        try:
            try:
                response = await self._client.fetch(run)
            except BodyFailure as failure:
                self._judge_head(run, failure.response)
                raise
            self._judge_head(run, response)
            if self._needs_json:
                await self._judge_body(run, response)
        except ProbeFailure as failure:
            detail = self._client.scrub(failure.detail)
            raise ProbeFailure(failure.reason, sentence(detail + self._see_also(failure.reason))) from None

    def _see_also(self, reason: Reason) -> str:
        page = self._spec.status_page
        is_theirs = reason in (Reason.STATUS, Reason.RECORDS_MISSING, Reason.VALUE_NOT_GROWING)
        return f"; see {page.url.masked}" if page is not None and is_theirs else ""

    def _start_series(self, run: Run) -> None:
        run.sample(m.EXAMINED_TOTAL, 0)
        for check in self._examiner.checks:
            run.sample(m.INVALID_TOTAL, 0, check.name, _word(check.is_critical))
        if self._grown_at is not None:
            run.sample(m.LAST_GROWTH, self._grown_at)

    def _judge_head(self, run: Run, response: Response) -> None:
        quota = quota_remaining(response.headers)
        if quota is not None:
            run.sample(m.QUOTA_REMAINING, quota)
            run.note("quota", f"{quota:.0f} requests left")
        expected = self._spec.expect.status
        # A provider is an API for its customers: whoever it turns away, it is not down.
        failure = status_failure(run, response, expected, now=self._clock.wall(), has_credentials=True)
        if failure is not None:
            raise failure

    async def _judge_body(self, run: Run, response: Response) -> None:
        take_apart = self._take_apart
        found = await asyncio.to_thread(take_apart, response) if response.is_large else take_apart(response)
        if found.failed is not None:
            detail = f"not true of the body: {clean(found.failed.source, 150)}{found.error}"
            raise ProbeFailure(Reason.JSON_MISMATCH, detail)
        if self._spec.records is not None:
            await self._judge_records(run, self._spec.records, found)
        if self._growth is not None:
            self._judge_growth(run, self._growth, found)

    def _take_apart(self, response: Response) -> _Found:
        spec = self._spec
        document = parse_json(response)
        return _Found(
            failed=next((one for one in spec.expect.json_body if not one.holds(document)), None),
            records=None if spec.records is None else as_records(spec.records.search(document)),
            value=None if spec.growing is None else spec.growing.value.search(document),
            error=error_said(document),
        )

    async def _judge_records(self, run: Run, where: JsonExpression, found: _Found) -> None:
        spec, records = self._spec, found.records
        if records is None:
            detail = f"the body has no list of records at {clean(where.source, 100)}{found.error}"
            raise ProbeFailure(Reason.RECORDS_MISSING, detail)
        tally = self._examiner.begin()
        explain = run.notes is not None
        await self._examiner.examine_all(records[: spec.max_records], self._clock, tally, explain=explain)
        run.sample(m.RECORDS, len(records))
        run.sample(m.UNEXAMINED, len(records) - tally.examined)
        run.sample(m.EXAMINED_TOTAL, tally.examined)
        if tally.valid_ratio is not None:
            run.sample(m.VALID_RATIO, tally.valid_ratio)
        for check in self._examiner.checks:
            labels = check.name, _word(check.is_critical)
            run.sample(m.INVALID, tally.invalid[check.name], *labels)
            run.sample(m.INVALID_TOTAL, tally.invalid[check.name], *labels)
        if explain:
            run.note("records", f"{tally.valid} of {tally.examined} examined are valid, {len(records)} came")
            for example in tally.examples:
                run.note("invalid", self._client.scrub(example))
        least = 1 if spec.min_records is None else spec.min_records
        if len(records) < least:
            detail = f"the answer has {len(records)} records, expected are at least {least}"
            raise ProbeFailure(Reason.RECORDS_MISSING, detail)

    def _judge_growth(self, run: Run, growth: Growth, found: _Found) -> None:
        value = as_growing_number(found.value)
        if value is None:
            source = "" if self._spec.growing is None else clean(self._spec.growing.value.source, 100)
            raise ProbeFailure(Reason.JSON_MISMATCH, f"the body has no number at {source}{found.error}")
        now = self._clock.monotonic()
        problem = growth.observe(value, now)
        if growth.grown_at == now:
            self._grown_at = self._clock.wall()
            run.sample(m.LAST_GROWTH, self._grown_at)
        run.sample(m.VALUE, value)
        run.note("value", value)
        if problem is not None:
            raise ProbeFailure(Reason.VALUE_NOT_GROWING, f"the value does not grow: {problem}")


class WatchedProviderProber(ProviderProber):
    """The same, with a status page that is read between runs."""

    def __init__(self, spec: ProviderSpec, env: ProbeEnv, page: StatusPageReader) -> None:
        super().__init__(spec, env)
        self._page = page

    async def live(self) -> None:
        """Read the status page now and then, until cancelled."""
        await self._page.live()

    def take_samples(self) -> Sequence[Sample]:
        """What the status page last said."""
        return () if self._page.is_up is None else (Sample(m.STATUS_PAGE_UP, (), self._page.is_up),)


def _word(is_critical: bool) -> str:
    return "true" if is_critical else "false"


def _build(spec: ProviderSpec, env: ProbeEnv) -> Prober:
    page = None if spec.status_page is None else spec.status_page.json_body
    if page is None:
        return ProviderProber(spec, env)
    return WatchedProviderProber(spec, env, StatusPageReader(page, env))


KIND = ProberKind(
    name="provider",
    spec=ProviderSpec,
    build=_build,
    reasons=HTTP_REASONS
    | {
        Reason.STATUS,
        Reason.RATE_LIMITED,
        Reason.CREDENTIALS_REJECTED,
        Reason.JSON_INVALID,
        Reason.JSON_MISMATCH,
        Reason.RECORDS_MISSING,
        Reason.VALUE_NOT_GROWING,
    },
    target=lambda spec: spec.url.masked,
    metrics=(*HTTP_METRICS, *m.PROVIDER_METRICS),
    phase_metric=HTTP_PHASES,
    role=lambda spec: Role(spec.role),
    status_page=lambda spec: None if spec.status_page is None else spec.status_page.url.masked,
)
