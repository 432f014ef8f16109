"""What is written for the programs of the stack: whole, private, and nothing of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollwatch.demo.stack.files import fresh_directory, replace_files
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from pathlib import Path


def test_files_of_before_are_gone_and_data_stay(tmp_path: Path) -> None:
    home = tmp_path / "prometheus"
    for old in ("rules/gone.yml", "data/block"):
        (home / old).parent.mkdir(parents=True)
        (home / old).write_text("old")

    replace_files(home, {"prometheus.yml": "a: 1\n", "rules/new.yml": "b: 2\n"})

    found = {str(path.relative_to(home)): path for path in home.rglob("*") if path.is_file()}
    assert set(found) == {"prometheus.yml", "rules/new.yml", "data/block"}
    assert found["rules/new.yml"].read_text() == "b: 2\n"
    assert found["rules/new.yml"].stat().st_mode & 0o777 == 0o600
    assert (home / "rules").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("keep", [True, False])
def test_data_are_those_of_this_run_unless_they_are_kept(tmp_path: Path, *, keep: bool) -> None:
    data = tmp_path / "data"
    fresh_directory(data, keep=keep)
    (data / "block").write_text("of the run before")

    fresh_directory(data, keep=keep)

    assert (data / "block").exists() is keep
    assert data.stat().st_mode & 0o777 == 0o700


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no directory")

    with pytest.raises(DemoError, match=r"/data can't be made anew: .*Remove it, and start again"):
        fresh_directory(tmp_path / "data", keep=False)
