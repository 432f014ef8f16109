"""From `tls_server_config` to a TLS context of Python's. Reads files: call it in a thread."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from rollwatch.serving.ciphers import OPENSSL_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.serving.web_config_document import TlsSpec

__all__ = ["TlsMistake", "server_context", "tls_files"]

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class TlsMistake(Exception):  # noqa: N818  becomes a Problem of the file, never leaves this part
    """The files named under `key` can't be used."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        self.key = key
        self.message = message
        self.remedy = remedy
        super().__init__(message)


def tls_files(spec: TlsSpec, base_dir: Path) -> list[Path]:
    """Every file the context is made of."""
    names = (spec.cert_file, spec.key_file, spec.client_ca_file)
    return [base_dir / name for name in names if name is not None]


def server_context(spec: TlsSpec, base_dir: Path) -> ssl.SSLContext:
    """The context; names of files are relative to `base_dir`. Raises TlsMistake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[spec.min_version]
    context.maximum_version = _VERSIONS[spec.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    if spec.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    names = [name for suite in spec.cipher_suites if (name := OPENSSL_NAMES[suite]) is not None]
    if names:
        context.set_ciphers(":".join(names))
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, spec, base_dir)
    _load_client_ca(context, spec, base_dir)
    context.verify_mode = _CLIENT_AUTH[spec.client_auth_type]
    return context


def _load_certificate(context: ssl.SSLContext, spec: TlsSpec, base_dir: Path) -> None:
    cert, key = base_dir / spec.cert_file, base_dir / spec.key_file
    _check_readable("cert_file", cert)
    _check_readable("key_file", key)
    asked: list[bool] = []

    def no_passphrase() -> str:
        # Without this OpenSSL would ask on the terminal, and wait.
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(cert, key, password=no_passphrase)
    except ssl.SSLError as error:
        if asked:
            message, remedy = (
                "is protected by a passphrase",
                "Give one without: openssl pkey -in KEY -out PLAIN.",
            )
            raise TlsMistake("key_file", message, remedy) from None
        if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
            raise TlsMistake(
                "key_file", "is the key of another certificate", "Give the matching pair."
            ) from None
        message = f"and key_file can't be used ({error.reason or 'no PEM in it'})"
        raise TlsMistake(
            "cert_file", message, "Give PEM files: the certificate chain, and its key."
        ) from None
    except OSError as error:
        raise _unreadable("cert_file", error) from None


def _load_client_ca(context: ssl.SSLContext, spec: TlsSpec, base_dir: Path) -> None:
    try:
        if spec.client_ca is not None:
            context.load_verify_locations(cadata=spec.client_ca)
        elif spec.client_ca_file is not None:
            path = base_dir / spec.client_ca_file
            _check_readable("client_ca_file", path)
            context.load_verify_locations(path)
    except (ssl.SSLError, ValueError):
        key = "client_ca" if spec.client_ca is not None else "client_ca_file"
        raise TlsMistake(key, "holds no certificate", "Give certificates in PEM.") from None
    except OSError as error:
        raise _unreadable("client_ca_file", error) from None


def _check_readable(key: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise _unreadable(key, error) from None


def _unreadable(key: str, error: OSError) -> TlsMistake:
    why = os.strerror(error.errno) if error.errno else "it can't be opened"
    remedy = "Check the path (it is relative to the web configuration) and its permissions."
    return TlsMistake(key, f"can't be read: {why}", remedy)
