"""Every operation of the API, as its description tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rollwatch.alertmanager.notification import ALERTS_MAX
from rollwatch.rollback.deployments.reported import DeploymentReport
from rollwatch.rollback.intake.alerts import ALERTS_PATH
from rollwatch.rollback.model.words import Role, State
from rollwatch.rollback.web.api_bodies import (
    SERVICE_PATTERN,
    ApproveBody,
    BreakerBody,
    CancelBody,
    MarkBody,
    PauseBody,
    ResumeBody,
    TriggerBody,
)
from rollwatch.rollback.web.api_exchange import APPROVERS, BASE, DEPLOYERS, READERS, TRIGGERERS
from rollwatch.rollback.web.api_query import LIMIT, LIMIT_MAX, WORD_PATTERN
from rollwatch.rollback.web.api_types_decision import ExplanationJson, TakenJson
from rollwatch.rollback.web.api_types_release import DeploymentJson, DeploymentsJson
from rollwatch.rollback.web.api_types_rollback import RollbackJson, TriggeredJson, WholeJson
from rollwatch.rollback.web.api_types_status import BreakerJson, HistoryJson, PausesJson, StatusJson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

__all__ = ["OPERATIONS", "NotificationSchema", "Operation"]

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class NotificationSchema:
    """What Alertmanager posts. Its alerts are judged one by one: one that can't be used is no bad request."""

    @staticmethod
    def schema() -> dict[str, Any]:
        return {
            "type": "object",
            "description": "Alertmanager's webhook, version 4; members nobody here knows are passed over.",
            "required": ["version", "alerts"],
            "properties": {
                "version": {"const": "4"},
                "alerts": {
                    "type": "array",
                    "description": f"At most {ALERTS_MAX}; each is judged by itself.",
                },
                "truncatedAlerts": {"description": "How many were left out."},
            },
        }


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    name: str
    summary: str
    roles: frozenset[Role]
    answers: Mapping[int, type[BaseModel]]
    description: str = ""
    body: type | None = None
    refusals: tuple[int, ...] = ()
    """Beside those that every operation, or every one with a body, may have."""
    parameters: tuple[dict[str, Any], ...] = ()
    is_idempotent: bool = False
    meanings: Mapping[int, str] = field(default_factory=lambda: _NOTHING)
    examples: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As answers name it.",
    "schema": {"type": "string", "pattern": WORD_PATTERN},
}
_LIMIT = _query(
    "limit", "At most so many.", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT}
)
_SERVICE = _query("service", "Of this service only.", {"type": "string", "pattern": SERVICE_PATTERN})

_NOTIFICATION = {
    "version": "4",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "rollback",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "RollbackHttpErrorRatio",
                "service": "api",
                "environment": "production",
                "rollback": "auto",
            },
            "annotations": {"summary": "api answers 14 % of requests with 5xx"},
            "startsAt": "2025-11-26T08:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "9f86d081884c7d65",
        }
    ],
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        ALERTS_PATH,
        "alerts",
        "Deliver alerts",
        frozenset({Role.ALERT}),
        {200: TakenJson},
        description="Alertmanager's webhook. Answered when all of it is durable; then each rollback alert is "
        "judged. 503 asks for it again.",
        body=NotificationSchema,
        meanings={200: "All of it is durable, duplicates and ignored ones too."},
        examples={"firing": _NOTIFICATION},
    ),
    Operation("GET", f"{BASE}/rollback/status", "status", "How things stand", READERS, {200: StatusJson}),
    Operation(
        "GET",
        f"{BASE}/rollback/history",
        "history",
        "Rollbacks, newest first",
        READERS,
        {200: HistoryJson},
        refusals=(400,),
        parameters=(
            _LIMIT,
            _query("before", "`next` of the page before.", {"type": "string", "pattern": WORD_PATTERN}),
            _SERVICE,
            _query(
                "state", "In this state only.", {"type": "string", "enum": [state.value for state in State]}
            ),
        ),
    ),
    Operation(
        "GET",
        f"{BASE}/rollback/{{id}}",
        "show",
        "One rollback, with every guard, step and move",
        READERS,
        {200: WholeJson},
        refusals=(404,),
        parameters=(_ID,),
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/trigger",
        "trigger",
        "Take a release back",
        TRIGGERERS,
        {200: TriggeredJson, 202: TriggeredJson},
        description="Decided at once: the answer has every guard that was asked.",
        body=TriggerBody,
        refusals=(404, 409),
        is_idempotent=True,
        meanings={
            200: "It was denied, or only the decision was asked for.",
            202: "It goes on: settling, waiting for approval, running, or (`received`) still to be judged.",
        },
        examples={
            "manual": {"service": "api", "reason": "checkout is broken since 1.4.2", "actor": "alice"},
            "dry run": {"service": "api", "reason": "would it work?", "actor": "alice", "dry_run": True},
        },
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/{{id}}/approve",
        "approve",
        "Let a rollback that waits for it go on",
        APPROVERS,
        {200: RollbackJson},
        description="Every guard is asked again before anything is done.",
        body=ApproveBody,
        refusals=(404, 409),
        parameters=(_ID,),
        is_idempotent=True,
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/{{id}}/cancel",
        "cancel",
        "Stop a rollback before it changes anything",
        TRIGGERERS,
        {200: RollbackJson},
        description="409 from the point of no return on. While hooks before it run (`preparing`), it stops "
        "after them; `cancel_by` says that it was asked for.",
        body=CancelBody,
        refusals=(404, 409),
        parameters=(_ID,),
        is_idempotent=True,
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/pause",
        "pause",
        "No new rollbacks",
        TRIGGERERS,
        {200: PausesJson},
        description="Of one service, or of all. What runs goes on.",
        body=PauseBody,
        refusals=(404,),
        is_idempotent=True,
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/resume",
        "resume",
        "Rollbacks again",
        TRIGGERERS,
        {200: PausesJson},
        body=ResumeBody,
        is_idempotent=True,
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/breaker",
        "breaker",
        "Count the automatic rollbacks of a service anew",
        TRIGGERERS,
        {200: BreakerJson},
        description="After too many of them, a person must have looked.",
        body=BreakerBody,
        refusals=(404,),
        is_idempotent=True,
    ),
    Operation(
        "POST",
        f"{BASE}/rollback/explain",
        "explain",
        "What would be decided about a notification now, and why",
        READERS,
        {200: ExplanationJson},
        description="Takes what Alertmanager would post. Nothing is done or written down.",
        body=NotificationSchema,
        examples={"firing": _NOTIFICATION},
    ),
    Operation(
        "POST",
        f"{BASE}/deployments",
        "deployed",
        "Report a deployment",
        DEPLOYERS,
        {200: DeploymentJson},
        description="From CI: `started` before it begins, `finished` or `failed` after it. At least one of "
        "`commit`, `version` and `platform_id` is needed.",
        body=DeploymentReport,
        is_idempotent=True,
        examples={"finished": {"service": "api", "state": "finished", "version": "1.4.2"}},
    ),
    Operation(
        "GET",
        f"{BASE}/deployments",
        "deployments",
        "Deployments, newest first",
        READERS,
        {200: DeploymentsJson},
        refusals=(400,),
        parameters=(
            _LIMIT,
            _query(
                "before",
                "That began before this time, in Unix seconds.",
                {"type": "number", "minimum": 0, "maximum": 999_999_999_999},
            ),
            _SERVICE,
        ),
    ),
    Operation(
        "POST",
        f"{BASE}/deployments/{{id}}/mark",
        "mark",
        "Say that a release is good, bad, or nothing of it",
        TRIGGERERS,
        {200: DeploymentJson},
        body=MarkBody,
        refusals=(404,),
        parameters=(_ID,),
        is_idempotent=True,
    ),
)
