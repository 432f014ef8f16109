"""How a field says what is wrong with it and what to write instead, without showing what was written."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MISTAKE", "did_you_mean", "expect_text", "mistake", "refuse", "type_word"]

MISTAKE = "rollwatch_mistake"
"""The pydantic error type of every mistake said here."""


def mistake(message: str, remedy: str, *, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """The error for a validator to raise: `raise mistake("is not a duration", "Write it like 15s.")`.

    `message` continues the path of the field and has no full stop; `remedy` is a full sentence. Neither may
    contain the value: it may be a secret. `at` leads from the validated mapping to the field meant.
    """
    context = {"message": message, "remedy": remedy, "at": at}
    return PydanticCustomError(MISTAKE, "{message}. {remedy}", context)


def refuse(mistakes: Sequence[PydanticCustomError]) -> None:
    """For a validator that finds several mistakes: raises them all at once, or nothing if there is none."""
    if mistakes:
        details = [{"type": found, "loc": (), "input": None} for found in mistakes]
        raise ValidationError.from_exception_data("mistakes", details, hide_input=True)  # type: ignore[arg-type]


def type_word(value: object) -> str:
    """What a person calls the YAML type of `value`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case dict():
            return "a mapping"
        case _:
            return "a list"


def expect_text(value: object) -> str:
    """`value` if it is text; else raises the mistake that says so."""
    if isinstance(value, str):
        return value
    remedy = "Write one text." if isinstance(value, list | tuple | dict) else "Put it in quotes."
    if value is None:
        remedy = "Write the text, or remove the key."
    raise mistake(f"must be text, not {type_word(value)}", remedy)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The sentence that offers the nearest of `known`, or all of them when none is near."""
    choices = sorted(known)
    near = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    if not choices:
        return "Remove it."
    return f"Known here: {', '.join(choices)}."
