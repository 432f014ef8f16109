"""What becomes of a beacon: the word is the answer's `error`, the metric's label and the same in the log."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Outcome", "Unread"]


class Unread(StrEnum):
    """Why a request was turned away before it was known which service it is for."""

    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_CLIENTS = "too_many_clients"
    CONTENT_TYPE = "content_type"
    ENCODED_BODY = "encoded_body"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    JSON_INVALID = "json_invalid"
    BEACON_INVALID = "beacon_invalid"
    UNKNOWN_SERVICE = "unknown_service"


class Outcome(StrEnum):
    """What became of a beacon for a service of ours."""

    ACCEPTED = "accepted"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    CLOCK_OFF = "clock_off"
    DUPLICATE = "duplicate"
    UNKNOWN_GOAL = "unknown_goal"
    """Nothing was in it but goals that the configuration does not know."""
