"""Whatever is at the path, and whatever the disk says: a word for it, and reading goes on when it can."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollwatch.ingest.logs.state import Obstacle, Rotation
from support.log_following import Followed, open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _leaves_nothing_open(tmp_path: Path) -> Iterator[None]:
    yield
    assert [name for name in open_files() if name.startswith(str(tmp_path))] == []


def met(followed: Followed) -> Obstacle | None:
    obstruction = followed.last.obstruction
    return None if obstruction is None else obstruction.obstacle


def make_directory(path: Path) -> None:
    path.mkdir()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "obstacle", "words"),
    [
        (make_directory, Obstacle.NOT_A_FILE, "a directory is there"),
        (make_socket, Obstacle.NOT_A_FILE, "a socket is there"),
        (make_device, Obstacle.NOT_A_FILE, "a device is there"),
        (os.mkfifo, Obstacle.NOT_A_FILE, "say fifo instead of file"),
        (make_nothing, Obstacle.MISSING, "No such file"),
        (make_loop, Obstacle.UNREADABLE, "symbolic links"),
    ],
)
def test_what_is_no_file_is_named_and_left_alone_until_a_file_is_there(
    tmp_path: Path, make: Callable[[Path], None], obstacle: Obstacle, words: str
) -> None:
    log = tmp_path / "app.log"
    make(log)
    followed = Followed(log)
    assert followed.lines() == []
    assert met(followed) is obstacle
    assert followed.last.obstruction is not None
    assert words in followed.last.obstruction.detail
    assert not followed.last.is_open
    log.rmdir() if log.is_dir() else log.unlink()
    followed.lines()
    log.write_text("1\n")
    assert followed.lines() == [b"1"]
    assert met(followed) is None
    followed.close()


def test_a_path_below_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    followed = Followed(tmp_path / "file" / "app.log")
    assert followed.lines() == []
    assert met(followed) is Obstacle.MISSING
    followed.close()


def test_a_log_that_becomes_a_directory_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("1\n")
    followed = Followed(log, from_start=True)
    followed.lines()
    with log.open("a") as writer:
        writer.write("2\n")
        log.rename(tmp_path / "app.log.1")
        log.mkdir()
    assert followed.lines() == [b"2"]
    assert met(followed) is Obstacle.NOT_A_FILE
    followed.close()


def test_a_disk_that_fails_is_asked_again_only_after_a_while() -> None:
    # Reading this file fails with a real I/O error: nothing is mapped at address 0.
    opened: list[str] = []

    def opener(path: str, flags: int) -> int:
        opened.append(path)
        return os.open(path, flags)

    followed = Followed(Path("/proc/self/mem"), from_start=True, opener=opener)
    for _ in range(10):
        assert followed.lines() == []
        assert met(followed) is Obstacle.UNREADABLE
        assert not followed.last.is_open
    assert len(opened) == 1
    followed.clock.advance(5)
    assert followed.lines() == []
    assert met(followed) is Obstacle.UNREADABLE
    assert len(opened) == 2
    assert not any(name.endswith("/mem") for name in open_files())
    followed.close()


@pytest.mark.parametrize(
    ("number", "obstacle"),
    [
        (errno.EACCES, Obstacle.FORBIDDEN),
        (errno.EMFILE, Obstacle.OUT_OF_DESCRIPTORS),
        (errno.EIO, Obstacle.UNREADABLE),
    ],
)
def test_what_is_written_while_it_can_not_be_opened_counts_once_it_can(
    tmp_path: Path, number: int, obstacle: Obstacle
) -> None:
    refuses = True

    def opener(path: str, flags: int) -> int:
        if refuses:
            raise OSError(number, os.strerror(number))
        return os.open(path, flags)

    log = tmp_path / "app.log"
    log.write_text("before the start\nhalf")
    followed = Followed(log, opener=opener)
    assert followed.lines() == []
    assert met(followed) is obstacle
    with log.open("a") as writer:
        writer.write(" a line\n1\n")
    refuses = False
    assert followed.lines() == []
    assert met(followed) is obstacle, "it is not tried again at once"
    followed.clock.advance(5)
    assert followed.lines() == [b"1"]
    assert met(followed) is None
    assert followed.rotations == []
    followed.close()


def test_a_descriptor_gone_stale_is_replaced_and_nothing_doubled(tmp_path: Path) -> None:
    flags_wanted = [os.O_RDONLY]

    def opener(path: str, flags: int) -> int:
        # What was opened for writing only can't be read: as real an error as that of a server that forgot us.
        return os.open(path, flags | flags_wanted[0])

    log = tmp_path / "app.log"
    log.write_text("1\n")
    followed = Followed(log, from_start=True, opener=opener)
    assert followed.lines() == [b"1"]
    position = followed.close()
    flags_wanted[0] = os.O_WRONLY
    again = Followed(log, resume=position, opener=opener)
    with log.open("a") as writer:
        writer.write("2\n")
    assert again.lines() == []
    assert met(again) is Obstacle.UNREADABLE
    flags_wanted[0] = os.O_RDONLY
    again.clock.advance(5)
    assert again.lines() == [b"2"]
    assert again.rotations == []
    again.close()


def test_a_retired_descriptor_gone_stale_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("1\nhalf")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"1"]
    log.rename(tmp_path / "app.log.1")
    log.write_text("2\n")
    position = followed.close()

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | (os.O_WRONLY if path.endswith(".1") else 0))

    again = Followed(log, resume=position, opener=opener)
    assert again.lines() == [b"half", b"2"]
    assert again.last.retired_open == 0
    again.close()


def test_a_file_that_is_replaced_while_it_is_opened_is_looked_at_again(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("1\n")
    is_replaced = False

    def opener(path: str, flags: int) -> int:
        nonlocal is_replaced
        if not is_replaced:
            is_replaced = True
            log.rename(tmp_path / "app.log.1")
            log.write_text("2\n")
        return os.open(path, flags)

    followed = Followed(log, opener=opener)
    assert followed.lines() == [b"2"], "which came after the start, unlike the file that was looked at"
    assert met(followed) is None
    followed.close()


def test_a_file_that_is_emptied_while_it_is_opened_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("before the start\n")

    def opener(path: str, flags: int) -> int:
        os.truncate(path, 0)
        return os.open(path, flags)

    followed = Followed(log, opener=opener)
    assert followed.lines() == []
    with log.open("a") as writer:
        writer.write("1\n")
    assert followed.lines() == [b"1"]
    followed.close()


def test_a_pipe_that_takes_the_files_place_while_it_is_opened_does_not_stop_anything(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("1\n")

    def opener(path: str, flags: int) -> int:
        log.unlink()
        os.mkfifo(log)
        return os.open(path, flags)

    followed = Followed(log, opener=opener)
    assert followed.lines() == []
    assert met(followed) is Obstacle.NOT_A_FILE
    followed.close()


def test_a_file_that_says_it_is_longer_than_it_is_is_not_read_for_ever() -> None:
    followed = Followed(Path("/sys/devices/system/cpu/online"), from_start=True)
    assert len(followed.step()) == 1
    assert followed.last.backlog_bytes > 0
    followed.step()
    assert not followed.last.has_more
    followed.close()


def test_a_name_no_file_can_have_is_no_exception(tmp_path: Path) -> None:
    followed = Followed(tmp_path / "app\0.log")
    assert followed.lines() == []
    assert met(followed) is Obstacle.UNREADABLE
    followed.close()


def test_while_the_directory_is_closed_to_us_the_open_file_is_read(tmp_path: Path) -> None:
    directory = tmp_path / "a"
    directory.mkdir()
    log = directory / "app.log"
    log.write_text("")
    followed = Followed(log)
    followed.lines()
    # A loop of links on the way is an obstacle for root too.
    with log.open("a") as writer:
        directory.rename(tmp_path / "b")
        directory.symlink_to(directory)
        writer.write("1\n")
    assert followed.lines() == [b"1"]
    assert met(followed) is Obstacle.UNREADABLE
    assert followed.last.is_open
    directory.unlink()
    (tmp_path / "b").rename(directory)
    with log.open("a") as writer:
        writer.write("2\n")
    assert followed.lines() == [b"2"]
    assert met(followed) is None
    assert followed.rotations == []
    followed.close()


def test_a_deleted_and_remade_log_counts_as_replaced_only_then(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("1\n")
    followed = Followed(log, from_start=True)
    followed.lines()
    log.unlink()
    followed.lines()
    assert followed.rotations == []
    log.write_text("2\n")
    assert followed.lines() == [b"2"]
    assert followed.rotations == [Rotation.REPLACED]
    followed.close()
