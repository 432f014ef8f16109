"""What the API knows of its own means: connections, memory, sockets, tables; and what the business counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.demo.production.metric import count_of, metric

if TYPE_CHECKING:
    from random import Random

__all__ = ["Resources"]

_POOL_MAX = 20
_MEMORY_LIMIT = 512e6
_SOCKETS_PER_S = 0.5
_TRANSACTIONS_PER_S = 0.4
_SIGNALS_PER_S = 0.2
_VISITS_PER_S = 3.0
_FUNNEL = {"visit": 1.0, "sign_up": 0.22, "first_order": 0.08, "subscribe": 0.03}
"""Of all visits, the share that comes so far."""
_PRICES = {"pro": 29.0, "team": 99.0}


class Resources:
    """Figures that nothing in the demo breaks: a quiet background for what does break."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._rows = {"orders": 41e6, "users": 9e6}

    def since(self, elapsed_s: float) -> list[dict[str, Any]]:
        """Metrics in the documented form for the last `elapsed_s` seconds."""
        return [*self._means(), *self._sockets(elapsed_s), *self._business(elapsed_s)]

    def _means(self) -> list[dict[str, Any]]:
        in_use = self._rng.randint(3, 9)
        pool = {"in_use": in_use, "idle": 10 - in_use, "waiting": 0, "max": _POOL_MAX}
        self._rows = {table: size * 1.000001 for table, size in self._rows.items()}
        return [
            *(
                metric("rollwatch_database_pool_connections", value=n, state=state)
                for state, n in pool.items()
            ),
            metric("rollwatch_database_pool_exhausted_total", add=0),
            *(
                metric("rollwatch_database_size_bytes", value=size, table=table)
                for table, size in self._rows.items()
            ),
            metric("rollwatch_app_cpu_ratio", value=round(self._rng.uniform(0.2, 0.35), 3), process="api"),
            metric("rollwatch_app_memory_bytes", value=round(self._rng.gauss(230e6, 5e6)), process="api"),
            metric("rollwatch_app_memory_limit_bytes", value=_MEMORY_LIMIT, process="api"),
        ]

    def _sockets(self, elapsed_s: float) -> list[dict[str, Any]]:
        opened = count_of(self._rng, _SOCKETS_PER_S * elapsed_s)
        sent = count_of(self._rng, _TRANSACTIONS_PER_S * elapsed_s)
        return [
            metric("rollwatch_websocket_reported_connections", value=self._rng.randint(70, 90)),
            metric("rollwatch_websocket_reported_opens_total", add=opened),
            metric("rollwatch_websocket_reported_closes_total", add=opened, code="1000"),
            metric("rollwatch_websocket_reported_reconnects_total", add=0),
            metric(
                "rollwatch_websocket_reported_session_duration_seconds",
                observe=[round(self._rng.lognormvariate(5, 1), 1) for _ in range(opened)],
            ),
            metric("rollwatch_transactions_total", add=sent, outcome="ok"),
            metric("rollwatch_transactions_total", add=0, outcome="failed"),
        ]

    def _business(self, elapsed_s: float) -> list[dict[str, Any]]:
        rng = self._rng
        steps = {step: count_of(rng, _VISITS_PER_S * share * elapsed_s) for step, share in _FUNNEL.items()}
        return [
            metric("larkspur_signals_posted_total", add=count_of(rng, _SIGNALS_PER_S * elapsed_s)),
            metric("larkspur_active_competitions", value=rng.randint(5, 7)),
            *(metric("larkspur_funnel_total", add=n, step=step) for step, n in steps.items()),
            *(
                metric(
                    "larkspur_revenue_dollars_total",
                    add=round(price * rng.random() * elapsed_s / 60, 2),
                    plan=plan,
                )
                for plan, price in _PRICES.items()
            ),
        ]
