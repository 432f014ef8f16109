"""The set-up scripts on machines that lack something: what they do, and what they tell the person there."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TOOLS_OF_THE_SYSTEM = (
    *("sh", "sha256sum", "cut", "cat", "dirname", "id", "mkdir", "rm", "tail", "grep", "sed", "env", "chmod"),
    *("tee", "touch"),
)


@dataclass
class Machine:
    """A copy of the project with a PATH of its own: only programs that are put there exist."""

    checkout: Path
    bin: Path

    def has(self, name: str, script: str) -> None:
        """Put a program there, as a shell script."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.checkout,
            env={"PATH": str(self.bin), **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def calls(self) -> list[str]:
        """What apt-get was asked, in order."""
        log = self.checkout / "apt-calls"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", checkout / "tools")
    for name in ("requirements-dev.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in _TOOLS_OF_THE_SYSTEM:
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    # The real directories of the system are not looked into, nor is its policy file touched.
    script = checkout / "tools/debian-packages"
    text = script.read_text()
    text = text.replace("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin", ":")
    text = text.replace("/usr/sbin/policy-rc.d", str(tmp_path / "policy-rc.d"))
    script.write_text(text)
    return Machine(checkout, programs)


def _packages() -> list[str]:
    lines = (ROOT / "tools/debian-packages.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line and not line.startswith("#")]


def _apt(outcome: str = "exit 0") -> str:
    return f'echo "$*" >>apt-calls; ls "$POLICY" >>policy-seen 2>/dev/null\n{outcome}'


@pytest.mark.parametrize("version", ["Python 3.9.2", None], ids=["an old Python", "no Python at all"])
def test_without_a_new_enough_python_it_says_which_and_how_to_get_it(
    machine: Machine, version: str | None
) -> None:
    # The interpreter Debian's own path leads to is this machine's affair.
    setup = machine.checkout / "tools/setup"
    setup.write_text(setup.read_text().replace(" /usr/bin/python3", ""))
    if version is not None:
        machine.has("python3", f'[ "$1" = --version ] && echo {version} || exit 1')
    done = machine.run("tools/setup")
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed" in done.stderr
    assert (version or "no python3") in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_without_venv_and_without_root_it_says_what_to_type(machine: Machine) -> None:
    machine.has("python3", 'case "$*" in *ensurepip*) exit 1;; *--version*) echo Python 3.11.2;; esac')
    machine.has("apt-get", _apt())
    machine.has("dpkg-query", "exit 1")
    machine.has("id", "echo 1000")
    done = machine.run("tools/setup")
    assert done.returncode == 2
    assert "sudo apt-get update && sudo apt-get install --no-install-recommends python3-venv" in done.stderr
    assert machine.calls() == []


def test_as_root_all_missing_packages_are_installed_at_once(machine: Machine) -> None:
    machine.has("apt-get", _apt())
    machine.has("id", "echo 0")
    done = machine.run("tools/debian-packages")
    assert done.returncode == 0, done.stderr
    (call,) = machine.calls()
    assert call.endswith("install --no-install-recommends " + " ".join(_packages()))


def test_what_is_there_is_not_installed_again(machine: Machine) -> None:
    machine.has("apt-get", _apt())
    machine.has("id", "echo 0")
    for program in ("prometheus", "nginx"):
        machine.has(program, "exit 0")
    machine.run("tools/debian-packages")
    installed = machine.calls()[0].split("--no-install-recommends ")[1].split()
    assert installed == [name for name in _packages() if name not in {"prometheus", "nginx-light"}]


def test_packages_that_are_named_are_installed_alone_and_their_programs_looked_for(machine: Machine) -> None:
    machine.has("apt-get", _apt())
    machine.has("id", "echo 0")
    machine.has("prometheus", "exit 0")
    done = machine.run("tools/debian-packages", "prometheus", "prometheus-alertmanager")
    assert done.returncode == 0, done.stderr
    (call,) = machine.calls()
    assert call.endswith("install --no-install-recommends prometheus-alertmanager")


def test_with_everything_there_nothing_is_called(machine: Machine) -> None:
    machine.has("apt-get", _apt())
    lines = (ROOT / "tools/debian-packages.txt").read_text().splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            machine.has(line.split()[1], "exit 0")
    assert machine.run("tools/debian-packages").returncode == 0
    assert machine.calls() == []


def test_the_lists_are_fetched_only_when_the_install_failed_without(machine: Machine) -> None:
    machine.has(
        "apt-get",
        _apt('case "$*" in *update*) touch updated;; *) [ -e updated ] || exit 100;; esac'),
    )
    machine.has("id", "echo 0")
    assert machine.run("tools/debian-packages").returncode == 0
    assert ["install" in call for call in machine.calls()] == [True, False, True]


def test_without_a_network_it_says_so_and_how_to_look(machine: Machine) -> None:
    machine.has("apt-get", _apt('echo "Temporary failure resolving deb.debian.org"; exit 100'))
    machine.has("id", "echo 0")
    done = machine.run("tools/debian-packages")
    assert done.returncode == 1
    assert "Temporary failure resolving" in done.stderr
    assert "Is this machine online" in done.stderr


def test_services_are_held_back_while_packages_are_installed_and_not_after(machine: Machine) -> None:
    policy = machine.checkout.parent / "policy-rc.d"
    machine.has("apt-get", _apt('"$POLICY"; echo "policy $?" >>policy-said; exit 100'))
    machine.has("id", "echo 0")
    machine.run("tools/debian-packages", POLICY=str(policy))
    assert (machine.checkout / "policy-said").read_text().splitlines()[0] == "policy 101"
    assert not policy.exists()


def test_a_policy_of_the_machines_own_is_left_alone(machine: Machine) -> None:
    policy = machine.checkout.parent / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    machine.has("apt-get", _apt())
    machine.has("id", "echo 0")
    machine.run("tools/debian-packages")
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_without_apt_it_names_the_programs_that_are_needed(machine: Machine) -> None:
    done = machine.run("tools/debian-packages")
    assert done.returncode == 2
    assert "no apt-get" in done.stderr
    assert " nginx " in done.stderr


def test_a_registry_out_of_reach_is_said_in_a_sentence(machine: Machine) -> None:
    pip = 'echo "WARNING: Retrying after connection broken by NewConnectionError"; exit 1'
    machine.has(
        "python3",
        'case "$*" in *--version*) echo Python 3.11.2;; '
        '"-m venv"*) mkdir -p .venv/bin; '
        f"printf '%s\\n' '#!/bin/sh' 'case \"$*\" in *install*) {pip};; esac' >.venv/bin/python; "
        "chmod 755 .venv/bin/python;; esac",
    )
    done = machine.run("tools/setup", https_proxy="")
    assert done.returncode == 1
    assert "the package registry can't be reached" in done.stderr
