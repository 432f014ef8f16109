"""The shipped rules as promtool sees them: no duplicate or faulty rule, and every test of theirs holds."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "prometheus/rules").glob("*.yml"))
CASES = sorted((ROOT / "prometheus/tests").glob("*.yml"))
# Debian's; PROMTOOL names that of another version.
PROMTOOL = os.environ.get("PROMTOOL", "promtool")


def promtool(*arguments):
    done = subprocess.run(
        [PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=50
    )
    return done.returncode, done.stdout + done.stderr


def test_rules_and_their_tests_are_found():
    """promtool is silent about patterns that match nothing."""
    assert RULES
    assert CASES
    assert all(path.name.endswith(".test.yml") for path in CASES)


def test_promtool_finds_nothing_wrong_with_any_rule_file():
    status, output = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert status == 0, output


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".test.yml"))
def test_the_rules_do_what_their_tests_say(path):
    status, output = promtool("test", "rules", path)
    assert status == 0, output
