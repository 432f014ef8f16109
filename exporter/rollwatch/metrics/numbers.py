"""Numbers as Prometheus and its client libraries write them, so that `le` labels of all sources join."""

from __future__ import annotations

import math

__all__ = ["text_of"]

# Go writes an exponent from here on; below, Python's repr is what Go writes.
_EXPONENT_FROM = 1_000_000.0


def text_of(value: float) -> str:
    """`value` exactly as prometheus_client's floatToGoString has it: 1.0, 1.5e+09, +Inf, NaN."""
    if -math.inf < value < _EXPONENT_FROM:
        return repr(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    whole, dot, fraction = repr(value).partition(".")
    if not dot or "e" in fraction:
        return whole + dot + fraction
    mantissa = f"{whole[0]}.{whole[1:]}{fraction}".rstrip("0.")
    return f"{mantissa}e+{len(whole) - 1:02d}"
