"""What the sender of a push is told: how much was taken, and by name what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from rollwatch.ingest.push.answer_types import MOST_LISTED
from rollwatch.ingest.push.outcomes import PushOutcome
from rollwatch.text import clean

if TYPE_CHECKING:
    from rollwatch.figures.faults import FigureRefused
    from rollwatch.ingest.push.taking import Taking

__all__ = ["answer_to", "outcome_of"]

_LONGEST_NAME = 128


def outcome_of(taken: Taking, *, held_nothing: bool) -> PushOutcome:
    """In one word. `held_nothing`: the document had neither values nor lists, not even empty ones."""
    if taken.accepted:
        return PushOutcome.PARTLY_REFUSED if taken.refused_total else PushOutcome.ACCEPTED
    if taken.refused_total:
        return PushOutcome.REFUSED
    return PushOutcome.NOTHING_FOUND if held_nothing else PushOutcome.ACCEPTED


def answer_to(taken: Taking, outcome: PushOutcome) -> web.Response:
    """422 if all of it was refused or there was nothing, else 200."""
    listed = _listed(taken)
    body: dict[str, Any] = {
        "accepted": taken.accepted,
        "refused": listed,
        "refused_total": taken.refused_total,
    }
    status = 200
    if outcome in {PushOutcome.REFUSED, PushOutcome.NOTHING_FOUND}:
        status = 422
        why = listed[0]["message"] if listed else "The mapping finds nothing in this document."
        body["error"] = outcome
        body["message"] = f"Nothing was taken. {why}"
        body["remedy"] = "Compare it with figures, records and push.document of the service in rollwatch.yml."
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _listed(taken: Taking) -> list[dict[str, str]]:
    listed = [_one("records", name, why) for name, why in taken.refused_records[:MOST_LISTED]]
    rest = taken.refused[: MOST_LISTED - len(listed)]
    return listed + [_one("metric", figure, why) for figure, why in rest]


def _one(kind: str, remote_name: str, why: FigureRefused) -> dict[str, str]:
    name = clean(remote_name, _LONGEST_NAME)
    return {kind: name, "error": why.fault, "message": f"{name} {why.message}."}
