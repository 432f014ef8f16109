"""Every mistake a file can have, and exactly what is said about it: one small file for each.

`testdata/messages.txt` is the table: after each `== NAME` what is said of `invalid-NAME.yml`, without path.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rollwatch.errors import ConfigError
from support.config_kinds import load

TESTDATA = Path(__file__).parent / "testdata"
ENV = {"EMPTY": "", "HOST": "h", "TWO_LINES": "a\nb"}


def _table() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    said: list[str] = []
    for line in (TESTDATA / "messages.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            said = table.setdefault(line[3:], [])
        else:
            said.append(line)
    return table


MESSAGES = _table()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_bad_file_is_refused_with_every_problem_its_line_and_what_to_write(name: str) -> None:
    path = TESTDATA / f"invalid-{name}.yml"

    with pytest.raises(ConfigError) as refusal:
        load(path, env=ENV)

    said = [str(problem).removeprefix(str(path)) for problem in refusal.value.problems]
    assert said == MESSAGES[name]


def test_every_bad_file_is_in_the_table() -> None:
    assert {path.stem.removeprefix("invalid-") for path in TESTDATA.glob("invalid-*.yml")} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_shows_a_value_that_could_be_a_secret(name: str) -> None:
    assert "hunter2" not in "".join(MESSAGES[name])


def test_a_file_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rollwatch\.yml: there is no such file\. Write one"):
        load(tmp_path / "rollwatch.yml")


def test_a_directory_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"this is not a file\. Give the path of the file itself\."):
        load(tmp_path)


def test_a_path_that_can_be_none_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the file can't be read: invalid path"):
        load(tmp_path / "a\x00b")


def test_a_file_with_a_file_as_its_directory_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"the file can't be read: Not a directory"):
        load(tmp_path / "file" / "rollwatch.yml")


def test_a_file_of_many_megabytes_is_not_even_parsed(tmp_path: Path) -> None:
    path = tmp_path / "rollwatch.yml"
    path.write_bytes(b"#" * (4 * 1024 * 1024 + 1))

    with pytest.raises(ConfigError, match="the file is larger than 4194304 bytes"):
        load(path)
