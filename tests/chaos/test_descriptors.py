"""No file descriptor is left: probes say that it is our own trouble, and everything comes back by itself."""

from __future__ import annotations

import contextlib
import http.client
import resource
import socket
import time
from pathlib import Path

from support.processes import running_exporter, wait_for
from support.siege import (
    cpu_s,
    descriptors,
    ends_cleanly,
    figures,
    http_probe,
    more_runs,
    targets,
    write_config,
)

PROBES = 6


def test_without_descriptors_probes_are_unknown_and_recover(tmp_path: Path) -> None:
    with targets() as production:
        urls = [production.serve().url() for _ in range(PROBES)]
        probes = {f"p{nth}": http_probe(url) for nth, url in enumerate(urls)}
        probes["tcp"] = f'kind: tcp, address: "{production.serve().address}", interval: 1s, timeout: 1s'
        probes["name"] = (
            f'kind: tcp, address: "localhost:{production.serve().port}", interval: 1s, timeout: 1s'
        )
        (tmp_path / "token").write_text("secret\n")
        (tmp_path / "token").chmod(0o600)
        probes["secret"] = http_probe(production.serve().url(), extra=', auth: {bearer: "${file:token}"}')
        with running_exporter(write_config(tmp_path / "rollwatch.yml", probes)) as exporter:
            pid = exporter.process.popen.pid
            for probe in ("p0", "secret", "name"):
                more_runs(exporter, probe, "ok", runs=1)
            before = figures(exporter)
            at_rest = descriptors(pid)
            port = int(exporter.url.rpartition(":")[2])
            # Kept open from before: a scrape needs a descriptor only to begin.
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as kept:

                def kept_says(path: str) -> str:
                    kept.request("GET", path)
                    with kept.getresponse() as answer:
                        assert answer.status == 200
                        return answer.read().decode()

                assert "healthy" in kept_says("/-/healthy")
                wait_for(lambda: descriptors(pid) <= at_rest + 1, "quiet")
                soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
                waiting = socket.create_connection(("127.0.0.1", port))
                used, began = cpu_s(pid), time.monotonic()
                wait_for(lambda: 'reason="own_resources"} 3' in kept_says("/metrics"), "runs to be UNKNOWN")
                assert "healthy" in kept_says("/-/healthy")
                time.sleep(max(0.0, 3 - (time.monotonic() - began)))
                assert (cpu_s(pid) - used) / (time.monotonic() - began) < 0.5, "it spins"
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            with waiting:
                waiting.settimeout(20)
                waiting.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert b"200 OK" in waiting.recv(1 << 16)
            for probe in (*(f"p{nth}" for nth in range(PROBES)), "tcp", "name", "secret"):
                more_runs(exporter, probe, "ok", runs=1)
            after = figures(exporter)
            for probe in probes:
                new = {r for r, n in after.reasons(probe).items() if n > before.reasons(probe).get(r, 0)}
                assert new <= {"ok", "own_resources", "resolver_failed", "secret_unavailable"}, (probe, new)
            wait_for(lambda: descriptors(pid) <= at_rest + 2, "the descriptors to be closed")
            # None left but those the end itself gives back.
            highest = max(int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir())
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
            ends_cleanly(exporter)
