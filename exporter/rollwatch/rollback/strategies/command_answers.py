"""Reads what an operator's programs print about releases."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from rollwatch.errors import RollwatchError
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.strategies.strategy import PastRelease

__all__ = ["MOST_DEPLOYMENTS", "BadAnswer", "read_current", "read_history"]

MOST_DEPLOYMENTS = 100
_LONGEST = 128
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class BadAnswer(RollwatchError):  # noqa: N818  an answer
    """It can't be used; the text says why, to follow the program's name."""


def read_current(output: str, service: str, environment: str) -> Release | None:
    """The last line with anything on it; `null` and `{}` are None: nothing runs. Raises BadAnswer."""
    lines = [line for line in output.splitlines() if line.strip()]
    if not lines:
        raise BadAnswer("printed nothing")
    found = _parsed(lines[-1])
    return None if not found else _release(found, service, environment)


def read_history(output: str, service: str, environment: str) -> list[PastRelease]:
    """A list, newest first; only the newest 100 are looked at. Raises BadAnswer."""
    found = _parsed(output)
    if not isinstance(found, list):
        raise BadAnswer("printed no JSON list")
    return [_deployment(item, service, environment) for item in found[:MOST_DEPLOYMENTS]]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadAnswer("printed no JSON") from None


def _release(found: Any, service: str, environment: str) -> Release:
    if not isinstance(found, dict):
        raise BadAnswer("printed no JSON object with `commit`, `version` or `id`")
    commit, version, platform_id = (_text(found, key) for key in ("commit", "version", "id"))
    if commit is not None:
        commit = commit.lower()
        if not _SHA.fullmatch(commit):
            raise BadAnswer("printed a `commit` that is no full SHA of 40 or 64 hex digits")
    if commit is None and version is None and platform_id is None:
        raise BadAnswer("printed none of `commit`, `version` and `id`")
    return Release(service, environment, commit=commit, version=version, platform_id=platform_id)


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise BadAnswer(f"printed a `{key}` that is no text of at most {_LONGEST} characters")
    return value


def _deployment(item: Any, service: str, environment: str) -> PastRelease:
    release = _release(item, service, environment)
    started_at = _time(item, "started_at")
    if started_at is None:
        raise BadAnswer("printed a deployment without `started_at`")
    failed = item.get("failed", False)
    if not isinstance(failed, bool):
        raise BadAnswer("printed a `failed` that is neither true nor false")
    return PastRelease(
        release, started_at, _time(item, "ended_at"), failed=failed, committed_at=_time(item, "committed_at")
    )


def _time(item: dict[str, Any], key: str) -> float | None:
    """Unix seconds, or RFC 3339 with an offset."""
    value = item.get(key)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return float(value)
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return at.timestamp()
    raise BadAnswer(f"printed a `{key}` that is neither Unix seconds nor like 2026-01-31T12:00:00Z")
