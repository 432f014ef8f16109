"""The configuration file on its way into force: at the start, and by SIGHUP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.errors import ConfigError, Problem
from rollwatch.probers import discover

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config
    from rollwatch.config.secrets import SecretStore
    from rollwatch.rollback.parts import Parts

__all__ = ["HandlerReloader"]

_log = structlog.get_logger(__name__)


class HandlerReloader:
    """Validates first, exchanges whole, keeps the old on any error."""

    def __init__(self, path: Path, secrets: SecretStore) -> None:
        self._path = path
        self._secrets = secrets
        self._kinds = {name: kind.spec for name, kind in discover().items()}
        self.problem: str | None = None
        """Why the file was refused when it was last read."""

    async def load(self) -> Config:
        """The file as it is now. Raises ConfigError with every problem in it."""
        return await asyncio.to_thread(self._load)

    def apply(self, config: Config, parts: Parts) -> None:
        """Put a configuration that `load` gave in force."""
        parts.in_force.apply(config)
        parts.channel.configure(parts.in_force.handler.alertmanager, parts.in_force.handler.fallback)
        parts.poster.configure(parts.in_force.modes())
        parts.metrics.configure((service, config.environment) for service in parts.in_force.strategies)
        self.problem = None
        for warning in config.warnings:
            _log.warning("config_warning", warning=warning)

    async def reload(self, parts: Parts) -> None:
        """Read the file again; what is wrong with it is logged and changes nothing."""
        try:
            config = await self.load()
            self._same_environment(config, parts.in_force.config)
        except ConfigError as error:
            self.problem = (
                "The configuration was refused when it was last read; the one before it is in force."
            )
            parts.metrics.config_refused()
            for problem in error.problems:
                _log.error("config_refused", problem=str(problem), kept="the configuration before it")
            return
        self.apply(config, parts)
        parts.worker.wake()
        _log.info("config_loaded", services=len(parts.in_force.strategies))

    def _same_environment(self, config: Config, before: Config) -> None:
        """Raises ConfigError: rollbacks that are running belong to the environment of the start."""
        if config.environment != before.environment:
            raise self._refused("environment", "was changed", "Restart the handler for that.")

    def _load(self) -> Config:
        config = load_config(
            self._path, self._kinds, secrets=self._secrets, location=None, program=Program.ROLLBACK
        )
        if config.rollback is None:
            raise self._refused(
                "rollback",
                "is missing, so there is nobody to ask",
                "Add rollback: with prometheus, exporter and alertmanager; docs/rollback.md has one.",
            )
        return config

    def _refused(self, path: str, why: str, remedy: str) -> ConfigError:
        return ConfigError([Problem(str(self._path), None, path, why, remedy)])
