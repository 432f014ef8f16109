"""What a running Alertmanager's own configuration says of its receivers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from rollwatch.bundle.durations import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Receiver", "Routing"]

_SUFFIX = "_configs"
_DEFAULT_WAIT_S = 30.0
_PRIORITY = re.compile(r'priority\s*(?P<sign>=~|!~|!=|=)\s*"?(?P<wanted>[^"]*)"?')


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver, for alerts of one priority. `integrations` are its ways out, as metrics name them."""

    name: str
    integrations: tuple[str, ...]
    wait_s: float
    """How long a first notification waits for others: the longest `group_wait` of its routes."""
    has_quiet_hours: bool


class Routing:
    """A configuration of Alertmanager. Raises ValueError if the text is none."""

    def __init__(self, config: str) -> None:
        try:
            document = yaml.safe_load(config)
            self._routes = list(_routes(document["route"], None, _DEFAULT_WAIT_S, ()))
            self._integrations = {
                receiver["name"]: tuple(_integrations(receiver)) for receiver in document["receivers"]
            }
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"Alertmanager's configuration can't be read: {error}") from error

    def receiver(self, name: str, priority: str) -> Receiver:
        """What it does with alerts of this priority."""
        routes = [route for route in self._routes if route.receiver == name and route.admits(priority)]
        return Receiver(
            name,
            self._integrations.get(name, ()),
            max((route.wait_s for route in routes), default=0.0),
            any(route.is_muted for route in routes),
        )


@dataclass(frozen=True, slots=True)
class _Route:
    receiver: str
    wait_s: float
    is_muted: bool
    matchers: tuple[str, ...]

    def admits(self, priority: str) -> bool:
        return all(_admits(matcher, priority) for matcher in self.matchers)


def _admits(matcher: str, priority: str) -> bool:
    """Whether a matcher lets the priority through; those of other labels do."""
    found = _PRIORITY.fullmatch(matcher.strip())
    if found is None:
        return True
    sign, wanted = found["sign"], found["wanted"]
    is_met = re.fullmatch(wanted, priority) is not None if sign.endswith("~") else wanted == priority
    return is_met != sign.startswith("!")


def _integrations(receiver: Mapping[str, Any]) -> Iterator[str]:
    for key, configs in receiver.items():
        if key.endswith(_SUFFIX) and isinstance(configs, list):
            yield from [key.removesuffix(_SUFFIX)] * len(configs)


def _routes(
    route: Mapping[str, Any], receiver: str | None, wait_s: float, matchers: tuple[str, ...]
) -> Iterator[_Route]:
    """A route and all below it: receiver, `group_wait` and matchers are handed down, muting is not."""
    own = route.get("receiver", receiver)
    wait_s = seconds(route["group_wait"]) or 0.0 if "group_wait" in route else wait_s
    matchers = (*matchers, *(route.get("matchers") or ()))
    yield _Route(
        own,
        wait_s,
        bool(route.get("mute_time_intervals") or route.get("active_time_intervals")),
        matchers,
    )
    for child in route.get("routes") or ():
        yield from _routes(child, own, wait_s, matchers)
