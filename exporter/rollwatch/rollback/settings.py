"""What the command line says to the handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["HandlerSettings"]


@dataclass(frozen=True, slots=True)
class HandlerSettings:
    """Flags and environment of one handler process."""

    config_file: Path
    listen_address: str
    web_config_file: Path | None
    storage_path: Path
    environ: Mapping[str, str]
