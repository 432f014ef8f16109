"""A container's command line as it runs without containers: the same flags, other paths and ports."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from support.processes import ROLLWATCH

__all__ = ["COMPOSE", "Moved"]

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())
_PROGRAMS = {
    "prom/prometheus": "prometheus",
    "prom/alertmanager": "prometheus-alertmanager",
    "quay.io/prometheuscommunity/postgres-exporter": "prometheus-postgres-exporter",
}


class Moved:
    """Where paths and ports of containers are on this machine."""

    def __init__(self, paths: Mapping[str, Path], ports: Mapping[int, int]) -> None:
        self._paths = paths
        self._ports = ports

    def command(self, name: str) -> list[str]:
        """What the service's container runs."""
        service = COMPOSE["services"][name]
        image = service["image"].rpartition(":")[0] or service["image"]
        program = ROLLWATCH if image == "rollwatch" else [str(shutil.which(_PROGRAMS[image]))]
        return [*program, *map(self.word, service["command"])]

    def health_check(self, name: str) -> list[str]:
        """What asks whether it is well."""
        kind, *words = COMPOSE["services"][name]["healthcheck"]["test"]
        assert kind == "CMD"
        return list(map(self.word, words))

    def word(self, word: str) -> str:
        """One argument, elsewhere."""
        for path, there in self._paths.items():
            word = word.replace(path, str(there))
        word = word.replace("0.0.0.0", "127.0.0.1")

        def port(found: re.Match[str]) -> str:
            return f"{found[1]}:{self._ports.get(int(found[2]), int(found[2]))}"

        return re.sub(r"(127\.0\.0\.1):(\d+)", port, word)
