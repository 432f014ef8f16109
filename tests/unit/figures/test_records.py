"""Rules judge records: which are valid, which check failed, whatever JSON the records are."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rollwatch.config.rules import Rule
from rollwatch.figures.examining import Examiner, Tally, as_records
from support.manual_clock import ManualClock

OPTIONS = [
    {"field": "delta", "required": True, "min": -1, "max": 1, "name": "delta-range", "critical": True},
    {"field": "gamma", "required": True, "min": 0, "name": "gamma-negative"},
    {"field": "gamma", "not": 0, "name": "gamma-zero", "critical": True},
    {"field": "theta", "required": True},
    {"field": "vega", "required": True},
    {"field": "implied_volatility", "required": True},
]
GOOD = {"delta": 0.52, "gamma": 0.01, "theta": -0.2, "vega": 0.11, "implied_volatility": 0.31}


def judge(rules: list[dict[str, Any]], records: list[Any], *, explain: bool = False) -> Tally:
    examiner = Examiner(Rule.model_validate(rule) for rule in rules)
    tally = examiner.begin()
    for record in records:
        examiner.examine(record, tally, explain=explain)
    return tally


def failed(tally: Tally) -> dict[str, int]:
    return {name: count for name, count in tally.invalid.items() if count}


@pytest.mark.parametrize(
    ("change", "checks"),
    [
        pytest.param({}, set(), id="a good contract"),
        pytest.param({"delta": 1}, set(), id="delta exactly 1"),
        pytest.param({"delta": -1.0}, set(), id="delta exactly -1"),
        pytest.param({"delta": 1.0000001}, {"delta-range"}, id="delta above 1"),
        pytest.param({"delta": -1.7}, {"delta-range"}, id="delta below -1"),
        pytest.param({"delta": None}, {"delta-range"}, id="delta null"),
        pytest.param({"delta": "0.5"}, {"delta-range"}, id="delta as text, not declared"),
        pytest.param({"delta": True}, {"delta-range"}, id="true is no number"),
        pytest.param({"gamma": 0}, {"gamma-zero"}, id="gamma zero"),
        pytest.param({"gamma": 0.0}, {"gamma-zero"}, id="gamma zero as a float"),
        pytest.param({"gamma": -0.0}, {"gamma-zero"}, id="gamma minus zero"),
        pytest.param({"gamma": -0.01}, {"gamma-negative"}, id="gamma negative"),
        pytest.param({"gamma": False}, {"gamma-negative"}, id="false is no number, nor is it 0"),
        pytest.param({"gamma": math.nan}, {"gamma-negative"}, id="NaN is no number"),
        pytest.param({"gamma": math.inf}, {"gamma-negative"}, id="infinity is no number"),
        pytest.param({"theta": None}, {"theta_required"}, id="theta null"),
        pytest.param({"vega": None, "theta": None}, {"vega_required", "theta_required"}, id="two missing"),
        pytest.param({"implied_volatility": ""}, set(), id="empty text is present"),
    ],
)
def test_options_data_is_judged_by_the_rules_of_greeks(change: dict[str, Any], checks: set[str]) -> None:
    tally = judge(OPTIONS, [GOOD | change])
    assert failed(tally) == dict.fromkeys(checks, 1)
    assert tally.valid == (0 if checks else 1)


@pytest.mark.parametrize("bad", [0, 1, 5, 100])
def test_the_valid_ratio_counts_records_not_failed_checks(bad: int) -> None:
    worst = {"delta": 7, "gamma": 0}
    tally = judge(OPTIONS, [worst] * bad + [GOOD] * (100 - bad))
    assert tally.valid_ratio == pytest.approx(1 - bad / 100)
    assert tally.invalid["gamma-zero"] == tally.invalid["vega_required"] == bad


def test_every_check_is_counted_from_zero_and_no_records_have_no_ratio() -> None:
    tally = judge(OPTIONS, [])
    assert len(tally.invalid) == len(OPTIONS)
    assert set(tally.invalid.values()) == {0}
    assert tally.valid_ratio is None


@pytest.mark.parametrize(
    ("rule", "value", "is_valid"),
    [
        ({"required": True}, "x", True),
        ({"required": True}, False, True),
        ({"min": 0}, None, True),
        ({"in": ["open", "closed"]}, "open", True),
        ({"in": ["open", "closed"]}, "halted", False),
        ({"in": [1, 2]}, True, False),
        ({"in": [True]}, 1, False),
        ({"in": [1, 2]}, "1", False),
        ({"in": [1, 2], "coerce": True}, "1", True),
        ({"not": [0, -1]}, -1.0, False),
        ({"not": "N/A"}, "N/A", False),
        ({"not": 0}, "0", True),
        ({"not": 0, "coerce": True}, "0.00", False),
        ({"pattern": "^[A-Z]{1,5}$"}, "AAPL", True),
        ({"pattern": "^[A-Z]{1,5}$"}, "aapl", False),
        ({"pattern": "^[0-9]+$"}, 17, False),
        ({"pattern": "^[0-9]+$", "coerce": True, "max": 20}, "17", True),
        ({"min": 0, "coerce": True}, "0.5", True),
        ({"min": 0, "coerce": True}, " 1e3 ", True),
        ({"min": 0, "coerce": True}, "-0.5", False),
        ({"min": 0, "coerce": True}, "nan", False),
        ({"min": 0, "coerce": True}, "inf", False),
        ({"min": 0, "coerce": True}, "1_000", False),
        ({"min": 0, "coerce": True}, "1e999", False),
        ({"min": 0, "coerce": True}, "9" * 100_000, False),
        ({"max": 5}, 10**400, False),
        ({"min": 5}, 10**400, True),
        ({"max": 5}, [1], False),
        ({"max": 5}, {"value": 1}, False),
    ],
)
def test_a_rule_judges_a_value_as_json_has_it(rule: dict[str, Any], value: object, is_valid: bool) -> None:
    tally = judge([{"field": "x", **rule}], [{"x": value}], explain=True)
    assert (tally.valid == 1) is is_valid, tally.examples


def test_a_field_may_be_nested_or_computed() -> None:
    rules = [
        {"field": "greeks.gamma", "required": True, "name": "nested"},
        {"field": "bids[0].price", "min": 1, "name": "indexed"},
        {"field": "length(bids)", "min": 1, "name": "computed"},
    ]
    assert judge(rules, [{"greeks": {"gamma": 1}, "bids": [{"price": 2}]}]).valid == 1
    assert failed(judge(rules, [{"greeks": [], "bids": []}])) == {"nested": 1, "computed": 1}


def test_a_figure_far_from_its_own_history_is_an_anomaly_of_its_own_check() -> None:
    rule = {
        "field": "iv",
        "name": "iv-anomaly",
        "deviation": {"window": 50, "max_sigma": 5, "per": "ticker"},
    }
    steady = [
        {"ticker": t, "iv": base + 0.01 * (i % 3)} for i in range(20) for t, base in (("A", 0.3), ("B", 3.0))
    ]
    assert judge([rule], steady).valid_ratio == 1.0
    swapped = [{"ticker": "A", "iv": 3.0}, {"ticker": "B", "iv": 0.3}]
    assert failed(judge([rule], [*steady, *swapped])) == {"iv-anomaly": 2}


def test_without_a_key_all_records_share_one_history() -> None:
    rule = {"field": "iv", "name": "iv-anomaly", "deviation": {"window": 50, "max_sigma": 5}}
    steady = [{"ticker": t, "iv": 0.3 + 0.01 * (i % 3)} for i in range(20) for t in "AB"]
    assert failed(judge([rule], [*steady, {"ticker": "C", "iv": 3.0}])) == {"iv-anomaly": 1}


def test_examples_name_the_record_the_field_and_what_is_wrong() -> None:
    tally = judge(OPTIONS, [GOOD, GOOD | {"delta": 1.7}], explain=True)
    assert tally.examples == ["delta-range: record 1: delta is above max (1.7)"]


@pytest.mark.parametrize(
    ("found", "count"),
    [([], 0), ([1, None], 2), ({"a": 1}, 1), ({}, 1), (None, None), ("x", None), (3, None), (True, None)],
)
def test_a_list_or_one_object_are_records_and_nothing_else_is(found: object, count: int | None) -> None:
    records = as_records(found)
    assert (None if records is None else len(records)) == count


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"field": "x"}, "says nothing about its field"),
        ({"field": "x", "min": 2, "max": 1}, "min above its max"),
        ({"field": "x", "not": []}, "at least 1 item"),
        ({"field": "x", "min": math.nan}, "finite"),
        ({"field": "x", "minimum": 1}, "Extra inputs"),
        ({"field": "x[", "min": 1}, "no JMESPath expression"),
        ({"field": "x", "deviation": {"window": 1, "max_sigma": 3}}, "greater than or equal to 2"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Rule.model_validate(rule)


def test_a_slice_ends_after_a_millisecond_so_that_other_tasks_run() -> None:
    clock = ManualClock()

    class SlowRecord(dict[str, Any]):
        def get(self, key: str, default: object = None) -> object:
            clock.advance(0.0004)
            return super().get(key, default)

    async def others_turns() -> int:
        examiner = Examiner([Rule.model_validate({"field": "x", "min": 0})])
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await examiner.examine_all([SlowRecord(x=1)] * 30, clock, examiner.begin())
        task.cancel()
        return turns

    assert asyncio.run(others_turns()) == 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["delta", "gamma", "k", ""]) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
RULES = [
    *OPTIONS,
    {"field": "@", "required": True, "name": "self"},
    {"field": "delta", "deviation": {"window": 3, "max_sigma": 2, "warm_up": 2, "per": "k"}, "coerce": True},
    {"field": "gamma", "pattern": "a", "in": [0, "a", True], "not": "b"},
    {"field": "delta || gamma[0]", "max": 1, "name": "expression"},
]


@given(st.lists(JSON, max_size=20))
def test_whatever_json_comes_nothing_raises_and_the_counts_add_up(records: list[Any]) -> None:
    tally = judge(RULES, records, explain=True)
    assert tally.examined == len(records)
    invalid = tally.examined - tally.valid
    assert invalid >= 0
    assert max(tally.invalid.values()) <= invalid <= sum(tally.invalid.values())
