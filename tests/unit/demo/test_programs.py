"""The programs of others: found by any of their names, or said to be missing."""

from __future__ import annotations

import pytest

from rollwatch.demo.stack.programs import Programs, find_programs


@pytest.mark.parametrize("alertmanager", ["prometheus-alertmanager", "alertmanager"])
def test_found_by_debians_name_or_upstreams(alertmanager: str) -> None:
    installed = {"prometheus": "/usr/bin/prometheus", alertmanager: "/opt/am", "git": "/usr/bin/git"}

    assert find_programs(installed.get) == Programs("/usr/bin/prometheus", "/opt/am", "/usr/bin/git")


@pytest.mark.parametrize(
    ("installed", "says", "packages"),
    [
        ({"prometheus": "/p", "git": "/g"}, "alertmanager is not installed", "prometheus-alertmanager"),
        ({"alertmanager": "/a", "git": "/g"}, "prometheus is not installed", "prometheus"),
        ({"prometheus": "/p", "alertmanager": "/a"}, "git is not installed", "git"),
        (
            {},
            "prometheus, alertmanager, git are not installed",
            "prometheus prometheus-alertmanager git",
        ),
    ],
)
def test_what_is_missing_is_said_with_its_package(
    installed: dict[str, str], says: str, packages: str
) -> None:
    found = find_programs(installed.get)

    assert isinstance(found, str)
    assert "\n" not in found
    assert says in found
    assert f"--no-install-recommends {packages};" in found
