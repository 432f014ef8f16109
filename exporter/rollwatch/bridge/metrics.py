"""The bridge's own figures. The backlog is read from the database at each scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bridge.words import ChannelName, Intake, Outcome, RouteName
from rollwatch.metrics import bridge_catalogue as m

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollwatch.bridge.channels.channel import LaneKey
    from rollwatch.bridge.storage.records import ChannelState
    from rollwatch.clock import Clock
    from rollwatch.metrics.store import Store

__all__ = ["BridgeMetrics"]


class BridgeMetrics:
    """What is counted of deliveries and notifications."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._channels: set[ChannelName] = set()
        self._failing: set[LaneKey] = set()
        self._failing_before: set[ChannelName] = set()
        """Channels that were failing when the process began, until an attempt says more."""
        for route in RouteName:
            for outcome in Intake:
                store.counter(m.BRIDGE_NOTIFICATIONS_TOTAL, (route.value, outcome.value))
        self.storage_problem: str | None = None
        """What is wrong with the database, as far as the last write tells."""
        self.storage_worked(True)

    def configure(self, channels: Iterable[ChannelName]) -> None:
        """Show these channels; counters of others stay as they are."""
        wanted = set(channels)
        for channel in self._channels - wanted:
            for metric in (m.BRIDGE_QUEUE_LENGTH, m.BRIDGE_OLDEST_QUEUED, m.BRIDGE_CHANNEL_FAILING):
                self._store.discard(metric, (channel.value,))
        self._channels = wanted
        for channel in wanted:
            for outcome in Outcome:
                self._store.counter(m.BRIDGE_DELIVERIES_TOTAL, (channel.value, outcome.value))
            self._show_failing(channel)
        self.show_backlog({})

    def remember(self, states: Mapping[ChannelName, ChannelState]) -> None:
        """How the channels stood when the process before this one ended."""
        for channel, state in states.items():
            if state.last_success_at is not None:
                self._store.gauge(m.BRIDGE_LAST_SUCCESS, (channel.value,)).set(state.last_success_at)
            if state.is_failing:
                self._failing_before.add(channel)
            self._show_failing(channel)

    def count(self, channel: ChannelName, outcome: Outcome, times: int = 1) -> None:
        self._store.counter(m.BRIDGE_DELIVERIES_TOTAL, (channel.value, outcome.value)).inc(times)

    def succeeded(self, channel: ChannelName) -> None:
        """Something was delivered now."""
        self._store.gauge(m.BRIDGE_LAST_SUCCESS, (channel.value,)).set(self._clock.wall())

    def attempted(self, lane: LaneKey, *, is_failing: bool) -> None:
        """How the last attempt in `lane` went."""
        self._failing_before.discard(lane.channel)
        (self._failing.add if is_failing else self._failing.discard)(lane)
        self._show_failing(lane.channel)

    def ended(self, lane: LaneKey) -> None:
        """There is no such lane any more."""
        self._failing.discard(lane)
        self._show_failing(lane.channel)

    def show_watchdog(self, *, is_failing: bool) -> None:
        if ChannelName.WATCHDOG in self._channels:
            self._store.gauge(m.BRIDGE_CHANNEL_FAILING, (ChannelName.WATCHDOG.value,)).set(is_failing)

    def watchdog_arrived(self) -> None:
        self._store.gauge(m.BRIDGE_WATCHDOG_LAST, ()).set(self._clock.wall())

    def show_backlog(self, backlog: Mapping[ChannelName, tuple[int, float]]) -> None:
        """How many wait by channel, and since when the oldest does."""
        for channel in self._channels:
            length, oldest = backlog.get(channel, (0, None))
            self._store.gauge(m.BRIDGE_QUEUE_LENGTH, (channel.value,)).set(length)
            gauge = self._store.gauge(m.BRIDGE_OLDEST_QUEUED, (channel.value,))
            if oldest is None:
                gauge.clear()
            else:
                gauge.set(oldest)

    def notified(self, route: RouteName, outcome: Intake) -> None:
        self._store.counter(m.BRIDGE_NOTIFICATIONS_TOTAL, (route.value, outcome.value)).inc()

    def storage_worked(self, worked: bool) -> None:
        self._store.gauge(m.BRIDGE_STORAGE_WRITABLE, ()).set(worked)
        self.storage_problem = (
            None if worked else "What arrives can't be kept: the database can't be written."
        )

    def config_loaded(self, successful: bool) -> None:
        self._store.gauge(m.BRIDGE_CONFIG_SUCCESSFUL, ()).set(successful)

    def _show_failing(self, channel: ChannelName) -> None:
        if channel in self._channels and channel is not ChannelName.WATCHDOG:
            is_failing = channel in self._failing_before or any(
                lane.channel is channel for lane in self._failing
            )
            self._store.gauge(m.BRIDGE_CHANNEL_FAILING, (channel.value,)).set(is_failing)
