"""The production when nothing is broken."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from rollwatch.clock import SystemClock
from rollwatch.demo.production.registry import CONTROL, MAIL, PARTS, ports_from
from rollwatch.demo.production.serve import Production
from rollwatch.demo.production.settings import ProductionSettings
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.stack.ports import StackPorts
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Visitor


def produced(directory: Path, **options: Any) -> Production:
    """A production whose senders find nobody."""
    settings = ProductionSettings(
        **{
            "run_dir": RunDir(directory),
            "ports": ports_from(0),
            "stack": StackPorts(ingest=1),
            "visitors": 0,
            **options,
        }
    )
    return Production(settings, clock=SystemClock(), say=lambda _text: None)


async def test_the_front_end_shows_a_page(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.url("front")) as response:
        page = await response.text()

    assert response.content_type == "text/html"
    assert "<title>Larkspur Markets</title>" in page
    assert '<a href="/stocks/AAPL">AAPL</a>' in page
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_the_page_loads_the_script_and_lets_it_report(visitor: Visitor) -> None:
    ingest = f"http://127.0.0.1:{visitor.ingest.port}"
    async with visitor.session.get(visitor.url("front")) as response:
        page = await response.text()

    assert f'<script src="{ingest}/rum.js?service=web" data-release="2.8.1" defer>' in page
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert f"script-src 'self' {ingest}" in policy
    assert f"connect-src 'self' {ingest}" in policy
    assert "unsafe" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stocks/NVDA", 200),
        ("/stocks/nvda", 404),
        ("/stocks/%3Cb%3E", 404),
        ("/page.js", 200),
        ("/page.css", 200),
    ],
)
async def test_every_address_of_the_page_is_served(visitor: Visitor, path: str, status: int) -> None:
    async with visitor.session.get(visitor.url("front", path)) as response:
        body = await response.text()

    assert response.status == status
    assert "<b>" not in body
    if path == "/stocks/NVDA":
        assert '<tr data-symbol="NVDA"' in body
        assert '<output id="symbol">NVDA</output>' in body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"symbol":"NVDA","quantity":"3"}', 201),
        (b'{"symbol":"DOGE"}', 400),
        (b'{"symbol":["NVDA"]}', 400),
        (b"{}", 400),
        (b"[]", 400),
        (b"\xff", 400),
    ],
)
async def test_an_order_is_taken_for_what_is_traded(visitor: Visitor, body: bytes, status: int) -> None:
    async with visitor.session.post(visitor.url("front", "/orders"), data=body) as response:
        assert response.status == status


async def test_statistics_are_served_for_whoever_reads_them(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.url("api", "/api/stats")) as response:
        stats = await response.json()

    assert stats["streams"]["live"] > 0
    assert stats["users"]["month"] > stats["users"]["day"] > 0
    assert {region["name"] for region in stats["regions"]} == {"europe", "america", "asia"}


async def test_greeks_are_those_of_options(visitor: Visitor) -> None:
    url = visitor.url("primary", "/v3/snapshot/options/AAPL")
    async with visitor.session.get(url, headers=visitor.bearer("primary")) as response:
        records = (await response.json())["results"]

    assert len(records) == 20
    for record in records:
        call = record["contract_type"] == "call"
        assert 0 <= record["delta"] <= 1 if call else -1 <= record["delta"] <= 0
        assert record["gamma"] > 0
        assert record["vega"] > 0
        assert 0.1 < record["implied_volatility"] < 1
    # Put-call parity: the deltas of a call and a put on nearly one spot differ by one.
    for call, put in zip(records[::2], records[1::2], strict=True):
        assert call["delta"] - put["delta"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("part", "path"),
    [("primary", "/v3/snapshot/options/AAPL"), ("fallback", "/v1/markets/clock"), ("feed", "/private/feed")],
)
async def test_a_wrong_token_is_rejected(visitor: Visitor, part: str, path: str) -> None:
    async with visitor.session.get(
        visitor.url(part, path), headers={"Authorization": "Bearer wrong"}
    ) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    ("path", "headers", "protocols"),
    [
        ("/feed", {}, ()),
        ("/feed", {}, ("market.v1",)),
        ("/private/feed", {"Authorization": "Bearer {feed}"}, ()),
        ("/private/feed?token={feed}", {}, ()),
    ],
)
async def test_the_feed_acknowledges_then_ticks_with_heartbeats_between(
    visitor: Visitor, path: str, headers: dict[str, str], protocols: tuple[str, ...]
) -> None:
    secret = visitor.secret("feed")
    url = visitor.url("feed", path.format(feed=secret))
    headers = {name: value.format(feed=secret) for name, value in headers.items()}
    async with visitor.session.ws_connect(url, headers=headers, protocols=protocols) as socket_:
        assert socket_.protocol == (protocols[0] if protocols else None)
        await socket_.send_json({"op": "subscribe", "ch": "BTC"})
        heard = [await socket_.receive_json(timeout=5) for _ in range(4)]

    kinds = [said["type"] for said in heard]
    assert kinds[0] == "ack"
    assert "heartbeat" in kinds
    assert [said["seq"] for said in heard if said["type"] == "tick"] == [1, 2]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("no json", "send a JSON object"),
        ("[1]", "send a JSON object"),
        ('{"op":"dance"}', "op is subscribe"),
        ('{"op":"subscribe","ch":"DOGE"}', "ch is one of BTC"),
        ('{"op":"subscribe","ch":["BTC"]}', "ch is one of BTC"),
    ],
)
async def test_the_feed_answers_nonsense_with_what_it_understands(
    visitor: Visitor, said: str, answer: str
) -> None:
    async with visitor.session.ws_connect(visitor.url("feed", "/feed")) as socket_:
        await socket_.send_str(said)
        message = await socket_.receive_json(timeout=5)
        while message["type"] == "heartbeat":
            message = await socket_.receive_json(timeout=5)

    assert message["type"] == "error"
    assert answer in message["message"]


@pytest.mark.parametrize(
    ("call", "code"),
    [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"2.0","id":1,"method":"getMoney"}', -32601)],
)
async def test_the_node_answers_wrong_calls_as_json_rpc_does(
    visitor: Visitor, call: bytes, code: int
) -> None:
    async with visitor.session.post(visitor.url("node"), data=call) as response:
        assert (await response.json())["error"]["code"] == code


async def test_figures_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    pages = []
    for name in ("first", "second"):
        production = produced(tmp_path / name, seed=11)
        await production.start()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{production.ports['front']}/") as response,
        ):
            pages.append(await response.text())
        await production.stop()

    assert pages[0] == pages[1]


@pytest.mark.parametrize(("part", "title"), [("gateway", "gateway (TLS)"), (MAIL, "inbox, mail")])
async def test_a_taken_port_is_named_and_nothing_is_left_listening(
    tmp_path: Path, part: str, title: str
) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        ports = {**ports_from(0), part: taken}
        production = produced(tmp_path / "run", ports=ports)

        with pytest.raises(DemoError, match=rf"port {taken} \({re.escape(title)}\).*--base-port"):
            await production.start()

    for port in production.ports.values():
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


def test_parts_get_the_ports_after_the_control_port() -> None:
    ports = ports_from(9730)

    assert ports[CONTROL] == 9730
    assert [ports[part.name] for part in PARTS] == list(range(9731, 9731 + len(PARTS)))
