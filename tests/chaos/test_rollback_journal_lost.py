"""The journal's disk fills up, its file goes away, its server is restarted: while a rollback runs."""

from __future__ import annotations

import resource
import shutil
import signal
from pathlib import Path
from typing import Any

from support.processes import wait_for
from support.rollback_postgres import running_postgres
from support.rollback_rig import Rig, alert_body, by_command, rig, rigged, write_secret

SERVICES = ("api", "web", "worker")


def gated(service: str) -> dict[str, Any]:
    script = (
        f"touch begun-{service}; until [ -e gate-{service} ]; do sleep 0.05; done; echo {service} >>ledger"
    )
    return by_command(script, command={"status": ["/bin/sh", "-c", f"grep -qx {service} ledger || exit 1"]})


def taken(here: Rig, service: str, *, is_taken: bool) -> None:
    """Whether Alertmanager is told that its alert is kept; and what the process says of itself."""
    status, said = here.ask("/api/monitoring/alerts", alert_body(service), role="alert")
    assert status == (200 if is_taken else 503), said
    wait_for(lambda: here.ask("/-/ready")[0] == (200 if is_taken else 503), "the right readiness")


def ends(here: Rig, service: str) -> None:
    """Its program, while the lease of its row still holds: where that is lost, it would be ended."""
    (here.home / f"gate-{service}").touch()
    wait_for(lambda: service in here.lines(), f"the program of {service} to end")


def test_nothing_is_taken_and_nothing_is_lost_where_the_journal_fails(tmp_path: Path) -> None:
    with rigged(tmp_path, {service: gated(service) for service in SERVICES}) as here:
        with here.running(lease_s=4.0) as process:
            for service in SERVICES:
                here.deployed(service)
            [api] = here.alerts("api")
            here.begun("begun-api")

            # No file of it may grow: the disk is full.
            unlimited, pid = resource.RLIM_INFINITY, process.popen.pid
            size = (here.storage / "journal.db-wal").stat().st_size
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, unlimited))
            ends(here, "api")
            taken(here, "web", is_taken=False)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
            assert here.over(api)["state"] == "succeeded"

            [web] = here.alerts("web")
            here.begun("begun-web")
            here.storage.rename(tmp_path / "elsewhere")
            ends(here, "web")
            taken(here, "worker", is_taken=False)
            (tmp_path / "elsewhere").rename(here.storage)
            assert here.over(web)["state"] == "succeeded"

            # What would be written to a file that nobody finds again must not be called kept.
            [worker] = here.alerts("worker")
            here.begun("begun-worker")
            journal = here.storage / "journal.db"
            shutil.copy(journal, tmp_path / "a-backup")
            journal.rename(tmp_path / "lost")
            (tmp_path / "a-backup").rename(journal)
            ends(here, "worker")
            taken(here, "api", is_taken=False)
            assert "its file was replaced under the running handler" in process.output
            process.signal(signal.SIGKILL)
            process.wait()
            journal.unlink()
            (tmp_path / "lost").rename(journal)
        with here.running():
            assert here.over(worker)["state"] == "succeeded"
            # That they were taken back already is still known.
            for row in (api, web):
                assert here.row(row)["state"] == "succeeded"
        assert sorted(here.lines()) == sorted(SERVICES)


def test_a_rollback_runs_through_a_restart_of_its_postgresql(tmp_path: Path) -> None:
    with running_postgres() as server:
        write_secret(tmp_path / "journal-url", server.new_database())
        services = {service: gated(service) for service in SERVICES}
        with rig(tmp_path, services, journal="${file:journal-url}") as here:
            for service in SERVICES:
                here.deployed(service)
            [api] = here.alerts("api")
            here.begun("begun-api")
            server.stop(signal.SIGINT)
            ends(here, "api")
            taken(here, "web", is_taken=False)
            server.start()
            assert here.over(api)["state"] == "succeeded"
            [web] = here.alerts("web")
            ends(here, "web")
            assert here.over(web)["state"] == "succeeded"
            assert here.lines() == ["api", "web"]
            assert "s3cr3t" not in here.process.output
