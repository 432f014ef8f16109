"""What a command needs of the configuration: what the file says, and none of its secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.config.secrets import SecretStore
from rollwatch.probers import discover

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

__all__ = ["read_config"]


def read_config(path: Path) -> Config:
    """The configuration in `path`, checked whole. Raises ConfigError with every problem."""
    kinds = {name: kind.spec for name, kind in discover().items()}
    secrets = SecretStore(path.parent, os.environ)
    return load_config(path, kinds, secrets=secrets, location=None, program=Program.COMMAND)
