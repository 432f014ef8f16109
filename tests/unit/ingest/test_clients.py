"""Who sends: told apart behind proxies, whatever they claim, and held to a rate."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from rollwatch.ingest.clients import Buckets, Clients

SECRET = b"secret"
TRUSTED = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "2001:db8:ffff::/48")


def digest(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = TRUSTED) -> bytes:
    headers = CIMultiDict([("x-forwarded-for", value) for value in forwarded])
    return Clients(SECRET, trusted).digest(peer, headers)


def client(address: str) -> bytes:
    """The digest of somebody who comes directly from there."""
    return digest(address, trusted=())


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_client"),
    [
        # directly
        ("198.51.100.1", [], "198.51.100.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        # whoever is no proxy of ours is not believed
        ("198.51.100.1", ["192.0.2.1"], "198.51.100.1"),
        ("11.0.0.1", ["192.0.2.1"], "11.0.0.1"),
        # one proxy
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("127.8.9.1", ["192.0.2.1"], "192.0.2.1"),
        ("::1", ["192.0.2.1"], "192.0.2.1"),
        # what the client itself wrote stands further left
        ("127.0.0.1", ["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["127.0.0.1, 10.0.0.1, 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["garbage, <script>, 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["x" * 100_000 + ", 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["1.1.1.1, " * 10_000 + "192.0.2.1"], "192.0.2.1"),
        # a proxy that adds a line of its own instead of going on with the one there
        ("127.0.0.1", ["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["203.0.113.9", "192.0.2.1", "10.0.0.7"], "192.0.2.1"),
        # several proxies of ours
        ("127.0.0.1", ["203.0.113.9, 192.0.2.1, 10.0.0.7"], "192.0.2.1"),
        ("10.1.1.1", ["192.0.2.1,10.0.0.7,  10.0.0.8  "], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1, 2001:db8:ffff::7"], "192.0.2.1"),
        # only proxies: the first of them is the client
        ("127.0.0.1", ["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
        # ports, brackets, zones
        ("127.0.0.1", ["192.0.2.1:49152"], "192.0.2.1"),
        ("127.0.0.1", ["[2001:db8::1]:49152"], "2001:db8::1"),
        ("127.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("fe80::1%eth0", [], "fe80::1"),
        # IPv4 in IPv6, as a listener for both sees it
        ("::ffff:127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("::ffff:198.51.100.1", ["192.0.2.1"], "198.51.100.1"),
        ("127.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1, ::ffff:10.0.0.7"], "192.0.2.1"),
        # nothing in the header
        ("127.0.0.1", [""], "127.0.0.1"),
    ],
)
def test_who_the_client_is(peer: str, forwarded: list[str], is_client: str) -> None:
    assert digest(peer, *forwarded) == client(is_client)


@pytest.mark.parametrize(
    "hop",
    [
        "unknown",
        "_hidden",
        "",
        "999.1.1.1",
        "1.2.3",
        "2001:db8::g",
        "\x00",
        "ü",
        "1.2.3.4.5",
        "localhost",
        "[",
        "]",
    ],
)
def test_who_can_not_be_read_is_a_client_as_well_and_ends_the_search(hop: str) -> None:
    assert digest("127.0.0.1", f"192.0.2.1, {hop}") == digest("127.0.0.1", "unknown")
    assert digest("127.0.0.1", f"192.0.2.1, {hop}") != client("192.0.2.1")


@pytest.mark.parametrize("peer", [None, "", "unknown"])
def test_a_peer_without_an_address_is_not_trusted(peer: str | None) -> None:
    assert digest(peer, "192.0.2.1", trusted=("0.0.0.0/0", "::/0")) == client("unknown")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_of_an_ipv6_address_the_network_counts(one: str, other: str, is_same: bool) -> None:
    assert (client(one) == client(other)) is is_same


def test_a_digest_is_of_one_process_and_tells_no_address() -> None:
    assert Clients(b"other", ()).digest("192.0.2.1", CIMultiDict()) != client("192.0.2.1")
    assert len(client("192.0.2.1")) == 8
    assert ipaddress.ip_address("192.0.2.1").packed not in client("192.0.2.1")


def test_only_so_many_hops_are_followed() -> None:
    chain = ", ".join(["192.0.2.1", *["10.0.0.1"] * 30])

    assert digest("127.0.0.1", chain) == client("10.0.0.1")


@given(st.one_of(st.none(), st.text()), st.lists(st.text(), max_size=4))
def test_any_header_is_some_client(peer: str | None, forwarded: list[str]) -> None:
    assert len(digest(peer, *forwarded)) == 8
    assert len(digest("127.0.0.1", *forwarded)) == 8


# Rates


def test_a_burst_is_let_through_and_then_one_after_the_other() -> None:
    buckets = Buckets(rate=2.0, burst=3)

    assert [buckets.wait_s(b"a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert buckets.wait_s(b"a", 0.0) == 0.5
    assert buckets.wait_s(b"a", 0.25) == pytest.approx(0.25)
    assert buckets.wait_s(b"a", 0.5) == 0
    assert buckets.wait_s(b"a", 0.5) == 0.5


def test_who_was_turned_away_waits_no_longer_for_having_asked() -> None:
    buckets = Buckets(rate=1.0, burst=1)
    buckets.wait_s(b"a", 0.0)

    for tenth in range(1, 10):
        assert buckets.wait_s(b"a", tenth / 10) == pytest.approx(1 - tenth / 10)

    assert buckets.wait_s(b"a", 1.0001) == 0


def test_a_bucket_fills_no_further_than_its_burst() -> None:
    buckets = Buckets(rate=10.0, burst=2)
    buckets.wait_s(b"a", 0.0)

    assert [buckets.wait_s(b"a", 1e6) == 0 for _ in range(3)] == [True, True, False]


def test_a_burst_below_one_lets_one_through() -> None:
    buckets = Buckets(rate=0.5, burst=0.5)

    assert buckets.wait_s(b"a", 0.0) == 0
    assert buckets.wait_s(b"a", 0.0) == 2.0


def test_clients_have_a_bucket_each() -> None:
    buckets = Buckets(rate=1.0, burst=1)

    assert [buckets.wait_s(key, 0.0) for key in (b"a", b"b", b"a")] == [0, 0, 1.0]


def test_the_long_run_is_the_rate() -> None:
    buckets = Buckets(rate=7.0, burst=5)

    passed = sum(buckets.wait_s(b"a", tick / 100) == 0 for tick in range(100_00))

    assert passed == pytest.approx(700 + 5, abs=1)


def test_so_many_clients_are_remembered_the_latest_longest() -> None:
    buckets = Buckets(rate=1.0, burst=1, limit=100)
    for number in range(10_000):
        buckets.wait_s(str(number).encode(), 0.0)

    assert len(buckets) == 100
    assert buckets.wait_s(b"9999", 0.0) > 0
    assert buckets.wait_s(b"0", 0.0) == 0


def test_who_keeps_asking_is_not_forgotten() -> None:
    buckets = Buckets(rate=0.001, burst=1, limit=10)
    buckets.wait_s(b"greedy", 0.0)

    for number in range(100):
        buckets.wait_s(str(number).encode(), 0.0)
        assert buckets.wait_s(b"greedy", 0.0) > 0
