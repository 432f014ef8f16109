"""What the exporter shows of figures with limits is enough for one rule group that judges them all.

`testdata/figure-limits.rules.yml` is that group, as documentation; Debian's promtool runs it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from rollwatch.metrics.figure_catalogue import FIGURE_METRICS

TESTDATA = Path(__file__).parent / "testdata"
RULES = TESTDATA / "figure-limits.rules.yml"


@pytest.mark.parametrize("name", ["figure-limits.test.yml", "figure-windows.test.yml"])
def test_every_limit_fires_and_just_does_not(name: str) -> None:
    result = subprocess.run(
        ["promtool", "test", "rules", name],
        check=False,
        cwd=TESTDATA,
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_rules_read_only_what_the_exporter_shows() -> None:
    read = set(re.findall(r"\brollwatch_\w+", RULES.read_text("utf-8")))

    assert read <= {metric.name for metric in FIGURE_METRICS}
    assert len(read) == 6
