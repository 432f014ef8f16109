"""How the page says verdicts and reasons. Plain text; the templates escape it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.model import Reason, Verdict
from rollwatch.serving.page_words import ago, clock_time, duration, iso, milliseconds, shown, utc

if TYPE_CHECKING:
    from rollwatch.engine.view import RunRecord

__all__ = [
    "VERDICT_WORDS",
    "ago",
    "clock_time",
    "duration",
    "iso",
    "milliseconds",
    "reason_words",
    "said",
    "sentence",
    "shown",
    "utc",
]

VERDICT_WORDS = {Verdict.UP: "Up", Verdict.DOWN: "Down", Verdict.UNKNOWN: "Undecided"}

_REASONS = {
    Reason.OK: "it answered as expected",
    Reason.TIMEOUT: "no answer in time",
    Reason.NAME_NOT_FOUND: "the name does not exist in DNS",
    Reason.CONNECT_REFUSED: "the connection was refused",
    Reason.UNREACHABLE: "there is no route to the host",
    Reason.CONNECTION_RESET: "the connection was reset",
    Reason.CONNECTION_CLOSED: "the connection was closed before the answer was complete",
    Reason.PROXY_REFUSED: "the proxy refused",
    Reason.TLS_HANDSHAKE: "the TLS handshake failed",
    Reason.CERTIFICATE_EXPIRED: "the certificate has expired",
    Reason.CERTIFICATE_HOSTNAME: "the certificate is for another name",
    Reason.CERTIFICATE_UNTRUSTED: "the certificate is not trusted",
    Reason.PROTOCOL_ERROR: "the answer broke the protocol",
    Reason.STATUS: "unexpected status",
    Reason.REDIRECT: "an unexpected redirect",
    Reason.HEADER_MISMATCH: "a header is not as expected",
    Reason.BODY_TOO_LARGE: "the body is larger than allowed",
    Reason.BODY_MISMATCH: "the body is not as expected",
    Reason.ENCODING_INVALID: "the encoding of the body is invalid",
    Reason.JSON_INVALID: "the body is not valid JSON",
    Reason.JSON_MISMATCH: "the JSON is not as expected",
    Reason.TIMESTAMP_STALE: "the timestamp in the answer is too old",
    Reason.COMPONENT_DOWN: "a critical component is down",
    Reason.NO_MATCHING_MESSAGE: "the expected message did not come",
    Reason.MESSAGE_TOO_LARGE: "a message is larger than allowed",
    Reason.CLOSED_BY_PEER: "the other end closed the session",
    Reason.DISCONNECTED: "the session is not connected",
    Reason.RECORDS_MISSING: "the answer holds no records",
    Reason.VALUE_NOT_GROWING: "a value that must grow does not",
    Reason.ANSWER_MISMATCH: "the answer is not as expected",
    Reason.RESOLVER_FAILED: "our DNS resolver did not answer",
    Reason.OWN_NETWORK: "our own network is down",
    Reason.OWN_RESOURCES: "this host ran out of sockets or memory",
    Reason.OVERLOADED: "rollwatch was too busy to measure fairly",
    Reason.RATE_LIMITED: "the provider limits our rate",
    Reason.CREDENTIALS_REJECTED: "our credentials were rejected",
    Reason.SECRET_UNAVAILABLE: "a secret could not be read",
    Reason.NOT_STARTED: "it has not run yet",
    Reason.INTERNAL_ERROR: "a bug in rollwatch",
}


def reason_words(reason: Reason) -> str:
    """What `reason` means, to go on a sentence with."""
    return _REASONS[reason]


def sentence(text: str) -> str:
    """`text` with a capital and a full stop, unless it begins with a name of some kind."""
    first = text.split(" ", 1)[0]
    begun = text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
    return begun if begun.endswith((".", "!", "?", "…")) else f"{begun}."


def said(record: RunRecord, limit: int) -> str:
    """What a run that was not up has to say, as a sentence."""
    return sentence(shown(record.detail, limit) or reason_words(record.reason))
