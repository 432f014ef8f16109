"""TLS as a client: options, contexts built once, failures in words, facts about certificates."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from rollwatch.config.fields import Host, LocalFile, mistake
from rollwatch.config.spec import Spec
from rollwatch.errors import ProbeFailure
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Reason
from rollwatch.probers._certificate import CertificateReader, presented_chain, verified_chain
from rollwatch.text import clean, listed

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.probers._certificate import Certificate
    from rollwatch.probers.run import Run

__all__ = ["TLS_METRICS", "TLS_REASONS", "TlsClient", "TlsClients", "TlsSpec", "handshake_failure"]

EARLIEST_EXPIRY = MetricDef(
    "probe_ssl_earliest_cert_expiry",
    MetricType.GAUGE,
    "When the first certificate of the presented chain expires, in Unix time.",
    meaning="Present when the last run saw certificates, bad ones included.",
)
CHAIN_EXPIRY = MetricDef(
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    MetricType.GAUGE,
    "When the first certificate of the trusted chain expires, in Unix time.",
    meaning="Present when the last run trusted the certificate.",
)
TLS_VERSION = MetricDef(
    "probe_tls_version_info",
    MetricType.GAUGE,
    "1 for the TLS version of the last run.",
    labels=("version",),
    meaning="Present when the last run completed a TLS handshake.",
)
TLS_CIPHER = MetricDef(
    "probe_tls_cipher_info",
    MetricType.GAUGE,
    "1 for the cipher of the last run.",
    labels=("cipher",),
    meaning="Present when the last run completed a TLS handshake.",
)
TLS_METRICS = (EARLIEST_EXPIRY, CHAIN_EXPIRY, TLS_VERSION, TLS_CIPHER)
TLS_REASONS = frozenset(
    {
        Reason.TLS_HANDSHAKE,
        Reason.CERTIFICATE_EXPIRED,
        Reason.CERTIFICATE_HOSTNAME,
        Reason.CERTIFICATE_UNTRUSTED,
    }
)

_CHECK_FILES_EVERY_S = 10.0
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_NAMES = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}


class TlsSpec(Spec):
    """How to speak TLS to the target."""

    verify: bool = True
    """Whether the certificate must be trusted and be for this host."""
    ca_file: LocalFile | None = None
    """PEM file of the authorities to trust instead of the host's."""
    cert_file: LocalFile | None = None
    """PEM file of the client certificate to present, with its chain."""
    key_file: LocalFile | None = None
    """PEM file of the client certificate's key; default: in `cert_file`. It must not be encrypted."""
    server_name: Host | None = None
    """The name to ask for and to find in the certificate instead of the host of the target."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest version of TLS to accept."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files named."""
        return tuple(path for path in (self.ca_file, self.cert_file, self.key_file) if path is not None)

    @model_validator(mode="after")
    def _files_can_be_used(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise mistake(
                "names a key without its certificate", "Write cert_file beside it.", at=("key_file",)
            )
        if not self.verify and self.ca_file is not None:
            raise mistake("is not used when verify is false", "Remove one of the two.", at=("ca_file",))
        if self.files:
            try:
                build_context(self, ())
            except UnusableFileError as error:
                raise mistake(error.message, error.remedy, at=(error.key,)) from None
        return self


class UnusableFileError(Exception):
    """A file can't be used for TLS: which key of the spec names it, and what to do."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        self.key = key
        self.message = message
        self.remedy = remedy
        super().__init__(f"{key} {message}")


def build_context(spec: TlsSpec, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """A client context. Blocks while it reads files. Raises UnusableFileError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[spec.min_version]
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if not spec.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif spec.ca_file is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(cafile=spec.ca_file)
        except OSError as error:
            raise UnusableFileError(
                "ca_file", f"can't be used: {_why(error)}", "Name a PEM file with the certificates to trust."
            ) from None
    if spec.cert_file is not None:
        try:
            context.load_cert_chain(spec.cert_file, spec.key_file, password=_refuse_password)
        except _EncryptedKeyError:
            raise UnusableFileError(
                "cert_file" if spec.key_file is None else "key_file",
                "holds an encrypted key",
                "Write the key without a passphrase, readable by this user only (chmod 600).",
            ) from None
        except OSError as error:
            raise UnusableFileError(
                "cert_file",
                f"can't be used: {_why(error)}",
                "Name a PEM file with the certificate and its chain, and in key_file its key.",
            ) from None
    return context


class _EncryptedKeyError(Exception):
    """OpenSSL asked for a passphrase."""


def _refuse_password() -> str:
    raise _EncryptedKeyError


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not PEM").replace("_", " ").lower()
    return error.strerror or type(error).__name__


class TlsClient:
    """One way of speaking TLS; holds its context, and loads it again when its files change."""

    def __init__(self, spec: TlsSpec, alpn: tuple[str, ...], clock: Clock) -> None:
        self.spec = spec
        self._alpn = alpn
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._checked_at = 0.0
        self._seen: tuple[object, ...] = ()
        self._building = asyncio.Lock()

    async def context(self) -> ssl.SSLContext:
        """The context to use now. Its files are looked at most every 10 s, and the last good ones kept."""
        context = self._context
        if context is None:
            async with self._building:
                context = self._context or await self._load()
        elif self.spec.files and self._clock.monotonic() - self._checked_at > _CHECK_FILES_EVERY_S:
            self._checked_at = self._clock.monotonic()
            # A file half-written while it is replaced: the next look will find it whole.
            with suppress(UnusableFileError):
                self._seen, newer = await asyncio.to_thread(self._rebuild, self._seen, context)
                self._context = newer
                return newer
        return context

    async def _load(self) -> ssl.SSLContext:
        # Loading the host's authorities takes longer than a probe may hold the loop.
        self._seen, context = await asyncio.to_thread(self._build)
        self._context = context
        self._checked_at = self._clock.monotonic()
        return context

    def _build(self) -> tuple[tuple[object, ...], ssl.SSLContext]:
        return _signature(self.spec.files), build_context(self.spec, self._alpn)

    def _rebuild(
        self, seen: tuple[object, ...], context: ssl.SSLContext
    ) -> tuple[tuple[object, ...], ssl.SSLContext]:
        now = _signature(self.spec.files)
        return (seen, context) if now == seen else (now, build_context(self.spec, self._alpn))


def _signature(paths: tuple[Path, ...]) -> tuple[object, ...]:
    found: list[object] = []
    for path in paths:
        try:
            facts = path.stat()
            found.append((facts.st_ino, facts.st_size, facts.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


class TlsClients:
    """Every TLS client of a process, one per distinct options: a context with the host's CAs is large."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients: dict[tuple[TlsSpec, tuple[str, ...]], TlsClient] = {}
        self.certificates = CertificateReader()
        self._blind: ssl.SSLContext | None = None

    def get(self, spec: TlsSpec, alpn: tuple[str, ...] = ()) -> TlsClient:
        """The client for these options."""
        shared = spec.model_copy(update={"server_name": None})
        key = (shared, alpn)
        if key not in self._clients:
            self._clients[key] = TlsClient(shared, alpn, self._clock)
        return self._clients[key]

    def blind(self) -> ssl.SSLContext:
        """A context that takes anything and presents nothing: only to look at a bad certificate."""
        if self._blind is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_ciphers("ALL:@SECLEVEL=0")
            self._blind = context
        return self._blind

    def sample(self, run: Run, connection: ssl.SSLObject, *, is_trusted: bool) -> Certificate | None:
        """Record what the handshake showed; the leaf, if it can be read."""
        chain = self.certificates.read_all(presented_chain(connection))
        if chain:
            run.sample(EARLIEST_EXPIRY, min(found.not_after.timestamp() for found in chain))
        if is_trusted:
            trusted = self.certificates.read_all(verified_chain(connection))
            if trusted:
                run.sample(CHAIN_EXPIRY, min(found.not_after.timestamp() for found in trusted))
        version = connection.version() or ""
        cipher = connection.cipher()
        run.sample(TLS_VERSION, 1.0, _NAMES.get(version, version))
        if cipher is not None:
            run.sample(TLS_CIPHER, 1.0, cipher[0])
        leaf = chain[0] if chain else None
        if run.notes is not None:
            run.note("tls", f"{_NAMES.get(version, version)} {cipher[0] if cipher else ''}")
            if leaf is not None:
                run.note("certificate", f"{leaf.subject}, by {leaf.issuer}, for {listed(list(leaf.names))}")
                run.note(
                    "certificate valid",
                    f"{leaf.not_before:%Y-%m-%d %H:%M} to {leaf.not_after:%Y-%m-%d %H:%M} UTC",
                )
                run.note("certificate sha256", leaf.sha256)
        return leaf


_EXPIRED, _NOT_YET = 10, 9
_WRONG_NAME = frozenset({62, 63, 64})


def handshake_failure(error: BaseException, host: str, leaf: Certificate | None) -> ProbeFailure:
    """Why the handshake with `host` failed; codes are X509_V_ERR_* of OpenSSL's x509_vfy.h."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _EXPIRED:
            when = f" on {leaf.not_after:%Y-%m-%d}" if leaf is not None else ""
            return ProbeFailure(
                Reason.CERTIFICATE_EXPIRED, f"the certificate of {host} or its issuer expired{when}"
            )
        if code == _NOT_YET:
            when = f" before {leaf.not_before:%Y-%m-%d %H:%M} UTC" if leaf is not None else " yet"
            return ProbeFailure(Reason.CERTIFICATE_EXPIRED, f"the certificate of {host} is not valid{when}")
        if code in _WRONG_NAME:
            names = f"; it is for {listed(list(leaf.names))}" if leaf is not None and leaf.names else ""
            return ProbeFailure(Reason.CERTIFICATE_HOSTNAME, f"the certificate is not for {host}{names}")
        return ProbeFailure(
            Reason.CERTIFICATE_UNTRUSTED,
            f"the certificate of {host} is not trusted: {clean(error.verify_message)}",
        )
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return ProbeFailure(Reason.TLS_HANDSHAKE, f"{host} did not answer with TLS")
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    words = (reason or str(error) or type(error).__name__).replace("_", " ").lower()
    return ProbeFailure(Reason.TLS_HANDSHAKE, f"the TLS handshake with {host} failed: {clean(words)}")
