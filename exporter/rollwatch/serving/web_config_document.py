"""The `--web.config.file`: exporter-toolkit's format; `tokens:` and `known_hosts:` are ours.

Strict: what the toolkit knows and we can't do is refused by name and with the reason, instead of being
passed over. https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

from __future__ import annotations

from typing import Annotated, Literal, Never, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from rollwatch.config.address import Host
from rollwatch.config.fields import Name
from rollwatch.config.mistake import did_you_mean, expect_text, mistake
from rollwatch.config.spec import Spec
from rollwatch.serving.ciphers import OPENSSL_NAMES
from rollwatch.serving.passwords import is_bcrypt_hash

__all__ = ["HeadersSpec", "TlsSpec", "TokenSpec", "WebDocument"]


def _refused(reason: str, remedy: str = "Remove it.") -> BeforeValidator:
    def refuse(_: object) -> Never:
        raise mistake(f"is not supported: {reason}", remedy)

    return BeforeValidator(refuse)


def _version(value: object) -> object:
    if value in {"TLS10", "TLS11"}:
        raise mistake("is a version that is broken and switched off in OpenSSL", "Write TLS12 or TLS13.")
    return value


def _client_auth(value: object) -> object:
    if value in {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"}:
        raise mistake(
            "would take any certificate without checking it, which Python's TLS does not do",
            "Write RequireAndVerifyClientCert.",
        )
    return value


def _cipher(value: str) -> str:
    if value not in OPENSSL_NAMES:
        raise mistake(
            "is not one of the cipher suites that Go and OpenSSL both call secure",
            did_you_mean(value, OPENSSL_NAMES),
        )
    return value


def _http2(value: object) -> object:
    if value is True:
        raise mistake("can't be switched on: this server speaks HTTP/1.1", "Remove it, or write false.")
    return value


def _hash(value: object) -> str:
    text = expect_text(value)
    if not is_bcrypt_hash(text):
        raise mistake("is not a bcrypt hash", "Make one: htpasswd -nBC 10 '' | tr -d ':\\n'")
    return text


def _user(value: str) -> str:
    if ":" in value:
        raise mistake("is a user name with a colon, which basic auth can't send", "Choose another.")
    return value


def _role(value: object, info: ValidationInfo) -> str:
    text = expect_text(value)
    roles = (info.context or {}).get("roles", ())
    if text not in roles:
        raise mistake("is not a role of this program", did_you_mean(text, roles))
    return text


Version = Annotated[Literal["TLS12", "TLS13"], BeforeValidator(_version)]
Cipher = Annotated[str, AfterValidator(_cipher)]
HeaderValue = Annotated[str, Field(max_length=4096, pattern=r"^[\x20-\x7e]*$")]
FileName = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]

_FROM_FILES = "Python's TLS reads certificates and keys from files only"


class TlsSpec(Spec):
    """`tls_server_config`."""

    cert_file: FileName
    """PEM, the server's certificate first, then its chain."""
    key_file: FileName
    """PEM, without a passphrase."""
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
        BeforeValidator(_client_auth),
    ] = "NoClientCert"
    client_ca_file: FileName | None = None
    """PEM, whom to believe about clients."""
    client_ca: str | None = None
    """The same, in place."""
    client_allowed_sans: tuple[str, ...] = ()
    """A client certificate needs one of these alternative names."""
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Cipher, ...] = ()
    """Go's names; for TLS 1.2 only, those of 1.3 are always on."""
    prefer_server_cipher_suites: bool = True
    cert: Annotated[None, _refused(_FROM_FILES, "Write it to a file and name that under cert_file.")] = None
    key: Annotated[None, _refused(_FROM_FILES, "Write it to a file and name that under key_file.")] = None
    curve_preferences: Annotated[
        None, _refused("Python's TLS can't order curves", "Remove it; OpenSSL prefers X25519.")
    ] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.min_version > self.max_version:
            raise mistake("is above max_version", "Swap the two.", at=("min_version",))
        if self.client_ca_file is not None and self.client_ca is not None:
            raise mistake("is given twice", "Keep client_ca_file or client_ca.", at=("client_ca",))
        has_ca = self.client_ca_file is not None or self.client_ca is not None
        if has_ca and self.client_auth_type == "NoClientCert":
            raise mistake(
                "leaves the client CA without effect",
                "Write RequireAndVerifyClientCert.",
                at=("client_auth_type",),
            )
        if not has_ca and self.client_auth_type != "NoClientCert":
            raise mistake("needs to know whom to believe", "Add client_ca_file.", at=("client_auth_type",))
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise mistake(
                "has no effect on clients without a certificate",
                "Write client_auth_type: RequireAndVerifyClientCert.",
                at=("client_allowed_sans",),
            )
        return self


class HeadersSpec(Spec):
    """`http_server_config.headers`: those the toolkit allows."""

    content_security_policy: HeaderValue | None = Field(None, alias="Content-Security-Policy")
    x_frame_options: Literal["deny", "sameorigin"] | None = Field(None, alias="X-Frame-Options")
    x_content_type_options: Literal["nosniff"] | None = Field(None, alias="X-Content-Type-Options")
    x_xss_protection: HeaderValue | None = Field(None, alias="X-XSS-Protection")
    strict_transport_security: HeaderValue | None = Field(None, alias="Strict-Transport-Security")


class HttpSpec(Spec):
    """`http_server_config`."""

    http2: Annotated[bool, BeforeValidator(_http2)] = False
    headers: HeadersSpec = HeadersSpec()


class TokenSpec(Spec):
    """One bearer token, by its digest or by the file that holds it."""

    name: Name
    """Who uses it; shown in the access log."""
    role: Annotated[str, BeforeValidator(_role)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """In hex: printf %s "$TOKEN" | sha256sum."""
    file: FileName | None = None
    """The file that holds the token itself."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sha256 is None) == (self.file is None):
            raise mistake("must say its token in one way", "Write either sha256 or file.")
        return self


class WebDocument(Spec):
    """The whole file."""

    tls_server_config: TlsSpec | None = None
    http_server_config: HttpSpec = HttpSpec()
    basic_auth_users: dict[Annotated[str, AfterValidator(_user)], Annotated[str, BeforeValidator(_hash)]] = (
        Field(default_factory=dict)
    )
    tokens: tuple[TokenSpec, ...] = ()
    known_hosts: tuple[Host, ...] = ()
    """Names under which browsers open the pages; where there are no users, others are taken for forged."""
    rate_limit: Annotated[
        None, _refused("password checks, scrapes and connections have bounds of their own here")
    ] = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        seen: set[str] = set()
        for index, token in enumerate(self.tokens):
            if token.name in seen:
                raise mistake("is the name of two tokens", "Rename one.", at=("tokens", index, "name"))
            seen.add(token.name)
        return self
