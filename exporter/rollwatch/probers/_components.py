"""The parts a health body reports, in the shapes health bodies have. Pure, bounded, never raises.

{"status": "ok", "database": "connected"}                                words
{"database": {"status": "connected"}, "external": {"mail": "up"}}        nested
{"services": {"status": "ok", "mail": "up", "cache": true}}              a group, with a word of its own
{"info": {"redis": {"status": "up"}}, "error": {"stripe": {...}}}        Terminus
{"components": {"db": {"status": "UP"}}, "checks": [{"name": "db", "status": "pass"}]}
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from rollwatch.model import Component
from rollwatch.text import clean

__all__ = ["COMPONENT_LIMIT", "Components", "read_components"]

COMPONENT_LIMIT = 200
"""Components read of one body; the rest is ignored."""
_VISIT_LIMIT = 5_000
_DEPTH_LIMIT = 4
_NAME_LIMIT = 100
_WORD_LIMIT = 200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UP = _words(
    "up ok okay healthy pass passed passing connected active available online ready running alive good "
    "green operational enabled success successful serving normal reachable working synced degraded warn "
    "warning"
)
"""`degraded` and `warn` still work: they are no outage."""
_DOWN = _words(
    "down unhealthy error errored fail failed failing failure disconnected inactive unavailable offline "
    "unreachable critical dead stopped timeout timed closed refused not red outage broken bad missing "
    "lost crashed fatal unresponsive"
)
_NOT_IN_USE = _words("disabled skipped unused none n/a not_configured unconfigured")
_META = _words(
    "status state health version timestamp time date datetime uptime environment env name service app "
    "application hostname host instance message msg description release build commit region responsetime "
    "response_time latency duration requestid request_id id success ok node pid memory cpu links _links "
    "mode locale"
)
_STATUS_KEYS = ("status", "state", "health", "healthy", "connected", "up", "ok", "available")
_GROUPS = _words(
    "services external_services externalservices external components checks dependencies details entries "
    "parts subsystems integrations providers health"
)
"""What holds components, though it may have a status of its own; true and false in it speak of them."""
_TERMINUS = frozenset({"info", "error", "details"})
_WHY_KEYS = ("error", "message", "reason")
_FIRST_WORD = re.compile(r"n/a|[a-z]+(?:[_-][a-z]+)*")


class Components(NamedTuple):
    """What was found, and how many entries were left out because there were too many."""

    found: tuple[Component, ...]
    ignored: int
    aliases: frozenset[str] = frozenset()
    """Every name they can be called by, in lower case."""

    def names_one(self, name: str) -> bool:
        """Whether `name`, without regard to case, is one of them."""
        return name.lower() in self.aliases

    @property
    def down(self) -> list[str]:
        """The names of those that are down, critical ones first."""
        return [c.name for c in sorted(self.found, key=lambda c: not c.is_critical) if not c.is_up]


def read_components(document: Any, critical: frozenset[str] = frozenset()) -> Components:
    """The components `document` reports. Names compare without case; those in `critical` are critical."""
    if not isinstance(document, dict):
        return Components((), 0)
    reader = _Reader(frozenset(name.lower() for name in critical))
    reader.read_group(document, "", 0, is_terminus="info" in document or "error" in document)
    return Components(tuple(reader.found.values()), reader.ignored, frozenset(reader.aliases))


class _Reader:
    def __init__(self, critical: frozenset[str]) -> None:
        self._critical = critical
        self._visits = 0
        self._groups: dict[str, str] = {}
        self.found: dict[str, Component] = {}
        self.aliases: set[str] = set()
        self.ignored = 0

    def read_group(self, group: dict[Any, Any], name: str, depth: int, *, is_terminus: bool = False) -> None:
        for key, value in group.items():
            self._visits += 1
            if self._visits > _VISIT_LIMIT:
                self.ignored += 1
                return
            if not isinstance(key, str) or not key or key.startswith(("_", "$", "@")):
                continue
            if depth == 0 and is_terminus and key in _TERMINUS and isinstance(value, dict):
                self.read_group(value, "", 1)
            elif key.lower() not in _META or (
                isinstance(value, dict) and key.lower() not in ("status", "state")
            ):
                self._read(key, value, name, depth)

    def _read(self, key: str, value: Any, group: str, depth: int) -> None:
        if isinstance(value, str):
            verdict = _judge(value)
            if verdict is not None or key.lower() in self._critical:
                self._add(key, group, verdict is True, value)
        elif isinstance(value, bool):
            if key.lower() in self._critical or group.lower() in _GROUPS:
                self._add(key, group, value, str(value).lower())
        elif isinstance(value, dict):
            status = _status_of(value)
            if status is not None:
                self._add_with_status(key, group, status, value)
            if (status is None or key.lower() in _GROUPS) and depth < _DEPTH_LIMIT:
                self.read_group(value, key, depth + 1)
        elif isinstance(value, list):
            self._read_list(value, key)

    def _read_list(self, items: list[Any], group: str) -> None:
        for item in items:
            self._visits += 1
            if self._visits > _VISIT_LIMIT:
                self.ignored += 1
                return
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                status = _status_of(item)
                if status is not None and item["name"]:
                    self._add_with_status(item["name"], group, status, item)

    def _add_with_status(self, key: str, group: str, status: str | bool, value: dict[Any, Any]) -> None:
        word = status if isinstance(status, str) else str(status).lower()
        if isinstance(status, str) and _first_word(status) in _NOT_IN_USE:
            return
        is_up = status if isinstance(status, bool) else _judge(status) is True
        why = next(
            (value[name] for name in _WHY_KEYS if isinstance(value.get(name), str) and value[name]), None
        )
        self._add(key, group, is_up, word if why is None or is_up else f"{word}: {why}")

    def _add(self, key: str, group: str, is_up: bool, word: str) -> None:
        name = clean(key, _NAME_LIMIT)
        if name in self.found and self._groups[name] != group:
            name = clean(f"{group}.{key}", _NAME_LIMIT)
        known = self.found.get(name)
        if known is None and len(self.found) >= COMPONENT_LIMIT:
            self.ignored += 1
            return
        if known is not None and not known.is_up:
            return  # said twice: down wins
        self._groups[name] = group
        self.aliases |= {key.lower(), f"{group}.{key}".lower()}
        self.found[name] = Component(
            name=name,
            is_up=is_up,
            is_critical=bool(self._critical)
            and bool({key.lower(), f"{group}.{key}".lower()} & self._critical),
            word=clean(word, _WORD_LIMIT),
        )


def _status_of(value: dict[Any, Any]) -> str | bool | None:
    return next((value[name] for name in _STATUS_KEYS if isinstance(value.get(name), str | bool)), None)


def _first_word(text: str) -> str:
    match = _FIRST_WORD.match(text[:60].strip().lower())
    return match[0] if match is not None else ""


def _judge(text: str) -> bool | None:
    """Whether a word means up; None if it is no word about health."""
    first = _first_word(text)
    if first in _NOT_IN_USE:
        return None
    if first in _UP:
        return True
    stem = re.split("[_-]", first, maxsplit=1)[0]
    return False if first in _DOWN or stem in _DOWN else None
