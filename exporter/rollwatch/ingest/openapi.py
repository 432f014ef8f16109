"""`GET /openapi.json`: what the ingest listener takes and answers, for people, generators and fuzzers.

OpenAPI 3.1, whose schemas are JSON Schema 2020-12 as pydantic writes it: https://spec.openapis.org/oas/v3.1.1
"""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from rollwatch import __version__
from rollwatch.ingest.browser.beacon import Beacon
from rollwatch.ingest.push.answer_types import PushAnswer, PushRefused
from rollwatch.ingest.push.document import PushDocument
from rollwatch.ingest.push.intake import IDEMPOTENCY_KEY, PUSH_PATH
from rollwatch.serving.route import ANYONE, Request, Route

__all__ = ["openapi_document", "openapi_route"]

_JSON, _TEXT = "application/json", "text/plain"
_REFUSALS = {
    400: "The body is no JSON, or the request can't be read.",
    401: "No token, or none that is known: the same answer for both.",
    403: "The page's origin, or the token, is not allowed to send for this service.",
    404: "There is no such service.",
    408: "The body did not arrive in time.",
    409: "It was sent before, or is older than what was accepted already.",
    413: "The body is too large.",
    415: "Another content type, or a content encoding.",
    422: "The document is not as it must be; the message names fields, and never shows values.",
    429: "This client sends too often.",
    503: "All clients together send too much, or it took too long.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_HEADERS = {
    401: {
        "WWW-Authenticate": {
            "description": "How to say who you are (RFC 6750).",
            "schema": {"type": "string"},
        }
    },
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
_ABOUT = """What browsers and applications may send to rollwatch; nothing of the operators' is here.

Refusals are JSON (`error`, `message`, `remedy`) under /api/ unless text is asked for by name, and text
elsewhere unless `Accept` prefers JSON. `error` is a word that stays the same between releases."""
_PUSH = """Figures and records of an application. Only what rollwatch.yml declares for the service is taken;
everything else is refused by name in the answer, and the rest of the push counts.

A service with `push.document` takes its application's own document instead of the one described here: any
JSON, from which the configuration says what is read.

An application brings a token. A page of an allowed origin brings none, is bounded by rate, and sends at most
64 KiB; its browser sends `Origin` by itself, and it names its service."""


_FIGURES = {
    "metrics": [
        {"name": "app_live_streams", "value": 12},
        {"name": "app_reward_claims_total", "labels": {"plan": "pro"}, "add": 3},
        {"name": "rollwatch_payments_total", "labels": {"outcome": "ok"}, "total": 5120},
        {"name": "app_export_seconds", "observe": [0.8, 14.2]},
    ]
}
_RECORDS = {"records": {"orders": [{"id": "A-17", "amount": 59.9}]}}

_VISIT = {
    "v": 1,
    "id": "Zk3v9QmWc1",
    "service": "shop",
    "session": "s0x8Pq4Lr2",
    "session_age_s": 12.5,
    "device": "mobile",
    "sent_at": 1772550241.3,
    "events": [
        {"type": "view", "path": "/stocks/AAPL", "route": "/stocks/:symbol"},
        {"type": "vital", "name": "LCP", "value": 1840, "path": "/stocks/AAPL"},
    ],
}


class Refusal(BaseModel):
    """Why a request was turned away."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    error: str
    """A word that stays the same between releases."""
    message: str
    """What is wrong, for a person."""
    remedy: str
    """What to do."""


def openapi_document() -> dict[str, Any]:
    """The description as JSON values."""
    _, schemas = models_json_schema(
        [
            (Beacon, "validation"),
            (PushDocument, "validation"),
            (PushAnswer, "serialization"),
            (PushRefused, "serialization"),
            (Refusal, "serialization"),
        ],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "rollwatch ingest",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/ingest/browser": {"post": _beacon()},
            "/rum.js": {"get": _script()},
            PUSH_PATH: {"post": _push()},
            "/openapi.json": {"get": _description()},
            "/-/healthy": {"get": _healthy()},
        },
        "components": {
            "schemas": _without_discriminators(schemas["$defs"]),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "One of services.NAME.push.token and tokens.",
                }
            },
        },
    }


def _without_discriminators(schema: Any) -> Any:
    """The schemas' constants say the same; for a union within a union pydantic writes what is no OpenAPI."""
    if isinstance(schema, list):
        return [_without_discriminators(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    is_keyword = isinstance(schema.get("discriminator"), dict) and "propertyName" in schema["discriminator"]
    return {
        name: _without_discriminators(value)
        for name, value in schema.items()
        if not (is_keyword and name == "discriminator")
    }


def openapi_route() -> Route:
    """The route of the ingest listener."""
    body = orjson.dumps(openapi_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Route("GET", "/openapi.json", partial(_answer, body), ANYONE)


async def _answer(body: bytes, _: Request) -> web.StreamResponse:
    return web.Response(body=body, content_type=_JSON)


def _push() -> dict[str, Any]:
    refused = {"oneOf": [_schema("PushRefused"), _schema("Refusal")]}
    return {
        "operationId": "push",
        "summary": "Push figures and records",
        "description": _PUSH,
        "security": [{"token": []}],
        "parameters": [
            _service("Needed where the token, or the page's origin, is that of several services."),
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same as `id` in the document.",
                "schema": {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY}$"},
            },
        ],
        "requestBody": _body("PushDocument", {"figures": _FIGURES, "records": _RECORDS}),
        "responses": {
            "200": _response("Everything that is declared was taken.", {_JSON: _schema("PushAnswer")}),
            **_refusals(400, 401, 403, 408, 409, 413, 415, 429, 503),
            "422": _response(
                "Nothing was taken: all of it was refused by name, or the document is not as it must be.",
                {_JSON: refused, _TEXT: {"type": "string"}},
            ),
        },
    }


def _beacon() -> dict[str, Any]:
    return {
        "operationId": "beacon",
        "summary": "What a browser reports",
        "description": "Sent by /rum.js with navigator.sendBeacon, from pages of the service's origins.",
        "requestBody": _body("Beacon", {"visit": _VISIT}),
        "responses": {
            "204": {"description": "It counts."},
            **_refusals(400, 403, 404, 408, 409, 413, 415, 422, 429, 503),
        },
    }


def _script() -> dict[str, Any]:
    return {
        "operationId": "script",
        "summary": "The script for pages",
        "parameters": [
            _service("Needed where several services take beacons."),
            {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}},
        ],
        "responses": {
            "200": _response("The script.", {"application/javascript": {"type": "string"}}),
            "304": {"description": "It has not changed."},
            **_refusals(400, 404, 503),
        },
    }


def _description() -> dict[str, Any]:
    return {
        "operationId": "description",
        "summary": "This description",
        "responses": {"200": _response("OpenAPI 3.1.", {_JSON: {"type": "object"}})},
    }


def _healthy() -> dict[str, Any]:
    plain = {_TEXT: {"type": "string"}}
    return {
        "operationId": "healthy",
        "summary": "Whether the process is alive",
        "responses": {"200": _response("It is.", plain), "503": _response("It is not.", plain)},
    }


def _service(description: str) -> dict[str, Any]:
    return {
        "name": "service",
        "in": "query",
        "description": description,
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    }


def _body(model: str, examples: dict[str, Any]) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {
        "description": "JSON in UTF-8; text/plain and no content type at all mean the same.",
        "required": True,
        "content": {_JSON: {"schema": _schema(model), "examples": shown}},
    }


def _refusals(*statuses: int) -> dict[str, Any]:
    content = {_JSON: _schema("Refusal"), _TEXT: {"type": "string"}}
    return {
        str(status): _response(_REFUSALS[status], content, _HEADERS.get(status, {})) for status in statuses
    }


def _response(
    description: str, content: dict[str, Any], headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": description,
        "content": {media_type: {"schema": schema} for media_type, schema in content.items()},
    }
    if headers:
        response["headers"] = headers
    return response


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
