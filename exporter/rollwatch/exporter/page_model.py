"""What the status page says, worked out from a `ProductionView`: order, words and counts, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.exporter.page_strip import Strip, strip
from rollwatch.exporter.page_words import (
    VERDICT_WORDS,
    ago,
    duration,
    milliseconds,
    reason_words,
    said,
    sentence,
    shown,
)
from rollwatch.model import Reason, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rollwatch.engine.view import ProbeView, ProductionView, ServiceView
    from rollwatch.exporter.page_arriving import ArrivingLine
    from rollwatch.model import Component

__all__ = ["Headline", "ProbeRow", "ServiceCard", "headline", "notices", "probe_row", "service_cards"]

_WORST_FIRST = {Verdict.DOWN: 0, Verdict.UNKNOWN: 1, Verdict.UP: 2}
_NAMED_AT_MOST = 5
_COMPONENTS_AT_MOST = 8
_TEXT_LIMIT = 300
_LAG_WORTH_SAYING_S = 0.25
_OVERDUE_AFTER_S = 5.0

_LINK_WORDS = {
    "logs_url": "logs",
    "dashboard_url": "dashboard",
    "runbook_url": "runbook",
    "status_page": "status page",
}
_WHAT_TO_DO = {
    Reason.NOT_STARTED: "Its first run comes within one interval.",
    Reason.RATE_LIMITED: "This says nothing about its health; it is asked again when it allows that.",
    Reason.CREDENTIALS_REJECTED: "Check the secret that the probe sends.",
    Reason.SECRET_UNAVAILABLE: "Check that the file or variable is there and may be read.",
    Reason.RESOLVER_FAILED: "Check DNS on the host rollwatch runs on.",
    Reason.OWN_NETWORK: "Check the network of the host rollwatch runs on.",
    Reason.OWN_RESOURCES: "Check limits of open files and memory on the host rollwatch runs on.",
    Reason.OVERLOADED: "Give rollwatch more CPU, or longer intervals.",
    Reason.INTERNAL_ERROR: "The log of rollwatch has the details; please report it.",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer to "is all well?", in one sentence, and which probes it is about."""

    verdict: str
    text: str
    title: str
    named: tuple[tuple[str, str], ...]
    """(probe id, why), worst first."""
    unnamed: int
    """How many more there are."""


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One probe as the page shows it."""

    id: str
    name: str
    kind: str
    target: str
    verdict: str
    word: str
    since_at: float | None
    since: str
    """`for 5 min`; empty before the first run."""
    trouble: str
    """What is wrong, as one sentence or two; empty while all is well."""
    remedy: str
    took: str
    last_at: float | None
    last: str
    next: str
    is_overdue: bool
    strip: Strip
    components: str
    """Which parts are down, in words."""


@dataclass(frozen=True, slots=True)
class ServiceCard:
    """One service as the page shows it."""

    name: str
    owner: str
    verdict: str
    """Empty where nothing is probed and figures arrive."""
    word: str
    version: str
    version_at: float | None
    version_since: str
    links: tuple[tuple[str, str], ...]
    """(what is there, address)."""
    is_empty: bool
    arriving: tuple[ArrivingLine, ...]
    """What comes to it by itself."""
    probes: Iterator[ProbeRow]
    """Worked out one by one, as the page is written."""


def headline(view: ProductionView) -> Headline:
    """What to say first."""
    probes = [probe for service in view.services for probe in service.probes]
    down = _those(probes, Verdict.DOWN)
    unknown = _those(probes, Verdict.UNKNOWN)
    total = len(probes)
    named = [(probe.id, trouble(probe, 120)) for probe in (*down, *unknown)]
    shown_ones, unnamed = tuple(named[:_NAMED_AT_MOST]), max(0, len(named) - _NAMED_AT_MOST)
    if not total:
        return Headline("unknown", "No probe runs here", "no probes", (), 0)
    if down:
        text = f"{_count(len(down), total)} down"
        if unknown:
            text += f", {len(unknown)} undecided"
        return Headline("down", text, f"{len(down)} down", shown_ones, unnamed)
    if unknown:
        waiting = all(probe.last is None for probe in unknown)
        word = "waiting for the first run" if waiting else "undecided"
        rest = "; the others are up" if len(unknown) < total else ""
        text = f"{_count(len(unknown), total)} {word}{rest}"
        return Headline("unknown", text, f"{len(unknown)} undecided", shown_ones, unnamed)
    text = "The one probe is up" if total == 1 else f"All {total} probes are up"
    return Headline("up", text, "all up", (), 0)


def notices(view: ProductionView) -> list[tuple[str, str]]:
    """What is wrong with rollwatch itself: (title, text)."""
    found = []
    if view.config_problem is not None:
        since = ago(view.config_loaded_at, view.generated_at)
        title = f"The newest configuration was refused; the one loaded {since} stays in force"
        found.append((title, "\n".join(shown(line, 400) for line in view.config_problem.splitlines()[:20])))
    if view.loop_lag_s >= _LAG_WORTH_SAYING_S:
        title = f"rollwatch itself ran up to {milliseconds(view.loop_lag_s)} late in the last minute"
        text = "Measured times may be too long, and runs end undecided. Give it more CPU or longer intervals."
        found.append((title, text))
    return found


def service_cards(
    view: ProductionView, arriving: Mapping[str, tuple[ArrivingLine, ...]]
) -> Iterator[ServiceCard]:
    """Every service, worst first; its probes likewise. Each is worked out when it is asked for.

    A service without probes that others speak of (`arriving`, by service) is not undecided, and comes last.
    """

    def order(service: ServiceView) -> tuple[bool, int, str]:
        return (_speaks_for_itself(service, arriving), _WORST_FIRST[service.verdict], service.name)

    return (
        _card(service, arriving.get(service.name, ()), view.generated_at)
        for service in sorted(view.services, key=order)
    )


def _speaks_for_itself(service: ServiceView, arriving: Mapping[str, tuple[ArrivingLine, ...]]) -> bool:
    return not service.probes and bool(arriving.get(service.name))


def probe_row(probe: ProbeView, now: float) -> ProbeRow:
    """One probe in words, at the moment `now`."""
    last = probe.last
    late_s = 0.0 if probe.next_run_at is None else now - probe.next_run_at
    # A run that is under way has made its tick the past one: its timeout may pass first.
    is_overdue = late_s > probe.timeout_s + _OVERDUE_AFTER_S
    return ProbeRow(
        id=probe.id,
        name=probe.name,
        kind=probe.kind if probe.role is Role.NONE else f"{probe.kind}, {probe.role.value}",
        target=shown(probe.target, _TEXT_LIMIT),
        verdict=probe.verdict.value,
        word=VERDICT_WORDS[probe.verdict],
        since_at=probe.since_at,
        since="" if probe.since_at is None else f"for {duration(now - probe.since_at)}",
        trouble=trouble(probe, _TEXT_LIMIT),
        remedy=_remedy(probe),
        took="" if last is None else milliseconds(last.duration_s),
        last_at=None if last is None else last.started_at,
        last="" if last is None else ago(last.started_at, now),
        next=_next(probe.next_run_at, now, is_overdue=is_overdue),
        is_overdue=is_overdue,
        strip=strip(probe.recent, now),
        components=_components(probe.components),
    )


def trouble(probe: ProbeView, limit: int) -> str:
    """What the newest run found wrong; empty when it was up, or there was none."""
    if probe.last is None:
        return sentence(reason_words(Reason.NOT_STARTED)) if probe.verdict is Verdict.UNKNOWN else ""
    if probe.last.verdict is Verdict.UP:
        return "" if probe.verdict is Verdict.UP else "The newest run was up."
    words = said(probe.last, limit)
    if probe.last.verdict is probe.verdict:
        return words
    return f"The newest run was {VERDICT_WORDS[probe.last.verdict].lower()}: {words}"


def _remedy(probe: ProbeView) -> str:
    reason = Reason.NOT_STARTED if probe.last is None else probe.last.reason
    return _WHAT_TO_DO.get(reason, "")


def _next(at: float | None, now: float, *, is_overdue: bool) -> str:
    if at is None:
        return ""
    if is_overdue:
        return f"overdue by {duration(now - at)}"
    return "due now" if at <= now + 1 else f"next {ago(at, now)}"


def _components(components: Sequence[Component]) -> str:
    down = sorted((c for c in components if not c.is_up), key=lambda c: (not c.is_critical, c.name))
    if not down:
        return ""
    named = ", ".join(_component(component) for component in down[:_COMPONENTS_AT_MOST])
    more = f" and {len(down) - _COMPONENTS_AT_MOST} more" if len(down) > _COMPONENTS_AT_MOST else ""
    return f"{len(down)} of {len(components)} components down: {named}{more}."


def _component(component: Component) -> str:
    name, word = shown(component.name, 64), shown(component.word, 80)
    notes = [*(["critical"] if component.is_critical else []), *([word] if word else [])]
    return f"{name} ({', '.join(notes)})" if notes else name


def _card(service: ServiceView, arriving: tuple[ArrivingLine, ...], now: float) -> ServiceCard:
    rows = sorted(service.probes, key=lambda probe: (_WORST_FIRST[probe.verdict], probe.name))
    changed_at = service.version_changed_at
    return ServiceCard(
        name=service.name,
        owner=shown(service.owner or "", 128),
        verdict="" if arriving and not rows else service.verdict.value,
        word=VERDICT_WORDS[service.verdict],
        version=shown(service.version or "", 80),
        version_at=changed_at,
        version_since="" if changed_at is None else f"since {duration(now - changed_at)}",
        links=tuple((_LINK_WORDS.get(name, name), url) for name, url in service.links.items()),
        is_empty=not rows,
        arriving=arriving,
        probes=(probe_row(probe, now) for probe in rows),
    )


def _those(probes: Iterable[ProbeView], verdict: Verdict) -> list[ProbeView]:
    return sorted((probe for probe in probes if probe.verdict is verdict), key=lambda probe: probe.id)


def _count(some: int, total: int) -> str:
    if total == 1:
        return "The one probe is"
    if some == total:
        return f"All {total} probes are"
    return f"{some} of {total} probes {'is' if some == 1 else 'are'}"
