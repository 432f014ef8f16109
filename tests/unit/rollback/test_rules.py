"""What the file says of services becomes the rules of release units, and the most careful member counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rollwatch.config.rollback_words import Mode
from rollwatch.rollback.policy.rules import Freeze, Weekly
from rollwatch.rollback.rules import unit_of, unit_rules
from support.config_kinds import load

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

SERVICES = """\
environment: production
services:
  bold:
    rollback:
      {mode: auto, strategy: command, command: {run: [back]}, triggers: {RollbackLatency: {window: 10m}},
       settle: 5s, approve_within: 1h, healthy_after: 10m, alert_age: 1h, allow_migration: true,
       limit: {count: 5, within: 2h}}
  careful:
    rollback:
      {mode: approve, strategy: command, command: {run: [back]},
       triggers: {RollbackLatency: {window: 20m}, RollbackMemoryHigh: {window: 5m}},
       settle: 30s, approve_within: 5m, healthy_after: 2h, alert_age: 5m, limit: {count: 1, within: 30m}}
  never: {}
"""
HANDLER = """\
rollback:
  prometheus: {url: "http://127.0.0.1:9090"}
  exporter: {url: "http://127.0.0.1:9717"}
  alertmanager: {url: "http://127.0.0.1:9093"}
  systemic: {units: 5, within: 2m}
  freezes: [{from: "2026-12-24T18:00:00+01:00", to: "2026-12-27T06:00:00Z", reason: Christmas}]
  weekly_freezes:
    - {from_day: friday, from_time: "19:30", to_day: monday, to_time: "07:00", time_zone: Europe/Berlin,
       reason: weekend}
"""
UNITS = "  units: {shop: [careful, bold]}\n"


def config(folder: Path, text: str) -> Config:
    (folder / "rollwatch.yml").write_text(text)
    return load(folder / "rollwatch.yml")


def test_a_service_alone_is_a_unit_with_its_own_rules(tmp_path: Path) -> None:
    found = config(tmp_path, SERVICES + HANDLER)
    rules = unit_rules(found)

    assert list(rules) == ["bold", "careful"]
    assert unit_of(found) == {"bold": "bold", "careful": "careful"}
    bold = rules["bold"]
    assert (bold.unit, bold.environment, bold.services) == ("bold", "production", ("bold",))
    assert (bold.mode, bold.settle_s, bold.approval_ttl_s) == (Mode.AUTO, 5.0, 3600.0)
    assert (bold.healthy_after_s, bold.alert_age_max_s) == (600.0, 3600.0)
    assert (bold.limit_count, bold.limit_window_s, bold.allow_migration) == (5, 7200.0, True)
    assert bold.triggers == {"bold": {"RollbackLatency": 600.0}}
    assert bold.window_s == 600.0


def test_in_a_unit_the_most_careful_member_counts_for_all(tmp_path: Path) -> None:
    found = config(tmp_path, SERVICES + HANDLER + UNITS)
    rules = unit_rules(found)

    assert list(rules) == ["shop"]
    assert unit_of(found) == {"careful": "shop", "bold": "shop"}
    shop = rules["shop"]
    assert shop.services == ("careful", "bold")
    assert (shop.mode, shop.settle_s, shop.approval_ttl_s) == (Mode.APPROVE, 30.0, 300.0)
    assert (shop.healthy_after_s, shop.alert_age_max_s) == (7200.0, 300.0)
    assert (shop.limit_count, shop.limit_window_s, shop.allow_migration) == (1, 7200.0, False)
    assert shop.window_s == 1200.0


def test_in_a_unit_each_alert_blames_by_its_own_window(tmp_path: Path) -> None:
    shop = unit_rules(config(tmp_path, SERVICES + HANDLER + UNITS))["shop"]

    assert shop.triggers == {
        "careful": {"RollbackLatency": 1200.0, "RollbackMemoryHigh": 300.0},
        "bold": {"RollbackLatency": 600.0},
    }


def test_when_nothing_is_done_and_what_is_systemic_holds_for_every_unit(tmp_path: Path) -> None:
    begin = datetime(2026, 12, 24, 17, tzinfo=UTC).timestamp()
    end = datetime(2026, 12, 27, 6, tzinfo=UTC).timestamp()

    for rules in unit_rules(config(tmp_path, SERVICES + HANDLER)).values():
        assert rules.freezes == (Freeze(begin, end, "Christmas"),)
        assert rules.weekly == (Weekly(4 * 1440 + 19 * 60 + 30, 7 * 60, "Europe/Berlin", "weekend"),)
        assert (rules.systemic_units, rules.systemic_window_s) == (5, 120.0)


def test_a_file_without_the_handlers_section_has_rules_as_well(tmp_path: Path) -> None:
    found = config(tmp_path, SERVICES)

    assert (unit_rules(found)["careful"].systemic_units, unit_rules(found)["careful"].freezes) == (3, ())
    assert unit_of(found) == {"bold": "bold", "careful": "careful"}


def test_a_service_that_says_nothing_of_rollbacks_has_no_rules(tmp_path: Path) -> None:
    found = config(tmp_path, SERVICES)

    assert "never" not in unit_rules(found)
    assert "never" not in unit_of(found)
