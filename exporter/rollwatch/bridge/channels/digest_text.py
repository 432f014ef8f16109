"""The daily summary as people read it: a subject, plain text, and the same as HTML, all escaped. Pure."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from rollwatch.bridge.channels.digest_facts import PRIORITIES
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from rollwatch.bridge.channels.digest_facts import Episode, SummaryFacts

__all__ = ["Letter", "summary_letter"]

_LINES_MAX = 200
_SUMMARY_MAX = 300
_DESCRIPTION_MAX = 1000
_STYLE = (
    "body{font:14px/1.5 sans-serif;color:#222}table{border-collapse:collapse}"
    "td,th{padding:2px 12px 2px 0;text-align:left;vertical-align:top}h2{font-size:15px;margin:18px 0 4px}"
    "td.n,th.n{text-align:right}small{color:#666}"
)


class Letter(NamedTuple):
    """A mail without its addresses."""

    subject: str
    text: str
    html: str


class _Table(NamedTuple):
    title: str
    rows: list[tuple[str, ...]]
    head: tuple[str, ...] = ()


def summary_letter(facts: SummaryFacts, environment: str, zone: tzinfo) -> Letter:
    """The letter; where nothing happened it says so, since no letter at all would be a fault."""
    environment = clean(environment, 64)
    since, until = _when(facts.period.since, zone), _when(facts.period.until, zone)
    lead = _lead(facts)
    period = f"From {since} to {until}."
    tables = _tables(facts, zone)
    ending = "Sent once a day by rollwatch bridge. No such mail on a day means that it could not be sent."
    return Letter(
        f"[rollwatch] {environment}: {lead.rstrip('.')}",
        # In one line: of one that begins with From, smtplib makes >From.
        "\n\n".join(
            [f"{environment}: {lead} {period}", *(_text(table) for table in tables), f"-- \n{ending}"]
        )
        + "\n",
        f'<!doctype html><html><head><meta charset="utf-8"><style>{_STYLE}</style></head><body>'
        f"<p><b>{escape(environment)}: {escape(lead)}</b><br>{escape(period)}</p>"
        f"{''.join(_html(table) for table in tables)}<p><small>{escape(ending)}</small></p></body></html>",
    )


def _lead(facts: SummaryFacts) -> str:
    if not facts.total and not facts.open and not facts.episodes and not facts.notes:
        return "nothing happened."
    fired = ", ".join(f"{count} {priority}" for priority, count in facts.fired.items())
    said = f"{facts.total} {_alerts(facts.total)} fired ({fired})" if facts.total else "no alert fired"
    return f"{said}, {len(facts.open)} still open."


def _alerts(count: int) -> str:
    return "alert" if count == 1 else "alerts"


def _tables(facts: SummaryFacts, zone: tzinfo) -> list[_Table]:
    until = facts.period.until
    tables = [
        _Table("Still open", [_open_row(one, until, zone) for one in facts.open]),
        _Table("Lasted longest", [_longest_row(one, until) for one in facts.longest]),
        _Table("By service", _service_rows(facts), ("service", *PRIORITIES)),
        _Table("P0 to P2", [_row(one, until, zone) for one in facts.episodes]),
        _Table("P3", [_note_row(one, zone) for one in facts.notes]),
    ]
    if facts.tests:
        tables.append(_Table("Tests", [(f"{facts.tests} test {_alerts(facts.tests)} came through.",)]))
    return [_bounded(table) for table in tables if table.rows]


def _bounded(table: _Table) -> _Table:
    rest = len(table.rows) - _LINES_MAX
    if rest <= 0:
        return table
    return table._replace(rows=[*table.rows[:_LINES_MAX], (f"and {rest} more",)])


def _open_row(one: Episode, until: float, zone: tzinfo) -> tuple[str, ...]:
    since = f"since {_when(one.began, zone)} ({_duration(one.lasted_s(until))})"
    return (one.alert.priority or "-", _name(one), since, _summary(one))


def _longest_row(one: Episode, until: float) -> tuple[str, ...]:
    over = "" if one.ended is not None else " so far"
    return (_duration(one.lasted_s(until)) + over, one.alert.priority or "-", _name(one), _summary(one))


def _row(one: Episode, until: float, zone: tzinfo) -> tuple[str, ...]:
    lasted = f"lasted {_duration(one.lasted_s(until))}"
    state = lasted if one.ended is not None else "still open" if one.is_open else "end not told"
    return (_when(one.began, zone), one.alert.priority, _name(one), state, _summary(one))


def _note_row(one: Episode, zone: tzinfo) -> tuple[str, ...]:
    description = clean(one.alert.annotations.get("description", ""), _DESCRIPTION_MAX)
    said = _summary(one)
    return (_when(one.began, zone), _name(one), f"{said}. {description}" if description else said)


def _service_rows(facts: SummaryFacts) -> list[tuple[str, ...]]:
    return [
        (clean(service, 64), *(str(counts.get(priority, 0)) for priority in PRIORITIES))
        for service, counts in facts.by_service.items()
    ]


def _name(one: Episode) -> str:
    return clean(" ".join(part for part in (one.alert.service, one.alert.name) if part), 120)


def _summary(one: Episode) -> str:
    return clean(one.alert.summary, _SUMMARY_MAX)


def _when(moment: float, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(min(max(moment, 0.0), 253_402_300_000.0), zone)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def _text(table: _Table) -> str:
    rows = [table.head, *table.rows] if table.head else table.rows
    widths = _widths(rows)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]
    return "\n".join([table.title, *(f"  {line}" for line in lines)])


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    """Of each column but the last, which may be as long as it likes."""
    whole = max(len(row) for row in rows)
    full = [row for row in rows if len(row) == whole]
    return [*(max(len(row[column]) for row in full) for column in range(whole - 1)), 0]


def _html(table: _Table) -> str:
    head = "".join(f"<th{' class=n' if at else ''}>{escape(cell)}</th>" for at, cell in enumerate(table.head))
    number = " class=n" if table.head else ""
    rows = "".join(
        "<tr>"
        + "".join(f"<td{number if at else ''}>{escape(cell)}</td>" for at, cell in enumerate(row))
        + "</tr>"
        for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table>{f'<tr>{head}</tr>' if head else ''}{rows}</table>"
