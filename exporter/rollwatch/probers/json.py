"""Kind `json`: one document an application or another system serves, and the figures and records in it.

Reading is not judging: what a figure says makes nothing DOWN here. No document does, or one without anything
of what is configured.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason
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
from rollwatch.probers._json_document import DocumentPlan
from rollwatch.probers._json_explanation import explanation, said_of
from rollwatch.probers._json_spec import JsonSpec
from rollwatch.probers.contract import ProberKind
from rollwatch.text import clean, sentence

if TYPE_CHECKING:
    from rollwatch.probers._http import Response
    from rollwatch.probers._json_document import Content
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["KIND", "JsonProber"]

_LARGE_WORK = 64 * 1024
"""Bytes of the body times readings: about a millisecond of work. A thread does more, so that nobody waits."""
_REFUSED_SAID = 3


class _Answer(NamedTuple):
    """What a body holds."""

    content: Content
    error: str
    """What the body itself says went wrong; remote text, bounded."""
    notes: list[tuple[str, str]]


class JsonProber:
    """Reads one document per run, once for all that is configured."""

    def __init__(self, spec: JsonSpec, env: ProbeEnv) -> None:
        self._spec = spec
        self._clock = env.clock
        self._figures = env.figures
        self._client = HttpClient(spec, env)
        self._plan = DocumentPlan(spec.figures, spec.records, env.figures)

    async def probe(self, run: Run) -> None:
        """UP if there is a document with something in it of what is configured.

        Judged in this order: status, JSON, expectations, what could be read.
        """
        try:
            try:
                response = await self._client.fetch(run)
            except BodyFailure as failure:
                self._judge_status(run, failure.response)
                raise
            self._judge_status(run, response)
            await self._read(run, response)
        except ProbeFailure as failure:
            raise ProbeFailure(failure.reason, sentence(self._client.scrub(failure.detail))) from None

    def _judge_status(self, run: Run, response: Response) -> None:
        failure = status_failure(
            run,
            response,
            self._spec.expect.status,
            now=self._clock.wall(),
            has_credentials=self._spec.has_credentials,
        )
        if failure is not None:
            raise failure

    async def _read(self, run: Run, response: Response) -> None:
        explain = run.notes is not None
        take_apart = partial(self._take_apart, response, explain=explain)
        is_much = explain or len(response.body) * self._plan.readings > _LARGE_WORK
        answer = await asyncio.to_thread(take_apart) if is_much else take_apart()
        for name, value in answer.notes:
            run.note(name, value)
        found, run.records, is_nothing = answer.content
        run.figures = found
        if is_nothing:
            said = "; ".join(map(said_of, found.refused[:_REFUSED_SAID]))
            rest = len(found.refused) - _REFUSED_SAID
            more = f", and {rest} more" if rest > 0 else ""
            detail = f"nothing of what is configured can be read: {said}{more}{answer.error}"
            raise ProbeFailure(Reason.JSON_MISMATCH, detail)

    def _take_apart(self, response: Response, *, explain: bool) -> _Answer:
        document = parse_json(response)
        error = error_said(document)
        failed = next((one for one in self._spec.expect.json_body if not one.holds(document)), None)
        if failed is not None:
            detail = f"not true of the body: {clean(failed.source, 150)}{error}"
            raise ProbeFailure(Reason.JSON_MISMATCH, detail)
        # Texts become labels and kept records, so they are cleaned before anything reads them.
        content = self._plan.read(self._client.scrub_json(document, response))
        return _Answer(content, error, explanation(content, self._figures, self._clock) if explain else [])


KIND = ProberKind(
    name="json",
    spec=JsonSpec,
    build=JsonProber,
    reasons=HTTP_REASONS
    | {
        Reason.STATUS,
        Reason.RATE_LIMITED,
        Reason.CREDENTIALS_REJECTED,
        Reason.JSON_INVALID,
        Reason.JSON_MISMATCH,
    },
    target=lambda spec: spec.url.masked,
    metrics=HTTP_METRICS,
    phase_metric=HTTP_PHASES,
)
