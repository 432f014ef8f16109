"""The built wheel in an environment of its own, outside the checkout: what users install is tested."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from support.processes import fetch, running

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("rollwatch-*-py3-none-any.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment with the wheel in it; the dependencies are those of the tests."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home / "venv", with_pip=False)
    python = home / "venv/bin/python"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = (home / "venv").glob("lib/python3*/site-packages")
    # A directory named here is searched, but the .pth files in it are not read: our checkout stays invisible.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "venv/bin/rollwatch"


def _run(*argv: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    package = ROOT / "exporter/rollwatch"
    wanted = {
        f"rollwatch/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert wanted - held == set()
    assert "rollwatch/ingest/static/rum.js" in held, "run `make test`, which makes the browser script"
    assert {name for name in held if not name.startswith("rollwatch")} == set(), "nothing but the package"
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_it_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = _run(installed, "version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\b0\.1\.0\b", done.stdout)


def test_it_runs_from_its_own_files(installed: Path, tmp_path: Path) -> None:
    done = _run(
        installed.with_name("python"), "-c", "import rollwatch; print(rollwatch.__file__)", cwd=tmp_path
    )
    assert Path(done.stdout.strip()).is_relative_to(installed.parents[1])


def test_the_demos_configuration_is_in_it_and_is_well(installed: Path, tmp_path: Path) -> None:
    script = (
        "from importlib import resources;"
        "print(resources.files('rollwatch.demo').joinpath('rollwatch.yml').read_text())"
    )
    text = _run(installed.with_name("python"), "-c", script, cwd=tmp_path).stdout
    (tmp_path / "rollwatch.yml").write_text(text)
    for name in ("primary", "fallback", "feed", "push-api", "push-trading", "push-web"):
        secret = tmp_path / "secrets" / name
        secret.parent.mkdir(exist_ok=True)
        secret.touch(mode=0o600)
        secret.write_text("value")
    authority = _run(
        sys.executable, "-c", "import certifi; print(certifi.where())", cwd=tmp_path
    ).stdout.strip()
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/ca.pem").write_bytes(Path(authority).read_bytes())
    done = _run(installed, "check-config", "rollwatch.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_serves_metrics_and_a_page_with_its_style(installed: Path, tmp_path: Path) -> None:
    config = tmp_path / "rollwatch.yml"
    config.write_text(
        "environment: test\nlocation: here\nservices:\n  web:\n    probes:\n"
        "      port: {kind: tcp, address: '127.0.0.1:1', interval: 1s, timeout: 1s}\n"
    )
    argv = [str(installed), "exporter", f"--config.file={config}", "--web.listen-address=127.0.0.1:0"]
    with running(argv, cwd=tmp_path) as process:
        url = process.line_with("event=listening").split("url=")[1].split()[0]
        page = _get(url)
        assert "rollwatch_build_info{" in _get(f"{url}/metrics")
        styles = re.findall(r'<link[^>]+href="([^"]+\.css[^"]*)"', page)
        assert styles
        assert "{" in _get(f"{url}/{styles[0].lstrip('/')}")
    assert process.wait() == 0, process.output


def _get(url: str) -> str:
    status, _, body = fetch(url)
    assert status == 200, (url, status)
    return str(body.decode())
