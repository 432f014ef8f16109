"""No descriptor is left while logs rotate and everybody sends: it is said, and all of it comes back."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
import time
from pathlib import Path

from support.arrivals import (
    BEACON_PATH,
    FIGURES,
    LINES,
    ORIGIN,
    PUSH_PATH,
    TOKEN,
    beacon,
    config_text,
    receiving,
    request,
    statuses,
)
from support.processes import wait_for
from support.siege import Figures, cpu_s, descriptors, ends_cleanly, http_probe, more_runs, targets

LOGS = 40
ROTATED = 15
WAITING = 5
LINE = '{"message": "request", "path": "/a", "status": 200}\n'
SEEN = "rollwatch_http_requests_total"


def test_without_descriptors_what_is_open_goes_on_and_the_rest_comes_back(tmp_path: Path) -> None:
    names = [f"log{number}" for number in range(LOGS)]
    for name in names:
        (tmp_path / name).touch()
    # The last log of `config_text`, as many times more.
    more = "".join(f"      {name}:\n        file: {name}\n        lines:\n{LINES}" for name in names)
    with targets() as production:
        probes = {"p": http_probe(production.serve().url())}
        text = config_text(probes, figures=FIGURES, lines=LINES + more)
        (tmp_path / "app.log").touch()
        with contextlib.ExitStack() as stack:
            here = stack.enter_context(receiving(tmp_path, text))
            more_runs(here.exporter, "p", "ok", runs=1)
            for name in names:
                (tmp_path / name).write_text(LINE)
            wait_for(lambda: here.total(SEEN) == LOGS, "a line of each log")
            at_rest = descriptors(here.pid)
            ingest, operators = (
                stack.enter_context(
                    contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20))
                )
                for port in (here.ingest, here.operators)
            )

            def said(connection: http.client.HTTPConnection, path: str, body: bytes = b"") -> tuple[int, str]:
                headers = {"Authorization": f"Bearer {TOKEN}"} if path == PUSH_PATH else {"Origin": ORIGIN}
                connection.request("POST" if body else "GET", path, body or None, headers if body else {})
                with connection.getresponse() as answer:
                    return answer.status, answer.read().decode()

            def seen() -> Figures:
                return Figures(said(operators, "/metrics")[1])

            push = json.dumps({"metrics": [{"name": "jobs_total", "add": 1}]}).encode()
            assert said(ingest, PUSH_PATH, push)[0] == 200
            assert seen().total("jobs_total") == 1
            soft, hard = resource.prlimit(here.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(here.pid, resource.RLIMIT_NOFILE, (3, hard))
            waiting = [
                stack.enter_context(socket.create_connection(("127.0.0.1", here.ingest), 20))
                for _ in range(WAITING)
            ]
            for sock in waiting:
                sock.sendall(request(BEACON_PATH, beacon(), headers={"Origin": ORIGIN}))
            for name in names[:ROTATED]:
                with (tmp_path / name).open("a") as old:
                    (tmp_path / name).rename(tmp_path / f"{name}.1")
                    (tmp_path / name).write_text(LINE * 2)
                    old.write(LINE)
            used, began = cpu_s(here.pid), time.monotonic()
            obstacle = {"obstacle": "out_of_descriptors"}
            wait_for(
                lambda: seen().total("rollwatch_log_source_obstacle", **obstacle) == ROTATED,
                "the logs that can't be opened to be told of",
            )
            # What is open already goes on: what was rotated away, the other logs, connections.
            for name in names[ROTATED:]:
                with (tmp_path / name).open("a") as file:
                    file.write(LINE)
            wait_for(lambda: seen().total(SEEN) == 2 * LOGS, "the lines of open files to be read")
            assert said(ingest, PUSH_PATH, push)[0] == 200
            assert said(ingest, BEACON_PATH, beacon())[0] == 204
            assert seen().total("jobs_total") == 2
            time.sleep(max(0.0, 2 - (time.monotonic() - began)))
            assert (cpu_s(here.pid) - used) / (time.monotonic() - began) < 0.7, "it spins"
            resource.prlimit(here.pid, resource.RLIMIT_NOFILE, (soft, hard))
            for sock in waiting:
                answer = b""
                while part := sock.recv(1 << 16):
                    answer += part
                assert statuses(answer) == [204]
            wait_for(lambda: seen().total(SEEN) == 2 * LOGS + 2 * ROTATED, "every line to be read, once")
            assert seen().total("rollwatch_log_source_obstacle") == 0
            output = here.exporter.process.output
            assert "event=accept_failed" in output
            assert output.count("why=out_of_descriptors") == ROTATED
            more_runs(here.exporter, "p", "ok", runs=1)
            assert set(seen().reasons("p")) <= {"ok", "own_resources"}
            # Those rotated away stay open for a while.
            wait_for(lambda: descriptors(here.pid) <= at_rest + 2 + ROTATED + 2, "quiet")
            ends_cleanly(here.exporter)
