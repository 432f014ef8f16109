"""Rules broken on purpose are noticed: a sample here, all of them by `make mutants`."""

from __future__ import annotations

import random

import pytest

from mutants.rules import Mutant, case_files, load_groups, mutants, notices

GROUPS = load_groups()
TESTS = case_files()
EVERY = [mutant for group in GROUPS.values() for mutant in mutants(group)]
SAMPLE = 60


def _sample() -> list[Mutant]:
    """Another one with each change of the rules, the same one until then."""
    return random.Random(len(EVERY)).sample(EVERY, SAMPLE)


def test_rules_are_broken_in_every_way() -> None:
    kinds = {
        word
        for mutant in EVERY
        for word in ("turned round", "at 120 %", "doubled", "without")
        if word in mutant.name
    }
    assert kinds == {"turned round", "at 120 %", "doubled", "without"}
    assert {mutant.group for mutant in EVERY} == set(GROUPS)
    assert any(": for: " in mutant.name for mutant in EVERY)


@pytest.mark.timeout(300)
def test_tests_notice_broken_rules() -> None:
    missed = [mutant.name for mutant in _sample() if not notices(mutant, TESTS, GROUPS)]
    assert len(missed) <= 0.05 * SAMPLE, missed
