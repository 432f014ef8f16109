"""What an error is, and what looking at many costs."""

from __future__ import annotations

import pytest

from rollwatch.config.browser import BrowserSpec
from rollwatch.config.fields import Pattern
from rollwatch.ingest.browser.beacon import ErrorEvent
from rollwatch.ingest.browser.examiner import Examiner
from support.manual_clock import ManualClock


def event(message: str = "x is undefined", stack: str | None = None, name: str = "TypeError") -> ErrorEvent:
    return ErrorEvent(
        type="error", kind="error", name=name, message=message, stack=stack, first=True, path="/"
    )


def patterns(**sources: str) -> dict[str, Pattern]:
    return dict(
        BrowserSpec.model_validate(
            {"origins": ["https://www.example.com"], "ignore_errors": sources}
        ).ignore_errors
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def examiner(clock: ManualClock) -> Examiner:
    return Examiner(clock, secret=b"k")


def test_an_error_gets_a_group_and_texts_without_personal_data(examiner: Examiner) -> None:
    found = examiner.examine(event("no mail to ada@example.com"))
    assert found.is_grouped
    assert found.title == "TypeError: no mail to <email>"
    assert found.message == "no mail to <email>"


def test_the_same_text_is_looked_at_once(examiner: Examiner) -> None:
    assert examiner.examine(event()) is examiner.examine(event())
    assert len(examiner) == 1


@pytest.mark.parametrize(
    ("source", "name"),
    [("^TypeError: x is", "one"), ("undefined$", "one"), ("(?i)TYPEERROR", "one"), ("^x is", None)],
)
def test_a_pattern_is_looked_for_in_type_and_message(
    examiner: Examiner, source: str, name: str | None
) -> None:
    examiner.configure(patterns(one=source))
    assert examiner.examine(event()).ignored_by == name


def test_texts_that_are_known_are_bounded_and_hold_nothing_as_it_came(clock: ManualClock) -> None:
    examiner = Examiner(clock, secret=b"k", limit=10)
    for index in range(50):
        examiner.examine(event(f"secret of ada@example.com {index}", f"at f (https://h/a.js?ada:1:{index})"))
    assert len(examiner) == 10
    assert "ada" not in repr(examiner._known)


def test_new_texts_beyond_the_budget_have_no_group_until_there_is_time_again(
    examiner: Examiner, clock: ManualClock
) -> None:
    examiner.configure(patterns(harmless="harmless"))
    known = examiner.examine(event())
    found = [examiner.examine(event("a" * index)) for index in range(1, 301)]
    assert sum(one.is_grouped for one in found) == 199
    assert examiner.examine(event("harmless, but too much")).ignored_by == "harmless"
    assert examiner.examine(event()) is known
    clock.advance(1)
    found = [examiner.examine(event("b" * index)) for index in range(1, 301)]
    assert sum(one.is_grouped for one in found) == 20
