"""The configuration file on its way into force: at start, by SIGHUP, by POST /-/reload."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Protocol

import structlog

from rollwatch.config.load import load_config
from rollwatch.errors import ConfigError, Problem
from rollwatch.metrics import catalogue as m

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.config.config import Config
    from rollwatch.config.probe_spec import ProbeSpec
    from rollwatch.config.secrets import SecretStore
    from rollwatch.engine.engine import Engine
    from rollwatch.metrics.store import Store

__all__ = ["Configurable", "Loader", "Reloader"]

_log = structlog.get_logger(__name__)


class Configurable(Protocol):
    """A part that follows the configuration and can't refuse one that was loaded."""

    def configure(self, config: Config) -> None:
        """Work as `config` says from now on."""
        ...


class Loader:
    """Reads the one configuration file of this process."""

    def __init__(
        self,
        path: Path,
        kinds: Mapping[str, type[ProbeSpec]],
        secrets: SecretStore,
        location: str | None,
    ) -> None:
        self._path = path
        self._kinds = kinds
        self._secrets = secrets
        self._location = location

    async def load(self) -> Config:
        """The file as it is now. Raises ConfigError with every problem in it."""
        return await asyncio.to_thread(
            load_config, self._path, self._kinds, secrets=self._secrets, location=self._location
        )


class Reloader:
    """Validates first, exchanges whole, keeps the old on any error. `others` follow the engine."""

    def __init__(
        self,
        loader: Loader,
        engine: Engine,
        others: Sequence[Configurable],
        store: Store,
        clock: Clock,
        *,
        location: str,
    ) -> None:
        self._loader = loader
        self._engine = engine
        self._clock = clock
        self._location = location
        self._others = others
        self._lock = asyncio.Lock()
        own = (location,)
        self._successful = store.gauge(m.ROLLWATCH_CONFIG_LAST_RELOAD_SUCCESSFUL, own)
        self._success_at = store.gauge(m.ROLLWATCH_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS, own)

    async def apply(self, config: Config) -> None:
        """Put `config` in force. Raises ConfigError, and leaves the old in force, if it can't be."""
        if config.location != self._location:
            why = f"the location can't change from {self._location!r} while the exporter runs"
            raise ConfigError([Problem("", None, "location", why, "Restart the exporter.")])
        await self._engine.apply(config)
        for other in self._others:
            other.configure(config)
        for warning in config.warnings:
            _log.warning("config_warning", warning=warning)
        self._successful.set(1)
        self._success_at.set(self._clock.wall())
        # What a configuration built lives as long as it is in force. Taking it out of the garbage
        # collector's sight keeps full collections, which stop the loop, in the low milliseconds.
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    async def reload(self) -> str | None:
        """Read the file again and put it in force; the problems as text if it was refused. One at a time."""
        async with self._lock:
            try:
                config = await self._loader.load()
                await self.apply(config)
            except ConfigError as error:
                self._successful.set(0)
                self._engine.refuse(str(error))
                for problem in error.problems:
                    _log.error("config_refused", problem=str(problem), kept="the configuration before it")
                return str(error)
        _log.info("config_loaded", services=len(config.services), probes=len(config.probes))
        return None
