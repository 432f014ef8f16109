"""Real processes in tests: started, awaited by what they say or answer, and ended without leftovers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROLLWATCH = [sys.executable, "-m", "rollwatch"]
DEADLINE_S = 30.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition: Callable[[], T | None], what: str, deadline_s: float = DEADLINE_S) -> T:
    """The first truthy answer of `condition`; fails, saying `what`, when there is none in time."""
    until = time.monotonic() + deadline_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"waited {deadline_s:g} s in vain for {what}")
        time.sleep(0.05)


def fetch(
    url: str, *, method: str = "GET", headers: dict[str, str] | None = None, data: bytes | None = None
) -> Any:
    """Status, headers and body of an answer, whatever the status."""
    request = urllib.request.Request(url, method=method, headers=headers or {}, data=data)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


class Process:
    """A running process and what it has written so far."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: dict[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.popen = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        with self.popen.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def line_with(self, text: str) -> str:
        """The first line that contains `text`, once there is one."""

        def find() -> str | None:
            for line in list(self.lines):
                if text in line:
                    return line
            if self.popen.poll() is not None:
                self._reader.join(5)
                if not any(text in line for line in self.lines):
                    raise AssertionError(
                        f"ended with {self.popen.returncode} before {text!r}:\n{self.output}"
                    )
            return None

        return wait_for(find, f"the line {text!r}; the output is:\n{self.output}")

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self) -> int:
        """The exit code, once it ends by itself."""
        code = self.popen.wait(DEADLINE_S)
        self._reader.join(5)
        return code

    def stop(self) -> int:
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.wait()
            raise


@contextlib.contextmanager
def running(
    argv: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> Iterator[Process]:
    """A process for as long as the context lasts; its output is shown when the test fails."""
    process = Process(argv, cwd=cwd, env=env, stdin=stdin)
    try:
        yield process
    except BaseException:
        print(f"--- output of {argv[0]} ---\n{process.output}\n---")
        raise
    finally:
        process.stop()


class Exporter:
    """A running exporter."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url

    def get(self, path: str) -> str:
        status, _, body = fetch(self.url + path)
        assert status == 200, (status, body)
        return str(body.decode())


@contextlib.contextmanager
def running_exporter(
    config: Path, *arguments: str, env: dict[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> Iterator[Exporter]:
    """`rollwatch exporter` on a free port, ready."""
    argv = [
        *ROLLWATCH,
        "exporter",
        "--config.file",
        str(config),
        "--web.listen-address",
        "127.0.0.1:0",
        *arguments,
    ]
    with running(argv, cwd=config.parent, env=env, stdin=stdin) as process:
        url = process.line_with("event=listening").split("url=")[1].split()[0]
        process.line_with("event=started")
        yield Exporter(process, url)
