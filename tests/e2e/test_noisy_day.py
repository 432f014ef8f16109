"""A day of normal, noisy traffic of the demo production pages nobody and takes nothing back.

What a real exporter showed of it, with short blips, is stretched over the day (tests/support/noisy_day.py)
and judged by promtool with the shipped rules. NOISY_HOURS says how long the day is.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from bundle.foreign_metrics import names_in
from mutants.rules import load_groups
from rollwatch.demo.faults import Fault
from rollwatch.demo.rundir import RunDir
from support.demo_up import Demo, overview_of, started
from support.noisy_day import STEP_S, Day, Scrape, input_series, read_scrape

HOURS = float(os.environ.get("NOISY_HOURS", "1"))
SEED = int(os.environ.get("NOISY_SEED", "1"))
# What a small production sees now and then. Requests that all fail or hang for a while are no noise.
BLIPS = [
    Fault.HEALTH_DOWN,
    Fault.COMPONENT_DOWN,
    Fault.WS_DROP,
    Fault.PROVIDER_DOWN,
    Fault.SCRIPT_ERROR,
]
PAGING = 'alertstate="firing",priority=~"P0|P1|rollback"'


@pytest.mark.timeout(300 + 150 * HOURS)
def test_nobody_is_paged_on_a_noisy_day(tmp_path: Path) -> None:
    groups = load_groups()
    read = {name for group in groups.values() for rule in group["rules"] for name in names_in(rule["expr"])}
    # The machine of the tests is no part of the production: it may well be busy.
    read = {name for name in read if not name.startswith(("rollwatch_host_", "rollwatch_process_"))}
    with started(RunDir(tmp_path / "run"), "--visitors", "40") as demo:
        overview_of(demo)
        normal = _scrapes(demo, read, 16)
        broken = [_blip(demo, read, fault) for fault in BLIPS]
    steps = int(HOURS * 3600 / STEP_S)
    day = Day(steps, random.Random(SEED), release_at=steps // 2, restart_at=steps * 3 // 4)
    series = input_series(normal, broken, day)
    series.append({"series": 'up{job="rollwatch",instance="a"}', "values": f"1x{steps}"})

    firing = _firing(tmp_path, groups, series)

    assert firing == []


def _scrape(demo: Demo, names: set[str]) -> Scrape:
    return read_scrape(demo.get("/metrics").decode(), time.time(), names)


def _scrapes(demo: Demo, names: set[str], count: int) -> list[Scrape]:
    """One about every probe interval, once everything has been heard of."""
    deadline = time.monotonic() + 60
    while "rollwatch_browser_page_views_total" not in demo.get("/metrics").decode():
        assert time.monotonic() < deadline
        time.sleep(0.5)
    found = []
    for _ in range(count):
        found.append(_scrape(demo, names))
        time.sleep(5)
    return found


def _blip(demo: Demo, names: set[str], fault: Fault) -> tuple[Scrape, Scrape]:
    """What shows when something is broken for the length of one probe interval."""
    before = _scrape(demo, names)
    demo.control.switch_on(fault, for_s=4)
    time.sleep(5)
    after = _scrape(demo, names)
    time.sleep(6)
    return before, after


def _firing(place: Path, groups: dict, series: list[dict[str, str]]) -> list[str]:
    (place / "rules.yml").write_text(yaml.dump({"groups": list(groups.values())}, Dumper=yaml.CSafeDumper))
    order = sorted(groups, key=lambda name: (not name.endswith("-sli"), not name.endswith("-thresholds")))
    last = f"{int(HOURS * 3600) - 1}s"
    expression = f"count by (alertname, service, probe) (count_over_time(ALERTS{{{PAGING}}}[{last}]))"
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{STEP_S}s",
        "group_eval_order": order,
        "tests": [
            {
                "interval": f"{STEP_S - 1}s990ms",
                "input_series": series,
                "promql_expr_test": [{"expr": expression, "eval_time": last, "exp_samples": []}],
            }
        ],
    }
    (place / "day.yml").write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, width=10**9))
    began = time.monotonic()
    done = subprocess.run(
        ["promtool", "test", "rules", "day.yml"], cwd=place, capture_output=True, text=True, check=False
    )
    print(f"{len(series)} series, {HOURS:g} h: promtool took {time.monotonic() - began:.1f} s")
    if done.returncode:
        print(done.stdout, done.stderr)
    return [] if done.returncode == 0 else done.stdout.partition("FAILED:")[2].splitlines()
