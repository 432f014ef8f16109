"""A resolver that is dead, and a target whose queue is full: each costs only the probes that need it."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from support.processes import Exporter, running, running_exporter, wait_for
from support.siege import descriptors, ends_cleanly, figures, http_probe, more_runs, targets, write_config

# The exporter with another resolver than the host's.
_WITH_RESOLVER = """
import sys
from rollwatch.probers import _network
Resolver, nameserver = _network.Resolver, sys.argv.pop(1)
_network.Resolver = lambda _hosts_own: Resolver([nameserver])
from rollwatch.cli import main
main()
"""


@contextlib.contextmanager
def _silent_resolver() -> Iterator[str]:
    """Takes every question and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@contextlib.contextmanager
def _refusing_resolver() -> Iterator[str]:
    """Nobody is there."""
    with _silent_resolver() as address:
        pass
    yield address


@contextlib.contextmanager
def _full_queue() -> Iterator[int]:
    """A port that listens and never accepts, with its queue full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_dead_resolver_makes_names_unknown_and_touches_no_address(tmp_path: Path) -> None:
    for resolver in (_silent_resolver, _refusing_resolver):
        with targets() as production, resolver() as address:
            url = production.serve().url()
            probes = {f"name{n}": http_probe("http://no-such-name.example/") for n in range(20)}
            probes |= {f"address{n}": http_probe(url) for n in range(20)}
            config = write_config(tmp_path / "rollwatch.yml", probes)
            argv = [sys.executable, "-c", _WITH_RESOLVER, address, "exporter", f"--config.file={config}"]
            with running([*argv, "--web.listen-address=127.0.0.1:0"], cwd=tmp_path) as process:
                exporter = Exporter(process, process.line_with("event=listening").split("url=")[1].split()[0])
                more_runs(exporter, "name0", "resolver_failed", runs=1)
                seen = more_runs(exporter, "address0", "ok", runs=1)
                for probe in probes:
                    wanted = {"resolver_failed"} if probe.startswith("name") else {"ok"}
                    assert set(seen.reasons(probe)) <= wanted, (resolver, probe)
                assert sum(seen.by_probe("rollwatch_probe_skipped_runs_total").values()) == 0
                ends_cleanly(exporter)


def test_a_target_whose_queue_is_full_is_down_and_holds_nothing(tmp_path: Path) -> None:
    with targets() as production, _full_queue() as port:
        probes = {f"full{n}": http_probe(f"http://127.0.0.1:{port}/") for n in range(20)}
        probes["beside"] = http_probe(production.serve().url())
        with running_exporter(write_config(tmp_path / "rollwatch.yml", probes)) as exporter:
            pid = exporter.process.popen.pid
            more_runs(exporter, "full0", "timeout", runs=1)
            fds = descriptors(pid)
            more_runs(exporter, "full0", "timeout", runs=1)
            seen = figures(exporter)
            assert set(seen.reasons("full0")) == {"timeout"}
            assert set(seen.reasons("beside")) == {"ok"}
            wait_for(lambda: descriptors(pid) <= fds + 20, "connections to be given up")
            ends_cleanly(exporter)
