"""What is normal for a figure, learnt from its own past values; constant memory whatever the window."""

from __future__ import annotations

import math

__all__ = ["Histories", "History"]

_LARGEST = 1e150
"""Squares of larger values are not finite."""


class History:
    """Mean and spread of about the last `window` normal values; older ones fade.

    A value is an anomaly if it is more than `max_sigma` standard deviations from the mean, and by more
    than `min_change`. The first `warm_up` values are never one. An anomaly is not learnt; but after `window`
    anomalies in a row the figure has moved for good, and its new level is learnt from scratch.
    """

    __slots__ = (
        "_anomalies",
        "_count",
        "_max_sigma",
        "_mean",
        "_min_change",
        "_variance",
        "_warm_up",
        "_window",
    )

    def __init__(self, *, window: int, max_sigma: float, min_change: float, warm_up: int) -> None:
        self._window = window
        self._max_sigma = max_sigma
        self._min_change = min_change
        self._warm_up = warm_up
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._variance = 0.0
        self._anomalies = 0

    def is_anomaly(self, value: float) -> bool:
        """Judge a finite value by the past, then let it become part of the past."""
        if not -_LARGEST < value < _LARGEST:
            return self._count >= self._warm_up
        if self._count >= self._warm_up:
            allowed = max(self._max_sigma * math.sqrt(self._variance), self._min_change)
            if abs(value - self._mean) > allowed:
                self._anomalies += 1
                if self._anomalies >= self._window:
                    self._forget()
                    self._learn(value)
                return True
        self._anomalies = 0
        self._learn(value)
        return False

    def _learn(self, value: float) -> None:
        # Plain mean and variance at first (Welford), then an exponentially weighted window (West 1979).
        self._count += 1
        weight = max(1 / self._count, 2 / (self._window + 1))
        distance = value - self._mean
        self._mean += weight * distance
        self._variance = (1 - weight) * (self._variance + weight * distance * distance)


class Histories:
    """One history per key, for at most `limit` keys; the one unseen for longest goes first."""

    def __init__(
        self, *, window: int, max_sigma: float, min_change: float, warm_up: int, limit: int = 5000
    ) -> None:
        self._window = window
        self._max_sigma = max_sigma
        self._min_change = min_change
        self._warm_up = warm_up
        self._limit = limit
        self._by_key: dict[str | None, History] = {}

    def is_anomaly(self, key: str | None, value: float) -> bool:
        """Judge a finite value by the past of its key."""
        history = self._by_key.pop(key, None)
        if history is None:
            if len(self._by_key) >= self._limit:
                del self._by_key[next(iter(self._by_key))]
            history = History(
                window=self._window,
                max_sigma=self._max_sigma,
                min_change=self._min_change,
                warm_up=self._warm_up,
            )
        self._by_key[key] = history
        return history.is_anomaly(value)

    def __len__(self) -> int:
        return len(self._by_key)
