"""A hundred thousand of everything that somebody may make up: what is kept of it is bounded."""

from __future__ import annotations

from itertools import product

from rollwatch.ingest.browser.agents import browser_of
from rollwatch.ingest.browser.beacon import ErrorEvent, ViewEvent, parse_beacon
from rollwatch.ingest.browser.replays import Replays
from rollwatch.ingest.browser.sessions import Sessions
from support.browser_intake import SECRET, Browsers, beacon, browser_config
from support.manual_clock import ManualClock

BEACONS = 2000
EVENTS = 50
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["".join(letters) for letters in product(LETTERS, repeat=4)][: BEACONS * EVENTS]
"""No digits, so that none is taken for an id or a number."""


async def test_distinct_routes_errors_agents_and_releases_are_bounded() -> None:
    browsers = Browsers(browser_config(routes=["/"], goals=["signup"], ignore_errors={"none": "^$"}))
    at_work = browsers.intake._applications["web"]
    frame = parse_beacon(beacon(device="desktop", session_age_s=400))
    words = iter(WORDS)
    sizes = []
    for index in range(BEACONS):
        # 20 a second are looked at: what is behind that is flooded, too.
        browsers.clock.advance(0.2)
        made_up = [next(words) for _ in range(EVENTS)]
        errors = [
            ErrorEvent.model_construct(
                type="error", kind="error", name="Error", message=word, stack=f"at {word} (https://h/{word}.js:1:1)",
                first=True, path=f"/{word}", route=None,
            )
            for word in made_up
        ]  # fmt: skip
        views = [ViewEvent.model_construct(type="view", path=f"/{word}", route=None) for word in made_up]
        flood = frame.model_copy(
            update={
                "events": (*errors, *views),
                "session": f"session-{index}",
                "release": made_up[0],
            }
        )
        agent = f"Mozilla/5.0 Chrome/{index} {made_up[0]}"
        at_work.take(flood, await at_work.examine(flood), browser_of(agent))
        await browsers.intake.work()
        sizes.append(browsers.store.series)
    assert browsers.shown("all_errors_total")["error",] == BEACONS * EVENTS
    assert sum(browsers.shown("errors_total").values()) == BEACONS * EVENTS
    assert sum(browsers.shown("page_views_total").values()) == BEACONS * EVENTS
    assert len({group for group, _ in browsers.shown("errors_total")}) == 51
    assert len({route for route, _ in browsers.shown("page_views_total")}) == 52
    assert len(set(sizes[BEACONS // 2 :])) == 1, "it has stopped to grow long ago"

    groups = browsers.intake.errors()["web"]
    assert len(groups) == 200
    assert max(len(group["releases"]) for group in groups) <= 8
    assert max(len(group["browsers"]) for group in groups) <= 8
    errors_at_work = at_work._errors
    assert len(errors_at_work._examiner) == 1000
    assert len(errors_at_work._series) == 51
    assert len(errors_at_work._series._first_seen) <= 2000
    assert len(errors_at_work._reports._told) == 200
    assert len(at_work._pages) == 52
    assert len(at_work._pages._by_place) <= 2000


def test_distinct_sessions_and_beacons_are_bounded() -> None:
    clock = ManualClock()
    ended: list[float] = []
    sessions = Sessions(clock, lambda _, lasted_s: ended.append(lasted_s), secret=SECRET)
    replays = Replays(clock, secret=SECRET)
    for index in range(100_000):
        sessions.hear(f"session-{index}", 1.0, "mobile")
        replays.remember(f"beacon-{index}")
    assert len(sessions) == len(replays) == 50_000
    clock.advance(301)
    while sessions.sweep():
        pass
    clock.advance(1800)
    while sessions.sweep():
        pass
    assert (len(sessions), len(ended)) == (0, 50_000)
