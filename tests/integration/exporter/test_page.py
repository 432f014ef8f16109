"""The status page and the page of a probe, as a browser is given them and a person reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest

from rollwatch.engine.view import ProductionView
from rollwatch.exporter.page import status_page
from rollwatch.exporter.page_arriving import ArrivingLine
from rollwatch.exporter.page_routes import page_routes
from rollwatch.exporter.page_strip import strip
from rollwatch.exporter.page_words import ago, duration, milliseconds, reason_words, said, shown
from rollwatch.exporter.routes import Access
from rollwatch.model import Component, Reason, Role, Verdict
from support.fake_monitor import NOW, FakeMonitor, probe, production, run, service
from support.turns import turns_of_the_loop
from support.web import Answer, ask, listening

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;{{ 7*7 }}\x00\u202e"
VOID = {"meta", "link", "input", "br", "path", "rect"}


@dataclass
class Page(HTMLParser):
    """What is on a page: its words, its elements, and whether they nest."""

    words: str = ""
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    title: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        if tag in {"td", "th"}:
            self.words += " "

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title" and "svg" not in self.open:
            self.title += data
        self.words = re.sub(r"\s+", " ", f"{self.words}{data}")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


async def get(
    view: ProductionView, target: str = "/", arriving: dict[str, tuple[ArrivingLine, ...]] | None = None
) -> tuple[Answer, Page]:
    routes = page_routes(FakeMonitor(view), frozenset(Access), lambda _: arriving or {})
    async with listening(routes=routes) as listener:
        answer = await ask(listener, target)
    page = Page()
    page.feed(answer.body)
    page.close()
    assert page.open == []
    return answer, page


UP, DOWN = run(), run(Reason.STATUS, "the answer had status 503")
ODD = run(Reason.RATE_LIMITED)

HEADLINES = {
    "all well": ([probe("a/x", UP), probe("a/y", UP)], "✓ All 2 probes are up", "all up"),
    "the one is well": ([probe("a/x", UP)], "✓ The one probe is up", "all up"),
    "one down": (
        [probe("a/x", DOWN), probe("a/y", UP)],
        "✕ 1 of 2 probes is down a/x The answer had status 503.",
        "1 down",
    ),
    "all down": ([probe("a/x", DOWN), probe("a/y", DOWN)], "✕ All 2 probes are down a/x", "2 down"),
    "down and undecided": (
        [probe("a/x", ODD), probe("a/y", DOWN), probe("a/z", UP)],
        "✕ 1 of 3 probes is down, 1 undecided a/y The answer had status 503. a/x The provider",
        "1 down",
    ),
    "undecided": (
        [probe("a/x", ODD), probe("a/y", UP)],
        "? 1 of 2 probes is undecided; the others are up a/x The provider limits our rate.",
        "1 undecided",
    ),
    "just started": (
        [probe("a/x"), probe("a/y")],
        "? All 2 probes are waiting for the first run",
        "2 undecided",
    ),
    "nothing here": ([], "? No probe runs here", "no probes"),
}


@pytest.mark.parametrize(("probes", "headline", "title"), HEADLINES.values(), ids=HEADLINES)
async def test_the_first_line_answers_whether_all_is_well(probes: list, headline: str, title: str) -> None:
    answer, page = await get(production(service("a", *probes)))
    assert answer.status == 200
    assert headline in page.words
    assert page.title == f"{title} · production · rollwatch"


async def test_of_many_that_are_down_five_are_named_and_the_rest_counted() -> None:
    _, page = await get(production(service("a", *(probe(f"a/p{n}", DOWN) for n in range(8)))))
    header = page.words.split("As of")[0]
    assert [f"a/p{n}" in header for n in range(8)] == [True] * 5 + [False] * 3
    assert "and 3 more" in header


async def test_the_worst_comes_first() -> None:
    view = production(
        service("a-up", probe("a-up/x", UP)),
        service("b-odd", probe("b-odd/x", ODD)),
        service("c-down", probe("c-down/a", UP), probe("c-down/b", DOWN), probe("c-down/c", ODD)),
    )
    answer, _ = await get(view)
    order = re.findall(r"<h2>(.*?)</h2>|aria-label=\"([\w-]+/\w)\"", answer.body)
    assert [a or b for a, b in order] == [
        "c-down",
        "c-down/b",
        "c-down/c",
        "c-down/a",
        "b-odd",
        "b-odd/x",
        "a-up",
        "a-up/x",
    ]


async def test_a_probe_tells_its_whole_story_in_words() -> None:
    view = production(
        service(
            "api",
            probe(
                "api/health",
                run(ago_s=500),
                run(Reason.STATUS, "the answer had status 500", ago_s=310),
                run(Reason.STATUS, "the answer had status 503", ago_s=5, took_s=1.234),
                components=[
                    Component("cache", True, False, "ok"),
                    Component("search", False, False, "timeout"),
                    Component("db", False, True, "down: refused"),
                ],
                role=Role.PRIMARY,
                kind="provider",
                next_in_s=10,
            ),
            version="2.0.0",
            version_changed_at=NOW - 7500,
            owner="backend",
        )
    )
    answer, page = await get(view)
    for words in (
        "version 2.0.0 since 2 h 5 min",
        "owner backend",
        "health provider, primary",
        "Down for 5 min",
        "The answer had status 503.",
        "2 of 3 components down: db (critical, down: refused), search (timeout).",
        "took 1.23 s",
        "ran 5 s ago",
        "next in 10 s",
        "Last 3 runs: 1 up, 2 down; last down 5 s ago.",
    ):
        assert words in page.words, words
    assert (
        '<time datetime="2026-05-28T20:21:30Z" title="2026-05-28 20:21:30 UTC">for 5 min</time>'
        in answer.body
    )


@pytest.mark.parametrize(
    ("shown_probe", "words"),
    [
        (probe("a/x", ODD), "The provider limits our rate. This says nothing about its health"),
        (
            probe("a/x", run(Reason.CREDENTIALS_REJECTED, "the answer had status 401")),
            "Check the secret that",
        ),
        (
            probe("a/x", UP, ODD, verdict=Verdict.UP),
            "The newest run was undecided: The provider limits our rate.",
        ),
        (probe("a/x"), "It has not run yet. Its first run comes within one interval."),
        (probe("a/x", UP, next_in_s=-60), "overdue by 1 min"),
        (probe("a/x", UP, next_in_s=-3), "due now"),
    ],
)
async def test_what_is_undecided_or_late_is_explained(shown_probe: object, words: str) -> None:
    _, page = await get(production(service("a", shown_probe)))
    assert words in page.words


async def test_people_are_led_on_to_logs_runbooks_and_status_pages() -> None:
    theirs, ours = "https://status.example.com/?a=1&b=2", "https://logs.example.com/api"
    massive = probe("data/massive", run(), status_page=theirs)
    view = production(service("data", massive, links={"logs_url": ours, "status_page": theirs}))
    _, page = await get(view)
    assert "logs status page" in page.words
    assert [a["href"] for a in page.all("a") if str(a["href"]).startswith("https:")] == [ours, theirs]
    _, page = await get(view, "/probe?id=data/massive")
    assert theirs in [a["href"] for a in page.all("a")]


async def test_trouble_of_rollwatch_itself_is_said_above_all() -> None:
    view = production(
        service("a", probe("a/x", UP)), config_problem="f.yml:3: bad\nf.yml:4: worse", loop_lag_s=0.8
    )
    _, page = await get(view)
    assert "The newest configuration was refused; the one loaded 2 h ago stays in force" in page.words
    assert "f.yml:3: bad f.yml:4: worse" in page.words
    assert "rollwatch itself ran up to 800 ms late in the last minute" in page.words
    _, page = await get(production(service("a", probe("a/x", UP))))
    assert "refused" not in page.words
    assert "late in the last minute" not in page.words


HOSTILE_VIEW = production(
    service(
        "a",
        probe(
            "a/x",
            run(Reason.BODY_MISMATCH, HOSTILE + "x" * 100_000),
            target="https://e.example/" + HOSTILE,
            components=[Component(HOSTILE + str(n), False, True, HOSTILE) for n in range(5000)],
        ),
        version=HOSTILE + "v" * 10_000,
        owner=HOSTILE,
    ),
    config_problem=(HOSTILE + "\n") * 1000,
)


@pytest.mark.parametrize("target", ["/", "/probe?id=a/x", "/probe?id=%3Cscript%3Ealert(1)%3C/script%3E"])
async def test_remote_text_is_text_and_has_an_end(target: str) -> None:
    answer, page = await get(HOSTILE_VIEW, target)
    assert not page.all("script")
    assert not page.all("img")
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert ("{{ 7*7 }}" in page.words) is (answer.status == 200)
    assert "\u202e" not in answer.body
    assert "\x00" not in answer.body
    assert len(answer.body) < 250_000


async def test_a_service_that_only_sends_is_not_undecided_and_says_what_it_sends() -> None:
    view = production(service("sends"), service("silent"), service("web", probe("web/x", UP)))
    lines = {
        "sends": (ArrivingLine("3 figures; the last value came 2 s ago", "", "api/metrics?service=sends"),),
        "web": (ArrivingLine("1 kind of script error", HOSTILE, "api/monitoring/errors?service=web"),),
    }
    _, page = await get(view, arriving=lines)
    order = [page.words.index(text) for text in ("silent", "web", "sends")]
    assert order == sorted(order), "what is undecided first, what is not probed last"
    assert "sends 3 figures; the last value came 2 s ago" in page.words
    assert page.words.count("No probe of this service runs") == 1
    links = {attrs.get("href") for attrs in page.all("a")}
    assert {"api/metrics?service=sends", "api/monitoring/errors?service=web"} <= links
    assert "<script>alert(1)" in page.words, "escaped"
    assert not page.all("script")


@pytest.mark.parametrize("target", ["/", "/probe?id=a/x"])
async def test_a_page_keeps_to_its_content_security_policy(target: str) -> None:
    view = production(service("a", probe("a/x", UP, DOWN)))
    async with listening(routes=page_routes(FakeMonitor(view), frozenset(Access))) as listener:
        answer = await ask(listener, target)
        page = Page()
        page.feed(answer.body)
        loaded = [attrs["href"] for attrs in page.all("link")]
        files = [await ask(listener, urljoin(target, href)) for href in loaded if href]
    assert not page.all("script")
    assert not page.all("style")
    assert not any("style" in attrs for _, attrs in page.elements)
    assert [file.status for file in files] == [200, 200]
    assert [file.headers["Content-Type"] for file in files] == ["text/css", "image/svg+xml"]
    assert all("immutable" in file.headers["Cache-Control"] for file in files)
    links = [attrs.get("href") for tag, attrs in page.elements if tag in ("a", "link")]
    assert not [href for href in links if href and "://" in href]


async def test_a_file_that_changed_has_another_address_and_an_old_one_is_gone() -> None:
    view = production(service("a", probe("a/x", UP)))
    async with listening(routes=page_routes(FakeMonitor(view), frozenset(Access))) as listener:
        href = re.search(r"static/style\.[0-9a-f]{12}\.css", (await ask(listener)).body)
        assert href is not None
        etag = (await ask(listener, f"/{href[0]}")).headers["ETag"]
        assert (await ask(listener, f"/{href[0]}", headers={"If-None-Match": etag})).status == 304
        for gone in ("/static/style.css", "/static/style.000000000000.css", "/static/..%2Fpage.py"):
            assert (await ask(listener, gone)).status == 404


@pytest.mark.parametrize(
    ("query", "refresh"),
    [("", "15"), ("refresh=0", None), ("refresh=60", "60"), ("refresh=1", "5"), ("refresh=99999", "3600")]
    + [(f"refresh={bad}", "15") for bad in ("x", "-5", "1e3", "%D9%A3", "9" * 50)],
)
@pytest.mark.parametrize("target", ["/?", "/probe?id=a/x&"])
async def test_a_page_refreshes_itself_until_it_is_paused(
    target: str, query: str, refresh: str | None
) -> None:
    _, page = await get(production(service("a", probe("a/x", UP))), target + query)
    found = [attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv") == "refresh"]
    assert found == ([refresh] if refresh else [])
    # There is a way to the other state, and it stays on the page.
    wanted = "refresh=0" if refresh else "refresh=15"
    href = next(attrs["href"] or "" for attrs in page.all("a") if wanted in (attrs["href"] or ""))
    assert urljoin(f"http://h{target}", href).startswith(f"http://h{target}")


async def test_a_page_can_be_heard() -> None:
    _, page = await get(production(service("a", probe("a/x", UP, DOWN), probe("a/y", ODD))))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert page.all("main")
    marks = [attrs for attrs in page.all("svg") if attrs.get("role") == "img"]
    assert [attrs["aria-label"] for attrs in marks] == [
        "Last 2 runs: 1 up, 1 down; last down 5 s ago.",
        "The one run so far: 1 undecided.",
    ]
    # The states are words, and not colours alone.
    assert [page.words.count(word) > 0 for word in ("Up", "Down", "Undecided")] == [True] * 3


async def test_the_page_of_a_probe_has_its_phases_its_runs_and_a_button() -> None:
    runs = [run(ago_s=20), run(Reason.TIMEOUT, "no answer after 5 s", ago_s=5)]
    answer, page = await get(
        production(service("api", probe("api/health", *runs, skipped_runs=3))), "/probe?id=api/health"
    )
    assert answer.status == 200
    assert page.title == "Down: api/health · production · rollwatch"
    for words in (
        "connect 31 ms",
        "processing 62 ms",
        "20:26:20",
        "20:26:35",
        "No answer after 5 s.",
        "3 runs",
    ):
        assert words in page.words, words
    assert page.all("form") == [{"method": "post", "action": "debug/probe"}]
    assert {"type": "hidden", "name": "probe", "value": "api/health"} in page.all("input")
    assert page.words.index("20:26:35") < page.words.index("20:26:20")


@pytest.mark.parametrize("target", ["/probe", "/probe?id=", "/probe?id=a/nope"])
async def test_a_probe_that_is_not_there_is_said_so_on_a_page(target: str) -> None:
    answer, page = await get(production(service("a", probe("a/x", UP))), target)
    assert answer.status == 404
    assert "There is no such probe here." in page.words


class TickingClock:
    """A millisecond passes with every look at it."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now

    def wall(self) -> float:
        return NOW


async def test_a_large_production_lets_the_loop_turn_while_its_page_is_written() -> None:
    many = [service(f"s{n:03}", *(probe(f"s{n:03}/p{k}", *[UP] * 60) for k in range(10))) for n in range(100)]
    await status_page(production(), 0)
    async with turns_of_the_loop() as turns:
        body = await status_page(production(*many), 0, clock=TickingClock())
        assert len(turns) > 1000
    assert "All 1000 probes are up" in body
    assert len(body) < 2_500_000


# words


def test_every_reason_has_words() -> None:
    assert all(reason_words(reason) for reason in Reason)


DURATIONS = {
    -3: "0 s",
    0.4: "0 s",
    59.9: "59 s",
    60: "1 min",
    3599: "59 min",
    3600: "1 h",
    12000: "3 h 20 min",
    39600: "11 h",
    86400: "24 h",
    129600: "1 day",
    200000: "2 days",
}


@pytest.mark.parametrize(("seconds", "words"), DURATIONS.items())
def test_durations_are_rounded_down_to_what_matters(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_moments_are_said_relative_to_now() -> None:
    assert [ago(at, 1000.0) for at in (1000.5, 990.0, 1012.0)] == ["now", "10 s ago", "in 12 s"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0004, "0.4 ms"), (0.01, "10 ms"), (0.9994, "999 ms"), (0.9996, "1.00 s"), (12.345, "12.35 s")],
)
def test_short_times_have_three_figures_at_most(seconds: float, words: str) -> None:
    assert milliseconds(seconds) == words


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("", "No answer in time."),
        ("no answer after 5 s", "No answer after 5 s."),
        ("api.example.com refused", "api.example.com refused."),
        ("Is that all?", "Is that all?"),
    ],
)
def test_a_run_says_a_whole_sentence(detail: str, sentence: str) -> None:
    assert said(run(Reason.TIMEOUT, detail), 300) == sentence


def test_text_is_one_clean_line_of_bounded_length() -> None:
    assert shown("a\r\nb\x1b[31mc\ud800d\u200be", 100) == "a b [31mc d e"
    assert shown("x" * 1000, 10) == "x" * 9 + "…"


def test_marks_differ_by_height_and_the_newest_is_at_the_right() -> None:
    marks = strip([run(), ODD, DOWN], NOW)
    assert dict(marks.paths) == {
        "up": "M285 12h4v8h-4z",
        "unknown": "M290 6h4v14h-4z",
        "down": "M295 0h4v20h-4z",
    }
    assert strip([], NOW).label == "No run yet."
