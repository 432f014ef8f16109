"""The functions an expression may call: those of JMESPath, and the arithmetic it has not."""

from __future__ import annotations

import operator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation
from typing import TYPE_CHECKING, Final

from jmespath.functions import Functions, signature

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "CalculatingFunctions", "is_digits"]

Number = int | float

_LARGEST = 1e300
"""Nothing is calculated beyond it, so that no number someone sends costs much time."""
_WHOLE_FROM = 2.0**53
"""From here on every float is a whole number."""
_MOST_DIGITS = 12
_STEPS = tuple(Decimal(1).scaleb(-digits) for digits in range(_MOST_DIGITS + 1))
_CONTEXT = Context(
    prec=50, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, traps=[DivisionByZero, InvalidOperation]
)
"""Twice the 17 digits of a float and some: sums and products of floats of like size are exact.

The flags it keeps are never read, so that threads may share it.
"""


def is_digits(value: object) -> bool:
    """Whether `round` can round to so many digits: 0 to 12."""
    return not isinstance(value, bool) and isinstance(value, int | float) and value in range(_MOST_DIGITS + 1)


class CalculatingFunctions(Functions):
    """JMESPath's own functions and `add`, `subtract`, `multiply`, `divide` and `round`.

    A float counts as the decimal it is written as, so that 0.1 and 0.2 are 0.3 and money is right to the
    cent. Whole numbers give a whole number where that is exact. The result is null where there is none:
    division by zero, NaN, infinity, and whatever is beyond ±1e300. Arguments that are no numbers are
    JMESPath's type error.
    """

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_add(self, a: Number, b: Number) -> Number | None:
        return _calculated(operator.add, _CONTEXT.add, a, b)

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_subtract(self, a: Number, b: Number) -> Number | None:
        return _calculated(operator.sub, _CONTEXT.subtract, a, b)

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_multiply(self, a: Number, b: Number) -> Number | None:
        return _calculated(operator.mul, _CONTEXT.multiply, a, b)

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_divide(self, a: Number, b: Number) -> Number | None:
        return _calculated(_whole_quotient, _CONTEXT.divide, a, b)

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_round(self, x: Number, digits: Number) -> Number | None:
        """Half away from zero, as invoices do."""
        if not is_digits(digits) or not -_LARGEST < x < _LARGEST:
            return None
        if isinstance(x, int) or abs(x) >= _WHOLE_FROM:
            return x
        return _as_float(Decimal(repr(x)).quantize(_STEPS[int(digits)], ROUND_HALF_UP, _CONTEXT))


def _calculated(
    whole: Callable[[int, int], int | None],
    exact: Callable[[Decimal, Decimal], Decimal],
    a: Number,
    b: Number,
) -> Number | None:
    if not (-_LARGEST < a < _LARGEST and -_LARGEST < b < _LARGEST):  # nor NaN
        return None
    if isinstance(a, int) and isinstance(b, int):
        result = whole(a, b)
        if result is not None:
            return result if -_LARGEST < result < _LARGEST else None
    try:
        return _as_float(exact(Decimal(repr(a)), Decimal(repr(b))))
    except ArithmeticError:
        return None


def _whole_quotient(a: int, b: int) -> int | None:
    return a // b if b and a % b == 0 else None


def _as_float(number: Decimal) -> float | None:
    result = float(number)
    # Adding 0.0 makes 0.0 of -0.0, which nobody would write.
    return result + 0.0 if -_LARGEST < result < _LARGEST else None


FUNCTIONS: Final = CalculatingFunctions()
"""Holds no state; jmespath wants an object."""
