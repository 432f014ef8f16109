"""What a fault is: its name, what it breaks, what rollwatch shows of it, and who is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollwatch.demo.signs import FigureSign, Sign

__all__ = ["Fault", "FaultInfo"]


class Fault(StrEnum):
    """The name a person types."""

    FRONTEND_DOWN = "frontend-down"
    STALE_TIMESTAMP = "stale-timestamp"
    SLOW_PAGE = "slow-page"
    SCRIPT_ERROR = "script-error"
    HEALTH_DOWN = "health-down"
    COMPONENT_DOWN = "component-down"
    API_5XX = "api-5xx"
    SLOW = "slow"
    HANG = "hang"
    BAD_RELEASE = "bad-release"
    BAD_JSON = "bad-json"
    HUGE_BODY = "huge-body"
    FAILING_PAYMENTS = "failing-payments"
    DRIFTING_PNL = "drifting-pnl"
    WS_REFUSE = "ws-refuse"
    WS_DROP = "ws-drop"
    FEED_STALE = "feed-stale"
    FEED_CHANNEL_STALE = "feed-channel-stale"
    PROVIDER_DOWN = "provider-down"
    PROVIDER_RATE_LIMITED = "provider-rate-limited"
    PROVIDER_UNAUTHORIZED = "provider-unauthorized"
    ALL_PROVIDERS_DOWN = "all-providers-down"
    BAD_GREEKS = "bad-greeks"
    NODE_STUCK = "node-stuck"
    CERTIFICATE_EXPIRED = "certificate-expired"
    SLACK_DOWN = "slack-down"


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """One fault: the part of the production it breaks, what its users meet, what rollwatch shows and says."""

    part: str
    effect: str
    signs: tuple[Sign | FigureSign, ...]
    alerts: tuple[str, ...] = ()
    """What people are told while it lasts; empty where nothing is wrong enough to tell."""
    companions: tuple[str, ...] = ()
    """What may be true beside: weaker words for the same, mostly muted by those of P0; or later ones."""
