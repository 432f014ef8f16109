"""The counter of refused values: it begins at 0 for every fault, and tests speak of those there were."""

from __future__ import annotations

__all__ = ["FAULTS"]

FAULTS = "rollwatch_figure_faults_total"
