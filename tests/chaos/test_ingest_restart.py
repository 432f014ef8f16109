"""Killed or ended while pushes, beacons and lines flow: nothing leaps, counts twice, or hangs."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.arrivals import PUSH_PATH, TOKEN, Reception, Sender, config_text, exchange, receiving, request
from support.processes import ROLLWATCH, Exporter, Process, free_port, wait_for
from support.siege import ends_cleanly, http_probe, targets

LIVES = 3
OLD_LINES = 500
LINES = 300_000
PUSHERS = 8
RECORDS = 4000
"""Enough that a document is read in a thread, and taken in slices."""
LINE = {"message": "request", "path": "/old", "status": 200}


def _started(directory: Path, listen: int, ingest: int) -> Reception:
    argv = [*ROLLWATCH, "exporter", "--config.file=rollwatch.yml"]
    addresses = (f"--web.listen-address=127.0.0.1:{listen}", f"--web.ingest-address=127.0.0.1:{ingest}")
    process = Process([*argv, *addresses], cwd=directory)
    process.line_with("event=started")
    return Reception(Exporter(process, f"http://127.0.0.1:{listen}"), directory)


def test_a_killed_exporter_counts_on_from_where_its_senders_stand(tmp_path: Path) -> None:
    with targets() as production:
        text = config_text({"p": http_probe(production.serve().url())})
        (tmp_path / "rollwatch.yml").write_text(text)
        (tmp_path / "app.log").write_text(f"{json.dumps(LINE)}\n" * OLD_LINES)
        listen, ingest = free_port(), free_port()
        here = _started(tmp_path, listen, ingest)
        running_total = 1e6
        try:
            for _ in range(LIVES):
                with Sender(here, every_s=0.02, running_total=running_total) as sender:
                    _wait_for_pushes(sender, 5)
                    here.exporter.process.popen.kill()
                    assert here.exporter.process.wait() == -signal.SIGKILL
                    before, written = Counter(sender.answers), sender.lines
                    wait_for(lambda sent=sender: sent.of("add").get(0), "a push to fail")
                    here = sender.reception = _started(tmp_path, listen, ingest)
                    wait_for(
                        lambda now=here: now.total("rollwatch_log_source_open"), "the log to be followed"
                    )
                    followed_from = sender.lines
                    _wait_for_pushes(sender, before["add", 200] + 10)
                running_total = sender.running_total
                taken = sender.answers - before
                wait_for(
                    lambda now=here, least=sender.lines - followed_from: (
                        now.total("rollwatch_http_requests_total") >= least
                    ),
                    "the lines to be read",
                )
                seen = here.figures()
                # An answer from before the kill may have been noted after it.
                assert seen.total("orders_total") in _about(taken["add", 200])
                assert seen.total("rollwatch_browser_page_views_total") in _about(taken["beacon", 204])
                # The first total says where the application stands, and is no growth.
                assert seen.total("jobs_total") in _about(taken["total", 200] - 1)
                assert seen.total("rollwatch_http_requests_total") <= sender.lines - written
            with Sender(here, every_s=0.0, running_total=running_total):
                ends_cleanly(here.exporter)
        finally:
            here.exporter.process.stop()


def _wait_for_pushes(sender: Sender, count: int) -> None:
    wait_for(lambda: sender.of("add").get(200, 0) >= count, "pushes to be taken")


def _about(count: int) -> set[int]:
    return {count, count - 1}


def test_the_end_comes_in_time_with_everything_in_flight(tmp_path: Path) -> None:
    records = [{"id": number, "price": 1.5, "symbol": "S"} for number in range(RECORDS)]
    body = json.dumps({"records": {"trades": records}}).encode()
    large = request(PUSH_PATH, body, headers={"Authorization": f"Bearer {TOKEN}"})
    answers: list[bytes] = []
    is_over = threading.Event()

    def push_again_and_again(port: int) -> None:
        while not is_over.is_set():
            answers.append(exchange(port, large))

    with contextlib.ExitStack() as stack:
        production = stack.enter_context(targets())
        (tmp_path / "app.log").touch()
        text = config_text({"p": http_probe(production.serve().url())})
        here = stack.enter_context(receiving(tmp_path, text))
        pool = stack.enter_context(ThreadPoolExecutor(PUSHERS))
        stack.callback(is_over.set)
        for _ in range(PUSHERS):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", here.ingest)))
            half.sendall(large[: len(large) // 2])
            pool.submit(push_again_and_again, here.ingest)
        with Sender(here, every_s=0.0), here.log.open("a") as log:
            wait_for(lambda: len(answers) >= PUSHERS, "large pushes to be taken")
            log.write(f"{json.dumps(LINE)}\n" * LINES)
            ends_cleanly(here.exporter)
        is_over.set()
    assert all(b" 200 OK" in answer or not answer for answer in answers)
    assert any(answers)
