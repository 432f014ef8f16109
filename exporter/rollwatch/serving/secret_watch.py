"""Reads secrets again when their files change, as long as a process lives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollwatch.config.secrets import SecretStore

__all__ = ["watch_secrets"]

_log = structlog.get_logger(__name__)

_EVERY_S = 5.0


async def watch_secrets(secrets: SecretStore, on_failure: Callable[[], None] = lambda: None) -> None:
    """Until cancelled; `on_failure` is called for each secret that can't be read any more."""
    while True:
        await asyncio.sleep(_EVERY_S)
        for reference in await asyncio.to_thread(secrets.refresh):
            problem = secrets.problem(reference)
            if problem is None:
                _log.info("secret_read_again", secret=reference)
            else:
                on_failure()
                _log.error("secret_unavailable", secret=reference, why=problem)
