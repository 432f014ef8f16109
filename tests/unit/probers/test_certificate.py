"""Certificates that are made to be trouble: what can be read of them is, and nothing is raised."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from rollwatch.probers._certificate import CertificateReader

KEY = ec.generate_private_key(ec.SECP256R1())
EXPIRY = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
NAMES = ObjectIdentifier("2.5.29.17")


def certificate(*extensions: tuple[ObjectIdentifier, bytes]) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evil")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 7, EXPIRY - dt.timedelta(1), EXPIRY)
    for oid, der in extensions:
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, der), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


TWICE = certificate((NAMES, b"\x30\x03\x82\x01a"), (ObjectIdentifier("2.5.29.77"), b"\x30\x03\x82\x01b"))
HOSTILE = {
    "a name of a kind nobody uses": certificate((NAMES, b"\x30\x02\xa3\x00")),
    "an address of three bytes": certificate((NAMES, b"\x30\x05\x87\x03123")),
    "a name that is not ASCII": certificate((NAMES, b"\x30\x04\x82\x02\xff\xfe")),
    "names that are no DER": certificate((NAMES, b"\xff" * 9)),
    "names twice": TWICE.replace(b"\x06\x03\x55\x1d\x4d", b"\x06\x03\x55\x1d\x11"),
}


@pytest.mark.parametrize("der", HOSTILE.values(), ids=HOSTILE)
def test_names_that_can_not_be_read_leave_the_expiry(der: bytes) -> None:
    found = CertificateReader().read(der)
    assert found is not None
    assert (found.names, found.not_after) == ((), EXPIRY)


def test_a_certificate_of_no_known_version_is_none() -> None:
    der = certificate()
    at = der.index(b"\xa0\x03\x02\x01\x02") + 4
    assert CertificateReader().read(der[:at] + b"\x09" + der[at + 1 :]) is None


@pytest.mark.filterwarnings("ignore")
def test_damaged_certificates_raise_nothing() -> None:
    whole = certificate((NAMES, b"\x30\x06\x82\x01a\x82\x01b"))
    rng = random.Random(1)
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        CertificateReader().read(bytes(damaged))
