"""Whose page may make a browser post to us."""

from __future__ import annotations

import pytest

from rollwatch.serving.origin import check_origin
from rollwatch.serving.refusal import Refusal

KNOWN = {"watch.example.com"}

ALLOWED = {
    "curl sends neither header": {"Host": "exporter:9717"},
    "our own form on loopback": {
        "Host": "127.0.0.1:9717",
        "Origin": "http://127.0.0.1:9717",
        "Sec-Fetch-Site": "same-origin",
    },
    "our own form where the browser sends no Sec-Fetch-Site": {
        "Host": "10.0.0.5:9717",
        "Origin": "http://10.0.0.5:9717",
    },
    "our own form over IPv6": {"Host": "[::1]:9717", "Origin": "http://[::1]:9717"},
    "a proxy that ends TLS": {"Host": "watch.example.com", "Origin": "https://watch.example.com"},
    "a proxy that changes Host": {
        "Host": "127.0.0.1:9717",
        "Origin": "https://watch.example.com",
        "Sec-Fetch-Site": "same-origin",
    },
    "localhost by name": {"Host": "localhost:9717", "Origin": "http://localhost:9717"},
}

REFUSED = {
    "a page of another site": (
        {"Host": "127.0.0.1:9717", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        "cross_origin",
    ),
    "another port of the same host": (
        {"Host": "127.0.0.1:9717", "Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"},
        "cross_origin",
    ),
    "an old browser's page of another site": (
        {"Host": "127.0.0.1:9717", "Origin": "https://evil.example"},
        "cross_origin",
    ),
    "a sandboxed frame": ({"Host": "127.0.0.1:9717", "Origin": "null"}, "cross_origin"),
    "an origin that is none": ({"Host": "127.0.0.1:9717", "Origin": "http://[::"}, "cross_origin"),
    "a name of theirs that resolves to us": (
        {"Host": "evil.example:9717", "Origin": "http://evil.example:9717", "Sec-Fetch-Site": "same-origin"},
        "unknown_host",
    ),
    "the same without Sec-Fetch-Site": (
        {"Host": "evil.example:9717", "Origin": "http://evil.example:9717"},
        "unknown_host",
    ),
    "a browser that names no host": ({"Sec-Fetch-Site": "same-origin"}, "unknown_host"),
}


@pytest.mark.parametrize("headers", ALLOWED.values(), ids=ALLOWED)
def test_a_post_from_our_own_page_or_no_browser_passes(headers: dict[str, str]) -> None:
    check_origin("POST", headers, KNOWN, asks_who=False)


@pytest.mark.parametrize(("headers", "error"), REFUSED.values(), ids=REFUSED)
def test_a_post_from_somebody_elses_page_is_refused(headers: dict[str, str], error: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_origin("POST", headers, KNOWN, asks_who=False)
    assert (caught.value.status, caught.value.error) == (403, error)
    # What has no effects may be linked from anywhere.
    check_origin("GET", headers, KNOWN, asks_who=False)


def test_where_callers_say_who_they_are_any_name_of_ours_will_do() -> None:
    headers = {"Host": "new.example:9717", "Origin": "http://new.example:9717"}
    check_origin("POST", headers, (), asks_who=True)
    with pytest.raises(Refusal):
        check_origin("POST", {**headers, "Origin": "http://evil.example"}, (), asks_who=True)
