"""What a server's certificates say. Parsed once per certificate, not once per run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from rollwatch.text import clean

if TYPE_CHECKING:
    import ssl
    from datetime import datetime

__all__ = ["Certificate", "CertificateReader", "presented_chain", "verified_chain"]

_KEPT = 32


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate, for people and for gauges. Names are remote text, bounded."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    """Subject alternative names, at most 20."""
    sha256: str


class CertificateReader:
    """Reads DER certificates and remembers the last few by their bytes."""

    def __init__(self) -> None:
        self._known: dict[bytes, Certificate | None] = {}

    def read(self, der: bytes) -> Certificate | None:
        """What `der` says; None if it can't be parsed."""
        try:
            return self._known[der]
        except KeyError:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[der] = found = _parse(der)
            return found

    def read_all(self, chain: list[bytes]) -> list[Certificate]:
        """Those of `chain` that can be parsed, leaf first."""
        return [found for der in chain if (found := self.read(der)) is not None]


def presented_chain(connection: ssl.SSLObject) -> list[bytes]:
    """DER of what the server sent, leaf first, unverified."""
    return _chain(connection, "get_unverified_chain")


def verified_chain(connection: ssl.SSLObject) -> list[bytes]:
    """DER of the chain that was trusted, leaf first, root last; empty where Python does not tell."""
    return _chain(connection, "get_verified_chain", leaf_only=False)


def _chain(connection: Any, method: str, *, leaf_only: bool = True) -> list[bytes]:
    """Python 3.13 has these methods on SSLObject; 3.10 to 3.12 have them one level below."""
    if hasattr(connection, method):
        chain = getattr(connection, method)()
    else:
        inner = getattr(connection, "_sslobj", None)
        chain = getattr(inner, method)() if hasattr(inner, method) else None
    if chain:
        return [item if isinstance(item, bytes) else item.public_bytes(_DER) for item in chain]
    leaf = connection.getpeercert(binary_form=True) if leaf_only else None
    return [leaf] if leaf else []


_DER = 2
"""`_ssl.ENCODING_DER`."""


_BAD_EXTENSIONS = (
    ValueError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)
"""A name that can't be read is left out; when the certificate expires is still told."""


def _parse(der: bytes) -> Certificate | None:
    try:
        parsed = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=_name(parsed.subject),
            issuer=_name(parsed.issuer),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            names=_alternatives(parsed),
            sha256=hashlib.sha256(der).hexdigest(),
        )
    except (ValueError, TypeError, x509.InvalidVersion):
        # A certificate from outside may be anything; the handshake itself has judged it already.
        return None


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(str(common[0].value) if common else name.rfc4514_string(), 200)


def _alternatives(parsed: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = parsed.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except _BAD_EXTENSIONS:
        return ()
    if not isinstance(extension, x509.SubjectAlternativeName):
        return ()
    return tuple(clean(str(entry.value), 100) for entry in list(extension)[:20])
