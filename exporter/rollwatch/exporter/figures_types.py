"""The shape of `GET /api/metrics`. As with the dashboard, documents are made without these types and held to
them by a test; `schema_version` grows only when something is removed or changes its meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rollwatch.metrics.definition import MetricType

__all__ = [
    "SCHEMA_VERSION",
    "FeatureJson",
    "FigureJson",
    "FiguresJson",
    "HistogramJson",
    "KeptJson",
    "LimitJson",
    "RecordsJson",
    "ServiceFiguresJson",
    "ValueJson",
]

SCHEMA_VERSION = 1


class _Json(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class LimitJson(_Json):
    """From where on a figure is in trouble, as the configuration declares."""

    priority: Literal["P0", "P1", "P2", "P3"]
    """Of that trouble."""
    above: float | None
    """Trouble is above this."""
    below: float | None
    """Trouble is below this."""
    for_seconds: float
    """How long it must last before somebody is told."""
    window_seconds: float
    """Within which the increase of a counter is judged; 0 for a gauge."""


class ValueJson(_Json):
    """One series of a gauge or a counter."""

    labels: dict[str, str]
    """The figure's own labels. Values may be remote text: escape them where they are shown."""
    value: float
    """What it is now, or the count since this process knows the series."""
    first_seen_at: float | None
    """When its first value came, Unix seconds; null before."""


class HistogramJson(_Json):
    """One series of a histogram."""

    labels: dict[str, str]
    """The figure's own labels."""
    count: int
    """Observations so far."""
    sum: float
    """Of all of them."""
    buckets: list[Annotated[list[float], Field(min_length=2, max_length=2)]]
    """Upper bound, and how many observations were not above it; the last one, +Inf, is `count`."""
    first_seen_at: float | None
    """As of a value."""


class FigureJson(_Json):
    """One declared figure."""

    name: str
    """The metric it is exported as."""
    type: MetricType
    """gauge, counter or histogram."""
    help: str
    """What it is."""
    labels: list[str]
    """The names of its own labels, in order."""
    updated_at: float | None
    """When a value last arrived, Unix seconds; null before the first."""
    is_stale: bool
    """Whether that is too long ago."""
    stale_after_seconds: float | None
    """After how long it is; null where nothing is expected regularly."""
    expire_after_seconds: float | None
    """After how long without a value a series is taken away; null: never."""
    limits: list[LimitJson]
    """What is normal for it."""
    series: list[ValueJson | HistogramJson]
    """What arrived."""


class KeptJson(_Json):
    """A valid record."""

    received_at: float
    """Unix seconds."""
    record: dict[str, Any]
    """Its flat fields, with defaults and what was calculated. Remote text: escape it where it is shown."""


class RecordsJson(_Json):
    """One kind of records. Counts are since this process knows the kind as it is configured now."""

    name: str
    """Its name in the configuration."""
    examined: int
    """Judged by the rules."""
    valid: int
    """Satisfied all of them."""
    duplicates: int
    """Passed over, since they had come before."""
    invalid: dict[str, int]
    """Failures by check; one record may fail several."""
    last_at: float | None
    """When a record last arrived, Unix seconds."""
    last: list[KeptJson]
    """The newest valid records, the newest first: ten, or as many as ?records= asks for and are kept."""


class FeatureJson(_Json):
    """A named set of endpoints."""

    name: str
    """Its name in the configuration."""
    core: bool
    """Whether production is broken for users without it."""
    endpoints: list[str]
    """Values of the label endpoint that belong to it."""


class ServiceFiguresJson(_Json):
    """What arrives at one service."""

    name: str
    """Its name in the configuration."""
    figures: list[FigureJson]
    """By name."""
    records: list[RecordsJson]
    """By name."""
    features: list[FeatureJson]
    """By name."""


class FiguresJson(_Json):
    """Every declared figure and the last records, as they stand at one moment."""

    schema_version: Literal[1]
    """Grows when something is removed or changes its meaning."""
    generated_at: float
    """The moment, Unix seconds."""
    environment: str | None
    """Which production; null before a configuration is in force."""
    services: list[ServiceFiguresJson]
    """Those at which something arrives, by name."""
