"""`POST /debug/probe`: run one probe now, and explain what happened, as text, JSON or a page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from rollwatch.engine.view import RunRefused
from rollwatch.exporter.page import explained_page, message_page
from rollwatch.exporter.page_words import milliseconds, shown, utc
from rollwatch.serving.body import read_body
from rollwatch.serving.negotiation import HTML, JSON, TEXT, preferred
from rollwatch.serving.refusal import Refusal, refusal_response

if TYPE_CHECKING:
    from rollwatch.engine.view import Explained, Monitor
    from rollwatch.serving.route import Request

__all__ = ["ProbeHandler", "explained_json", "explained_text"]

_FIELDS_MAX = 16
_WRITE_IT = 'Send {"probe": "service/probe"} as JSON, or the form field probe.'


class ProbeHandler:
    """Runs a probe out of turn, never twice at once."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._running: set[str] = set()

    async def answer(self, request: Request) -> web.StreamResponse:
        wants = preferred(request.headers.get("Accept"), (TEXT, JSON, HTML))
        try:
            probe_id = await _asked_for(request)
            explained = await self._run(probe_id)
        except Refusal as refusal:
            if wants != HTML:
                return refusal_response(refusal, request.headers.get("Accept"))
            body = await message_page(refusal.message, refusal.remedy, root="../")
            return web.Response(status=refusal.status, headers=refusal.headers, text=body, content_type=HTML)
        if wants == HTML:
            return web.Response(text=await explained_page(explained), content_type=HTML)
        if wants == JSON:
            return web.Response(body=explained_json(explained), content_type=JSON)
        return web.Response(text=explained_text(explained))

    async def _run(self, probe_id: str) -> Explained:
        services = self._monitor.view().services
        if not any(probe.id == probe_id for service in services for probe in service.probes):
            raise Refusal(
                404,
                "unknown_probe",
                "There is no such probe in this configuration and location.",
                "Write its id as service/probe; the page at / lists them.",
            )
        if probe_id in self._running:
            raise Refusal(
                409, "already_running", f"{probe_id} is being run on demand already.", "Wait for that run."
            )
        self._running.add(probe_id)
        try:
            return await self._monitor.run_now(probe_id)
        except RunRefused as refused:
            if refused.retry_after_s is None:
                raise Refusal(409, "not_possible", f"{shown(str(refused), 500)}.") from None
            after_s = max(1, math.ceil(refused.retry_after_s))
            raise Refusal(
                429,
                "too_soon",
                f"{shown(str(refused), 500)}.",
                f"Ask again in {after_s} s.",
                headers={"Retry-After": str(after_s)},
            ) from None
        finally:
            self._running.discard(probe_id)


async def _asked_for(request: Request) -> str:
    if request.content_type == JSON:
        try:
            document = orjson.loads(await read_body(request))
        except orjson.JSONDecodeError:
            raise Refusal(400, "json_invalid", "The body is not JSON.", _WRITE_IT) from None
        probe_id = document.get("probe") if isinstance(document, dict) else None
    elif request.content_type == "application/x-www-form-urlencoded":
        probe_id = _form(await read_body(request)).get("probe")
    else:
        raise Refusal(415, "content_type", "This content type is not taken here.", _WRITE_IT)
    if not isinstance(probe_id, str) or not probe_id:
        raise Refusal(400, "probe_missing", "The request does not say which probe.", _WRITE_IT)
    return probe_id


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form; always UTF-8, whatever charset the request claims."""
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=_FIELDS_MAX))
    except ValueError:
        raise Refusal(400, "form_invalid", "The body is not a form.", _WRITE_IT) from None


def explained_text(explained: Explained) -> str:
    """What happened, for a terminal. Remote text in it is bounded and without control characters."""
    record = explained.record
    outcome = f"{shown(explained.probe_id, 500)} is {record.verdict.value.upper()}"
    if record.detail:
        outcome += f" ({record.reason}): {shown(record.detail, 1000)}"
    lines = [
        outcome,
        "",
        f"target   {shown(explained.target, 500)}",
        f"started  {utc(record.started_at)}",
        f"took     {milliseconds(record.duration_s)}",
    ]
    lines += [f"  {phase.value:<12}{milliseconds(spent)}" for phase, spent in record.phases.items()]
    if explained.notes:
        lines += ["", "what was seen"]
        lines += [f"  {shown(name, 100)}: {shown(value, 1000)}" for name, value in explained.notes]
    return "\n".join(lines) + "\n"


def explained_json(explained: Explained) -> bytes:
    """The same for a program; seconds and Unix time."""
    record = explained.record
    return orjson.dumps(
        {
            "probe": explained.probe_id,
            "target": explained.target,
            "verdict": record.verdict,
            "reason": record.reason,
            "detail": record.detail,
            "started_at": record.started_at,
            "duration_seconds": record.duration_s,
            "phases": {phase.value: spent for phase, spent in record.phases.items()},
            "notes": [{"name": name, "value": value} for name, value in explained.notes],
        }
    )
