"""Which errors are one and the same."""

from __future__ import annotations

import re

import pytest

from rollwatch.ingest.browser.fingerprint import file_name, fingerprint, title
from rollwatch.ingest.browser.frames import Frame

PRICE = "Cannot read properties of undefined (reading 'price')"
FRAMES = [
    Frame("Array.map", None, None, None),
    Frame("l", "https://shop.example/assets/app.3f2a9c.js", 1, 278),
]


def of(message: str, name: str = "TypeError", url: str | None = None) -> str:
    return fingerprint(name, message, [] if url is None else [Frame("f", url, 1, 2)])


def test_a_fingerprint_outlives_a_release() -> None:
    found = fingerprint("TypeError", PRICE, FRAMES)
    assert re.fullmatch("[a-z0-9]{12}", found)
    after = [
        Frame("q", "https://cdn.example/v2/app.77ab01.min.js", 3, 9),
        Frame("z", "https://x.example/z.js", 1, 1),
    ]
    assert fingerprint("TypeError", PRICE, after) == found


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint("TypeError", PRICE, FRAMES) == "f5txszxt3l7r"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Order 17 is gone", "Order 4711 is gone"),
        ("Took 1,250.5 ms", "Took 3 ms"),
        ("Bad address 0x1f", "Bad address 0xffee"),
        ("Build 3f2a9c is old", "Build 77ab01c is old"),
        (
            "No 123e4567-e89b-12d3-a456-426614174000 here",
            "No 9b2f1c3d-aaaa-4bbb-8ccc-0123456789ab here",
        ),
        ("No user 'Bob B. Smith'", "No user 'Alice Jones'"),
        ("No user bob@x.example", "No user alice@y.example"),
        ("Failed to fetch https://a.example/x?y=1", "Failed to fetch https://b.example/z"),
        ("two  words\n here", "two words here"),
        ("can't access property, t.product is undefined", "can't access property, e.product is undefined"),
        ("no object (evaluating 't.product.price')", "no object (evaluating 'ae.product.price')"),
        ("t is not a function", "$e is not a function"),
        ("t.map is not a function", "r.map is not a function"),
        ("Cannot access 't' before initialization", "Cannot access 'n' before initialization"),
        ("Uncaught TypeError: x failed", "x failed"),
        ("Uncaught (in promise) TypeError: x failed", "x failed"),
        ("reading 'user_12345'", "reading 'user_99999'"),
    ],
)  # fmt: skip
def test_what_changes_with_users_and_releases_does_not_count(one: str, other: str) -> None:
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PRICE, "Cannot read properties of undefined (reading 'quantity')"),
        (PRICE, "Cannot read properties of null (reading 'price')"),
        ("reading 'x'", "reading 'y'"),
        ("Can't find variable: foo", "Can't find variable: bar"),
        ("Request failed with status code 404", "Request failed with status code 503"),
        ("Minified React error #418; visit", "Minified React error #425; visit"),
        ("Cannot access 'cart' before initialization", "Cannot access 'order' before initialization"),
        ("facade", "decade"),
    ],
)
def test_what_tells_errors_apart_counts(one: str, other: str) -> None:
    assert of(one) != of(other)


def test_the_type_and_the_file_at_the_top_count() -> None:
    ids = {
        of(PRICE),
        of(PRICE, "RangeError"),
        of(PRICE, url="https://shop.example/app.js"),
        of(PRICE, url="https://shop.example/admin.js"),
    }
    assert len(ids) == 4


def test_a_type_that_is_only_in_the_message_counts() -> None:
    assert of("Uncaught TypeError: x failed", "Error") == of("x failed", "TypeError")
    assert of("x", "no name at all") == of("x", "Error")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("app.3f2a9c.js", "app"),
        ("/assets/index.7e5c1a2b.min.js", "index"),
        ("main-BX12ab9Z.js", "main"),
        ("main-DkQxYzAb.js", "main"),
        ("main-B_12-b9Z.js", "main"),
        ("/_next/static/chunks/pages/_app-3f2a9c0d1e2f3a4b.js", "_app"),
        ("application-d41d8cd98f00b204e9800998ecf8427e.js", "application"),
        ("vendor.d1cae9cfc9917df88de7.chunk.mjs", "vendor"),
        ("app.1764111111123.js", "app"),
        ("jquery-3.7.1.min.js", "jquery"),
        ("https://x.example/a/worker.ts", "worker"),
        ("pay.wasm", "pay"),
        ("user-settings.js", "user-settings"),
        ("facade.js", "facade"),
        ("Checkout.js", "Checkout"),
        ("1234.abcdef12.js", "<chunk>"),
        ("3f2a9c1b.js", "<chunk>"),
        ("https://x.example/stocks/AAPL", "<page>"),
        ("https://x.example/", "<page>"),
        ("", "<page>"),
    ],
)
def test_the_name_of_a_file_is_without_its_hash(url: str, name: str) -> None:
    assert file_name(url) == name


@pytest.mark.parametrize(
    ("name", "message", "shown"),
    [
        ("TypeError", PRICE, f"TypeError: {PRICE}"),
        ("TypeError", f"Uncaught TypeError: {PRICE}", f"TypeError: {PRICE}"),
        ("Error", "Uncaught RangeError: too far", "RangeError: too far"),
        ("", "boom", "Error: boom"),
        ("<script>", "boom", "Error: boom"),
        ("DOMException", "", "DOMException"),
        ("Error", "two\n lines of bob@x.example", "Error: two lines of <email>"),
        ("Error", "x" * 5000, "Error: " + "x" * 192 + "…"),
    ],
)
def test_a_title_is_one_line_for_people(name: str, message: str, shown: str) -> None:
    assert title(name, message) == shown
