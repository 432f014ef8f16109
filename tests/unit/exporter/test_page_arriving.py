"""What the status page says of what arrives: how much, how fresh, and what stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.exporter.page_arriving import arriving_lines
from rollwatch.figures.board import Board
from rollwatch.metrics.store import Store
from rollwatch.probers import discover
from support.manual_clock import ManualClock

CONFIG = """
environment: test
services:
  shop:
    push: {token: secret-0123456789}
    figures:
      shop_users: {type: gauge, help: People., stale_after: 60s}
      shop_carts: {type: gauge, help: Carts., stale_after: 60s}
      rollwatch_payments_total: {}
  web:
    browser: {origins: ["https://www.example.com"]}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def board(tmp_path: Path, clock: ManualClock) -> Board:
    path = tmp_path / "rollwatch.yml"
    path.write_text(CONFIG)
    specs = {name: kind.spec for name, kind in discover().items()}
    board = Board(Store(), clock, location="here")
    board.configure(load_config(path, specs, secrets=SecretStore(tmp_path, {}), location=None))
    return board


def group(title: str, last_seen: float, ignored_by: str | None = None) -> Any:
    return {"title": title, "last_seen": last_seen, "ignored_by": ignored_by}


def test_figures_are_counted_and_those_that_stopped_are_named(board: Board, clock: ManualClock) -> None:
    (line,) = arriving_lines(board, {}, clock.wall())["shop"]
    assert (line.text, line.trouble) == ("3 figures; none has come yet", "")
    shop = board.service("shop")
    assert shop is not None
    shop.figures["shop_users"].set((), 5)
    clock.advance(50)
    shop.figures["shop_carts"].set((), 2)
    clock.advance(20)
    (line,) = arriving_lines(board, {}, clock.wall())["shop"]
    assert line.text == "3 figures; the last value came 20 s ago"
    assert line.trouble == "1 stopped arriving: shop_users."
    assert line.address == "api/metrics?service=shop"


def test_script_errors_of_the_last_hour_are_said_with_the_newest(board: Board, clock: ManualClock) -> None:
    now = clock.wall()
    groups = [
        group("TypeError: x", now - 60),
        group("TypeError: \x1b[31mnewest", now - 5),
        group("an old one", now - 4000),
        group("ResizeObserver loop", now - 1, ignored_by="resize-observer"),
    ]
    (line,) = arriving_lines(board, {"web": groups}, now)["web"]
    assert line.text.startswith("2 kinds of script error in the last hour; the last 5 s ago: TypeError: ")
    assert "\x1b" not in line.text
    (line,) = arriving_lines(board, {"web": []}, now)["web"]
    assert line.text == "No script error in the last hour"
