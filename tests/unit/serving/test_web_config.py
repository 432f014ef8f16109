"""The web configuration file: what it gives, and what it says to a mistake."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from rollwatch.errors import ConfigError
from rollwatch.exporter.arrivals import Nobody
from rollwatch.serving.web_config_file import WebConfigSource
from support.web import Job, password_hash

HASH = password_hash("correct horse")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def here(tmp_path: Path, authority: trustme.CA) -> Path:
    """A directory with a certificate, its key, and things that are none."""
    pair = authority.issue_cert("localhost")
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
    (tmp_path / "key.pem").write_bytes(pair.private_key_pem.bytes())
    other = authority.issue_cert("localhost")
    (tmp_path / "other.pem").write_bytes(other.private_key_pem.bytes())
    key = serialization.load_pem_private_key(pair.private_key_pem.bytes(), None)
    (tmp_path / "locked.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "junk.pem").write_text("junk")
    (tmp_path / "token").write_text("0123456789abcdef0123\n")
    (tmp_path / "short").write_text("short\n")
    return tmp_path


def load(directory: Path, text: str) -> WebConfigSource:
    path = directory / "web.yml"
    path.write_text(text)
    return WebConfigSource(path, Job)


def test_without_a_file_everything_is_open() -> None:
    config = WebConfigSource(None, Job).current
    assert config.ssl_context is None
    assert not config.asks_who


def test_an_empty_file_is_an_open_one(here: Path) -> None:
    assert not load(here, "").current.asks_who


def test_everything_a_file_can_say_arrives(here: Path) -> None:
    source = load(
        here,
        f"""
tls_server_config:
  cert_file: cert.pem
  key_file: {here}/key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus]
  min_version: TLS12
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: true
http_server_config:
  http2: false
  headers: {{X-Frame-Options: sameorigin, Strict-Transport-Security: max-age=1, X-XSS-Protection: ''}}
basic_auth_users: {{ann: {HASH}}}
known_hosts: [Watch.example.com]
tokens:
  - {{name: ci, role: act, sha256: {"ab" * 32}}}
  - {{name: prometheus, role: read, file: token}}
""",
    )
    config = source.current
    assert config.ssl_context is not None
    assert config.ssl_context.verify_mode is ssl.CERT_REQUIRED
    assert config.ssl_context.maximum_version is ssl.TLSVersion.TLSv1_2
    names = {cipher["name"] for cipher in config.ssl_context.get_ciphers() if "TLSv1.2" in cipher["protocol"]}
    assert names == {"ECDHE-RSA-AES128-GCM-SHA256"}
    assert config.client_sans == {"prometheus"}
    assert config.headers == {"X-Frame-Options": "sameorigin", "Strict-Transport-Security": "max-age=1"}
    assert config.users == {"ann": HASH}
    assert [(t.name, t.role) for t in config.tokens] == [("ci", "act"), ("prometheus", "read")]
    assert config.tokens[1].sha256 == hashlib.sha256(b"0123456789abcdef0123").digest()
    assert config.known_hosts == {"watch.example.com"}
    assert HASH not in repr(config)
    assert "abab" not in repr(config)


TLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
MISTAKES = {
    "an unknown key": (
        "basic_auth_user: {}",
        1,
        "basic_auth_user: is not known here. Did you mean 'basic_auth",
    ),
    "a key twice": ("tokens: []\ntokens: []", 2, "the key 'tokens' a second time, after line 1"),
    "not YAML": ("a: [\n", 2, "YAML"),
    "a password in clear": (
        "basic_auth_users:\n  ann: hunter22",
        2,
        "ann: is not a bcrypt hash. Make one: htpasswd",
    ),
    "a user name no client can send": (f"basic_auth_users:\n  'a:b': {HASH}", 2, "user name with a colon"),
    "no certificate": ("tls_server_config:\n  key_file: key.pem", 1, "cert_file: is required"),
    "a certificate that is not there": (
        TLS.replace("cert.pem", "no.pem"),
        2,
        "cert_file: can't be read: No such",
    ),
    "a certificate that is none": (
        TLS.replace("cert.pem", "junk.pem"),
        2,
        "cert_file: and key_file can't be used",
    ),
    "the key of another certificate": (
        TLS.replace("key.pem", "other.pem"),
        3,
        "the key of another certificate",
    ),
    "a key with a passphrase": (
        TLS.replace("key.pem", "locked.pem"),
        3,
        "protected by a passphrase. Give one",
    ),
    "an old TLS": (TLS + "  min_version: TLS10", 4, "Write TLS12 or TLS13"),
    "a TLS from nowhere": (TLS + "  max_version: TLS99", 4, "must be 'TLS12' or 'TLS13'"),
    "versions the wrong way round": (
        TLS + "  min_version: TLS13\n  max_version: TLS12",
        4,
        "min_version: is above max_version",
    ),
    "a cipher that is none": (
        TLS + "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
        4,
        "is not one of the cipher suites",
    ),
    "curves": (TLS + "  curve_preferences: [X25519]", 4, "is not supported: Python's TLS can't order curves"),
    "a certificate in place": (TLS + "  cert: PEM", 4, "cert: is not supported: Python's TLS reads"),
    "client certificates nobody checks": (
        TLS + "  client_auth_type: RequireAnyClientCert",
        4,
        "Write RequireAndVerifyClientCert",
    ),
    "client certificates without a CA": (
        TLS + "  client_auth_type: RequireAndVerifyClientCert",
        4,
        "Add client_ca_file",
    ),
    "a client CA without effect": (
        TLS + "  client_ca_file: ca.pem",
        1,
        "leaves the client CA without effect",
    ),
    "a client CA that is none": (
        TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: junk.pem",
        5,
        "client_ca_file: holds no certificate",
    ),
    "names of clients without certificates": (
        TLS + "  client_allowed_sans: [a]",
        4,
        "client_allowed_sans: has no effect",
    ),
    "HTTP/2": ("http_server_config:\n  http2: true", 2, "this server speaks HTTP/1.1"),
    "a header of their own": ("http_server_config:\n  headers: {X-Mine: a}", 2, "X-Mine: is not known here"),
    "a header with a line break": (
        'http_server_config:\n  headers: {X-XSS-Protection: "a\\r\\nSet-Cookie: b"}',
        2,
        "a character or a form that is not allowed",
    ),
    "a known host with a port": ("known_hosts: ['a:9717']", 1, "known_hosts[0]: has a host"),
    "a rate limit": ("rate_limit: {burst: 1}", 1, "rate_limit: is not supported"),
    "a role of another program": (
        f"tokens: [{{name: a, role: raed, sha256: {'0' * 64}}}]",
        1,
        "is not a role of this program. Did you mean 'read'?",
    ),
    "a token without a token": ("tokens: [{name: a, role: read}]", 1, "Write either sha256 or file"),
    "a token that is short": ("tokens: [{name: a, role: read, file: short}]", 1, "openssl rand -hex 32"),
    "a token that is not there": (
        "tokens: [{name: a, role: read, file: no}]",
        1,
        "file: can't be read: No such",
    ),
    "two tokens of a name": (
        "tokens:\n- {name: a, role: read, file: token}\n- {name: a, role: act, file: token}",
        3,
        "is the name of two tokens",
    ),
}


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_with_its_line_and_remedy(here: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(here, text)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].line == line
    assert said in str(caught.value)


def test_every_mistake_is_said_at_once_and_none_shows_a_password(here: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(here, "basic_auth_users:\n  ann: hunter22\n  bob: hunter33\nrate_limit: 1\nx: 2")
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4, 5]
    assert "hunter" not in str(caught.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file\. .*docs/web-config\.md"):
        WebConfigSource(tmp_path / "web.yml", Job)


async def test_a_new_user_counts_without_a_restart(here: Path) -> None:
    source = await asyncio.to_thread(load, here, f"basic_auth_users: {{ann: {HASH}}}")
    (here / "web.yml").write_text(f"basic_auth_users: {{ann: {HASH}, bob: {HASH}}}")
    await source.refresh()
    assert set(source.current.users) == {"ann", "bob"}


def test_users_and_tokens_are_refused_where_nobody_is_asked(here: Path) -> None:
    path = here / "web.yml"
    path.write_text(f"basic_auth_users: {{ann: {HASH}}}\n")
    with pytest.raises(ConfigError, match="basic_auth_users: has no effect: nobody is asked who it is"):
        WebConfigSource(path, Nobody)
    path.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    assert WebConfigSource(path, Nobody).current.headers == {"X-Frame-Options": "deny"}


async def test_a_new_token_in_a_file_counts_without_a_restart(here: Path) -> None:
    source = await asyncio.to_thread(load, here, "tokens: [{name: a, role: read, file: token}]")
    (here / "token").write_text("another-token-of-length")
    await source.refresh()
    assert source.current.tokens[0].sha256 == hashlib.sha256(b"another-token-of-length").digest()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("basic_auth_users: {ann: hunter22}", "is not a bcrypt hash"),
        ("", "restart to serve without authentication"),
        (None, "no such file"),
    ],
    ids=["a mistake", "a file just being written", "a file that went away"],
)
async def test_a_bad_change_keeps_the_old_in_force_and_is_told_once(
    here: Path, text: str | None, why: str
) -> None:
    told: list[bool] = []
    path = here / "web.yml"
    path.write_text(f"basic_auth_users: {{ann: {HASH}}}")
    source = await WebConfigSource.opened(path, Job, on_reload=told.append)
    path.unlink()
    if text is not None:
        path.write_text(text)
    with capture_logs() as logs:
        await source.refresh()
        await source.refresh()
    assert source.current.users == {"ann": HASH}
    assert source.problem is not None
    assert why in source.problem
    assert told == [False]
    assert [entry["log_level"] for entry in logs] == ["error"]
    path.write_text(f"basic_auth_users: {{bob: {HASH}}}")
    await source.refresh()
    assert (set(source.current.users), source.problem, told) == ({"bob"}, None, [False, True])


async def test_files_named_by_a_change_are_watched_from_then_on(here: Path) -> None:
    source = await asyncio.to_thread(load, here, f"basic_auth_users: {{ann: {HASH}}}")
    (here / "web.yml").write_text("tokens: [{name: a, role: read, file: token}]")
    await source.refresh()
    (here / "token").write_text("another-token-of-length")
    await source.refresh()
    assert source.current.tokens[0].sha256 == hashlib.sha256(b"another-token-of-length").digest()


async def test_tls_is_not_switched_off_under_way(here: Path) -> None:
    source = await asyncio.to_thread(load, here, TLS)
    (here / "web.yml").write_text(f"basic_auth_users: {{ann: {HASH}}}")
    await source.refresh()
    assert source.current.ssl_context is not None
    assert source.problem is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_key_that_may_not_be_read_is_said_so(here: Path) -> None:
    (here / "key.pem").chmod(0)
    with pytest.raises(ConfigError, match="key_file: can't be read: Permission denied"):
        load(here, TLS)
