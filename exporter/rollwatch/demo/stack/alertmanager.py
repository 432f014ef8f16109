"""Alertmanager with the routes that the demo's `rollwatch.yml` says, all of which end in the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.alertmanager import alertmanager_files
from rollwatch.config.load import load_config
from rollwatch.config.program import Program
from rollwatch.config.secrets import SecretStore
from rollwatch.demo.announcement import running_ports
from rollwatch.demo.stack.files import fresh_directory, replace_files
from rollwatch.demo.supervisor.process import Process
from rollwatch.demo.trouble import DemoError
from rollwatch.probers import discover

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir
    from rollwatch.demo.stack.ports import StackPorts

__all__ = ["alertmanager", "alertmanager_configuration"]


def alertmanager(run_dir: RunDir, ports: StackPorts, *, program: str, keep_data: bool) -> Process:
    """The process. Its silences and what it told are those of this run only, unless `keep_data`."""
    home = run_dir.alertmanager
    url = f"http://127.0.0.1:{ports.alertmanager}"

    def prepare() -> None:
        replace_files(home, alertmanager_configuration(run_dir))
        fresh_directory(home / "data", keep=keep_data)

    return Process(
        name="alertmanager",
        argv=(
            program,
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports.alertmanager}",
            # As it is reached: links in messages lead there.
            f"--web.external-url={url}",
            # One of its kind: it looks for no others.
            "--cluster.listen-address=",
        ),
        log=run_dir.logs / "alertmanager.log",
        ready_url=lambda: f"{url}/-/ready",
        ports={"Alertmanager": ports.alertmanager},
        prepare=prepare,
    )


def alertmanager_configuration(run_dir: RunDir) -> dict[str, str]:
    """Path from Alertmanager's directory -> text. Raises ConfigError if the configuration is refused."""
    specs = {name: kind.spec for name, kind in discover().items()}
    secrets = SecretStore(run_dir.path, {})
    config = load_config(run_dir.config, specs, secrets=secrets, location=None, program=Program.COMMAND)
    made = alertmanager_files(config, directory=str(run_dir.alertmanager))
    files = {path.removeprefix("alertmanager/"): text for path, text in made.items()}
    ports = running_ports(run_dir) or {}
    events = f"http://127.0.0.1:{ports['inbox']}/v2/enqueue"
    return files | {"alertmanager.yml": _paging(files["alertmanager.yml"], events)}


def _paging(text: str, url: str) -> str:
    """With another place for PagerDuty's events. Raises DemoError if there is no room for it."""
    head = "global:\n"
    if text.count(f"\n{head}") != 1:
        raise DemoError("Alertmanager's configuration is not of the expected form: it has no part 'global'")
    return text.replace(f"\n{head}", f"\n{head}  pagerduty_url: {url}\n")
