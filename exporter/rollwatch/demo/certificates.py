"""A certificate authority of the demo's own, and two certificates of it: one valid, one expired.

They live in the run directory, are made anew at each start, and only the demo's configuration trusts them.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rollwatch.demo.rundir import write_private

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EXPIRED", "VALID", "authority_path", "chain_path", "make"]

VALID = "valid"
EXPIRED = "expired"


def authority_path(directory: Path) -> Path:
    """The authority's certificate, for clients to trust."""
    return directory / "ca.pem"


def chain_path(directory: Path, name: str) -> Path:
    """Key and certificate of one variant, in one file."""
    return directory / f"{name}.pem"


def make(directory: Path, now: float) -> None:
    """Write the authority and both variants, for 127.0.0.1 and localhost. `now` is Unix seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, moment)
    write_private(authority_path(directory), authority.public_bytes(serialization.Encoding.PEM))
    day = timedelta(days=1)
    for name, begins, ends in (
        (VALID, moment - day, moment + 90 * day),
        (EXPIRED, moment - 91 * day, moment - day),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(key, authority, authority_key, begins, ends)
        write_private(
            chain_path(directory, name),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + leaf.public_bytes(serialization.Encoding.PEM),
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(key: ec.EllipticCurvePrivateKey, moment: datetime) -> x509.Certificate:
    name = _name("rollwatch demo authority")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=365))
        .not_valid_after(moment + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    begins: datetime,
    ends: datetime,
) -> x509.Certificate:
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(_name("localhost"))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
