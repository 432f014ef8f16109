"""Which of the ports we need are taken, and by whom."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["taken_ports"]


def taken_ports(ports: Mapping[str, int]) -> list[str]:
    """One sentence per port (title -> number) that can't be listened on; 0 means any and is never taken."""
    problems = {title: problem for title, port in ports.items() if port and (problem := _problem(port))}
    if not problems:
        return []
    owners = _listeners(ports[title] for title in problems)
    return [
        f"port {ports[title]} ({title}) {problem}{owners.get(ports[title], '')}"
        for title, problem in problems.items()
    ]


def _problem(port: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        # As the servers do: a connection that lingers in TIME_WAIT is no obstacle.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen(1)
        except OSError as error:
            return "is taken" if error.errno == 98 else f"can't be used: {error.strerror}"
    return None


def _listeners(ports: Iterable[int]) -> dict[int, str]:
    """` by nginx (pid 123)` for each port whose owner we may know."""
    wanted = set(ports)
    found: dict[int, str] = {}
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return found
    for connection in connections:
        port = connection.laddr.port if connection.laddr else 0
        if connection.status != psutil.CONN_LISTEN or port not in wanted or connection.pid is None:
            continue
        try:
            # The name only: a command line may hold secrets.
            found[port] = f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
        except psutil.Error:
            found[port] = f" by pid {connection.pid}"
    return found
