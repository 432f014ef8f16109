"""The inbox as a page: newest first, by channel, escaped by the template engine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import jinja2

from rollwatch.demo.production.inbox_messages import Channel

if TYPE_CHECKING:
    from rollwatch.demo.production.inbox_messages import Inbox

__all__ = ["page", "shipped"]

_REFRESH_S = 5
_TITLES = {
    Channel.SLACK: "Slack",
    Channel.SMS: "SMS",
    Channel.PAGER: "Pager",
    Channel.EMAIL: "E-mail",
    Channel.WEBHOOK: "Webhook",
    Channel.SENTRY: "Sentry",
    Channel.DATADOG: "Datadog",
}


async def page(inbox: Inbox, channel: Channel | None, now: float, *, is_paused: bool) -> str:
    """What is kept, or what came by one channel. `now` in Unix seconds."""
    if not _template.cache_info().currsize:
        await asyncio.to_thread(_template)
    counts = inbox.counts()
    return _template().render(
        channel=channel,
        channels=[(each, _TITLES[each], counts[each]) for each in Channel],
        kept=sum(counts.values()),
        messages=list(inbox.newest_first(channel)),
        now=now,
        refresh_s=0 if is_paused else _REFRESH_S,
        taken=inbox.taken,
        titles=_TITLES,
        watchdog_at=inbox.heartbeat_at,
    )


async def shipped(name: str) -> str:
    """A file of the page's."""
    return await asyncio.to_thread(_read, name)


def _read(name: str) -> str:
    return resources.files("rollwatch.demo.production").joinpath("page", name).read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    """Read and compiled once."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(clock_time=_clock_time, iso=_iso, ago=_ago)
    return environment.from_string(_read("inbox.html"))


def _clock_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _ago(at: float, now: float) -> str:
    seconds = max(0, round(now - at))
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"
