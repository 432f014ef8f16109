"""What became of a push: one closed vocabulary for answers, logs and labels."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["PushOutcome", "Unread"]


class PushOutcome(StrEnum):
    """What became of a push whose service is known."""

    ACCEPTED = "accepted"
    """Everything was taken."""
    PARTLY_REFUSED = "partly_refused"
    REFUSED = "refused"
    """Nothing was taken."""
    NOTHING_FOUND = "nothing_found"
    """The mapping found nothing in the application's own document."""
    JSON_INVALID = "json_invalid"
    DOCUMENT_INVALID = "document_invalid"
    DUPLICATE = "duplicate"
    """A push with this id was accepted lately."""
    OUT_OF_ORDER = "out_of_order"
    """It was sent before the last one of the same source."""
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    SERVICE_NOT_ALLOWED = "service_not_allowed"
    """The document names another service than the one its sender may push to."""
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid"
    CONTENT_TYPE = "content_type"
    ENCODED_BODY = "encoded_body"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"


class Unread(StrEnum):
    """Why a push was turned away before its service was known."""

    UNAUTHORIZED = "unauthorized"
    """No token, or none that is known."""
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    SERVICE_UNNAMED = "service_unnamed"
    """The token is that of several services, and none is named."""
    SERVICE_NOT_ALLOWED = "service_not_allowed"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_CLIENTS = "too_many_clients"
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid"
    CONTENT_TYPE = "content_type"
    ENCODED_BODY = "encoded_body"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    JSON_INVALID = "json_invalid"
