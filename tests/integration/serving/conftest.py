"""Everything here holds on both loops: the stock one, and the one of production."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from support.loops import LOOPS


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS
