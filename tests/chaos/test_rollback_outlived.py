"""The file is changed, or the handler ends, in the middle of deployments: they go on, and are found again."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.processes import wait_for
from support.rollback_git import Team
from support.rollback_rig import Rig, by_command, rigged

LEASE_S = 4.0
MANY = tuple(f"s{number}" for number in range(4))
RELOADED = "reloaded"


def talkative(service: str, gate: str = "gate") -> dict[str, Any]:
    """A deployment that tells of its progress all the time, as they do; more than a pipe holds."""
    script = (
        f"touch begun-{service}; until [ -e {gate} ]; do echo working; sleep 0.05; done; "
        f"echo 'nearly there' >&2; head -c 200000 /dev/zero; echo {service} >>ledger; echo done"
    )
    status = ["/bin/sh", "-c", f"grep -qx {service} ledger || exit 1"]
    after = [{"name": "note", "run": ["/bin/sh", "-c", f"echo {service} >>after"]}]
    return by_command(script, command={"status": status}, after=after)


def reverting(origin: Path) -> dict[str, Any]:
    return {
        **{key: value for key, value in by_command("").items() if key not in {"command", "strategy"}},
        "strategy": "git-revert",
        "git-revert": {"repository": str(origin)},
    }


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_deployments_outlive_reloads_and_the_handler(tmp_path: Path, how: signal.Signals) -> None:
    team = Team(tmp_path)
    good, bad = team.commit("good", app_py="1"), team.commit("bad", app_py="2")
    wait = f"until [ -e {tmp_path}/gate ]; do echo working; sleep 0.05; done"
    team.hook("pre-receive", f"cat >/dev/null; touch {tmp_path}/begun-pushed; {wait}; echo done")
    services = {
        RELOADED: talkative(RELOADED, "gate-of-reloads"),
        **{service: talkative(service) for service in MANY},
        "pushed": reverting(team.origin),
    }
    with rigged(tmp_path, services) as here:
        with here.running(lease_s=LEASE_S) as process:
            here.deployed("pushed", good=good, bad=bad)
            for service in (RELOADED, *MANY):
                here.deployed(service)
            rows = here.alerts(*services)
            for service in services:
                here.begun(f"begun-{service}")
            storm_of_reloads(here)
            (tmp_path / "gate-of-reloads").touch()
            assert here.over(rows[0])["state"] == "succeeded"
            assert here.lines("after") == [RELOADED]
            here.services = services
            here.write()
            here.alerts(*(f"nobody-{number}" for number in range(100)))
            process.signal(how)
            assert process.wait() in {0, -signal.SIGKILL}
        # Nobody reads their output now.
        (tmp_path / "gate").touch()
        once = dict.fromkeys((RELOADED, *MANY), 1)
        wait_for(lambda: Counter(here.lines()) == once, "the deployments to go on")
        wait_for(lambda: team.tip() != bad, "the push to arrive")
        with here.running():
            report = {"service": "pushed", "commit": team.tip(), "state": "finished", "at": time.time()}
            assert here.ask("/api/monitoring/deployments", report, role="deploy")[0] in {200, 201}
            assert Counter(here.over(row)["state"] for row in rows) == {"succeeded": len(rows)}
            wait_for(lambda: not still_open(here), "all that had waited to be judged")
        assert Counter(here.lines()) == Counter(here.lines("after")) == once
        assert team.subjects(bad) == ['Revert "bad"']
        assert team.tree("main") == team.tree(good)
        wait_for(lambda: not readers(), "the end of whatever read on")


def still_open(here: Rig) -> list[Any]:
    return list(here.ask("/api/monitoring/rollback/status")[1]["open"])


def storm_of_reloads(here: Rig) -> None:
    """At the end a file is in force in which nothing of what runs is named."""
    for number in range(12):
        change_file(here, number)
        here.process.signal(signal.SIGHUP)
        time.sleep(0.01 * (number % 5))
    here.services = {"other": by_command("exit 1")}
    here.write()
    here.process.signal(signal.SIGHUP)
    wait_for(lambda: in_force(here) == {"other"}, "the last file to be in force")


def change_file(here: Rig, number: int) -> None:
    """What a broken pipeline makes of it: bad, all else, without the services, gone."""
    config = here.home / "rollwatch.yml"
    wrong = by_command("echo WRONG >>ledger", mode="dry-run")
    match number % 4:
        case 0:
            config.write_text("services: {api: {probes: nothing}}")
        case 1:
            after = [{"name": "later", "run": ["/bin/sh", "-c", f"echo later-{number} >>after"]}]
            here.services = {service: {**wrong, "after": after} for service in (RELOADED, *MANY)}
            here.write()
        case 2:
            here.services = {"other": wrong}
            here.write()
        case _:
            config.unlink()


def in_force(here: Rig) -> set[str]:
    """The services that can be taken back."""
    text = str(here.ask("/metrics")[1])
    found = [line for line in text.splitlines() if line.startswith("rollwatch_rollback_in_progress{")]
    return {line.split('service="')[1].split('"')[0] for line in found}


def readers() -> list[int]:
    """Processes that read on where a handler ended."""
    there = psutil.process_iter(["cmdline", "cwd"])
    return [one.pid for one in there if one.info["cmdline"] == ["cat"] and one.info["cwd"] == "/"]
