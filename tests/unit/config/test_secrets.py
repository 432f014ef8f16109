"""Secrets are read, read again when they change, and never guessed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.secrets import SECRET_LIMIT, Elsewhere, SecretStore
from rollwatch.config.template import Part, parse_references
from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("first\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path, {"NAME": "from env"})


def test_a_template_renders_secrets_from_files_and_environment(store: SecretStore, file: Path) -> None:
    template = store.template("a ${file:token} b ${env:NAME} c $${d} $x")

    assert template.render() == "a first b from env c ${d} $x"
    assert template.masked == "a *** b *** c ${d} $x"
    assert template.references == ("file:token", "env:NAME")
    assert template.has_secret


def test_text_without_a_reference_is_itself(store: SecretStore) -> None:
    template = store.template("just $5 and $$5")

    assert template.render() == template.masked == "just $5 and $5"
    assert not template.has_secret
    assert template.version == 0


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [Part("", False)]),
        ("a", [Part("a", False)]),
        ("${env:A}", [Part("env:A", True)]),
        ("${env:A}${file:b c}", [Part("env:A", True), Part("file:b c", True)]),
        ("$${env:A}", [Part("${env:A}", False)]),
        ("$$${env:A}$", [Part("$", False), Part("env:A", True), Part("$", False)]),
    ],
)
def test_text_is_split_at_its_references(text: str, parts: list[Part]) -> None:
    assert list(parse_references(text)) == parts


@pytest.mark.parametrize(
    "text", ["${", "${}", "${file:}", "${env:}", "${env:a-b}", "${NAME}", "${vault:x}", "${file:a"]
)
def test_a_reference_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write \$\{file:PATH\} or \$\{env:NAME\}"):
        parse_references(text)


def test_exactly_one_line_end_is_no_part_of_the_secret(store: SecretStore, file: Path) -> None:
    file.write_bytes(b" a \r\n")
    assert store.template("${file:token}").render() == " a "
    file.write_bytes(b"a\n\n")
    assert store.template("${file:token}").render() == "a\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"x" * (SECRET_LIMIT + 1), "it is larger than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(
    store: SecretStore, file: Path, content: bytes, why: str
) -> None:
    file.write_bytes(content)

    with pytest.raises(SecretUnavailable) as refusal:
        store.template("${file:token}")

    assert (refusal.value.reference, refusal.value.why) == ("file:token", why)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(store: SecretStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to("loop")

    for name, why in [
        ("pipe", "it is not a regular file"),
        ("directory", "Is a directory"),
        ("gone", "there is no such file"),
        ("token/x", "there is no such file"),
        ("loop", "Too many levels of symbolic links"),
    ]:
        with pytest.raises(SecretUnavailable, match=why):
            store.template(f"${{file:{name}}}")


def test_a_variable_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"EMPTY": "", "BYTES": os.fsdecode(b"\xff\xfe")})

    with pytest.raises(SecretUnavailable, match="the environment has no such variable"):
        store.template("${env:GONE}")
    with pytest.raises(SecretUnavailable, match="it is empty"):
        store.template("${env:EMPTY}")
    with pytest.raises(SecretUnavailable, match="it is not UTF-8 text"):
        store.template("${env:BYTES}")


def test_a_changed_file_is_read_again_and_tells_its_templates(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    version = template.version
    assert store.refresh() == []
    file.write_text("second\n")

    assert store.refresh() == ["file:token"]

    assert template.render() == "second"
    assert template.version > version


def test_a_file_replaced_by_the_same_content_changes_nothing(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    version = template.version
    new = file.with_name("new")
    new.write_text("first\n")
    new.replace(file)

    assert store.refresh() == []
    assert template.version == version


def test_a_write_that_leaves_the_times_as_they_were_is_noticed(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    facts = file.stat()
    file.write_text("other\n")
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    store.refresh()

    assert template.render() == "other"


def test_an_unchanged_file_is_not_read_for_ever(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    for _ in range(3):
        store.refresh()
    times = file.stat().st_atime_ns
    os.utime(file, ns=(1, file.stat().st_mtime_ns))

    assert store.refresh() == []
    assert template.render() == "first"
    assert times > 1


def test_a_file_that_vanishes_for_a_moment_keeps_its_last_good_value(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    version = template.version
    file.unlink()

    assert store.refresh() == []
    assert template.render() == "first"

    file.write_text("first\n")
    assert store.refresh() == []
    assert template.version == version


def test_a_file_that_stays_away_is_unavailable_until_it_is_back(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    version = template.version
    file.unlink()
    store.refresh()

    assert store.refresh() == ["file:token"]
    assert store.refresh() == []
    with pytest.raises(
        SecretUnavailable, match=r"secret \$\{file:token\} can't be read: there is no such file"
    ):
        template.render()
    gone = template.version
    assert gone > version

    file.write_text("back\n")
    assert store.refresh() == ["file:token"]
    assert template.render() == "back"
    assert template.version > gone


def test_a_load_that_finds_a_secret_gone_does_not_take_it_from_running_probes(
    store: SecretStore, file: Path
) -> None:
    running = store.template("${file:token}")
    file.unlink()

    with pytest.raises(SecretUnavailable):
        store.template("${file:token}")

    assert running.render() == "first"


def test_secrets_no_longer_in_use_are_forgotten(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    assert store.references == ["file:token"]

    del template

    assert store.references == []


def test_a_file_everybody_may_read_is_a_warning(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    assert store.warnings == []

    file.chmod(0o644)
    store.refresh()

    assert store.warnings == [
        "${file:token} can be read by every user of this host. Run chmod o-r on the file."
    ]
    assert template.render() == "first"


def test_templates_are_equal_if_text_and_secrets_are(tmp_path: Path, file: Path) -> None:
    one, other = SecretStore(tmp_path, {"A": "x"}), SecretStore(tmp_path, {"A": "y"})

    template = one.template("a ${file:token}")

    assert template == other.template("a ${file:token}")
    assert hash(template) == hash(other.template("a ${file:token}"))
    assert template != one.template("b ${file:token}")
    assert template != one.template("a ${env:A}")
    assert template != "a first"


def test_a_secret_that_would_end_a_header_line_is_unavailable_for_headers(tmp_path: Path) -> None:
    env = {"GOOD": "a\tb", "BAD": "a\r\nX-Admin: yes"}
    store = SecretStore(tmp_path, env)

    assert store.template("Bearer ${env:GOOD}").render_header() == "Bearer a\tb"
    with pytest.raises(SecretUnavailable, match=r"env:BAD.*a line break"):
        store.template("Bearer ${env:BAD}").render_header()
    with pytest.raises(SecretUnavailable, match="text"):
        store.template("a\nb").render_header()


def test_elsewhere_gives_secrets_without_reading_them(tmp_path: Path) -> None:
    cell = Elsewhere(tmp_path).cell("file:gone")

    with pytest.raises(SecretUnavailable, match="it has not been read yet"):
        cell.value()
    assert cell.version == 0


def test_a_file_that_can_not_be_read_in_the_middle_is_unavailable(store: SecretStore) -> None:
    with pytest.raises(SecretUnavailable, match="Input/output error"):
        store.template("${file:/proc/self/mem}")


def test_a_path_that_can_be_none_is_unavailable(store: SecretStore) -> None:
    with pytest.raises(SecretUnavailable, match="File name too long"):
        store.template(f"${{file:{'x' * 5000}}}")
    with pytest.raises(SecretUnavailable, match="the path is not valid"):
        store.template("${file:\ud800}")


def test_the_store_says_why_a_secret_in_use_can_not_be_used(store: SecretStore, file: Path) -> None:
    template = store.template("${file:token}")
    assert store.problem("file:token") is None
    assert store.problem("file:other") is None
    file.unlink()
    store.refresh()
    store.refresh()

    assert store.problem("file:token") == "there is no such file"
    assert template.has_secret
