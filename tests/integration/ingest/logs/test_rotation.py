"""One log through every way it can be rotated, step by step on real files: no line lost, none doubled."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from rollwatch.ingest.logs.limits import ReadLimits
from rollwatch.ingest.logs.state import Obstacle, Rotation
from support.log_following import Followed, open_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def alike(numbers: range) -> str:
    """Lines as long as each other that end alike, as those of a web server do."""
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
    return "".join(f'{number} "GET / HTTP/1.1" "{agent}"\n' for number in numbers)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    directory.mkdir()
    return directory / "app.log"


@pytest.fixture(autouse=True)
def _leaves_nothing_open(tmp_path: Path) -> Iterator[None]:
    yield
    assert [name for name in open_files() if name.startswith(str(tmp_path))] == []


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_what_was_there_before_the_start_does_not_count(log: Path) -> None:
    log.write_text("old\nold, too\n")
    followed = Followed(log)
    assert followed.lines() == []
    append(log, "new\n")
    assert followed.lines() == [b"new"]
    assert followed.last.backlog_bytes == 0
    followed.close()


def test_the_line_in_the_middle_of_which_it_starts_does_not_count(log: Path) -> None:
    log.write_text("old\nhalf")
    followed = Followed(log)
    assert followed.lines() == []
    append(log, " of a line\nnew\n")
    assert followed.lines() == [b"new"]
    followed.close()


def test_from_the_start_everything_counts(log: Path) -> None:
    log.write_text("old\nhalf")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"old"]
    append(log, " of a line\n")
    assert followed.lines() == [b"half of a line"]
    followed.close()


def test_a_file_that_appears_later_counts_from_its_first_line(log: Path) -> None:
    followed = Followed(log)
    assert followed.lines() == []
    assert followed.last.obstruction is not None
    assert followed.last.obstruction.obstacle is Obstacle.MISSING
    log.write_text("first\n")
    assert followed.lines() == [b"first"]
    assert followed.last.obstruction is None
    assert followed.rotations == []
    followed.close()


def test_renaming_and_making_anew_loses_nothing_of_a_writer_that_learns_late(log: Path) -> None:
    log.write_text("")
    followed = Followed(log)
    followed.lines()
    with log.open("a") as writer:
        writer.write("1\n2\nhal")
        writer.flush()
        assert followed.lines() == [b"1", b"2"]
        log.rename(log.with_name("app.log.1"))
        writer.write("f of 3\n4\n")
        writer.flush()
        log.write_text("6\n")
        assert followed.lines() == [b"half of 3", b"4", b"6"]
        followed.clock.advance(9)
        writer.write("5\n")
        writer.flush()
        assert followed.lines() == [b"5"]
        followed.clock.advance(9)
        assert followed.lines() == []
        assert followed.last.retired_open == 1, "it was written to 9 s ago"
        followed.clock.advance(1)
        assert followed.lines() == []
        assert followed.last.retired_open == 0
        assert followed.rotations == [Rotation.REPLACED]
    followed.close()


def test_what_is_left_without_a_newline_is_a_line_when_its_file_is_given_up(log: Path) -> None:
    log.write_text("1\nthe last word")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"1"]
    log.rename(log.with_name("app.log.1"))
    log.write_text("2\n")
    assert followed.lines() == [b"2"]
    followed.clock.advance(10)
    assert followed.lines() == [b"the last word"]
    assert followed.lines() == []
    followed.close()


def test_older_lines_come_before_newer_ones_however_much_is_behind(log: Path) -> None:
    followed = Followed(log, from_start=True, limits=ReadLimits(read_bytes=64))
    old = [b"old %03d" % number for number in range(100)]
    new = [b"new %03d" % number for number in range(100)]
    log.write_bytes(b"\n".join(old) + b"\n")
    assert followed.step()
    log.rename(log.with_name("app.log.1"))
    log.write_bytes(b"\n".join(new) + b"\n")
    assert followed.step()[0].startswith(b"old")
    assert followed.last.backlog_bytes > 64
    assert followed.last.has_more
    followed.close()
    again = Followed(log, from_start=True, limits=ReadLimits(read_bytes=64), resume=followed.last.position)
    rest = again.lines()
    assert rest == (old + new)[-len(rest) :]
    assert len(rest) > 150
    again.close()


def test_a_writer_that_never_learns_does_not_starve_the_log_itself(log: Path) -> None:
    log.write_text("")
    followed = Followed(log, limits=ReadLimits(read_bytes=64))
    followed.lines()
    with log.open("a") as stubborn:
        log.rename(log.with_name("app.log.1"))
        log.write_text("")
        followed.lines()
        append(log, "here\n")
        stubborn.write("there\n" * 1000)
        stubborn.flush()
        assert b"here" in followed.step()
    followed.close()


def test_a_deleted_file_is_read_to_its_end_and_a_new_one_from_its_start(log: Path) -> None:
    log.write_text("")
    followed = Followed(log)
    followed.lines()
    with log.open("a") as writer:
        log.unlink()
        writer.write("1\n")
        writer.flush()
        assert followed.lines() == [b"1"]
        assert not followed.last.is_open
        writer.write("2\n")
        writer.flush()
        assert followed.lines() == [b"2"]
    followed.clock.advance(10)
    assert followed.lines() == []
    assert followed.last.retired_open == 0
    # Now that nobody holds the old one, the new one may well be the same inode.
    log.write_text("3\n")
    assert followed.lines() == [b"3"]
    assert followed.rotations == [Rotation.REPLACED]
    followed.close()


def test_a_symbolic_link_is_followed_where_it_points_and_back(log: Path) -> None:
    blue, green = log.with_name("blue"), log.with_name("green")
    blue.write_text("b1\n")
    green.write_text("g1\n")
    log.symlink_to(blue)
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"b1"]
    log.unlink()
    log.symlink_to(green)
    assert followed.lines() == [b"g1"]
    append(blue, "b2\n")
    append(green, "g2\n")
    assert followed.lines() == [b"b2", b"g2"]
    log.unlink()
    log.symlink_to(blue)
    append(blue, "b3\n")
    append(green, "g3\n")
    assert followed.lines() == [b"g3", b"b3"], "nothing of what was read before comes again"
    followed.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a line\n" * 100, ""),
        ("a line\n" * 100, "new\n"),
        ("a line\n" * 100, "".join(f"new {number}\n" for number in range(500))),
        ("old 1\nold 2\n", "new 1\nnew 2\n"),
        ("short\n", "much longer than what was there before\n"),
        ("x" * 2000 + "\n", "y" * 2000 + "\nnew\n"),
        (alike(range(10, 40)), alike(range(40, 99))),
        ("half", "new\n"),
    ],
    ids=[
        "empty",
        "shorter",
        "longer",
        "as long",
        "short",
        "long lines",
        "lines that end alike",
        "half a line",
    ],
)
def test_an_emptied_file_is_read_from_its_start_however_much_it_has_grown(
    log: Path, before: str, after: str
) -> None:
    log.write_text(before)
    followed = Followed(log, from_start=True)
    seen = followed.lines()
    with log.open("r+") as file:
        file.truncate(0)
        file.write(after)
    seen += followed.lines()
    assert seen == [
        line.encode() for line in (before + ("" if before.endswith("\n") else "\n") + after).splitlines()
    ]
    assert followed.rotations == [Rotation.TRUNCATED]
    append(log, "more\n")
    assert followed.lines() == [b"more"]
    followed.close()


@pytest.mark.parametrize("name", ["app.log.1", "app.log-20251126", "app.1.log"])
def test_what_was_not_read_before_the_emptying_is_read_in_the_copy(log: Path, name: str) -> None:
    log.write_text("1\n")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"1"]
    append(log, "2\n3\nhal")
    shutil.copyfile(log, log.with_name(name))
    with log.open("r+") as file:
        file.truncate(0)
    append(log, "f\n4\n")
    assert followed.lines() == [b"2", b"3", b"hal", b"f", b"4"]
    assert followed.last.retired_open == 0, "nobody writes to a copy"
    assert followed.rotations == [Rotation.TRUNCATED]
    followed.close()


def test_a_copy_is_found_among_newer_files(log: Path) -> None:
    log.write_text("1\n")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"1"]
    append(log, "2\n")
    shutil.copyfile(log, log.with_name("app.log.1"))
    with log.open("r+") as file:
        file.truncate(0)
    later = log.with_name("app.log.2.gz")
    later.write_bytes(b"\x1f\x8b" + bytes(1000))
    os.utime(later, ns=(0, log.stat().st_mtime_ns + 10**9))
    assert followed.lines() == [b"2"]
    followed.close()


def test_a_copy_that_can_not_be_read_is_passed_over(log: Path) -> None:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | (os.O_WRONLY if path.endswith(".1") else 0))

    log.write_text("1\nhalf")
    followed = Followed(log, from_start=True, opener=opener)
    assert followed.lines() == [b"1"]
    append(log, " a line\n")
    shutil.copyfile(log, log.with_name("app.log.1"))
    with log.open("r+") as file:
        file.truncate(0)
    append(log, "2\n")
    assert followed.lines() == [b"half", b"2"]
    followed.close()


def test_a_copy_is_known_by_what_was_read_and_by_its_time(log: Path) -> None:
    log.write_text("1\n")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"1"]
    log.with_name("app.log.other").write_text("2\nnot of this log\n")
    log.with_name("app-worker.log").write_text("1\nof another log that begins alike\n")
    older = log.with_name("app.log.2")
    older.write_text("1\nof long ago\n")
    os.utime(older, (1_000_000_000, 1_000_000_000))
    log.with_name("app.log.d").mkdir()
    log.with_name("app.log.l").symlink_to(older)
    with log.open("r+") as file:
        file.truncate(0)
    append(log, "3\n")
    assert followed.lines() == [b"3"]
    followed.close()


def test_a_copy_made_over_an_earlier_one_is_not_read_twice(log: Path) -> None:
    log.write_text("1\n")
    copy = log.with_name("app.log.1")
    followed = Followed(log, from_start=True)
    seen = followed.lines()
    for number in range(2, 8, 2):
        append(log, f"{number}\n")
        seen += followed.lines()
        append(log, f"{number + 1}\n")
        shutil.copyfile(log, copy)
        with log.open("r+") as file:
            file.truncate(0)
        seen += followed.lines()
    assert seen == [b"%d" % number for number in range(1, 8)]
    followed.close()


@pytest.mark.parametrize("looks_between", [True, False])
def test_a_writer_that_does_not_append_leaves_a_hole_and_loses_nothing(
    log: Path, looks_between: bool
) -> None:
    with log.open("w") as writer:
        followed = Followed(log, from_start=True)
        # So far on that reading what lies before would take ten thousand steps.
        writer.seek(10**10)
        writer.write("x" * 10_000 + "\nhalf")
        writer.flush()
        seen = followed.lines()
        os.truncate(log, 0)
        if looks_between:
            seen += followed.lines()
        writer.write(" a line\n2\n")
        writer.flush()
        seen += followed.lines()
        assert seen == [b"x" * 10_000, b"half", b" a line", b"2"]
        writer.write("3\n")
        writer.flush()
        assert followed.lines() == [b"3"]
        assert followed.rotations == [Rotation.TRUNCATED]
        assert followed.steps < 20
        followed.close()


def test_a_file_of_nothing_but_a_hole_has_no_lines(log: Path) -> None:
    log.write_text("")
    os.truncate(log, 100_000)
    followed = Followed(log, from_start=True, limits=ReadLimits(read_bytes=4096))
    assert followed.lines() == []
    append(log, "1\n")
    assert followed.lines() == [b"1"]
    followed.close()


def test_descriptors_are_few_whatever_happens(log: Path) -> None:
    log.write_text("")
    followed = Followed(log)
    followed.lines()
    writers = []
    seen = []
    for number in range(20):
        writers.append(log.open("a"))
        log.rename(log.with_name(f"app.log.{number}"))
        log.write_text(f"new {number}\n")
        for index, writer in enumerate(writers):
            writer.write(f"{index} at {number}\n")
            writer.flush()
        seen += followed.lines()
        assert followed.last.retired_open <= 3
        opened = [name for name in open_files() if name.startswith(str(log))]
        assert len(opened) - len(writers) <= 4
    assert [line for line in seen if line.startswith(b"new")] == [b"new %d" % number for number in range(20)]
    for number in range(20):
        assert b"%d at %d" % (number, number) in seen, "written before the next rotation"
    for writer in writers:
        writer.close()
    followed.close()


def test_a_file_is_not_closed_for_another_before_it_is_read(log: Path) -> None:
    limits = ReadLimits(read_bytes=50, retired=1)
    log.write_text("")
    followed = Followed(log, limits=limits)
    followed.lines()
    seen = []
    for name in "ab":
        append(log, "".join(f"{name}{number}\n" for number in range(100)))
        log.rename(log.with_name(f"app.log.{name}"))
        log.write_text("")
        seen += followed.step()
    assert followed.last.retired_open == 2
    assert not followed.last.is_open, "there is no descriptor left for the newest"
    append(log, "".join(f"c{number}\n" for number in range(100)))
    seen += followed.lines()
    assert followed.last.is_open
    assert seen == [f"{name}{number}".encode() for name in "abc" for number in range(100)]
    followed.close()


def test_a_retired_file_that_is_emptied_is_done(log: Path) -> None:
    log.write_text("1\nhalf")
    followed = Followed(log, from_start=True)
    assert followed.lines() == [b"1"]
    log.rename(log.with_name("app.log.1"))
    log.write_text("2\n")
    assert followed.lines() == [b"2"]
    log.with_name("app.log.1").write_text("something else\n")
    assert followed.lines() == [b"half"]
    assert followed.last.retired_open == 0
    followed.close()


def test_a_retired_file_that_is_cut_off_where_it_was_read_to_holds_nothing_up(log: Path) -> None:
    followed = Followed(log, from_start=True, limits=ReadLimits(read_bytes=20))
    log.write_text("old\n" * 100)
    followed.step()
    retired = log.with_name("app.log.1")
    log.rename(retired)
    log.write_text("new\n")
    followed.step()
    os.truncate(retired, followed.last.position.retired[0].offset)
    assert followed.lines() == [b"new"]
    followed.close()


def test_lines_over_the_limit_are_counted_in_every_file(log: Path) -> None:
    log.write_text("123456\n12\n123456")
    followed = Followed(log, from_start=True, limits=ReadLimits(line_bytes=5))
    assert followed.lines() == [b"12"]
    log.rename(log.with_name("app.log.1"))
    log.write_text("1234567\n34\n")
    assert followed.lines() == [b"34"]
    followed.clock.advance(10)
    followed.lines()
    assert followed.too_long == 3
    followed.close()
