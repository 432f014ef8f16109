"""What hatchling runs before it packs an archive: the browser script is made, or said to be missing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["BrowserScript"]


class BrowserScript(BuildHookInterface[Any]):
    """Runs tools/rum. Without npm the archive has no browser script, and all else of it works."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build for what is handed on; a checkout that is installed in place has `make rum`."""
        del build_data
        if version != "editable":
            subprocess.run([Path(self.root, "tools/rum")], check=False)  # noqa: S603  a file of the project
