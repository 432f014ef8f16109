"""Reloads: what is gone or has another shape ends, what did not change goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from rollwatch.figures.board import Board
from rollwatch.metrics.store import Store
from support.arriving import Arriving
from support.manual_clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = """\
api:
  push: {token: "${env:TOKEN}"}
  figures:
    level: {type: gauge, help: A level.}
    users: {type: gauge, help: Users., labels: {plan: any}}
    sold_total: {type: counter, help: Sold.}
web:
  figures:
    users: {type: gauge, help: Users., labels: {plan: any}}
"""


@pytest.fixture
def arriving(tmp_path: Path) -> Arriving:
    arriving = Arriving(tmp_path, SERVICES)
    arriving.figure("level").set((), 5)
    arriving.figure("users").set(("pro",), 7)
    arriving.figure("sold_total").add((), 3)
    arriving.figure("users", "web").set(("pro",), 70)
    return arriving


def test_the_same_configuration_changes_nothing(arriving: Arriving) -> None:
    arriving.configure(SERVICES)

    assert arriving.shown("level") == {(): 5.0}
    assert arriving.shown("sold_total") == {(): 3.0}
    assert arriving.shown("users", service="api") == {("pro",): 7.0}
    assert arriving.shown("users", service="web") == {("pro",): 70.0}


def test_a_new_figure_disturbs_no_other(arriving: Arriving) -> None:
    arriving.configure(SERVICES.replace("web:", "    extra: {type: gauge, help: Extra.}\nweb:"))

    assert arriving.shown("sold_total") == {(): 3.0}
    assert ("extra", "gauge") in arriving.shown("rollwatch_figure_info")


@pytest.mark.parametrize(
    "said",
    [
        "{type: gauge, help: A level., limits: {P1: {above: 1}}}",
        "{type: gauge, help: A level., stale_after: 1h}",
        "{type: gauge, help: A level., expire_after: 1h}",
        "{type: gauge, help: A level., first_seen: true}",
    ],
)
def test_what_is_normal_for_a_figure_can_change_without_its_values(said: str, arriving: Arriving) -> None:
    arriving.configure(SERVICES.replace("{type: gauge, help: A level.}", said))

    assert arriving.shown("level") == {(): 5.0}


def test_a_new_time_to_be_stale_is_shown_and_obeyed(arriving: Arriving) -> None:
    arriving.configure(SERVICES.replace("help: A level.", "help: A level., stale_after: 10s"))
    arriving.clock.advance(30)

    assert arriving.shown("rollwatch_figure_stale_after_seconds")["level",] == 10.0
    assert arriving.figure("level").is_stale
    arriving.clock.advance(11)
    assert arriving.shown("level") == {}


def test_another_type_begins_anew(arriving: Arriving) -> None:
    arriving.configure(
        SERVICES.replace("sold_total: {type: counter", "sold: {type: gauge").replace(
            "level: {type: gauge, help: A level.}", "level: {type: histogram, help: Levels., buckets: [1]}"
        )
    )
    arriving.figure("sold").set((), 1)

    assert arriving.shown("level") == {}
    assert arriving.shown("level_count") == {(): 0.0}
    assert arriving.shown("sold") == {(): 1.0}
    assert arriving.shown("sold_total") == {}


def test_a_name_that_was_a_counter_may_become_a_gauge_of_the_family_name(arriving: Arriving) -> None:
    arriving.configure(SERVICES.replace("sold_total: {type: counter", "sold: {type: gauge"))
    arriving.figure("sold").set((), 1)
    arriving.configure(SERVICES)

    families = {family.name: family.type for family in parse_text(arriving.scraped())}

    assert families["sold"] == "counter"


def test_other_labels_begin_anew_in_every_service(arriving: Arriving) -> None:
    arriving.configure(SERVICES.replace("labels: {plan: any}", "labels: {tier: any}"))

    assert arriving.shown("users") == {}
    arriving.figure("users").set(("gold",), 1)
    arriving.figure("users", "web").set(("gold",), 2)
    assert arriving.shown("users", service="web") == {("gold",): 2.0}


def test_a_shape_moves_from_one_service_to_the_other_in_one_reload(arriving: Arriving) -> None:
    arriving.configure(
        """\
api:
  figures: {other: {type: gauge, help: Other., labels: {plan: any}}}
web:
  figures: {users: {type: histogram, help: Users., buckets: [1]}}
"""
    )

    assert arriving.shown("users_count") == {(): 0.0}
    assert arriving.shown("users") == {}


def test_another_help_is_shown(arriving: Arriving) -> None:
    arriving.configure(SERVICES.replace("A level.", "How high it is."))
    arriving.figure("level").set((), 1)

    assert "# HELP level How high it is.\n" in arriving.scraped()


def test_other_buckets_begin_anew(tmp_path: Path) -> None:
    text = "api: {figures: {size: {type: histogram, help: Size., buckets: [1, 2]}}}"
    arriving = Arriving(tmp_path, text)
    arriving.figure("size").observe((), 1)

    arriving.configure(text.replace("[1, 2]", "[1, 4]"))

    assert set(arriving.shown("size_bucket")) == {("1.0",), ("4.0",), ("+Inf",)}
    assert arriving.shown("size_count") == {(): 0.0}


def test_services_may_have_other_buckets_for_one_metric(tmp_path: Path) -> None:
    one = "figures: {size: {type: histogram, help: Size., buckets: [1]}}"
    arriving = Arriving(tmp_path, f"api: {{{one}}}\nweb: {{{one.replace('[1]', '[2]')}}}")

    assert set(arriving.shown("size_bucket", service="web")) == {("2.0",), ("+Inf",)}
    assert set(arriving.shown("size_bucket", service="api")) == {("1.0",), ("+Inf",)}


def test_a_service_that_is_gone_leaves_nothing_and_may_come_back(arriving: Arriving) -> None:
    arriving.shown("level")
    arriving.configure("web: {figures: {users: {type: gauge, help: Users., labels: {plan: any}}}}")
    assert 'service="api"' not in arriving.scraped()
    assert arriving.shown("users") == {("pro",): 70.0}
    assert arriving.board.service("api") is None

    arriving.configure(SERVICES)

    assert arriving.shown("sold_total") == {(): 0.0}
    for number in range(50):
        arriving.figure("users").set((f"plan-{number}",), 1)
    assert ("other",) not in arriving.shown("users", service="api")


def test_a_service_at_which_nothing_arrives_any_more_leaves_nothing(arriving: Arriving) -> None:
    arriving.configure("api: {}\nweb: {}")

    assert arriving.scraped() == ""
    assert dict(arriving.board.services) == {}


def test_another_environment_begins_anew(arriving: Arriving) -> None:
    arriving.configure(SERVICES, environment="staging")

    assert arriving.shown("level") == {}
    assert 'environment="test"' not in arriving.scraped()
    assert arriving.shown("sold_total") == {(): 0.0}


def test_a_board_without_anybody_who_counts_folds_folds_as_well(tmp_path: Path) -> None:
    arriving = Arriving(tmp_path, SERVICES)
    board = Board(Store(), ManualClock(), location="here")
    board.configure(arriving.configure(SERVICES))
    service = board.service("api")
    assert service is not None

    for number in range(60):
        service.figures["users"].set((f"plan-{number}",), 1)

    assert len(list(service.figures["users"].series())) == 51
