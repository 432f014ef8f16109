"""Files an operator gives go away, come back, or turn into something else: the exporter goes on as it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from rollwatch.config.fields import LocalFile
from support.processes import Exporter, fetch, running_exporter, wait_for
from support.siege import Targets, ends_cleanly, figures, http_probe, more_runs, targets, write_config


@pytest.fixture
def production() -> Iterator[Targets]:
    with targets() as them:
        yield them


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)


def _unreadable(path: Path) -> None:
    """Nobody can read it, not even root: a link that leads to itself."""
    path.symlink_to(path)


def _nothing(path: Path) -> None:
    """Not there."""


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


BECOMES: dict[str, Callable[[Path], None]] = {
    "a directory": Path.mkdir,
    "a pipe": _fifo,
    "100 MB": _huge,
    "unreadable": _unreadable,
    "nothing": _nothing,
    "endless": _endless,
}


def test_files_that_vanish_or_change_their_nature(tmp_path: Path, production: Targets) -> None:
    """The configuration becomes everything but a file while the directory of the secrets is away."""
    _write_secret(tmp_path)
    probes = {
        "with": http_probe(production.serve().url(), extra=', auth: {bearer: "${file:secrets/token}"}'),
        "without": http_probe(production.serve().url()),
    }
    config = write_config(tmp_path / "rollwatch.yml", probes)
    good = config.read_text()
    with running_exporter(config) as exporter:
        more_runs(exporter, "with", "ok", runs=1)
        (tmp_path / "secrets").rename(tmp_path / "elsewhere")
        for what, become in BECOMES.items():
            config.unlink()
            become(config)
            status, _, body = fetch(exporter.url + "/-/reload", method="POST")
            assert (status, b"rollwatch.yml" in body) == (400, True), what
            if config.is_dir() and not config.is_symlink():
                config.rmdir()
            else:
                config.unlink(missing_ok=True)
            config.write_text(good)
        more_runs(exporter, "with", "secret_unavailable", runs=1)
        assert _unavailable(exporter) > 0
        (tmp_path / "elsewhere").rename(tmp_path / "secrets")
        more_runs(exporter, "with", "ok", runs=1)
        assert fetch(exporter.url + "/-/reload", method="POST")[0] == 200
        seen = figures(exporter)
        assert set(seen.reasons("with")) == {"ok", "secret_unavailable"}
        assert set(seen.reasons("without")) == {"ok"}
        ends_cleanly(exporter)


def test_a_pipe_for_a_certificate_holds_up_no_reload(tmp_path: Path, production: Targets) -> None:
    probes = {"health": http_probe(production.serve().url())}
    config = write_config(tmp_path / "rollwatch.yml", probes)
    os.mkfifo(tmp_path / "ca.pem")
    with running_exporter(config) as exporter:
        probes["tls"] = http_probe("https://127.0.0.1:1/", extra=", tls: {ca_file: ca.pem}")
        write_config(config, probes)
        status, _, body = fetch(exporter.url + "/-/reload", method="POST")
        assert (status, b"it is not a regular file" in body) == (400, True)
        ends_cleanly(exporter)


def test_a_field_that_names_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValidationError, match="not a regular file"):
        TypeAdapter(LocalFile).validate_python(str(tmp_path / "pipe"))


def test_a_thread_that_a_file_holds_does_not_keep_the_process(tmp_path: Path, production: Targets) -> None:
    config = write_config(tmp_path / "rollwatch.yml", {"health": http_probe(production.serve().url())})
    token = tmp_path / "token"
    token.write_text("a" * 32)
    (tmp_path / "web.yml").write_text("tokens: [{name: me, role: read, file: token}]\n")
    with running_exporter(config, "--web.config.file=web.yml") as exporter:
        token.unlink()
        os.mkfifo(token)
        # Whoever opens the other end learns when the exporter has opened its own, and is held.
        writer = wait_for(lambda: _opened(token), "the exporter to read the pipe")
        try:
            ends_cleanly(exporter)
        finally:
            os.close(writer)


def _opened(pipe: Path) -> int | None:
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def _write_secret(directory: Path) -> None:
    (directory / "secrets").mkdir()
    (directory / "secrets/token").write_text("secret\n")
    (directory / "secrets/token").chmod(0o600)


def _unavailable(exporter: Exporter) -> float:
    name = "rollwatch_secret_refresh_failures_total"
    return wait_for(lambda: figures(exporter).total(name), "the failure to be counted")
