"""A directory takes the files of the bundle, and keeps what is not of rollwatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollwatch.bundle.directory import write_files
from rollwatch.errors import CantStart, UsageError

if TYPE_CHECKING:
    from pathlib import Path

RULES = "prometheus/rules/sli.yml"
TARGETS = "prometheus/targets/rollwatch.yml"
FILES = {RULES: "# Written by rollwatch.\ngroups: []\n", TARGETS: "# Written by rollwatch.\n[]\n"}


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_a_new_directory_gets_all_and_nothing_else(tmp_path: Path) -> None:
    written = write_files(tmp_path / "a" / "b", FILES, force=False)

    assert written == ((RULES, TARGETS), (), (), ())
    assert contents(tmp_path / "a" / "b") == FILES
    assert (tmp_path / "a" / "b" / RULES).stat().st_mode & 0o777 == 0o644


def test_once_more_changes_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, FILES, force=False)
    before = (tmp_path / RULES).stat().st_ino

    assert write_files(tmp_path, FILES, force=False) == ((), (RULES,), (TARGETS,), ())
    assert (tmp_path / RULES).stat().st_ino == before


def test_another_version_replaces_ours_and_leaves_targets_to_people(tmp_path: Path) -> None:
    write_files(tmp_path, FILES, force=False)
    (tmp_path / TARGETS).write_text("- targets: [mine]\n")
    newer = {RULES: FILES[RULES] + "# newer\n", TARGETS: "# Written by rollwatch.\n- targets: [theirs]\n"}

    assert write_files(tmp_path, newer, force=False) == ((RULES,), (), (TARGETS,), ())
    assert contents(tmp_path) == {RULES: newer[RULES], TARGETS: "- targets: [mine]\n"}


@pytest.mark.parametrize("force", [False, True])
def test_targets_are_kept_whatever_is_said(tmp_path: Path, force: bool) -> None:
    (tmp_path / TARGETS).parent.mkdir(parents=True)
    (tmp_path / TARGETS).write_text("- targets: [mine]\n")

    write_files(tmp_path, FILES, force=force)

    assert contents(tmp_path)[TARGETS] == "- targets: [mine]\n"


def test_a_file_of_somebody_else_stops_all_of_it(tmp_path: Path) -> None:
    other = "alertmanager/alertmanager.yml"
    (tmp_path / "alertmanager").mkdir()
    (tmp_path / other).write_text("route: {receiver: mine}\n")
    files = FILES | {other: "# Written by rollwatch.\n"}

    with pytest.raises(
        UsageError, match=r"not written by rollwatch.*: alertmanager/alertmanager\.yml\. Export"
    ):
        write_files(tmp_path, files, force=False)
    assert contents(tmp_path) == {other: "route: {receiver: mine}\n"}
    assert write_files(tmp_path, files, force=True).new == (other, RULES, TARGETS)
    assert contents(tmp_path) == files


def test_a_file_of_somebody_else_that_says_the_same_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text("route: {}\n")

    assert write_files(tmp_path, {"alertmanager.yml": "route: {}\n"}, force=False).same == (
        "alertmanager.yml",
    )


def test_rules_that_are_no_longer_shipped_are_named_and_those_of_others_are_not(tmp_path: Path) -> None:
    rules = tmp_path / "prometheus/rules"
    rules.mkdir(parents=True)
    (rules / "alerts-old.yml").write_text(FILES[RULES])
    (rules / "mine.yml").write_text("groups: []\n")

    assert write_files(tmp_path, FILES, force=False).stale == ("prometheus/rules/alerts-old.yml",)
    assert (rules / "alerts-old.yml").exists()


def test_a_file_where_a_directory_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "prometheus").touch()

    with pytest.raises(CantStart, match=r"sli\.yml can't be read: Not a directory"):
        write_files(tmp_path, FILES, force=False)


def test_a_directory_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "nowhere" / "else")

    with pytest.raises(CantStart, match="can't be written: "):
        write_files(tmp_path / "loop", FILES, force=False)


def test_what_fails_half_way_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / RULES).mkdir(parents=True)

    with pytest.raises(CantStart, match="Is a directory"):
        write_files(tmp_path, FILES, force=True)
    (tmp_path / RULES).rmdir()
    with pytest.raises(UnicodeEncodeError):
        write_files(tmp_path, {RULES: "# Written by rollwatch.\n\ud800"}, force=False)
    assert contents(tmp_path) == {}
