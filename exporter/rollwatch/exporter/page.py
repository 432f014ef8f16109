"""The pages as HTML: all that is printed is bounded here, and escaped by the template engine."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

import jinja2

from rollwatch.clock import SystemClock
from rollwatch.exporter import page_model
from rollwatch.exporter.page_static import page_files
from rollwatch.exporter.page_strip import HEIGHT, WIDTH
from rollwatch.exporter.page_words import VERDICT_WORDS, ago, clock_time, iso, milliseconds, said, shown, utc
from rollwatch.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.clock import Clock
    from rollwatch.engine.view import Explained, ProbeView, ProductionView
    from rollwatch.exporter.page_arriving import ArrivingLine
    from rollwatch.model import Phase

__all__ = ["explained_page", "message_page", "probe_page", "status_page"]

_SLICE_S = 0.005


async def status_page(
    view: ProductionView,
    refresh_s: int,
    *,
    arriving: Mapping[str, tuple[ArrivingLine, ...]] | None = None,
    clock: Clock | None = None,
) -> str:
    """The page at `/`, reloaded by the browser every `refresh_s` seconds unless that is 0.

    Lets the loop turn every few milliseconds.
    """
    clock = clock or SystemClock()
    pieces = (await _template("status")).generate(
        view=view,
        headline=page_model.headline(view),
        notices=page_model.notices(view),
        services=page_model.service_cards(view, arriving or {}),
        refresh_s=refresh_s,
    )
    written: list[str] = []
    until = clock.monotonic() + _SLICE_S
    for piece in pieces:
        written.append(piece)
        if clock.monotonic() >= until:
            await asyncio.sleep(0)
            until = clock.monotonic() + _SLICE_S
    return "".join(written)


async def probe_page(view: ProductionView, probe: ProbeView, refresh_s: int) -> str:
    """The page of one probe."""
    return (await _template("probe")).render(
        view=view,
        probe=probe,
        row=page_model.probe_row(probe, view.generated_at),
        phases=_bars({} if probe.last is None else probe.last.phases),
        runs=[
            (
                run.started_at,
                run.verdict.value,
                VERDICT_WORDS[run.verdict],
                run.duration_s,
                "" if run.verdict is Verdict.UP else said(run, 1000),
            )
            for run in reversed(probe.recent)
        ],
        components=[
            (shown(c.name, 64), c.is_up, c.is_critical, shown(c.word, 200)) for c in probe.components[:200]
        ],
        refresh_s=refresh_s,
    )


async def explained_page(explained: Explained) -> str:
    """What a run on demand found, as the answer to `POST debug/probe`."""
    record = explained.record
    return (await _template("explained")).render(
        root="../",
        explained=explained,
        target=shown(explained.target, 500),
        word=VERDICT_WORDS[record.verdict],
        why=said(record, 1000),
        phases=_bars(record.phases),
        notes=[(shown(name, 100), shown(value, 1000)) for name, value in explained.notes],
    )


async def message_page(message: str, remedy: str, *, root: str = "") -> str:
    """One message, and what to do. `root` leads from the page's address to that of the status page."""
    return (await _template("message")).render(message=message, remedy=remedy, root=root)


def _bars(phases: Mapping[Phase, float]) -> list[tuple[str, str, float, float]]:
    """(phase, time, start, width) with start and width in percent of all phases together."""
    total = sum(phases.values()) or 1.0
    bars = []
    start = 0.0
    for phase, spent in phases.items():
        width = 100 * spent / total
        bars.append((phase.value, milliseconds(spent), round(start, 2), round(max(width, 0.5), 2)))
        start += width
    return bars


async def _template(name: str) -> jinja2.Template:
    if not _templates.cache_info().currsize:
        await asyncio.to_thread(_templates)
    return _templates()[name]


@cache
def _templates() -> Mapping[str, jinja2.Template]:
    """Every page, read and compiled: some 50 ms, which is too long for the loop."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rollwatch.exporter"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(root="", static=page_files().url, strip_width=WIDTH, strip_height=HEIGHT)
    environment.filters.update(ago=ago, clock_time=clock_time, iso=iso, utc=utc, milliseconds=milliseconds)
    for name in ("base.html", "parts.html"):
        environment.get_template(name)
    names = ("status", "probe", "explained", "message")
    # Their addresses are in every page.
    page_files().load()
    return {name: environment.get_template(f"{name}.html") for name in names}
