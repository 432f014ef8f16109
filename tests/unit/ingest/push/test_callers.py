"""For which service a push is."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.config.push import PushSpec
from rollwatch.ingest.push.callers import Caller, by_origin
from rollwatch.serving.refusal import Refusal

ONE, TWO = Caller(("api",), is_browser=False), Caller(("api", "web"), is_browser=False)
PAGE = Caller(("api", "web"), is_browser=True)


@pytest.mark.parametrize(
    ("caller", "query", "service"),
    [(ONE, None, "api"), (ONE, "api", "api"), (TWO, None, None), (TWO, "web", "web"), (PAGE, "web", "web")],
)
def test_it_is_known_without_the_document(caller: Caller, query: str | None, service: str | None) -> None:
    assert caller.certain(query) == service


@pytest.mark.parametrize(
    ("caller", "named", "status", "error"),
    [
        (TWO, None, 400, "service_unnamed"),
        (TWO, 5, 400, "service_unnamed"),
        (TWO, "", 400, "service_unnamed"),
        (TWO, "shop", 403, "service_not_allowed"),
        (PAGE, None, 400, "service_unnamed"),
        (PAGE, "shop", 403, "origin_not_allowed"),
    ],
)
def test_where_several_are_meant_one_must_be_named(
    caller: Caller, named: Any, status: int, error: str
) -> None:
    with pytest.raises(Refusal) as caught:
        caller.service(named)
    assert (caught.value.status, caught.value.error) == (status, error)
    assert "shop" not in caught.value.message
    assert caller.service("web") == "web"


@pytest.mark.parametrize(("caller", "error"), [(ONE, "service_not_allowed"), (PAGE, "origin_not_allowed")])
def test_nobody_pushes_for_another_service(caller: Caller, error: str) -> None:
    with pytest.raises(Refusal) as by_query:
        caller.certain("shop")
    with pytest.raises(Refusal) as by_document:
        caller.agree("api", "web")
    for caught in (by_query, by_document):
        assert (caught.value.status, caught.value.error) == (403, error)
    caller.agree("api", None)
    caller.agree("api", "api")


def test_an_origin_may_push_for_the_services_that_list_it() -> None:
    page = PushSpec.model_validate({"origins": ["https://a.example.com", "https://b.example.com:8443"]})
    other = PushSpec.model_validate({"origins": ["https://a.example.com"]})
    specs = {"api": page, "web": other}
    assert by_origin("https://a.example.com", specs) == ("api", "web")
    assert by_origin("https://b.example.com:8443", specs) == ("api",)
    assert by_origin("https://b.example.com", specs) == ()
    assert by_origin("null", specs) == ()
