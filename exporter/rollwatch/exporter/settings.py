"""What the command line says to the exporter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["ExporterSettings"]


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """Flags and environment of one exporter process."""

    config_file: Path
    listen_address: str
    web_config_file: Path | None
    ingest_address: str | None
    """Where browsers and applications send to; None: nowhere."""
    ingest_config_file: Path | None
    """TLS and headers of that listener."""
    location: str | None
    """From the command line or ROLLWATCH_LOCATION; it wins over the file's."""
    environ: Mapping[str, str]
    log_dropped: Callable[[], int]
    """How many lines of the log were thrown away so far."""
