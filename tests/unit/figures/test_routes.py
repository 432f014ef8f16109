"""A million addresses become a few routes, and what is made of words stays readable."""

from __future__ import annotations

import pytest

from rollwatch.figures.routes import RouteTable, plain_route


@pytest.mark.parametrize(
    ("path", "route"),
    [
        # as they are
        ("/", "/"),
        ("", "/"),
        ("///", "/"),
        ("/stocks/AAPL", "/stocks/AAPL"),
        ("/about/", "/about"),
        ("//double//slash", "/double/slash"),
        ("GET /users", "GET /users"),
        ("all", "all"),
        ("/api/v2/users", "/api/v2/users"),
        ("/oauth2/callback", "/oauth2/callback"),
        ("/straße/über", "/straße/über"),
        ("/日本語", "/日本語"),
        # without what follows the path, and without where it is
        ("/search?q=secret@example.com", "/search"),
        ("/page#section-2", "/page"),
        ("/page#a?b", "/page"),
        ("?q=1", "/"),
        ("https://www.example.com/users/42?x=1", "/users/_id"),
        ("https://www.example.com", "/"),
        # one thing among many
        ("/users/42", "/users/_id"),
        ("/users/42/orders/43", "/users/_id/orders/_id"),
        ("/users/00000000000000000000000042", "/users/_id"),
        ("/calendar/2024-05-01", "/calendar/_id"),
        ("/hosts/192.0.2.7", "/hosts/_id"),
        ("/docs/3.11.2/intro", "/docs/_id/intro"),
        ("/x/8f14e45f-ceea-467f-a9af-0d0a5b7e1c11", "/x/_id"),
        ("/x/8F14E45F-CEEA-467F-A9AF-0D0A5B7E1C11", "/x/_id"),
        ("/x/8f14e45fceea467fa9af0d0a5b7e1c11", "/x/_id"),
        ("/commit/deadbeefcafe", "/commit/_id"),
        ("/x/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/x/_id"),
        ("/x/V1StGXR8_Z5jdHi6B-myT", "/x/_id"),
        ("/x/tz4a98xxat96iws9zmbrgj3a", "/x/_id"),
        ("/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "/reset/_id"),
        ("/orders/ORD-12345", "/orders/_id"),
        ("/u/user8837261", "/u/_id"),
        ("/assets/main.8f3a2b1c.js", "/assets/_id"),
        ("/x/" + "q" * 40, "/x/_id"),
        # nobody's name
        ("/u/jane@example.com", "/u/_id"),
        ("/u/jane%40example.com", "/u/_id"),
        ("/@jane", "/_id"),
        # made of words, though long and with a digit in it
        ("/blog/top-10-tips-for-2024", "/blog/top-10-tips-for-2024"),
        ("/shop/iphone-15-pro-max-256gb", "/shop/iphone-15-pro-max-256gb"),
        ("/rpc/getUserPreferencesV2", "/rpc/getUserPreferencesV2"),
        ("/static/jquery-3.6.0.min.js", "/static/jquery-3.6.0.min.js"),
        ("/blog/über-10-jahre-später", "/blog/über-10-jahre-später"),
        # but not with a number that is an id
        ("/blog/top-tips-8837261", "/blog/_id"),
        ("/blog/report-2024-05-01", "/blog/_id"),
        ("/blog/tips-a1b2c3d4e5f6", "/blog/_id"),
        # templates
        ("/stocks/:symbol", "/stocks/_symbol"),
        ("/stocks/[symbol]", "/stocks/_symbol"),
        ("/stocks/{symbol}", "/stocks/_symbol"),
        ("/stocks/<int:id>", "/stocks/_intid"),
        ("/stocks/$symbol", "/stocks/_symbol"),
        ("/docs/[...slug]", "/docs/_slug"),
        ("/docs/*", "/docs/_id"),
        ("/x/:", "/x/:"),
        ("/x/{}", "/x/_id"),
        # bounds
        ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h"),
        ("/" + "a/" * 5000, "/a/a/a/a/a/a/a/a"),
        ("/" + "%41" * 5000, "/_id"),
        ("/\x00/\n", "/\x00/\n"),
    ],
)
def test_a_path_without_a_template(path: str, route: str) -> None:
    assert plain_route(path) == route


def test_a_route_is_a_route() -> None:
    for path in ("/users/42", "/stocks/:symbol", "/blog/top-10-tips-for-2024", "/u/a@b", "/a/b?c"):
        assert plain_route(plain_route(path)) == plain_route(path)


TABLE = RouteTable(
    [
        "/stocks/:symbol",
        "/stocks/:symbol/options",
        "/users/{id}/orders/[order]",
        "/files/<path:name>",
        "/shop/*/reviews",
        "/docs/*",
        "/wiki/[...slug]",
        "/exact",
        "/",
    ]
)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/stocks/AAPL", "/stocks/:symbol"),
        ("/stocks/AAPL/", "/stocks/:symbol"),
        ("/stocks/AAPL?range=1d#chart", "/stocks/:symbol"),
        ("https://www.example.com/stocks/AAPL", "/stocks/:symbol"),
        ("/stocks/AAPL/options", "/stocks/:symbol/options"),
        ("/stocks", "/stocks"),
        ("/stocks/AAPL/news", "/stocks/AAPL/news"),
        ("/users/7/orders/o-1", "/users/{id}/orders/[order]"),
        ("/shop/shoes/reviews", "/shop/*/reviews"),
        ("/shop/shoes/new/reviews", "/shop/shoes/new/reviews"),
        ("/docs", "/docs/*"),
        ("/docs/a", "/docs/*"),
        ("/docs/a/b/c", "/docs/*"),
        ("/wiki/a/b", "/wiki/[...slug]"),
        ("/files/a/b.txt", "/files/<path:name>"),
        ("/exact", "/exact"),
        ("/exact/42", "/exact/_id"),
        ("/", "/"),
        ("", "/"),
        ("/other/42", "/other/_id"),
        ("/stocks/:symbol", "/stocks/:symbol"),
        ("/docs/" + "x" * 10_000, "/docs/*"),
        ("/docs/" + "x/" * 10_000, "/docs/*"),
    ],
)
def test_declared_templates_come_first(path: str, route: str) -> None:
    assert TABLE.route(path) == route


def test_the_first_template_that_fits_wins() -> None:
    assert RouteTable(["/:page", "/about"]).route("/about-us") == "/:page"
    assert RouteTable(["/:page", "/about"]).route("/about") == "/about"
    assert RouteTable(["/*", "/about/:who"]).route("/about/me") == "/*"


def test_declared_routes_are_known() -> None:
    assert TABLE.is_declared("/stocks/:symbol")
    assert not TABLE.is_declared("/stocks/AAPL")


@pytest.mark.parametrize("path", ["/stocks", "/a/b", ""])
def test_a_table_without_templates_has_plain_routes(path: str) -> None:
    assert RouteTable().route(path) == plain_route(path)
