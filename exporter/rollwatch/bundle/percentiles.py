"""Percentiles of histograms that few samples can't swing."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Span", "percentile"]


class Span(NamedTuple):
    """How far back to look, and how many samples there must be to say anything."""

    duration: str
    """As Prometheus has it."""
    least: int
    """Fewer samples than this are no sample."""


def percentile(share: float, histogram: str, by: str, *spans: Span) -> str:
    """The percentile per `by` over the first of the spans that holds samples enough; nothing if none does.

    `histogram` may end in matchers (`name{kind="provider"}`). Each span is longer than the one before it:
    what is measured often is judged over the short one, what is measured rarely over a longer one.
    """
    name, brace, matchers = histogram.partition("{")
    buckets, count = f"{name}_bucket{brace}{matchers}", f"{name}_count{brace}{matchers}"
    return "\nor\n".join(
        "(\n"
        f"  histogram_quantile({share}, sum by ({by}, le) (rate({buckets}[{span.duration}])))\n"
        f"  and sum by ({by}) (increase({count}[{span.duration}])) >= {span.least}\n"
        ")"
        for span in spans
    )
