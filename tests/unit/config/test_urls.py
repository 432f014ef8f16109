"""URLs and header fields: what they render to, and what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rollwatch.config.address import HostPort
from rollwatch.config.fields import Headers, HttpUrl, Url, WsUrl
from rollwatch.config.secrets import SecretStore

ENV = {"PASSWORD": "p@ss/w?rd#1", "TOKEN": "a b&c=d", "PART": "x/y z"}


@pytest.fixture
def store() -> SecretStore:
    return SecretStore(Path(), ENV)


def headers(value: object, store: SecretStore | None = None) -> Any:
    return TypeAdapter(Headers).validate_python(value, context={"secrets": store})


@pytest.mark.parametrize(
    ("text", "scheme", "address"),
    [
        ("http://example.com", "http", ("example.com", 80)),
        ("HTTPS://Example.com/x", "https", ("Example.com", 443)),
        ("http://[::1]:8080/", "http", ("::1", 8080)),
        ("http://[::1]/", "http", ("::1", 80)),
        ("http://example.com:/", "http", ("example.com", 80)),
        ("http://a:b@example.com:81/?q=@", "http", ("example.com", 81)),
        ("http://example.com?x=1", "http", ("example.com", 80)),
    ],
)
def test_a_url_knows_where_it_leads(text: str, scheme: str, address: tuple[str, int]) -> None:
    url = HttpUrl.parse(text)

    assert (url.scheme, url.host, url.port) == (scheme, *address)
    assert url.address == HostPort(*address)
    assert url.render() == text


def test_a_websocket_url_has_the_ports_of_http() -> None:
    assert WsUrl.parse("ws://x/").port == 80
    assert WsUrl.parse("wss://x/").port == 443


def test_a_secret_is_encoded_for_its_place_and_can_not_move_the_target(store: SecretStore) -> None:
    url = HttpUrl.parse(
        "https://u:${env:PASSWORD}@host.example/${env:PART}?t=${env:TOKEN}&s=${env:PART}", store
    )

    assert url.render() == "https://u:p%40ss%2Fw%3Frd%231@host.example/x/y%20z?t=a%20b%26c%3Dd&s=x%2Fy%20z"
    assert url.host == "host.example"


def test_a_url_shows_no_secret_no_userinfo_and_no_telling_parameter(store: SecretStore) -> None:
    url = Url.parse(
        "https://user:pw@h.example/a/${env:PART}?page=2&api_key=hunter2&Sig=x&q=${env:TOKEN}", store
    )

    assert url.masked == "https://***@h.example/a/***?page=2&api_key=***&Sig=***&q=***"
    assert str(url) == url.masked
    assert repr(url) == f"Url({url.masked!r})"


@pytest.mark.parametrize(
    ("text", "is_written_out"),
    [
        ("https://h.example/?page=2", False),
        ("https://h.example/?token=abc", True),
        ("https://u:p@h.example/", True),
        ("https://u:${env:PASSWORD}@h.example/", False),
    ],
)
def test_credentials_written_into_a_url_are_noticed(
    text: str, is_written_out: bool, store: SecretStore
) -> None:
    assert HttpUrl.parse(text, store).is_written_out is is_written_out


def test_a_mark_that_stands_for_secrets_inside_can_not_be_smuggled_in() -> None:
    with pytest.raises(ValueError, match="a character that can't stand in a URL"):
        HttpUrl.parse("http://a/\ue000")


def test_urls_of_different_types_are_not_equal() -> None:
    assert HttpUrl.parse("http://a/") == HttpUrl.parse("http://a/")
    assert HttpUrl.parse("http://a/") != Url.parse("http://a/")


def test_header_values_with_a_telling_name_are_masked_even_if_written_out(store: SecretStore) -> None:
    found = headers(
        {
            "Authorization": "Bearer hunter2",
            "X-Api-Key": "${env:TOKEN}",
            "Cookie": "a=b",
            "Accept": "text/html",
        },
        store,
    )

    assert {name: value.masked for name, value in found.items()} == {
        "Authorization": "***",
        "X-Api-Key": "***",
        "Cookie": "***",
        "Accept": "text/html",
    }
    assert found["Authorization"].render_header() == "Bearer hunter2"
    assert found["Authorization"].is_written_out
    assert not found["X-Api-Key"].is_written_out


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "a\x00b", "a\x7fb"])
def test_a_header_value_that_would_end_its_line_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="has a line break or another control character"):
        headers({"X": value})


@pytest.mark.parametrize(
    ("name", "is_telling"),
    [
        ("token", True),
        ("api_key", True),
        ("apiKey", True),
        ("apikey", True),
        ("X-Amz-Signature", True),
        ("accessToken", True),
        ("PHPSESSIONID", True),
        ("sig", True),
        ("keyword", False),
        ("author", False),
        ("design", False),
        ("page", False),
        ("compass", False),
    ],
)
def test_a_parameter_is_masked_by_what_its_name_tells(name: str, is_telling: bool) -> None:
    masked = HttpUrl.parse(f"https://h.example/?a=1&{name}=value").masked

    assert masked == f"https://h.example/?a=1&{name}={'***' if is_telling else 'value'}"
