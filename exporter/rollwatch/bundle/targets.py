"""Where processes listen, as people say it on the command line: `--target exporter=10.0.0.7:9717`."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

from rollwatch.bundle.prometheus_config import Addresses
from rollwatch.config.mistake import did_you_mean
from rollwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parse_targets"]

_ADDRESS = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
_NONE = "none"


def parse_targets(said: Iterable[str]) -> Addresses:
    """The addresses of `job=host:port` items; jobs that are not named keep theirs. Raises UsageError."""
    known = [field.name for field in fields(Addresses)]
    found: dict[str, list[str]] = {}
    for item in said:
        job, equals, address = item.partition("=")
        if not equals:
            raise UsageError(f"--target {item}: write it like --target exporter=10.0.0.7:9717")
        if job not in known:
            raise UsageError(f"--target {item}: there is no job '{job}'. {did_you_mean(job, known)}")
        if address != _NONE and not _ADDRESS.fullmatch(address):
            raise UsageError(f"--target {item}: '{address}' is no host:port, and not 'none'")
        found.setdefault(job, []).extend([] if address == _NONE else [address])
    return Addresses(**{job: tuple(addresses) for job, addresses in found.items()})
