"""What the journal keeps as JSON: alerts, decisions, where a rollback goes, memos.

Readers ignore keys they don't know and do without those that are missing, so that a journal survives a newer
and an older rollwatch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from rollwatch.rollback.model.alert import RollbackAlert
from rollwatch.rollback.model.decision import Decision, Going, GuardAnswer
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import GuardResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "alert_from",
    "alert_text",
    "decision_from",
    "decision_text",
    "going_from",
    "going_text",
    "keys_from",
    "keys_text",
    "memo_from",
    "memo_text",
]


def alert_text(alert: RollbackAlert) -> str:
    return _text(
        {
            "fingerprint": alert.fingerprint,
            "starts_at": alert.starts_at,
            "is_firing": alert.is_firing,
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "ends_at": alert.ends_at,
        }
    )


def alert_from(text: str) -> RollbackAlert:
    found = orjson.loads(text)
    return RollbackAlert(
        fingerprint=found["fingerprint"],
        starts_at=found["starts_at"],
        is_firing=found.get("is_firing", True),
        labels=found.get("labels", {}),
        annotations=found.get("annotations", {}),
        ends_at=found.get("ends_at"),
    )


def decision_text(decision: Decision) -> str:
    return _text(
        {
            "verdict": decision.verdict,
            "why": decision.why,
            "trace": [
                {
                    "guard": answer.guard,
                    "result": answer.result,
                    "why": answer.why,
                    "hard": answer.hard,
                    "inputs": dict(answer.inputs),
                }
                for answer in decision.trace
            ],
            "going": [_going(one) for one in decision.going],
            "proposal": decision.proposal,
        }
    )


def decision_from(text: str) -> Decision:
    found = orjson.loads(text)
    return Decision(
        verdict=Verdict(found["verdict"]),
        why=found["why"],
        trace=tuple(
            GuardAnswer(
                guard=answer["guard"],
                result=GuardResult(answer["result"]),
                why=answer["why"],
                hard=answer.get("hard", False),
                inputs=answer.get("inputs", {}),
            )
            for answer in found.get("trace", ())
        ),
        going=tuple(_going_from(one) for one in found.get("going", ())),
        proposal=found.get("proposal"),
    )


def going_text(going: Sequence[Going]) -> str:
    return _text([_going(one) for one in going])


def going_from(text: str) -> tuple[Going, ...]:
    return tuple(_going_from(one) for one in orjson.loads(text))


def keys_text(keys: Sequence[str]) -> str:
    return _text(list(keys))


def keys_from(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))


def memo_text(memo: Mapping[str, Any]) -> str:
    return _text(dict(memo))


def memo_from(text: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(text)
    return found


def _going(going: Going) -> dict[str, object]:
    return {
        "service": going.service,
        "bad": _release(going.bad),
        "target": _release(going.target),
        "bad_deployment": going.bad_deployment,
    }


def _going_from(found: Mapping[str, Any]) -> Going:
    return Going(
        service=found["service"],
        bad=_release_from(found["bad"]),
        target=_release_from(found["target"]),
        bad_deployment=found["bad_deployment"],
    )


def _release(release: Release) -> dict[str, str | None]:
    return {
        "service": release.service,
        "environment": release.environment,
        "commit": release.commit,
        "version": release.version,
        "platform_id": release.platform_id,
    }


def _release_from(found: Mapping[str, Any]) -> Release:
    return Release(
        service=found["service"],
        environment=found["environment"],
        commit=found.get("commit"),
        version=found.get("version"),
        platform_id=found.get("platform_id"),
    )


def _text(value: object) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # A label with half a character: no encoding can hold it, and the rest of the alert is still needed.
        return orjson.dumps(_whole(value), option=orjson.OPT_NON_STR_KEYS).decode()


def _whole(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(one) for one in value]
    return value
