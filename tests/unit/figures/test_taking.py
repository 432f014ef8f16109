"""What a service takes of what arrives, and what becomes of the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from rollwatch.figures.faults import FigureFault, FigureRefused, Origin
from rollwatch.figures.items import Found
from rollwatch.figures.lists import WholeLists
from rollwatch.figures.slices import in_slices
from support.arriving import Arriving, added, found, observed, set_to, total
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rollwatch.figures.items import Item

SERVICES = """\
api:
  push: {token: "${env:TOKEN}"}
  figures:
    level: {type: gauge, help: A level.}
    users: {type: gauge, help: Users., labels: {plan: any}}
    sold_total: {type: counter, help: Sold.}
    kinds_total: {type: counter, help: Kinds., labels: {type: any}}
    took_seconds: {type: histogram, help: Time.}
  records:
    trades: {figures: {sold_total: {add: n}}}
"""


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    return Arriving(tmp_path, SERVICES)


def push(
    arriving: Arriving,
    *items: Item,
    whole: tuple[str, ...] = (),
    source: str = "a",
    started_at: float | None = None,
) -> list[FigureFault]:
    """Push it; the faults of what was refused."""
    refused = arriving.service().take(
        found(*items, whole=whole), Origin.PUSH, source=source, started_at=started_at
    )
    return [one.why.fault for one in refused]


def test_every_operation_does_what_it_says(arriving: Arriving) -> None:
    refused = push(
        arriving,
        set_to("level", 5),
        added("sold_total", 2),
        added("sold_total", 1),
        observed("took_seconds", 0.5),
        set_to("users", 7, "pro"),
    )

    assert refused == []
    assert arriving.shown("level") == {(): 5.0}
    assert arriving.shown("sold_total") == {(): 3.0}
    assert arriving.shown("took_seconds_count") == {(): 1.0}
    assert arriving.shown("users") == {("pro",): 7.0}


def test_what_is_wrong_is_refused_by_name_and_the_rest_is_taken(arriving: Arriving) -> None:
    refused = arriving.service().take(
        found(
            set_to("unheard_of", 1),
            added("level", 1),
            set_to("users", 1),
            added("sold_total", -1),
            observed("took_seconds", float("nan")),
            set_to("level", 5),
        ),
        Origin.PUSH,
    )

    assert [(one.figure, one.why.fault.value) for one in refused] == [
        ("unheard_of", "undeclared"),
        ("level", "wrong_operation"),
        ("users", "label_missing"),
        ("sold_total", "negative"),
        ("took_seconds", "not_a_number"),
    ]
    assert arriving.shown("level") == {(): 5.0}
    assert arriving.shown("rollwatch_figure_faults_total") == {
        ("push", fault): 1.0
        for fault in ("undeclared", "wrong_operation", "label_missing", "negative", "not_a_number")
    }


def test_what_was_refused_when_it_was_read_is_said_and_counted_as_well(arriving: Arriving) -> None:
    document = Found()
    document.refuse("level", FigureFault.NOT_FOUND, "has nothing at a")

    refused = arriving.service().take(document, Origin.JSON)

    assert [str(one.why) for one in refused] == ["not_found: has nothing at a"]
    assert arriving.shown("rollwatch_figure_faults_total") == {("json", "not_found"): 1.0}


def test_a_document_holds_only_so_much() -> None:
    document = Found()
    for number in range(60_000):
        document.put(set_to("level", number))

    assert len(document.items) == 50_000
    assert len(document.refused) == 1000
    assert {one.why.fault for one in document.refused} == {FigureFault.TOO_MANY}


# Running totals


def test_the_first_total_of_a_source_says_where_it_stands(arriving: Arriving) -> None:
    push(arriving, total("sold_total", 1000))
    assert arriving.shown("sold_total") == {(): 0.0}

    push(arriving, total("sold_total", 1003))
    push(arriving, total("sold_total", 1003))
    push(arriving, total("sold_total", 1010.5))

    assert arriving.shown("sold_total") == {(): 10.5}


def test_a_total_that_began_after_us_is_all_new(arriving: Arriving) -> None:
    began_at = arriving.clock.wall()

    push(arriving, total("sold_total", 4), source="new", started_at=began_at + 5)
    push(arriving, total("sold_total", 400), source="old", started_at=began_at - 5)

    assert arriving.shown("sold_total") == {(): 4.0}


def test_a_total_that_fell_is_a_restart_and_counts_whole(arriving: Arriving) -> None:
    for value in (100, 110, 3, 5, 0, 2):
        push(arriving, total("sold_total", value))

    assert arriving.shown("sold_total") == {(): 10 + 3 + 2 + 0 + 2}


def test_sources_count_for_themselves(arriving: Arriving) -> None:
    for first, second in ((100, 5), (101, 6), (102, 10)):
        push(arriving, total("sold_total", first), source="one")
        push(arriving, total("sold_total", second), source="two")

    assert arriving.shown("sold_total") == {(): 2 + 5}


def test_series_that_are_shown_as_other_still_are_totals_of_their_own(arriving: Arriving) -> None:
    for value in (100, 101):
        for number in range(60):
            push(arriving, total("kinds_total", value + number, f"kind-{number}"))

    shown = arriving.shown("kinds_total")
    assert shown["other",] == 10
    assert {shown[f"kind-{number}",] for number in range(50)} == {1.0}


def test_a_source_unheard_of_for_long_begins_anew(arriving: Arriving) -> None:
    push(arriving, total("sold_total", 10), source="first")
    for number in range(100):
        push(arriving, total("sold_total", 1), source=f"{number}")

    push(arriving, total("sold_total", 50), source="first")
    push(arriving, total("sold_total", 51), source="first")

    assert arriving.shown("sold_total") == {(): 1.0}


def test_a_forgotten_source_does_not_count_again_though_it_began_after_us(arriving: Arriving) -> None:
    arriving.clock.advance(10)
    began_at = arriving.clock.wall()
    for _ in range(3):
        for number in range(101):
            push(arriving, total("sold_total", 1000), source=f"{number}", started_at=began_at)
            arriving.clock.advance(0.1)

    assert arriving.shown("sold_total") == {(): 101 * 1000.0}


def test_a_new_source_counts_whole_though_an_old_one_made_room_for_it(arriving: Arriving) -> None:
    for number in range(150):
        arriving.clock.advance(60)
        push(arriving, total("sold_total", 4), source=f"{number}", started_at=arriving.clock.wall() - 30)

    assert arriving.shown("sold_total") == {(): 150 * 4.0}


def test_a_source_has_so_many_totals(arriving: Arriving) -> None:
    faults = push(arriving, *(total("kinds_total", 1, f"kind-{number}") for number in range(5001)))

    assert faults == [FigureFault.TOO_MANY]
    assert push(arriving, total("kinds_total", 2, "kind-0")) == []
    assert arriving.shown("kinds_total")["kind-0",] == 1.0


def test_all_sources_together_have_so_many_totals(arriving: Arriving) -> None:
    for source in range(14):
        push(
            arriving,
            *(total("kinds_total", 1, f"kind-{number}" * 50) for number in range(4000)),
            source=f"{source}",
        )

    assert len(arriving.service()._totals) <= 50_000


@pytest.mark.parametrize(
    ("value", "fault"),
    [(-1.0, FigureFault.NEGATIVE), (float("inf"), FigureFault.NOT_A_NUMBER), (2e15, FigureFault.TOO_LARGE)],
)
def test_a_total_that_is_refused_is_not_remembered(
    value: float, fault: FigureFault, arriving: Arriving
) -> None:
    push(arriving, total("sold_total", 10))

    assert push(arriving, total("sold_total", value)) == [fault]
    push(arriving, total("sold_total", 12))

    assert arriving.shown("sold_total") == {(): 2.0}


@pytest.mark.parametrize("labels", [(), ("a", "b")])
def test_a_total_with_other_labels_is_refused(labels: tuple[str, ...], arriving: Arriving) -> None:
    assert push(arriving, total("kinds_total", 1, *labels)) == [FigureFault.LABEL_MISSING]


def test_what_a_total_adds_can_be_asked_for_by_a_source_that_counts_itself(arriving: Arriving) -> None:
    service = arriving.service()

    assert service.growth(total("sold_total", 5), "log:app") == 0.0
    assert service.growth(total("sold_total", 8), "log:app") == 3.0
    with pytest.raises(FigureRefused, match="is no figure"):
        service.growth(total("gone_total", 8), "log:app")


# Whole lists


def test_what_is_not_in_the_list_any_more_is_gone(arriving: Arriving) -> None:
    push(arriving, set_to("users", 1, "free"), set_to("users", 2, "pro"), whole=("users",))

    push(arriving, set_to("users", 3, "pro"), whole=("users",))

    assert arriving.shown("users") == {("pro",): 3.0}
    push(arriving, whole=("users",))
    assert arriving.shown("users") == {}


def test_what_was_no_list_stays(arriving: Arriving) -> None:
    push(arriving, set_to("users", 1, "free"))

    push(arriving, set_to("users", 2, "pro"), whole=("users",))

    assert arriving.shown("users") == {("free",): 1.0, ("pro",): 2.0}


def test_lists_of_several_sources_do_not_end_each_others_series(arriving: Arriving) -> None:
    for _ in range(2):
        push(arriving, set_to("users", 1, "a"), set_to("users", 1, "both"), whole=("users",), source="one")
        push(arriving, set_to("users", 2, "b"), set_to("users", 2, "both"), whole=("users",), source="two")
    push(arriving, whole=("users",), source="one")

    assert arriving.shown("users") == {("b",): 2.0, ("both",): 2.0}


def test_a_refused_item_of_a_list_keeps_nothing_alive(arriving: Arriving) -> None:
    push(arriving, set_to("users", 1, "free"), set_to("users", 1, "pro"), whole=("users",))

    push(arriving, set_to("users", float("nan"), "free"), set_to("users", 1, "pro"), whole=("users",))

    assert arriving.shown("users") == {("pro",): 1.0}


def test_a_list_for_a_figure_that_is_gone_is_only_refused(arriving: Arriving) -> None:
    assert push(arriving, set_to("gone", 1, "a"), whole=("gone",)) == [FigureFault.UNDECLARED]


def test_lists_are_forgotten_in_the_order_they_were_heard_of() -> None:
    lists = WholeLists()
    lists.gone("users", "first", {("a",)})
    for number in range(1000):
        lists.gone("users", f"source-{number}", {("b",)})

    assert lists.gone("users", "first", set()) == set()
    assert lists.gone("users", "source-999", set()) == set()
    assert len(lists._last) == 1000


def test_a_list_of_a_figure_that_ended_is_forgotten() -> None:
    lists = WholeLists()
    lists.gone("users", "one", {("a",)})
    lists.gone("level", "one", {()})

    lists.forget("users")

    assert lists.gone("users", "one", set()) == set()
    assert lists.gone("level", "one", set()) == {()}


# Runs of probes


async def test_a_run_feeds_figures_and_records(arriving: Arriving) -> None:
    await arriving.service().take_run(
        "status", found(set_to("level", 3), set_to("gone", 1)), {"trades": [{"n": 2}, {"n": 5}], "gone": [{}]}
    )

    assert arriving.shown("level") == {(): 3.0}
    assert arriving.shown("sold_total") == {(): 7.0}
    assert arriving.shown("rollwatch_figure_faults_total") == {("json", "undeclared"): 1.0}


def test_a_list_that_says_nothing_new_keeps_what_it_said_fresh_for_as_long_as_it_is_read(
    tmp_path: Path,
) -> None:
    arriving = Arriving(
        tmp_path,
        "desk:\n"
        "  figures: {pnl: {type: gauge, help: Profit., stale_after: 90s}}\n"
        "  records: {trades: {id: id, totals: {pnl: 'sum([].net)'}}}",
    )
    desk = arriving.service("desk")
    for _ in range(20):
        asyncio.run(desk.take_run("trades", None, {"trades": [{"id": 1, "net": 3}]}))
        arriving.clock.advance(60)
        assert arriving.shown("pnl") == {(): 3.0}
        assert not desk.figures["pnl"].is_stale

    arriving.clock.advance(60)
    assert desk.figures["pnl"].is_stale
    arriving.clock.advance(360)
    assert arriving.shown("pnl") == {}


async def test_a_run_without_figures_is_taken(arriving: Arriving) -> None:
    await arriving.service().take_run("status", None, {})

    assert arriving.shown("rollwatch_figure_faults_total") == {}


async def test_a_long_delivery_lets_the_loop_live() -> None:
    clock = ManualClock()
    log: list[str] = []

    def steps() -> Iterator[None]:
        for number in range(6):
            log.append(f"step {number}")
            clock.advance(0.0006)
            yield

    async def another() -> None:
        for _ in range(6):
            log.append("another")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(in_slices(steps(), clock))
        group.create_task(another())

    assert log[:6] == ["step 0", "step 1", "another", "step 2", "step 3", "another"]


def test_a_service_that_ends_while_a_delivery_goes_on_stays_ended(arriving: Arriving) -> None:
    service = arriving.service()
    taking = service._taking(found(set_to("level", 1), set_to("level", 2)), Origin.JSON, "a", None, [])
    next(taking)
    arriving.configure("web: {}")

    for _ in taking:
        pass

    assert arriving.scraped() == ""


def test_records_nobody_declared_are_refused(arriving: Arriving) -> None:
    with pytest.raises(FigureRefused, match="undeclared: are no records of this service"):
        arriving.service().take_records("quotes", [{}])


def test_a_list_from_before_a_reload_keeps_nothing_alive(arriving: Arriving) -> None:
    push(arriving, set_to("users", 1, "a"), whole=("users",), source="ended")
    arriving.configure(SERVICES.replace("plan: any", "tier: any"))
    arriving.configure(SERVICES)
    push(arriving, set_to("users", 1, "a"), whole=("users",), source="lives")

    push(arriving, whole=("users",), source="lives")

    assert arriving.shown("users") == {}
