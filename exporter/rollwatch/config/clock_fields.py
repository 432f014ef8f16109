"""Fields that say when, by the clocks of people: time of day, weekday, time zone, moment."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from rollwatch.config.mistake import did_you_mean, expect_text, mistake

__all__ = ["Moment", "TimeOfDay", "TimeZone", "Weekday", "Weekdays"]

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Weekday(StrEnum):
    """Days, as Alertmanager spells them."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def _time_of_day(value: object) -> str:
    text = expect_text(value)
    if not _TIME.fullmatch(text):
        raise mistake("is no time of day", 'Write it like "07:00" or "22:30", from 00:00 to 23:59.')
    return text


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    text = expect_text(value)
    remedy = "Write it like 2026-12-24T18:00:00+01:00, or with Z for UTC (RFC 3339)."
    if not _MOMENT.fullmatch(text):
        is_local = _MOMENT.fullmatch(f"{text}Z") or _MOMENT.fullmatch(f"{text}:00Z")
        raise mistake("lacks the offset from UTC" if is_local else "is no date and time in full", remedy)
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise mistake("is a date or a time that does not exist", remedy) from None


def _time_zone(value: object) -> str:
    name = expect_text(value)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise _unknown_zone(name) from None
    return name


def _unknown_zone(name: str) -> Exception:
    known = {zone.lower(): zone for zone in available_timezones()}
    if not known:
        return mistake("can't be checked: this host knows no time zones", "Install the package tzdata.")
    city = {zone.rpartition("/")[2]: zone for zone in known}
    near = known.get(name.lower()) or known.get(city.get(name.lower().replace(" ", "_"), ""))
    if near is None and "/" in name:
        hint = did_you_mean(name, known)
        near = next((zone for lower, zone in known.items() if hint == f"Did you mean '{lower}'?"), None)
    remedy = "Write it like Europe/Berlin or America/New_York." if near is None else f"Did you mean '{near}'?"
    return mistake("is no time zone of the IANA database", remedy)


def _each_once(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    for index, day in enumerate(days):
        if day in days[:index]:
            raise mistake("is there twice", "Remove one.", at=(index,))
    return days


TimeOfDay = Annotated[
    str,
    BeforeValidator(_time_of_day),
    WithJsonSchema(
        {"type": "string", "title": "time of day", "pattern": f"^({_TIME.pattern})$", "examples": ["07:00"]}
    ),
]
"""Hours and minutes of a day of 24 hours: `07:00`, `22:30`."""

Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "title": "date, time and offset",
            "pattern": f"^{_MOMENT.pattern}$",
            "examples": ["2026-12-24T18:00:00+01:00"],
        }
    ),
]
"""A point in time (RFC 3339), with its offset from UTC."""

TimeZone = Annotated[
    str,
    BeforeValidator(_time_zone),
    WithJsonSchema({"type": "string", "title": "time zone", "examples": ["Europe/Berlin"]}),
]
"""The name of a zone of the IANA database, known on this host."""

Weekdays = Annotated[tuple[Weekday, ...], Field(min_length=1), AfterValidator(_each_once)]
"""Days of the week, each once."""
