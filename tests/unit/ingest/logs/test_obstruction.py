"""What an error means for a log, in one word and in words that help."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from rollwatch.ingest.logs.obstruction import kind_of, obstruction_of
from rollwatch.ingest.logs.state import Obstacle


@pytest.mark.parametrize(
    ("number", "obstacle", "help_text"),
    [
        (errno.ENOENT, Obstacle.MISSING, "as soon as it is there"),
        (errno.ENOTDIR, Obstacle.MISSING, "as soon as it is there"),
        (errno.EACCES, Obstacle.FORBIDDEN, "every directory above it"),
        (errno.EPERM, Obstacle.FORBIDDEN, "every directory above it"),
        (errno.EISDIR, Obstacle.NOT_A_FILE, ""),
        (errno.EMFILE, Obstacle.OUT_OF_DESCRIPTORS, "LimitNOFILE"),
        (errno.ENFILE, Obstacle.OUT_OF_DESCRIPTORS, "LimitNOFILE"),
        (errno.EIO, Obstacle.UNREADABLE, ""),
        (errno.ESTALE, Obstacle.UNREADABLE, ""),
        (errno.ELOOP, Obstacle.UNREADABLE, ""),
    ],
)
def test_an_error_has_one_word_and_the_systems_own(number: int, obstacle: Obstacle, help_text: str) -> None:
    found = obstruction_of(OSError(number, os.strerror(number)))
    assert found.obstacle is obstacle
    assert found.detail.startswith(os.strerror(number))
    assert help_text in found.detail


def test_a_path_that_no_file_can_have_is_said() -> None:
    assert obstruction_of(ValueError("embedded null byte")).obstacle is Obstacle.UNREADABLE


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (stat.S_IFREG, "a regular file"),
        (stat.S_IFDIR, "a directory"),
        (stat.S_IFIFO, "a named pipe"),
        (stat.S_IFSOCK, "a socket"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
    ],
)
def test_what_is_there_has_a_name(mode: int, words: str) -> None:
    assert kind_of(mode | 0o644) == words
