"""`GET /api/metrics`: every declared figure and the last records as JSON, in the shape of `figures_types`."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from rollwatch.clock import SystemClock
from rollwatch.exporter.figures_types import SCHEMA_VERSION
from rollwatch.figures.slices import in_slices
from rollwatch.metrics.series import HistogramChild
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from enum import StrEnum

    from rollwatch.clock import Clock
    from rollwatch.figures.board import Board
    from rollwatch.figures.figure import Figure
    from rollwatch.figures.service import ServiceFigures
    from rollwatch.figures.stream import RecordStream
    from rollwatch.metrics.series import Child
    from rollwatch.serving.route import Request

__all__ = ["figures_json", "figures_routes"]

_RECORDS = 10
_MOST_RECORDS = 1000


def figures_routes(board: Board, roles: frozenset[StrEnum], clock: Clock | None = None) -> list[Route]:
    """The document, for operators."""
    return [Route("GET", "/api/metrics", partial(_answer, board, clock or SystemClock()), roles)]


async def figures_json(
    board: Board, clock: Clock, service: str | None = None, *, records: int = _RECORDS
) -> bytes:
    """The document; of one service only, if `service` says so. Lets the loop turn every millisecond."""
    await board.refresh_in_slices()
    pieces: list[bytes] = []
    await in_slices(map(pieces.append, _document(board, clock.wall(), service, records)), clock)
    return b"".join(pieces)


async def _answer(board: Board, clock: Clock, request: Request) -> web.StreamResponse:
    service = request.query.get("service")
    if service is not None and board.service(service) is None:
        raise Refusal(
            404,
            "unknown_service",
            "Nothing arrives at a service of that name here.",
            "Leave ?service= out to see them all.",
        )
    body = await figures_json(board, clock, service, records=_wanted(request.query.get("records")))
    return web.Response(body=body, content_type="application/json")


def _wanted(text: str | None) -> int:
    if text is None:
        return _RECORDS
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= _MOST_RECORDS):
        raise Refusal(
            400,
            "records_invalid",
            f"?records= must be a number from 0 to {_MOST_RECORDS}.",
            "Leave it out to see the last ten; how many are kept is said in the configuration.",
        )
    return int(text)


def _document(board: Board, now: float, service: str | None, records: int) -> Iterator[bytes]:
    """In pieces of a fraction of a millisecond. What a reload exchanges meanwhile is shown as it was."""
    head = {"schema_version": SCHEMA_VERSION, "generated_at": now, "environment": board.environment}
    chosen = [(name, one) for name, one in sorted(board.services.items()) if service in {None, name}]
    yield orjson.dumps(head)[:-1] + b',"services":'
    yield from _list(_service(name, figures, records) for name, figures in chosen)
    yield b"}"


def _service(name: str, service: ServiceFigures, records: int) -> Iterator[bytes]:
    figures, streams, features = dict(service.figures), dict(service.records), service.signals.features
    yield b'{"name":' + orjson.dumps(name) + b',"figures":'
    yield from _list(_figure(figures[key]) for key in sorted(figures))
    yield b',"records":'
    yield from _list(_records(streams[key], records) for key in sorted(streams))
    listed = [{"name": key, "core": one.core, "endpoints": one.endpoints} for key, one in features.items()]
    yield b',"features":' + orjson.dumps(sorted(listed, key=itemgetter("name"))) + b"}"


def _figure(figure: Figure) -> Iterator[bytes]:
    definition = figure.definition
    names = [label.name for label in definition.labels]
    head = {
        "name": definition.name,
        "type": definition.type,
        "help": definition.help,
        "labels": names,
        "updated_at": figure.updated_at,
        "is_stale": figure.is_stale,
        "stale_after_seconds": definition.stale_after_s,
        "expire_after_seconds": definition.expire_after_s,
        "limits": [
            {
                "priority": limit.priority,
                "above": limit.above,
                "below": limit.below,
                "for_seconds": limit.for_s,
                "window_seconds": limit.window_s,
            }
            for limit in definition.limits
        ],
    }
    seen = dict(figure.first_seen)
    shown = [(labels, child) for labels, child in figure.series() if _has_value(child)]
    yield orjson.dumps(head)[:-1] + b',"series":'
    yield from _list(
        [orjson.dumps({"labels": dict(zip(names, labels, strict=True)), **_value(child, seen.get(labels))})]
        for labels, child in sorted(shown, key=itemgetter(0))
    )
    yield b"}"


def _has_value(child: Child) -> bool:
    return isinstance(child, HistogramChild) or child.value is not None


def _value(child: Child, first_seen_at: float | None) -> dict[str, Any]:
    if not isinstance(child, HistogramChild):
        return {"value": child.value, "first_seen_at": first_seen_at}
    return {
        "count": child.count,
        "sum": child.sum,
        "buckets": list(zip(child.bounds, accumulate(child.counts), strict=False)),
        "first_seen_at": first_seen_at,
    }


def _records(stream: RecordStream, records: int) -> Iterator[bytes]:
    head = {
        "name": stream.name,
        "examined": stream.examined,
        "valid": stream.valid,
        "duplicates": stream.duplicates,
        "invalid": dict(stream.invalid),
        "last_at": stream.last_at,
    }
    newest = list(islice(reversed(stream.kept), records))
    yield orjson.dumps(head)[:-1] + b',"last":'
    yield from _list(
        [orjson.dumps({"received_at": kept.received_at, "record": _encodable(kept.record)})]
        for kept in newest
    )
    yield b"}"


def _list(items: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    separator = b"["
    for item in items:
        yield separator
        yield from item
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _encodable(record: Mapping[str, Any]) -> dict[str, Any]:
    """Without lone surrogates, which JSON in UTF-8 has no way to write."""
    return {_text(name): _text(value) if isinstance(value, str) else value for name, value in record.items()}


def _text(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
