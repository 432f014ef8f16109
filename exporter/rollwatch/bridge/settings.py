"""What the command line says to the bridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["BridgeSettings"]


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Flags and environment of one bridge process."""

    config_file: Path
    listen_address: str
    web_config_file: Path | None
    storage_path: Path
    environ: Mapping[str, str]
