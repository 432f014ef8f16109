"""What a part of the production is made of, and what it is handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from rollwatch.clock import Clock
    from rollwatch.demo.faults import Fault
    from rollwatch.demo.production.inbox_messages import Inbox
    from rollwatch.demo.switchboard import Switchboard

__all__ = ["Part", "PartEnv", "Tokens"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens the production's parts ask for, and those its applications push with."""

    primary: str
    fallback: str
    feed: str
    push_api: str
    push_trading: str
    push_web: str
    inbox: str
    """What whoever tells people something must show."""


@dataclass(frozen=True, slots=True)
class PartEnv:
    """What a part may use of the world. `rng` is its own: no part changes another's figures."""

    board: Switchboard
    clock: Clock
    rng: random.Random
    tokens: Tokens
    tls_dir: Path
    ingest_url: str
    """Where the page's script comes from and reports to."""
    inbox: Inbox
    """Where what is meant for people ends up."""


@dataclass(frozen=True, slots=True)
class Part:
    """One server of the production.

    `build` makes its application, `tls` its TLS context where it has one. While one of `refused_by`
    is on, its port refuses connections.
    """

    name: str
    title: str
    path: str
    """What a person would open first."""
    build: Callable[[PartEnv], web.Application]
    refused_by: frozenset[Fault] = frozenset()
    tls: Callable[[PartEnv], ssl.SSLContext] | None = None
