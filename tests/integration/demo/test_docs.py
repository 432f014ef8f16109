"""docs/demo.md says what is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.production.registry import CONTROL, DEFAULT_BASE_PORT, PARTS, ports_from

PAGE = (Path(__file__).parents[3] / "docs" / "demo.md").read_text("utf-8")


def fault_row(fault: Fault) -> str:
    """What the page must say of a fault; `python -m pytest` prints it when it does not."""
    info = FAULTS[fault]
    shown = "<br>".join(f"`{sign}`".replace("|", r"\|") for sign in info.signs)
    effect = info.effect.replace("|", r"\|")
    return f"| `{fault}` | {effect} | {shown} |"


@pytest.mark.parametrize("fault", Fault)
def test_the_page_says_what_each_fault_does_and_what_shows_it(fault: Fault) -> None:
    assert fault_row(fault) in PAGE.splitlines()


def test_the_page_lists_every_part_with_its_port() -> None:
    ports = ports_from(DEFAULT_BASE_PORT)
    for name in (CONTROL, *(part.name for part in PARTS)):
        assert f"| {name} | {ports[name]} |" in PAGE


def test_the_page_lists_no_fault_that_does_not_exist() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `") and "DOWN" in line]
    assert {row.split("`")[1] for row in rows} <= set(Fault)
