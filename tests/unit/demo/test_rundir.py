"""The demo's run directory is nobody else's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.demo.rundir import RunDir

if TYPE_CHECKING:
    from pathlib import Path


def test_a_directory_that_was_there_before_is_closed_to_others(tmp_path: Path) -> None:
    open_to_all = tmp_path / "run"
    for directory in (open_to_all, open_to_all / "secrets", open_to_all / "logs"):
        directory.mkdir()
        directory.chmod(0o777)
    run_dir = RunDir(open_to_all)

    run_dir.prepare()
    run_dir.keep_secret("control")

    for directory in (run_dir.path, run_dir.secrets, run_dir.tls, run_dir.logs):
        assert directory.stat().st_mode & 0o777 == 0o700
    assert run_dir.control_token.stat().st_mode & 0o777 == 0o600
