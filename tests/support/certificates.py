"""Certificates for tests: one authority, and server certificates that are good or bad in one way."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Pki", "pki"]

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pki:
    """An authority and what it issued."""

    authority: trustme.CA

    def ca_file(self, directory: Path) -> Path:
        """The authority's certificate as a file."""
        path = directory / "ca.pem"
        path.write_bytes(self.authority.cert_pem.bytes())
        return path

    def server(self, *names: str, client_ca: bool = False) -> ssl.SSLContext:
        """A server context with a good certificate; with `client_ca` it wants one of ours from the client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            self.authority.configure_trust(context)
        return context

    def expired(self) -> ssl.SSLContext:
        """Ended on 2001-02-03."""
        return self._dated(dt.datetime(2001, 2, 2, tzinfo=dt.UTC))

    def not_yet_valid(self) -> ssl.SSLContext:
        """Begins tomorrow."""
        return self._dated(dt.datetime.now(dt.UTC) + _DAY)

    def self_signed(self) -> ssl.SSLContext:
        """Signed by an authority nobody knows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context

    def client_files(self, directory: Path, passphrase: bytes | None = None) -> tuple[Path, Path]:
        """A client certificate and its key, encrypted if a passphrase is given."""
        leaf = self.authority.issue_cert("client@example.com")
        certificate, key = directory / "client.pem", directory / "client.key"
        certificate.write_bytes(leaf.cert_chain_pems[0].bytes())
        pem = leaf.private_key_pem.bytes()
        if passphrase is not None:
            loaded = serialization.load_pem_private_key(pem, None)
            pem = loaded.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(passphrase),
            )
        key.write_bytes(pem)
        return certificate, key

    def _dated(self, begin: dt.datetime) -> ssl.SSLContext:
        leaf = self.authority.issue_cert("localhost", "127.0.0.1", not_before=begin, not_after=begin + _DAY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context


@cache
def pki() -> Pki:
    """One for all tests: keys take long to make."""
    return Pki(trustme.CA())
