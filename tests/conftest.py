"""What holds for every test: our code never blocks the loop, and the machine's environment stays outside."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A busy machine is no counter-example; pytest-timeout bounds every test.
settings.register_profile("rollwatch", deadline=None)
settings.load_profile("rollwatch")

_MAY_BLOCK = {
    # The traceback of a bug of ours shows lines of source.
    "linecache.py": {"checkcache", "updatecache"},
    "rich/traceback.py": {"_render_stack"},
    # Reads /proc, which is memory.
    "prometheus_client/process_collector.py": {"collect", "_boot_time"},
    # Its lock is held for a moment whenever a thread begins to be measured.
    "coverage/collector.py": {"lock_data"},
    # The demo keeps a few small files of its own, at its start.
    "rollwatch/demo/rundir.py": {"keep_secret", "write_private"},
    "rollwatch/demo/production/front.py": {"_build"},
}
_OURS = ("ROLLWATCH_",)
_FOREIGN = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"})


@pytest.fixture(autouse=True)
def _loop_is_never_blocked() -> Iterator[None]:
    """A call of ours that blocks the running loop raises BlockingError; the tests' own calls may block."""
    with blockbuster_ctx("rollwatch") as blockbuster:
        for blocking in blockbuster.functions.values():
            for file, functions in _MAY_BLOCK.items():
                blocking.can_block_in(file, functions)
        yield


@pytest.fixture(autouse=True)
def _environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell exports changes no outcome."""
    for name in list(os.environ):
        if name.startswith(_OURS) or name.upper() in _FOREIGN:
            monkeypatch.delenv(name)
