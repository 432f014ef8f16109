"""Passwords: right, wrong, remembered, and in numbers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from rollwatch.serving import passwords as module
from rollwatch.serving.passwords import Passwords, is_bcrypt_hash
from rollwatch.serving.refusal import Refusal
from support.web import password_hash

HASH = password_hash("correct horse")
USERS = {"ann": HASH}


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(b"k" * 32)
    yield made
    made.close()


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
async def test_hashes_of_every_tool_are_understood(passwords: Passwords, prefix: str) -> None:
    users = {"ann": prefix + HASH[4:]}
    assert await passwords.verify(users, "ann", "correct horse", "a")
    assert not await passwords.verify(users, "ann", "wrong horse", "a")


@pytest.mark.parametrize(
    "text",
    ["", "correct horse", HASH[:-1], HASH + "x", "$2x$" + HASH[4:], "$2b$03" + HASH[6:], "$2b$32" + HASH[6:]],
    ids=["nothing", "the password itself", "cut off", "too long", "unknown variant", "cost 3", "cost 32"],
)
def test_what_is_no_bcrypt_hash_is_seen(text: str) -> None:
    assert is_bcrypt_hash(HASH)
    assert not is_bcrypt_hash(text)


async def test_a_verified_password_is_checked_only_once(passwords: Passwords) -> None:
    for _ in range(3):
        assert await passwords.verify(USERS, "ann", "correct horse", "a")
    assert passwords.checks == 1


async def test_a_changed_hash_is_believed_at_once(passwords: Passwords) -> None:
    assert await passwords.verify(USERS, "ann", "correct horse", "a")
    assert not await passwords.verify({"ann": password_hash("new")}, "ann", "correct horse", "a")
    assert not await passwords.verify({}, "ann", "correct horse", "a")


async def test_an_unknown_name_costs_a_check_like_a_known_one(passwords: Passwords) -> None:
    assert not await passwords.verify(USERS, "ann", "wrong", "a")
    assert passwords.checks == 1
    assert not await passwords.verify(USERS, "bob", "wrong", "a")
    assert not await passwords.verify(USERS, "bob", "wrong", "a")
    assert passwords.checks == 3


async def test_nobody_gets_in_where_there_are_no_users(passwords: Passwords) -> None:
    assert not await passwords.verify({}, "ann", "correct horse", "a")


async def test_long_passwords_are_cut_where_htpasswd_cuts_them(passwords: Passwords) -> None:
    users = {"ann": password_hash("x" * 72)}
    assert await passwords.verify(users, "ann", "x" * 100, "a")
    assert not await passwords.verify(users, "ann", "x" * 71, "a")


async def test_a_flood_finds_no_place_and_leaves_room_for_others(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()

    def slow(password: str, hashed: str) -> bool:
        may_go_on.wait(10)
        return password == "correct horse"

    monkeypatch.setattr(module, "_check", slow)
    flood = [asyncio.create_task(passwords.verify(USERS, "ann", f"guess {n}", "bad")) for n in range(100)]
    friend = asyncio.create_task(passwords.verify(USERS, "ann", "correct horse", "good"))
    await asyncio.sleep(0)
    may_go_on.set()
    results = await asyncio.gather(*flood, return_exceptions=True)
    refused = [r for r in results if isinstance(r, Refusal)]
    assert results.count(False) == 4
    assert len(refused) == 96
    assert {(r.status, r.headers["Retry-After"]) for r in refused} == {(429, "1")}
    assert await friend is True
    # And the places are free again.
    assert not await passwords.verify(USERS, "ann", "guess", "bad")


async def test_many_addresses_together_find_no_more_than_sixteen_places(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_check", lambda *_: False)
    flood = [passwords.verify(USERS, "ann", "guess", f"address {n}") for n in range(50)]
    results = await asyncio.gather(*flood, return_exceptions=True)
    assert sum(isinstance(r, Refusal) for r in results) == 34


async def test_what_is_remembered_is_bounded_and_holds_no_password(passwords: Passwords) -> None:
    users = {f"user{n}": password_hash(f"password{n}") for n in range(140)}
    for name in users:
        assert await passwords.verify(users, name, name.replace("user", "password"), "a")
    assert len(passwords._verified) == 128
    assert b"password" not in b"".join(passwords._verified)
