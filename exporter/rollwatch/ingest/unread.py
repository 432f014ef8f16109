"""Requests that were turned away before it was known which service they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollwatch.metrics.definition import MetricDef
    from rollwatch.metrics.series import CounterChild
    from rollwatch.metrics.store import Store

__all__ = ["UnreadRequests"]


class UnreadRequests:
    """Counts them in `metric` by error, one of `errors`: from 0, while there is a service to send to."""

    def __init__(self, store: Store, metric: MetricDef, errors: Iterable[str], *, location: str) -> None:
        self._store = store
        self._metric = metric
        self._errors = tuple(errors)
        self._location = location
        self._counts: dict[str, CounterChild] = {}

    def show(self, is_wanted: bool) -> None:
        """Whether there is such a service, from now on."""
        if is_wanted and not self._counts:
            self._counts = {
                str(error): self._store.counter(self._metric, (self._location, str(error)))
                for error in self._errors
            }
        elif not is_wanted:
            for count in self._counts.values():
                self._store.remove(count)
            self._counts = {}

    def count(self, error: str) -> None:
        """One more was answered with `error`. Errors of requests whose service was known are passed over."""
        count = self._counts.get(error)
        if count is not None:
            count.inc()
