"""What stands before browsers and applications: how often each may send, and from which pages."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from rollwatch.config.ingest import IngestSpec
from rollwatch.ingest.gate import Gate, cross_origin_headers, preflight
from rollwatch.serving.refusal import Refusal
from rollwatch.serving.route import Request
from support.manual_clock import ManualClock
from support.turns import turns_of_the_loop

PAGE = "https://www.example.com"


def request(peer: str = "198.51.100.1", **headers: str) -> Request:
    transport = Mock()
    transport.get_extra_info = lambda name, default=None: (peer, 1) if name == "peername" else default
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("POST", "/ingest/browser", headers=named, transport=transport)


def gate(clock: ManualClock, **spec: float) -> Gate:
    return Gate(IngestSpec.model_validate(spec), clock, b"secret")


def refusal(gate: Gate, sent: Request) -> Refusal:
    with pytest.raises(Refusal) as why:
        gate.admit(sent)
    return why.value


def test_a_client_that_sends_too_often_is_told_when_to_come_back() -> None:
    clock = ManualClock()
    door = gate(clock, client_rate=0.25, client_burst=2)
    door.admit(request())
    door.admit(request())

    said = refusal(door, request())

    assert (said.status, said.error) == (429, "too_many_requests")
    assert said.headers["Retry-After"] == "4"
    clock.advance(4)
    door.admit(request())


def test_one_client_takes_nothing_from_another() -> None:
    door = gate(ManualClock(), client_rate=1, client_burst=1)
    door.admit(request())
    refusal(door, request())

    door.admit(request("198.51.100.2"))
    door.admit(request("127.0.0.1", X_Forwarded_For="192.0.2.1"))
    door.admit(request("127.0.0.1", X_Forwarded_For="192.0.2.2"))
    assert refusal(door, request("127.0.0.1", X_Forwarded_For="192.0.2.2")).status == 429


def test_nobody_gets_more_by_claiming_to_be_others() -> None:
    door = gate(ManualClock(), client_rate=1, client_burst=1)
    door.admit(request(X_Forwarded_For="192.0.2.1"))

    assert refusal(door, request(X_Forwarded_For="192.0.2.2")).status == 429


def test_all_clients_together_are_bounded() -> None:
    clock = ManualClock()
    door = gate(clock, total_rate=10)
    for number in range(10):
        door.admit(request(f"198.51.100.{number}"))

    said = refusal(door, request("198.51.100.99"))

    assert (said.status, said.error) == (503, "too_many_clients")
    assert said.headers["Retry-After"] == "1"
    clock.advance(0.1)
    door.admit(request("198.51.100.99"))


def test_a_reload_that_changes_nothing_forgives_nobody() -> None:
    door = gate(ManualClock(), client_rate=1, client_burst=1)
    door.admit(request())

    door.configure(IngestSpec(client_rate=1, client_burst=1))
    refusal(door, request())
    door.configure(IngestSpec(client_rate=1, client_burst=2))

    door.admit(request())
    door.admit(request())
    refusal(door, request())


def test_trusted_proxies_can_change() -> None:
    door = gate(ManualClock(), client_rate=1, client_burst=1)
    door.admit(request("10.0.0.1", X_Forwarded_For="192.0.2.1"))
    refusal(door, request("10.0.0.1", X_Forwarded_For="192.0.2.2"))

    door.configure(IngestSpec(client_rate=1, client_burst=1, trusted_proxies=("10.0.0.1",)))

    door.admit(request("10.0.0.1", X_Forwarded_For="192.0.2.1"))
    door.admit(request("10.0.0.1", X_Forwarded_For="192.0.2.2"))


async def test_long_work_is_done_for_one_client_at_a_time_and_the_loop_turns_in_between() -> None:
    door = gate(ManualClock())

    async def work(number: int) -> None:
        with suppress(Refusal):
            async with door.turn(is_long=True):
                turns[-1] += 1
                if number % 2:
                    raise Refusal(422, "no", "No.")

    async with turns_of_the_loop() as turns:
        await asyncio.gather(*(work(number) for number in range(10)))
        assert sum(turns) == 10
        assert max(turns) == 1


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        (PAGE, {"Vary": "Origin", "Access-Control-Allow-Origin": PAGE}),
        ("https://evil.example", {"Vary": "Origin"}),
        ("https://www.example.com.evil.example", {"Vary": "Origin"}),
        ("null", {"Vary": "Origin"}),
        (None, {"Vary": "Origin"}),
    ],
)
def test_only_pages_that_may_send_may_read_the_answer(origin: str | None, headers: dict[str, str]) -> None:
    assert cross_origin_headers(origin, {PAGE}) == headers


def test_a_preflight_is_answered_for_a_page_that_may_send() -> None:
    answer = preflight(request(Origin=PAGE), {PAGE}, "Authorization, Content-Type")

    assert answer.status == 204
    assert {name: answer.headers[name] for name in answer.headers if name.startswith("Access")} == {
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_preflight_of_any_other_page_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refusal) as why:
        preflight(request(**headers), {PAGE}, "Content-Type")

    assert (why.value.status, why.value.error) == (403, "origin_not_allowed")
    assert why.value.headers["Vary"] == "Origin"
