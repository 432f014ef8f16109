"""docs/demo.md says what is so."""

from __future__ import annotations

from pathlib import Path

from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.demo.faults import FAULTS, Fault
from rollwatch.demo.production.registry import CONTROL, DEFAULT_BASE_PORT, MAIL, PARTS, SENDERS, ports_from
from rollwatch.demo.stack.ports import StackPorts

PAGE = (Path(__file__).parents[3] / "docs" / "demo.md").read_text("utf-8")


def fault_row(fault: Fault) -> str:
    """What the page must say of a fault; the failing test prints it."""
    info = FAULTS[fault]
    shown = "<br>".join(f"`{sign}`".replace("|", r"\|") for sign in info.signs)
    effect = info.effect.replace("|", r"\|")
    told = "<br>".join(f"`{alert}`" for alert in info.alerts)
    perhaps = ", ".join(f"`{alert}`" for alert in info.companions)
    people = "<br>".join(part for part in (told, f"perhaps {perhaps}" if perhaps else "") if part)
    return f"| `{fault}` | {effect} | {shown} | {people} |"


def test_the_page_says_of_every_fault_what_it_does_and_what_shows_it() -> None:
    table = PAGE[PAGE.index("| fault |") :].split("\n\n")[0].splitlines()[2:]

    assert table == [fault_row(fault) for fault in Fault]


def test_every_alert_of_a_fault_exists() -> None:
    shipped = {alert.name for topic in topics(Settings()) for alert in topic.alerts}

    for fault, info in FAULTS.items():
        assert {*info.alerts, *info.companions} <= shipped, fault
        assert not {*info.alerts} & {*info.companions}, fault


def test_the_page_lists_every_part_with_its_port() -> None:
    ports = ports_from(DEFAULT_BASE_PORT)
    for name in (CONTROL, *(part.name for part in PARTS), MAIL):
        assert f"| {name} | {ports[name]} |" in PAGE
    stack = StackPorts()
    for title, port in (
        ("exporter", stack.exporter),
        ("exporter, for browsers", stack.ingest),
        ("Prometheus", stack.prometheus),
        ("Alertmanager", stack.alertmanager),
        ("bridge", stack.bridge),
    ):
        assert f"| {title} | {port} |" in PAGE


def test_the_page_lists_everything_that_sends() -> None:
    table = PAGE[PAGE.index("| sender |") :].split("\n\n")[0].splitlines()[2:]

    assert table == [f"| {sender.name} | {sender.sends} |" for sender in SENDERS]
