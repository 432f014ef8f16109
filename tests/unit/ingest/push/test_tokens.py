"""Tokens: whose they are, that secrets may change, and that every one is compared every time."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rollwatch.config.push import PushSpec
from rollwatch.config.secrets import SecretStore
from rollwatch.ingest.push.tokens import TokenTable, bearer_token


def spec(secrets: SecretStore, *tokens: str) -> PushSpec:
    return PushSpec.model_validate({"tokens": list(tokens)}, context={"secrets": secrets})


@pytest.fixture
def secrets(tmp_path: Path) -> SecretStore:
    for name in ("api", "web", "next"):
        (tmp_path / name).write_text(f"token-of-{name}\n")
    return SecretStore(tmp_path, {"SHARED": "token-of-both"})


@pytest.fixture
def table(secrets: SecretStore) -> TokenTable:
    table = TokenTable()
    table.configure(
        {
            "api": spec(secrets, "${file:api}", "${file:next}", "${env:SHARED}"),
            "web": spec(secrets, "${file:web}", "${env:SHARED}"),
        }
    )
    return table


@pytest.mark.parametrize(
    ("token", "services"),
    [
        ("token-of-api", ("api",)),
        ("token-of-next", ("api",)),
        ("token-of-web", ("web",)),
        ("token-of-both", ("api", "web")),
        ("token-of-nobody", ()),
        ("token-of-ap", ()),
        ("token-of-api ", ()),
        ("\udcff\udcfe", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_a_token_is_that_of_the_services_that_list_it(
    table: TokenTable, token: str | None, services: tuple[str, ...]
) -> None:
    assert table.services(token) == services


@pytest.mark.parametrize("token", ["token-of-api", "token-of-both", "wrong", "", None])
def test_every_token_is_compared_whatever_is_offered(
    table: TokenTable, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.services("warm")
    lengths: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def counting(a: bytes, b: bytes) -> bool:
        lengths.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr("rollwatch.ingest.push.tokens.hmac.compare_digest", counting)
    table.services(token)
    assert lengths == [(32, 32)] * 5


def test_a_token_that_changes_counts_from_then_on(
    table: TokenTable, secrets: SecretStore, tmp_path: Path
) -> None:
    assert table.services("token-of-api") == ("api",)
    (tmp_path / "api").write_text("another-token")
    secrets.refresh()
    assert table.services("token-of-api") == ()
    assert table.services("another-token") == ("api",)


def test_a_token_that_can_not_be_read_lets_nobody_in_and_is_told_once(
    table: TokenTable, secrets: SecretStore, tmp_path: Path
) -> None:
    (tmp_path / "api").unlink()
    secrets.refresh()
    secrets.refresh()
    with capture_logs() as logs:
        for token in ("token-of-api", "", None, "\0" * 32, "token-of-api"):
            assert table.services(token) == ()
        assert table.services("token-of-web") == ("web",)
    [said] = logs
    assert (said["event"], said["service"]) == ("push_token_unavailable", "api")
    assert "token-of-api" not in str(logs)
    (tmp_path / "api").write_text("token-of-api")
    secrets.refresh()
    assert table.services("token-of-api") == ("api",)


def test_a_service_that_is_gone_takes_its_token_with_it(table: TokenTable, secrets: SecretStore) -> None:
    table.configure({"web": spec(secrets, "${env:SHARED}")})
    assert table.services("token-of-both") == ("web",)
    assert table.services("token-of-api") == ()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_token_of_a_header(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


def test_nothing_shows_a_token(table: TokenTable) -> None:
    table.services("token-of-api")
    shown = repr([[getattr(token, name) for name in token.__slots__] for token in table._known])
    assert "token-of" not in shown
