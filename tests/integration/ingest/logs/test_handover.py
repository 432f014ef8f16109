"""A follower goes on where another of the same path stopped, whatever happened in between."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.state import Rotation
from support.log_following import Followed, open_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture(autouse=True)
def _leaves_nothing_open(tmp_path: Path) -> Iterator[None]:
    yield
    assert [name for name in open_files() if name.startswith(str(tmp_path))] == []


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_nothing_is_lost_or_doubled_in_between(log: Path) -> None:
    log.write_text("before the start\n")
    first = Followed(log)
    first.lines()
    append(log, "1\nhal")
    assert first.lines() == [b"1"]
    position = first.close()
    append(log, "f of 2\n3\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"half of 2", b"3"]
    assert second.rotations == []
    second.close()


def test_a_position_is_a_value_and_serves_as_often_as_it_is_asked(log: Path) -> None:
    log.write_text("1\n2")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    append(log, "2\n")
    for _ in range(2):
        again = Followed(log, resume=position)
        assert again.lines() == [b"22"]
        again.close()


def test_a_rotation_in_between_is_made_up_for(log: Path) -> None:
    log.write_text("1\nhal")
    first = Followed(log, from_start=True)
    assert first.lines() == [b"1"]
    position = first.close()
    append(log, "f of 2\n")
    log.rename(log.with_name("app.log.1"))
    log.write_text("3\n")
    append(log.with_name("app.log.1"), "late\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"half of 2", b"late", b"3"]
    assert second.rotations == [Rotation.REPLACED]
    append(log.with_name("app.log.1"), "later\n")
    assert second.lines() == [b"later"]
    second.close()


def test_two_rotations_ago_is_found_too(log: Path) -> None:
    log.write_text("1\n")
    first = Followed(log, from_start=True)
    first.lines()
    log.rename(log.with_name("app.log.1"))
    log.write_text("2\n")
    assert first.lines() == [b"2"]
    position = first.close()
    append(log.with_name("app.log.1"), "late 1\n")
    append(log, "late 2\n")
    log.with_name("app.log.1").rename(log.with_name("app.log.2"))
    log.rename(log.with_name("app.log.1"))
    log.write_text("3\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"late 1", b"late 2", b"3"]
    second.close()


def test_a_file_renamed_and_not_made_anew_yet_is_read_on(log: Path) -> None:
    log.write_text("1\n")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    append(log, "2\n")
    log.rename(log.with_name("app.log.1"))
    second = Followed(log, resume=position)
    assert second.lines() == [b"2"]
    assert not second.last.is_open
    second.close()


def test_a_file_that_takes_the_renamed_ones_name_is_not_mistaken_for_it(log: Path) -> None:
    log.write_text("1\nhalf")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    renamed = log.with_name("app.log.1")
    log.rename(renamed)
    log.write_text("2\n")

    def opener(path: str, flags: int) -> int:
        if path == str(renamed) and not renamed.with_suffix(".2").exists():
            renamed.rename(renamed.with_suffix(".2"))
            renamed.write_text("1\nhalf of another\n")
        return os.open(path, flags)

    second = Followed(log, resume=position, opener=opener)
    assert second.lines() == [b"half", b"2"]
    second.close()


def test_a_log_whose_directory_is_gone_leaves_its_half_line(tmp_path: Path) -> None:
    log = tmp_path / "log" / "app.log"
    log.parent.mkdir()
    log.write_text("1\nhalf")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    log.unlink()
    log.parent.rmdir()
    second = Followed(log, resume=position)
    assert second.lines() == [b"half"]
    assert second.lines() == []
    second.close()


def test_a_file_that_is_gone_leaves_its_half_line(log: Path) -> None:
    log.write_text("1\nhalf")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    # Made before the old one goes, so that it can't get the same inode.
    new = log.with_name("new")
    new.write_text("2\n")
    new.rename(log)
    second = Followed(log, resume=position)
    assert second.lines() == [b"half", b"2"]
    second.close()


def test_an_emptying_in_between_is_noticed(log: Path) -> None:
    log.write_text("1\n")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    with log.open("r+") as file:
        file.truncate(0)
        file.write("2 is longer\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"2 is longer"]
    assert second.rotations == [Rotation.TRUNCATED]
    second.close()


def test_a_new_file_that_got_the_old_ones_inode_is_read_from_its_start(log: Path) -> None:
    log.write_text("1 is longer\n")
    first = Followed(log, from_start=True)
    first.lines()
    position = first.close()
    inode = log.stat().st_ino
    log.unlink()
    log.write_text("2\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"2"]
    assert second.rotations == [Rotation.TRUNCATED if log.stat().st_ino == inode else Rotation.REPLACED]
    second.close()


def test_in_the_middle_of_a_line_that_is_too_long_it_stays_one(log: Path) -> None:
    limits = ReadLimits(line_bytes=5)
    log.write_text("1234567")
    first = Followed(log, from_start=True, limits=limits)
    assert first.lines() == []
    assert first.too_long == 1
    position = first.close()
    append(log, "89\n1\n")
    second = Followed(log, resume=position, limits=limits)
    assert second.lines() == [b"1"]
    assert second.too_long == 0
    second.close()


def test_a_file_moved_back_to_the_path_is_not_read_again(log: Path) -> None:
    log.write_text("1\n")
    first = Followed(log, from_start=True)
    first.lines()
    log.rename(log.with_name("app.log.1"))
    log.write_text("2\n")
    first.lines()
    position = first.close()
    log.with_name("app.log.1").rename(log)
    append(log, "3\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"3"]
    second.close()


def test_what_was_missing_is_awaited_from_its_first_line(log: Path) -> None:
    first = Followed(log)
    first.lines()
    position = first.close()
    log.write_text("1\n")
    second = Followed(log, resume=position)
    assert second.lines() == [b"1"]
    assert second.rotations == []
    second.close()
