"""How the API reads a request and writes an answer: JSON both ways, and every fault with what to do."""

from __future__ import annotations

import re
from functools import partial, wraps
from typing import TYPE_CHECKING, TypeVar

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from rollwatch.rollback.model.words import Role
from rollwatch.rollback.ports import JournalFailed
from rollwatch.rollback.web.api_bodies import Body
from rollwatch.rollback.web.declined import Declined
from rollwatch.rollback.web.idempotency import KEY_HEADER, Answer
from rollwatch.serving.access import PRINCIPAL
from rollwatch.serving.body import read_body
from rollwatch.serving.refusal import Refusal
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from rollwatch.rollback.web.idempotency import Idempotency
    from rollwatch.serving.route import Handler, Request

__all__ = [
    "APPROVERS",
    "BASE",
    "BODY_BYTES",
    "DEPLOYERS",
    "READERS",
    "TRIGGERERS",
    "acting",
    "answered",
    "guarded",
    "path_id",
    "read_json_body",
    "reading",
    "signed",
]

_log = structlog.get_logger(__name__)

BASE = "/api/monitoring"
BODY_BYTES = 64 * 1024
READERS = frozenset({Role.READ, Role.TRIGGER, Role.APPROVE})
TRIGGERERS = frozenset({Role.TRIGGER, Role.APPROVE})
APPROVERS = frozenset({Role.APPROVE})
DEPLOYERS = frozenset({Role.DEPLOY})

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_JSON = "application/json"
_MOST_FAULTS = 5
_B = TypeVar("_B", bound=Body)
_T = TypeVar("_T")


def guarded(handler: Handler) -> Handler:
    """`handler`, with what the handler's parts raise turned into answers."""

    @wraps(handler)
    async def answer(request: Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Declined as declined:
            return _declined(declined)
        except JournalFailed as failure:
            _log.error("journal_failed", why=failure.why, path=request.path[:200])
            raise Refusal(
                503,
                "journal_failed",
                "The journal can't be used now; what was asked for may not have been done.",
                "Ask again, with the same Idempotency-Key; the log says what is wrong with the journal.",
                headers={"Retry-After": "5"},
            ) from None

    return answer


def acting(
    idempotency: Idempotency,
    read: Callable[[bytes], _T],
    act: Callable[[Request, _T], Awaitable[tuple[int, BaseModel]]],
) -> Handler:
    """A handler of a POST: reads the body, does `act` once for each Idempotency-Key, and answers in JSON."""

    async def handle(request: Request) -> web.StreamResponse:
        raw = await read_json_body(request, BODY_BYTES)

        async def once() -> Answer:
            status, answer = await act(request, read(raw))
            return Answer(status, answer.model_dump_json())

        asked = (request.method, request.path, raw)
        answer = await idempotency.once(request.headers.get(KEY_HEADER), request[PRINCIPAL], asked, once)
        response = web.Response(status=answer.status, text=answer.body, content_type=_JSON)
        if answer.is_repeated:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    return guarded(handle)


async def read_json_body(request: Request, body_bytes: int) -> bytes:
    """The body, declared as JSON. Raises Refusal."""
    raw = await read_body(request, body_bytes)
    # A page of another site can't declare this without asking first.
    if request.content_type != _JSON:
        raise Refusal(
            415, "content_type", "The body is not declared as JSON.", "Send Content-Type: application/json."
        )
    return raw


def answered(model: BaseModel, status: int = 200) -> web.Response:
    return web.Response(status=status, text=model.model_dump_json(), content_type=_JSON)


def path_id(request: Request) -> str:
    """`id` of the path; what can't be one is empty, and found nowhere."""
    found = request.match_info["id"]
    return found if _ID.fullmatch(found) else ""


def signed(actor: str, request: Request) -> str:
    """Who says to act, and by which credentials: `alice (token oncall)`."""
    principal = request[PRINCIPAL]
    return f"{actor} ({principal.kind} {clean(principal.name, 64)})"


def reading(body: type[_B]) -> Callable[[bytes], _B]:
    """What makes a `body` of bytes, or raises Refusal 400."""
    return partial(_validated, body)


def _validated(body: type[_B], raw: bytes) -> _B:
    try:
        return body.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    # Names and what is wrong with them; never what was sent.
    said = [
        f"{clean('.'.join(str(part) for part in fault['loc']), 64) or 'the body'}: {_complaint(fault['msg'])}"
        for fault in faults[:_MOST_FAULTS]
    ]
    more = f", and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
    required = ", ".join(name for name, field in body.model_fields.items() if field.is_required())
    optional = ", ".join(name for name, field in body.model_fields.items() if not field.is_required())
    raise Refusal(
        400,
        "body_invalid",
        f"The body is not as it must be: {'; '.join(said)}{more}.",
        f"Needed: {required}." + (f" May be given: {optional}." if optional else ""),
    )


def _complaint(message: str) -> str:
    return clean(message[:1].lower() + message[1:], 160).rstrip(".")


def _declined(declined: Declined) -> web.StreamResponse:
    if declined.rollback_id is None:
        raise Refusal(declined.status, declined.error, declined.message, declined.remedy)
    body = {
        "error": declined.error,
        "message": declined.message,
        "remedy": declined.remedy,
        "rollback": declined.rollback_id,
    }
    return web.Response(status=declined.status, body=orjson.dumps(body), content_type=_JSON)
