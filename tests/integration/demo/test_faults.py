"""Every fault is visible from outside while it is on, and gone when it is off."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.production.registry import PARTS, SENDERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .conftest import Visitor

WITHIN_S = 8.0


async def get(visitor: Visitor, part: str, path: str, **options: Any) -> tuple[int, bytes]:
    async with visitor.session.get(visitor.url(part, path), **options) as response:
        return response.status, await response.read()


async def refuses(visitor: Visitor) -> bool:
    try:
        await get(visitor, "front", "/")
    except aiohttp.ClientConnectorError as error:
        return isinstance(error.os_error, ConnectionRefusedError)
    return False


async def is_an_hour_old(visitor: Visitor) -> bool:
    from datetime import UTC, datetime

    _, body = await get(visitor, "front", "/health.json")
    stated = datetime.fromisoformat(json.loads(body)["timestamp"])
    return (datetime.now(UTC) - stated).total_seconds() > 3000


async def the_picture_takes_over_four_seconds(visitor: Visitor) -> bool:
    began = asyncio.get_running_loop().time()
    page, _ = await get(visitor, "front", "/")
    assert asyncio.get_running_loop().time() - began < 2
    picture, _ = await get(visitor, "front", "/chart.svg")
    return (page, picture) == (200, 200) and asyncio.get_running_loop().time() - began > 4


async def the_script_misses_the_fee(visitor: Visitor) -> bool:
    _, body = await get(visitor, "front", "/")
    match = re.search(r"data-fees='(.*?)'", body.decode())
    assert match is not None
    return "order" not in json.loads(match[1])


async def payments_and_webhooks_fail(visitor: Visitor) -> bool:
    log = visitor.run_dir.logs / "api-requests.log"
    lines = log.read_text().splitlines() if log.exists() else []
    webhooks = [json.loads(line)["outcome"] for line in lines if "payment webhook" in line]
    pushed = visitor.ingest.metrics("rollwatch_payments_total")
    failed = [metric["add"] for metric in pushed if metric["labels"] == {"outcome": "failed"}]
    return webhooks[-1:] == ["failed"] and any(failed[-3:])


async def trades_lose(visitor: Visitor) -> bool:
    await becomes(True, some_trades, visitor)
    last = visitor.ingest.trades()[-1]
    return last["exit"] < last["entry"]


async def some_trades(visitor: Visitor) -> bool:
    return bool(visitor.ingest.trades())


async def health_is_503_with_database_up(visitor: Visitor) -> bool:
    status, body = await get(visitor, "api", "/health")
    return status == 503 and json.loads(body)["details"]["database"]["status"] == "up"


async def database_is_down_in_all_shapes(visitor: Visitor) -> bool:
    shapes = {path: await get(visitor, "api", path) for path in ("/health", "/health/flat", "/health/nested")}
    bodies = {path: json.loads(body) for path, (_, body) in shapes.items()}
    return (
        all(status == 503 for status, _ in shapes.values())
        and "database" in bodies["/health"]["error"]
        and bodies["/health"]["details"]["redis"]["status"] == "up"
        and bodies["/health/flat"]["database"] == "disconnected"
        and bodies["/health/nested"]["database"]["status"] == "disconnected"
    )


async def orders_fail(visitor: Visitor) -> bool:
    health, _ = await get(visitor, "api", "/health")
    orders, _ = await get(visitor, "api", "/api/orders")
    users, _ = await get(visitor, "api", "/api/users")
    return (health, orders, users) == (200, 500, 500)


async def orders_take_over_two_seconds(visitor: Visitor) -> bool:
    loop = asyncio.get_running_loop()
    began = loop.time()
    status, _ = await get(visitor, "api", "/api/orders")
    return status == 200 and loop.time() - began > 2


async def nothing_is_answered(visitor: Visitor) -> bool:
    try:
        await get(visitor, "api", "/health", timeout=aiohttp.ClientTimeout(total=0.3))
    except TimeoutError:
        return True
    return False


async def new_version_fails(visitor: Visitor) -> bool:
    status, body = await get(visitor, "api", "/health")
    orders, _ = await get(visitor, "api", "/api/orders")
    return (status, json.loads(body)["version"], orders) == (200, "1.5.0", 500)


async def users_are_no_json(visitor: Visitor) -> bool:
    status, body = await get(visitor, "api", "/api/users")
    try:
        json.loads(body)
    except ValueError:
        return status == 200
    return False


async def users_are_huge(visitor: Visitor) -> bool:
    async with visitor.session.get(visitor.url("api", "/api/users")) as response:
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > 20 * 1024 * 1024:
                return True
    return False


async def upgrade_is_refused(visitor: Visitor) -> bool:
    try:
        async with visitor.session.ws_connect(visitor.url("feed", "/feed")):
            return False
    except aiohttp.WSServerHandshakeError as error:
        return error.status == 503


async def session_is_dropped(visitor: Visitor) -> bool:
    async with visitor.session.ws_connect(visitor.url("feed", "/feed")) as socket:
        await socket.send_json({"op": "subscribe", "ch": "BTC"})
        async with asyncio.timeout(5):
            async for message in socket:
                if message.json()["type"] == "tick":
                    return False
        return socket.close_code == 1006


async def heard(visitor: Visitor, seconds: float = 0.9) -> set[tuple[str, str]]:
    """What a session subscribed to BTC and ETH is sent: (type, channel)."""
    messages = set()
    async with visitor.session.ws_connect(visitor.url("feed", "/feed")) as socket:
        for channel in ("BTC", "ETH"):
            await socket.send_json({"op": "subscribe", "ch": channel})
        try:
            async with asyncio.timeout(seconds):
                async for message in socket:
                    said = message.json()
                    messages.add((said["type"], said.get("ch", "")))
        except TimeoutError:
            pass
    return messages


async def feed_is_silent(visitor: Visitor) -> bool:
    return await heard(visitor) == set()


async def only_one_channel_is_silent(visitor: Visitor) -> bool:
    messages = await heard(visitor)
    return ("tick", "BTC") in messages and ("ack", "ETH") in messages and ("tick", "ETH") not in messages


async def snapshot(visitor: Visitor) -> aiohttp.ClientResponse:
    url = visitor.url("primary", "/v3/snapshot/options/AAPL")
    async with visitor.session.get(url, headers=visitor.bearer("primary")) as response:
        await response.read()
        return response


async def clock_status(visitor: Visitor) -> int:
    status, _ = await get(visitor, "fallback", "/v1/markets/clock", headers=visitor.bearer("fallback"))
    return status


async def only_primary_is_down(visitor: Visitor) -> bool:
    return ((await snapshot(visitor)).status, await clock_status(visitor)) == (503, 200)


async def both_are_down(visitor: Visitor) -> bool:
    return ((await snapshot(visitor)).status, await clock_status(visitor)) == (503, 503)


async def asks_to_wait(visitor: Visitor) -> bool:
    response = await snapshot(visitor)
    return (response.status, response.headers.get("Retry-After")) == (429, "5")


async def rejects_the_token(visitor: Visitor) -> bool:
    return (await snapshot(visitor)).status == 401


async def records_are_wrong(visitor: Visitor) -> bool:
    records = (await (await snapshot(visitor)).json())["results"]
    return (
        any(record["gamma"] == 0 for record in records)
        and any(abs(record["delta"]) > 1 for record in records)
        and any("vega" not in record for record in records)
    )


async def height(visitor: Visitor) -> int:
    call = {"jsonrpc": "2.0", "id": 1, "method": "getBlockHeight"}
    async with visitor.session.post(visitor.url("node"), json=call) as response:
        return (await response.json())["result"]


async def height_stands_still(visitor: Visitor) -> bool:
    before = await height(visitor)
    await asyncio.sleep(1.1)  # more than two blocks' time: what is waited for is that nothing happens
    return await height(visitor) == before


async def certificate_has_expired(visitor: Visitor) -> bool:
    trust = ssl.create_default_context(cafile=visitor.run_dir.tls / "ca.pem")
    try:
        async with visitor.session.get(visitor.url("gateway", "/health", "https"), ssl=trust) as response:
            assert response.status == 200
    except aiohttp.ClientConnectorCertificateError as error:
        return "certificate has expired" in str(error)
    return False


async def slack_is_unavailable(visitor: Visitor) -> bool:
    url = visitor.url("inbox", f"/slack/{visitor.secret('inbox')}")
    async with visitor.session.post(url, json={"text": "hello"}) as response:
        return response.status == 503


SEEN: dict[Fault, Callable[[Visitor], Awaitable[bool]]] = {
    Fault.FRONTEND_DOWN: refuses,
    Fault.STALE_TIMESTAMP: is_an_hour_old,
    Fault.SLOW_PAGE: the_picture_takes_over_four_seconds,
    Fault.SCRIPT_ERROR: the_script_misses_the_fee,
    Fault.HEALTH_DOWN: health_is_503_with_database_up,
    Fault.COMPONENT_DOWN: database_is_down_in_all_shapes,
    Fault.API_5XX: orders_fail,
    Fault.SLOW: orders_take_over_two_seconds,
    Fault.HANG: nothing_is_answered,
    Fault.BAD_RELEASE: new_version_fails,
    Fault.BAD_JSON: users_are_no_json,
    Fault.HUGE_BODY: users_are_huge,
    Fault.FAILING_PAYMENTS: payments_and_webhooks_fail,
    Fault.DRIFTING_PNL: trades_lose,
    Fault.WS_REFUSE: upgrade_is_refused,
    Fault.WS_DROP: session_is_dropped,
    Fault.FEED_STALE: feed_is_silent,
    Fault.FEED_CHANNEL_STALE: only_one_channel_is_silent,
    Fault.PROVIDER_DOWN: only_primary_is_down,
    Fault.PROVIDER_RATE_LIMITED: asks_to_wait,
    Fault.PROVIDER_UNAUTHORIZED: rejects_the_token,
    Fault.ALL_PROVIDERS_DOWN: both_are_down,
    Fault.BAD_GREEKS: records_are_wrong,
    Fault.NODE_STUCK: height_stands_still,
    Fault.CERTIFICATE_EXPIRED: certificate_has_expired,
    Fault.SLACK_DOWN: slack_is_unavailable,
}


async def becomes(expected: bool, look: Callable[[Visitor], Awaitable[bool]], visitor: Visitor) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await look(visitor) is not expected:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("fault", Fault)
async def test_a_fault_is_visible_while_it_is_on_and_gone_when_it_is_off(
    visitor: Visitor, fault: Fault
) -> None:
    look = SEEN[fault]

    assert await look(visitor) is False
    visitor.production.board.switch_on(fault)
    await becomes(True, look, visitor)
    visitor.production.board.switch_off(fault)
    await becomes(False, look, visitor)


async def test_a_fault_with_an_end_heals_by_itself(visitor: Visitor) -> None:
    visitor.production.board.switch_on(Fault.HEALTH_DOWN, for_s=0.1)

    await becomes(False, health_is_503_with_database_up, visitor)

    assert not visitor.production.board.is_on(Fault.HEALTH_DOWN)


async def test_switching_on_again_replaces_the_end(visitor: Visitor) -> None:
    board = visitor.production.board
    board.switch_on(Fault.SLOW, for_s=0.05)
    board.switch_on(Fault.SLOW)
    board.switch_on(Fault.HANG, for_s=0.1)
    await board.until_off(Fault.HANG)

    assert board.is_on(Fault.SLOW)
    assert board.remaining_s(Fault.SLOW) is None


async def test_open_sessions_are_dropped_when_the_fault_begins(visitor: Visitor) -> None:
    async with visitor.session.ws_connect(visitor.url("feed", "/feed")) as socket:
        await socket.send_json({"op": "subscribe", "ch": "BTC"})
        assert (await socket.receive_json())["type"] in ("ack", "heartbeat")
        visitor.production.board.switch_on(Fault.WS_DROP)
        async with asyncio.timeout(WITHIN_S):
            async for _ in socket:
                pass
        assert socket.close_code == 1006


async def test_open_connections_end_when_the_front_end_goes_down(visitor: Visitor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", visitor.production.ports["front"])
    writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    visitor.production.board.switch_on(Fault.FRONTEND_DOWN)
    async with asyncio.timeout(WITHIN_S):
        await reader.read()  # up to the end of the connection
    writer.close()
    await becomes(True, refuses, visitor)


def test_every_fault_names_a_part_or_a_sender_that_exists() -> None:
    assert set(FAULTS) == set(Fault)
    names = {part.name for part in PARTS} | {sender.name for sender in SENDERS}
    assert {info.part for info in FAULTS.values()} <= names
