"""The configuration file on its way into force: at the start, and by SIGHUP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from rollwatch.bridge.channel_plan import channel_names, digest_plan, plan_channels
from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.errors import ConfigError, Problem
from rollwatch.probers import discover

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.bridge.channels.digest import DigestPlan
    from rollwatch.bridge.parts import Parts
    from rollwatch.config.config import Config
    from rollwatch.config.secrets import SecretStore

__all__ = ["BridgeReloader"]

_log = structlog.get_logger(__name__)


class BridgeReloader:
    """Validates first, exchanges whole, keeps the old on any error."""

    def __init__(self, path: Path, secrets: SecretStore) -> None:
        self._path = path
        self._secrets = secrets
        self._kinds = {name: kind.spec for name, kind in discover().items()}
        self.problem: str | None = None
        """Why the file was refused when it was last read."""

    async def load(self) -> tuple[Config, DigestPlan | None]:
        """The file as it is now. Raises ConfigError with every problem in it."""
        return await asyncio.to_thread(self._load)

    def apply(self, config: Config, digest: DigestPlan | None, parts: Parts) -> None:
        """Put a configuration that `load` gave in force."""
        if config.bridge is None:
            raise AssertionError("a file without it is refused at load")
        parts.gate.configure(config.bridge.token)
        parts.metrics.configure(channel_names(config.bridge))
        parts.watchdog.configure(config.bridge.watchdog)
        parts.lanes.configure(plan_channels(config, digest, parts))
        parts.digest_clock.configure(digest)
        parts.intake.configure(config)
        parts.metrics.config_loaded(True)
        self.problem = None
        for warning in self._secrets.warnings:
            _log.warning("config_warning", warning=warning)

    async def reload(self, parts: Parts) -> None:
        """Read the file again; what is wrong with it is logged and changes nothing."""
        try:
            config, digest = await self.load()
        except ConfigError as error:
            self.problem = (
                "The configuration was refused when it was last read; the one before it is in force."
            )
            parts.metrics.config_loaded(False)
            for problem in error.problems:
                _log.error("config_refused", problem=str(problem), kept="the configuration before it")
            return
        self.apply(config, digest, parts)
        _log.info("config_loaded", services=len(config.services))

    def _load(self) -> tuple[Config, DigestPlan | None]:
        config = load_config(
            self._path, self._kinds, secrets=self._secrets, location=None, program=Program.BRIDGE
        )
        if config.bridge is None:
            why, remedy = (
                "is missing, so there is nothing to send",
                "Add bridge: with its token; docs/bridge.md has one.",
            )
            raise ConfigError([Problem(str(self._path), None, "bridge", why, remedy)])
        return config, digest_plan(config)
