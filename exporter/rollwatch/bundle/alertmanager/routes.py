"""The tree of routes: from the labels of an alert to the receivers that hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.bundle.alertmanager import receivers, timing
from rollwatch.bundle.alertmanager.channels import BY_PRIORITY, Channel, chosen, reach
from rollwatch.bundle.alertmanager.document import Matchers
from rollwatch.bundle.alertmanager.quiet_hours import QUIET_HOURS
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rollwatch.bundle.alertmanager.channels import Reach
    from rollwatch.bundle.alertmanager.timing import Timing
    from rollwatch.config.notifications import Audience, NotificationsSpec

__all__ = ["route"]

_WAITING = (Priority.P2, Priority.P3)


def route(everybody: NotificationsSpec, services: Mapping[str, Audience]) -> dict[str, Any]:
    """The root, and all below it."""
    usual = reach(everybody).usual
    return {
        "receiver": _stray(usual),
        "group_by": list(timing.TOGETHER),
        **timing.BY_PRIORITY[Priority.P1].entries(),
        "routes": [
            *_for_programs(everybody),
            *_failing_channels(usual),
            *_for_services(everybody, services),
            *_for_people(reach(everybody), _quiet(everybody)),
        ],
    }


def _for_programs(everybody: NotificationsSpec) -> Iterator[dict[str, Any]]:
    handler, bridge = everybody.rollback_handler, everybody.bridge
    yield _node(
        ('alertname="Watchdog"',),
        (receivers.NOBODY if bridge is None else receivers.WATCHDOG,),
        timing.WATCHDOG,
    )
    yield _node(
        ('rollback="auto"',), (receivers.NOBODY if handler is None else receivers.ROLLBACK,), timing.ROLLBACK
    )
    if handler is not None:
        yield _node(('priority=~"P0|P1"',), (receivers.TIMELINE,), timing.EVENTS, goes_on=True)
    if bridge is not None:
        yield _node(('priority=~"P0|P1|P2|P3"',), (receivers.EVENTS,), timing.EVENTS, goes_on=True)


def _failing_channels(usual: Mapping[Channel, str]) -> Iterator[dict[str, Any]]:
    """That a channel fails is told by another; where there is none, by itself: it may work again by then."""
    sets = (*BY_PRIORITY[Priority.P1], *BY_PRIORITY[Priority.P0])
    for alert, label, value, channel in (
        ("NotificationsFail", "integration", "slack", Channel.SLACK),
        ("NotificationsFail", "integration", "email", Channel.EMAIL),
        ("NotificationsFail", "integration", "pagerduty", Channel.PAGERDUTY),
        # The bridge sends its summary by the same mail server.
        ("BridgeDeliveriesFail", "channel", "digest", Channel.EMAIL),
        ("BridgeDeliveriesFail", "channel", "sms", Channel.SMS),
    ):
        if channel in usual or value == "digest":
            told = chosen(usual, sets, without=channel) or chosen(usual, sets)
            yield _node((f'alertname="{alert}"', f'{label}="{value}"'), told, timing.FAILING)


def _for_services(everybody: NotificationsSpec, services: Mapping[str, Audience]) -> Iterator[dict[str, Any]]:
    for name, own in services.items():
        reached = reach(everybody, own, name)
        yield {
            "matchers": Matchers(f'service="{name}"'),
            "receiver": _stray(reached.usual),
            "routes": list(_for_people(reached, _quiet(everybody))),
        }


def _for_people(reached: Reach, quiet: Sequence[str]) -> Iterator[dict[str, Any]]:
    p0, p1 = BY_PRIORITY[Priority.P0], BY_PRIORITY[Priority.P1]
    escalated = tuple(reached.escalation.values()) or chosen(reached.usual, p0)
    yield _node(('escalation="P1"',), escalated, timing.ESCALATED)
    yield _node(('escalation="P2"',), chosen(reached.usual, p1), timing.BY_PRIORITY[Priority.P1], quiet=quiet)
    for priority, sets in BY_PRIORITY.items():
        yield _node(
            (f'priority="{priority}"',),
            chosen(reached.batched if priority is Priority.P3 else reached.usual, sets),
            timing.BY_PRIORITY[priority],
            quiet=quiet if priority in _WAITING else (),
        )


def _stray(usual: Mapping[Channel, str]) -> str:
    """Who hears of alerts without a priority: those of rules that are not ours."""
    told = chosen(usual, (*BY_PRIORITY[Priority.P2], *BY_PRIORITY[Priority.P1]))
    return told[0] if told else receivers.NOBODY


def _quiet(everybody: NotificationsSpec) -> tuple[str, ...]:
    return () if everybody.quiet_hours is None else (QUIET_HOURS,)


def _node(
    matchers: Sequence[str],
    told: Sequence[str],
    pace: Timing,
    *,
    quiet: Sequence[str] = (),
    goes_on: bool = False,
) -> dict[str, Any]:
    """Receivers have a route each: one that hangs holds up none of the others."""
    # Not inherited, unlike all the rest.
    muted = {"mute_time_intervals": list(quiet)} if quiet else {}
    head: dict[str, Any] = {"matchers": Matchers(*matchers)}
    if len(told) < 2:
        head["receiver"] = told[0] if told else receivers.NOBODY
        if goes_on:
            head["continue"] = True
        return head | pace.entries() | muted
    leaves = [{"receiver": name, "continue": True} | muted for name in told]
    del leaves[-1]["continue"]
    return head | pace.entries() | {"routes": leaves}
