"""docs/demo.md says what is so."""

from __future__ import annotations

from pathlib import Path

from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.production.registry import CONTROL, DEFAULT_BASE_PORT, PARTS, SENDERS, ports_from

PAGE = (Path(__file__).parents[3] / "docs" / "demo.md").read_text("utf-8")


def fault_row(fault: Fault) -> str:
    """What the page must say of a fault; the failing test prints it."""
    info = FAULTS[fault]
    shown = "<br>".join(f"`{sign}`".replace("|", r"\|") for sign in info.signs)
    effect = info.effect.replace("|", r"\|")
    return f"| `{fault}` | {effect} | {shown} |"


def test_the_page_says_of_every_fault_what_it_does_and_what_shows_it() -> None:
    table = PAGE[PAGE.index("| fault |") :].split("\n\n")[0].splitlines()[2:]

    assert table == [fault_row(fault) for fault in Fault]


def test_the_page_lists_every_part_with_its_port() -> None:
    ports = ports_from(DEFAULT_BASE_PORT)
    for name in (CONTROL, *(part.name for part in PARTS)):
        assert f"| {name} | {ports[name]} |" in PAGE


def test_the_page_lists_everything_that_sends() -> None:
    table = PAGE[PAGE.index("| sender |") :].split("\n\n")[0].splitlines()[2:]

    assert table == [f"| {sender.name} | {sender.sends} |" for sender in SENDERS]
