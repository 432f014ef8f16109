"""Names from outside never grow our memory, and whoever floods one service harms no other."""

from __future__ import annotations

import pytest

from rollwatch.metrics.bounded import OTHER, BoundedNames


def test_a_name_keeps_its_place_after_the_limit_is_reached() -> None:
    names = BoundedNames(limit=2)
    admitted = [names.admit("m", "api", name) for name in ("database", "redis", "queue", "database")]
    assert admitted == ["database", "redis", OTHER, "database"]


@pytest.mark.parametrize(
    "name", ["", "a" * 65, "two words", 'quo"te', "line\nbreak", "ends\n", "naïve", "٣", "a{b}", "\x00"]
)
def test_a_malformed_name_is_folded_though_there_is_room(name: str) -> None:
    assert BoundedNames().admit("m", "api", name) == OTHER


@pytest.mark.parametrize("name", ["a", "a" * 64, "external_services/supabase", "v1.2-rc.3", "DB"])
def test_a_well_formed_name_is_admitted(name: str) -> None:
    assert BoundedNames().admit("m", "api", name) == name


def test_a_million_names_leave_fifty_places_taken_and_every_fold_counted() -> None:
    folds: list[str] = []
    names = BoundedNames(on_fold=folds.append)
    seen = {names.admit("rollwatch_component_up", "api", f"c{number}") for number in range(1_000_000)}
    assert len(seen) == 51
    assert len(folds) == 999_950
    assert set(folds) == {"rollwatch_component_up"}
    assert sum(len(known) for metrics in names._known.values() for known in metrics.values()) == 50


def test_metrics_and_services_do_not_take_each_others_places() -> None:
    names = BoundedNames(limit=1)
    assert names.admit("m", "api", "a") == "a"
    assert names.admit("n", "api", "b") == "b"
    assert names.admit("m", "shop", "c") == "c"
    assert names.admit("m", "api", "d") == OTHER


def test_a_service_that_is_gone_leaves_room_for_its_return() -> None:
    names = BoundedNames(limit=1)
    names.admit("m", "api", "a")
    names.admit("m", "shop", "b")
    names.forget("api")
    assert names.admit("m", "api", "c") == "c"
    assert names.admit("m", "shop", "d") == OTHER


def test_a_hundred_releases_one_after_another_all_keep_their_version() -> None:
    names = BoundedNames(limit=2)
    shown = []
    for number in range(100):
        if number:
            names.withdraw("rollwatch_release_info", "api", f"1.{number - 1}")
        shown.append(names.admit("rollwatch_release_info", "api", f"1.{number}"))
    assert OTHER not in shown


def test_withdrawing_what_was_never_admitted_changes_nothing() -> None:
    names = BoundedNames(limit=1)
    names.withdraw("m", "api", "a")
    assert names.admit("m", "api", "a") == "a"


def test_a_thing_really_called_other_takes_no_place_and_is_no_fold() -> None:
    folds: list[str] = []
    names = BoundedNames(limit=1, on_fold=folds.append)
    assert names.admit("m", "api", OTHER) == OTHER
    assert names.admit("m", "api", "a") == "a"
    assert folds == []
