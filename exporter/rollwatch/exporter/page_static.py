"""The page's own files."""

from __future__ import annotations

from functools import cache

from rollwatch.serving.static_files import StaticFiles

__all__ = ["page_files"]


@cache
def page_files() -> StaticFiles:
    """Read once in the life of the process."""
    return StaticFiles("rollwatch.exporter")
