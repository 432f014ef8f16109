"""Killed at any moment and started again at once: nothing is left behind, nobody is asked too often."""

from __future__ import annotations

import itertools
import signal
import time
from pathlib import Path

from support.processes import ROLLWATCH, Process, free_port, wait_for
from support.servers import Peer, response
from support.siege import Targets, targets, write_config

GRID_S = 3.0
PAID = "paid182"
"""Its first tick follows at once on the start of an interval: a grid that began anew would ask at once."""
KILL_AFTER_S = (0.1, 0.3, 0.5, 0.7, 0.9)


def test_a_process_killed_again_and_again_starts_at_once_and_keeps_the_grid(tmp_path: Path) -> None:
    asked: list[float] = []

    async def provider(peer: Peer) -> None:
        while True:
            await peer.request()
            asked.append(time.time())
            await peer.send(response(b'{"results": [{"x": 1}]}'))

    with targets() as production:
        probes = _probes(production, production.serve(provider).url())
        config = write_config(tmp_path / "rollwatch.yml", probes)
        address = f"127.0.0.1:{free_port()}"
        argv = [*ROLLWATCH, "exporter", f"--config.file={config}", f"--web.listen-address={address}"]
        for after_s in KILL_AFTER_S:
            process = Process(argv, cwd=tmp_path)
            time.sleep(after_s)
            _kill(process)
        for _ in range(2):
            process = Process(argv, cwd=tmp_path)
            process.line_with("event=started")
            # In the middle of a reload.
            process.signal(signal.SIGHUP)
            _kill(process)
        process = Process(argv, cwd=tmp_path)
        try:
            process.line_with("event=started")
            seen = len(asked)
            wait_for(lambda: len(asked) >= seen + 2, "two more requests to the provider")
            # As if it had been killed right after it asked.
            _kill(process)
            process = Process(argv, cwd=tmp_path)
            process.line_with("event=started")
            seen = len(asked)
            wait_for(lambda: len(asked) > seen, "the provider to be asked after the restart")
        finally:
            assert process.stop() == 0
        assert "Traceback" not in process.output
        assert all(b - a > GRID_S - 1 for a, b in itertools.pairwise(asked)), asked


def _probes(production: Targets, paid: str) -> dict[str, str]:
    said = f'kind: provider, role: primary, url: "{paid}", interval: {GRID_S:g}s, timeout: 2s'
    return {PAID: f"{said}, records: results"} | {
        f"p{nth}": f'kind: http, url: "{production.serve().url()}", interval: 1s, timeout: 1s'
        for nth in range(3)
    }


def _kill(process: Process) -> None:
    process.popen.kill()
    assert process.wait() == -signal.SIGKILL, process.output
