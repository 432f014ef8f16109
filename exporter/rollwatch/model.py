"""The values every part shares. Imports nothing of ours but `errors`.

`Verdict` and `Reason` are closed vocabularies: the same word is the result, the log field,
the metric label and the JSON value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Component", "Phase", "Reason", "Role", "Verdict"]


class Verdict(StrEnum):
    """What one run says about its target."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What a provider is for; `none` for every probe that has no role."""

    NONE = "none"
    PRIMARY = "primary"
    FALLBACK = "fallback"


class Phase(StrEnum):
    """Where the time of a run goes; the words blackbox_exporter uses where it has one."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"
    TRANSFER = "transfer"
    REQUEST = "request"


class Reason(StrEnum):
    """Why a run got its verdict. Every reason belongs to exactly one verdict."""

    OK = "ok"

    # DOWN: the target was asked and is at fault.
    TIMEOUT = "timeout"
    NAME_NOT_FOUND = "name_not_found"
    CONNECT_REFUSED = "connect_refused"
    UNREACHABLE = "unreachable"
    CONNECTION_RESET = "connection_reset"
    CONNECTION_CLOSED = "connection_closed"
    PROXY_REFUSED = "proxy_refused"
    TLS_HANDSHAKE = "tls_handshake"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_HOSTNAME = "certificate_hostname"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    PROTOCOL_ERROR = "protocol_error"
    STATUS = "status"
    REDIRECT = "redirect"
    HEADER_MISMATCH = "header_mismatch"
    BODY_TOO_LARGE = "body_too_large"
    BODY_MISMATCH = "body_mismatch"
    ENCODING_INVALID = "encoding_invalid"
    JSON_INVALID = "json_invalid"
    JSON_MISMATCH = "json_mismatch"
    TIMESTAMP_STALE = "timestamp_stale"
    COMPONENT_DOWN = "component_down"
    NO_MATCHING_MESSAGE = "no_matching_message"
    MESSAGE_TOO_LARGE = "message_too_large"
    CLOSED_BY_PEER = "closed_by_peer"
    DISCONNECTED = "disconnected"
    RECORDS_MISSING = "records_missing"
    VALUE_NOT_GROWING = "value_not_growing"
    ANSWER_MISMATCH = "answer_mismatch"

    # UNKNOWN: our own trouble, or no evidence either way.
    RESOLVER_FAILED = "resolver_failed"
    OWN_NETWORK = "own_network"
    OWN_RESOURCES = "own_resources"
    OVERLOADED = "overloaded"
    RATE_LIMITED = "rate_limited"
    CREDENTIALS_REJECTED = "credentials_rejected"
    SECRET_UNAVAILABLE = "secret_unavailable"  # noqa: S105  a reason, not a secret
    NOT_STARTED = "not_started"
    INTERNAL_ERROR = "internal_error"

    @property
    def verdict(self) -> Verdict:
        """The one verdict this reason belongs to."""
        return _VERDICTS[self]


_UNKNOWN = frozenset(
    {
        Reason.RESOLVER_FAILED,
        Reason.OWN_NETWORK,
        Reason.OWN_RESOURCES,
        Reason.OVERLOADED,
        Reason.RATE_LIMITED,
        Reason.CREDENTIALS_REJECTED,
        Reason.SECRET_UNAVAILABLE,
        Reason.NOT_STARTED,
        Reason.INTERNAL_ERROR,
    }
)


def _verdict_of(reason: Reason) -> Verdict:
    if reason is Reason.OK:
        return Verdict.UP
    return Verdict.UNKNOWN if reason in _UNKNOWN else Verdict.DOWN


_VERDICTS = {reason: _verdict_of(reason) for reason in Reason}


@dataclass(frozen=True, slots=True)
class Component:
    """One part a health body reports; `name` is remote text and not yet bounded."""

    name: str
    is_up: bool
    is_critical: bool
    word: str
    """What the body said of it (`connected`, `down: timeout`); remote text, at most 200 characters."""
