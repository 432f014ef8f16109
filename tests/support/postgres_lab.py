"""The demo's PostgreSQL, its load and postgres_exporter, natively, as the compose file starts them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.processes import Process, fetch, free_port, running, wait_for
from support.rollback_postgres import PASSWORD, PostgresServer, running_postgres

__all__ = ["DEPLOYED", "PostgresLab", "postgres_lab"]

DEPLOYED = Path(__file__).parents[2] / "deploy/postgres"
_COMPOSE = yaml.safe_load((DEPLOYED.parents[1] / "docker-compose.yml").read_text())
_MONITOR_PASSWORD = "monitor-Pa55.word"
"""Debian's exporter can't do with blanks and quotes in it."""


@dataclass(frozen=True, slots=True)
class PostgresLab:
    """What runs, and where it answers."""

    exporter_port: int
    processes: tuple[Process, ...]

    def metrics(self) -> str:
        """What the exporter shows now."""
        status, _, body = fetch(f"http://127.0.0.1:{self.exporter_port}/metrics")
        assert status == 200
        return str(body.decode())


@contextlib.contextmanager
def postgres_lab(directory: Path, *, exporter: str = "prometheus-postgres-exporter") -> Iterator[PostgresLab]:
    """A database `larkspur` in use, and `exporter` on it, which is Debian's unless another is named."""
    port, exporter_port = free_port(), free_port()
    words = [flag for flag in _flags("demo-postgres") if "=" in flag]
    settings = dict(word.removeprefix("--").split("=", 1) for word in words)
    with running_postgres(port=port, settings=settings) as server:
        _make(server, directory, port)
        environment = {
            "DATA_SOURCE_URI": f"127.0.0.1:{port}/larkspur?sslmode=disable",
            "DATA_SOURCE_USER": "monitor",
            "DATA_SOURCE_PASS_FILE": str(directory / "monitor"),
        }
        address = f"--web.listen-address=127.0.0.1:{exporter_port}"
        own = (
            [f"--extend.query-path={DEPLOYED / 'queries.yaml'}"]
            if exporter.startswith("prometheus-")
            else [word for word in _flags("demo-postgres-exporter") if not word.startswith("--web.")]
        )
        load = [
            *(server.binary("pgbench"), "--no-vacuum", f"--file={DEPLOYED / 'load.sql'}", "--client=2"),
            *(
                "--rate=20",
                "--time=3600",
                "--host=127.0.0.1",
                f"--port={port}",
                "--username=rollwatch",
                "larkspur",
            ),
        ]
        with (
            running([exporter, address, *own], cwd=directory, env=environment) as exporting,
            running(load, cwd=directory, env={"PGPASSWORD": PASSWORD}) as loading,
        ):
            lab = PostgresLab(exporter_port, (exporting, loading))
            wait_for(lambda: _shows(lab), f"{exporter} to show the database:\n{exporting.output}")
            yield lab


def _flags(service: str) -> list[str]:
    """As its container gets them."""
    return [str(word) for word in _COMPOSE["services"][service]["command"]]


def _make(server: PostgresServer, directory: Path, port: int) -> None:
    """As the image's entry point does: the files of init/, by name."""
    (directory / "monitor").write_text(_MONITOR_PASSWORD + "\n")
    environment = {
        **os.environ,
        "PATH": f"{Path(server.binary('psql')).parent}:{os.environ['PATH']}",
        "PGPASSWORD": PASSWORD,
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "MONITOR_PASSWORD_FILE": str(directory / "monitor"),
        "POSTGRES_USER": "rollwatch",
        "POSTGRES_DB": "larkspur",
    }
    psql = ["psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "--username=rollwatch"]
    commands = [
        ["createdb", "--username=rollwatch", "larkspur"],
        *(
            ["sh", str(path)] if path.suffix == ".sh" else [*psql, "--dbname=larkspur", f"--file={path}"]
            for path in sorted((DEPLOYED / "init").iterdir())
        ),
    ]
    for command in commands:
        done = subprocess.run(
            command, env=environment, cwd=directory, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr


def _shows(lab: PostgresLab) -> bool:
    with contextlib.suppress(OSError):
        return 'pg_stat_user_tables_idx_scan{datname="larkspur"' in lab.metrics()
    return False
