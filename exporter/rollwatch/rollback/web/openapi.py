"""`GET /api/monitoring/rollback/openapi.json`: what the handler takes and answers, for people and generators.

OpenAPI 3.1, whose schemas are JSON Schema 2020-12 as pydantic writes it: https://spec.openapis.org/oas/v3.1.1
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from rollwatch import __version__
from rollwatch.rollback.web.idempotency import KEY_HEADER, KEY_PATTERN
from rollwatch.rollback.web.openapi_operations import OPERATIONS, NotificationSchema
from rollwatch.serving.route import ANYONE, Request, Route

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaMode

    from rollwatch.rollback.web.openapi_operations import Operation

__all__ = ["OPENAPI_PATH", "openapi_document", "openapi_route"]

OPENAPI_PATH = "/api/monitoring/rollback/openapi.json"
_JSON, _TEXT = "application/json", "text/plain"
_ABOUT = """What Alertmanager, CI, operators and their programs ask of the rollback handler.

Nothing is done or shown without a token, but this description. Refusals are JSON (`error`, `message`,
`remedy`) unless text is asked for by name; `error` is a word that stays the same between releases. Times are
Unix seconds."""
_REFUSALS = {
    400: "The request is not as it must be; the message names what is wrong, and never shows values.",
    401: "No token, or none that is known: the same answer for both.",
    403: "The token has another role, or the request comes from a page of another site.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "Not now: the message says what is in the way.",
    413: "The body is too large.",
    415: "Another content type, or a content encoding.",
    422: "This Idempotency-Key was used for another request.",
    503: "The journal can't be used now, or it took too long. Ask again.",
}
_TEXT_HEADER = {"schema": {"type": "string"}}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "How to say who you are (RFC 6750).", **_TEXT_HEADER}},
    503: {"Retry-After": {"description": "Seconds to wait.", **_TEXT_HEADER}},
}
_REPEATED = {
    "Idempotency-Replayed": {"description": "`true`: this was answered before.", "schema": {"type": "string"}}
}


class RefusalJson(BaseModel):
    """Why a request was turned away."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    error: str
    """A word that stays the same between releases."""
    message: str
    """What is wrong, for a person."""
    remedy: str
    """What to do."""


class ConflictJson(RefusalJson):
    """Why a request was turned away, and by which rollback."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    rollback: str
    """The id of the rollback that is in the way."""


def openapi_document() -> dict[str, Any]:
    """The description as JSON values."""
    bodies = {one.body for one in OPERATIONS if one.body is not None and issubclass(one.body, BaseModel)}
    answers: set[type[BaseModel]] = {RefusalJson, ConflictJson}
    answers.update(model for one in OPERATIONS for model in one.answers.values())
    models = [*_in_mode("validation", bodies), *_in_mode("serialization", answers)]
    _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    paths[OPENAPI_PATH] = {"get": _description()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "rollwatch rollback",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "One of `tokens` in --web.config.file; its role says what it may do.",
                }
            },
        },
    }


def _in_mode(
    mode: JsonSchemaMode, models: set[type[BaseModel]]
) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    return [(model, mode) for model in sorted(models, key=attrgetter("__name__"))]


def openapi_route() -> Route:
    """The route; it shows nothing that is not in the repository, so nobody is asked who it is."""
    body = orjson.dumps(openapi_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Route("GET", OPENAPI_PATH, partial(_answer, body), ANYONE)


async def _answer(body: bytes, _: Request) -> web.StreamResponse:
    return web.Response(body=body, content_type=_JSON)


def _operation(operation: Operation) -> dict[str, Any]:
    roles = ", ".join(sorted(operation.roles))
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"{operation.description}\n\nRoles: {roles}.".strip(),
        "security": [{"token": []}],
    }
    parameters = list(operation.parameters)
    statuses = {401, 403, 503, *operation.refusals}
    if operation.body is not None:
        statuses |= {400, 408, 413, 415}
        made["requestBody"] = _body(operation)
    if operation.is_idempotent:
        statuses.add(422)
        parameters.append(_KEY)
    if parameters:
        made["parameters"] = parameters
    headers = _REPEATED if operation.is_idempotent else None
    made["responses"] = {
        **{
            str(status): _response(operation.meanings.get(status, "Done."), {_JSON: _ref(model)}, headers)
            for status, model in operation.answers.items()
        },
        **{str(status): _refusal(status) for status in sorted(statuses)},
    }
    return made


def _refusal(status: int) -> dict[str, Any]:
    # Where a rollback is in the way, its id is said, and in JSON only.
    shape = _ref(ConflictJson if status == 409 else RefusalJson)
    content = {_JSON: shape} if status == 409 else {_JSON: shape, _TEXT: {"type": "string"}}
    return _response(_REFUSALS[status], content, _HEADERS.get(status))


def _body(operation: Operation) -> dict[str, Any]:
    body = operation.body
    if body is None:
        raise AssertionError("asked of operations with a body only")
    schema = NotificationSchema.schema() if body is NotificationSchema else _ref(body)
    content: dict[str, Any] = {"schema": schema}
    if operation.examples:
        content["examples"] = {name: {"value": value} for name, value in operation.examples.items()}
    return {"required": True, "content": {_JSON: content}}


def _description() -> dict[str, Any]:
    return {
        "operationId": "description",
        "summary": "This description",
        "responses": {"200": _response("OpenAPI 3.1.", {_JSON: {"type": "object"}}, None)},
    }


def _response(description: str, content: dict[str, Any], headers: dict[str, Any] | None) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": description,
        "content": {media_type: {"schema": schema} for media_type, schema in content.items()},
    }
    if headers:
        response["headers"] = headers
    return response


def _ref(model: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


_KEY = {
    "name": KEY_HEADER,
    "in": "header",
    "description": "The same key with the same request gets the first answer again, for 24 h.",
    "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
}
