"""Programs, placeholders and repositories as people write them: what is good, and what each becomes."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from rollwatch.config.argv import Argv
from rollwatch.config.git_fields import Author, GitRepository, RefName, TagPattern
from rollwatch.config.placeholders import PLACEHOLDERS, check_placeholders, fill, placeholders_in

ARGV: TypeAdapter[tuple[str, ...]] = TypeAdapter(Argv)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{target_version}", "1.4"),
        ("v{target_version}-{service}.tar", "v1.4-api.tar"),
        ('{{"version": "{target_version}"}}', '{"version": "1.4"}'),
        ("{{target_version}}", "{target_version}"),
        ("{{{target_version}}}", "{1.4}"),
    ],
)
def test_placeholders_are_replaced_once_and_doubled_braces_are_braces(text: str, filled: str) -> None:
    check_placeholders(text)

    assert fill(text, {"target_version": "1.4", "service": "api"}) == filled


def test_what_a_value_holds_is_not_looked_into() -> None:
    assert fill("{service}", {"service": "{bad_id}"}) == "{bad_id}"


def test_a_placeholder_without_a_value_is_named() -> None:
    with pytest.raises(KeyError, match="target_commit"):
        fill("x {target_commit}", {})


def test_the_placeholders_of_a_text_are_known_in_their_order() -> None:
    assert placeholders_in("{{x}} {bad_id}/{service}") == ("bad_id", "service")
    assert placeholders_in("".join(f"{{{name}}}" for name in PLACEHOLDERS)) == PLACEHOLDERS


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "-c", 'deploy "$1"', "deploy", "{target_commit}"],
        ["bash", "-e", "-o", "pipefail", "deploy.sh", "-c", "{target_commit}"],
        ["bash", "--rcfile", "x", "deploy.sh", "{target_commit}"],
        ["bash", "--", "deploy.sh", "{target_commit}"],
        ["sh", "-c"],
        ["sh", "-o"],
        ["python3", "-m", "deploy", "{target_commit}"],
        ["python3", "deploy.py", "-c", "{target_commit}"],
        ["node", "--eval"],
        ["perl", "-w", "deploy.pl", "{bad_id}"],
        ["scripts/back", "", "--to={target_version}"],
        ["env", "TZ=UTC", "scripts/back", "{target_id}"],
    ],
)
def test_a_value_may_be_an_argument_of_any_program(argv: list[str]) -> None:
    assert ARGV.validate_python(argv) == tuple(argv)


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "-c", "deploy {target_commit}"],
        ["/usr/bin/env", "BASH", "-lc", "deploy {target_commit}"],
        ["ssh", "host", "sh", "-c", "deploy {target_commit}"],
        ["bash", "-c", "-e", "deploy {target_commit}"],
        ["bash", "-c", "--", "deploy {target_commit}"],
        ["bash", "--init-file", "x", "+o", "posix", "-c", "deploy {target_commit}"],
        ["fish", "--command", "deploy {target_commit}"],
        ["python3", "-c", "deploy('{target_commit}')"],
        ["python3", "-cdeploy('{target_commit}')"],
        ["ruby", "-w", "-e", "deploy '{target_commit}'"],
        ["node", "--print", "{target_commit}"],
    ],
)
def test_no_value_gets_into_the_text_of_a_program(argv: list[str]) -> None:
    with pytest.raises(ValidationError, match="puts a placeholder into the text of a program"):
        ARGV.validate_python(argv)


def test_an_argument_may_be_as_long_as_a_page_and_no_longer() -> None:
    assert ARGV.validate_python(["x", "y" * 4096])
    with pytest.raises(ValidationError, match="at most 4096 characters"):
        ARGV.validate_python(["x", "y" * 4097])


@pytest.mark.parametrize(
    ("field", "good"),
    [
        (GitRepository, "git@github.com:acme/api.git"),
        (GitRepository, "git.example.com:srv/api"),
        (GitRepository, "ssh://git@git.example.com:2222/srv/api.git"),
        (GitRepository, "https://github.com/acme/api"),
        (GitRepository, "http://127.0.0.1:8080/api.git"),
        (GitRepository, "file:///srv/git/api.git"),
        (GitRepository, "/srv/git/api.git"),
        (RefName, "release/2.x"),
        (RefName, "v1.4"),
        (RefName, "fix-#12"),
        (TagPattern, "v{version}"),
        (TagPattern, "api/{version}"),
        (Author, "rollwatch <rollwatch@localhost>"),
    ],
)
def test_what_git_takes_is_taken_as_it_is(field: object, good: str) -> None:
    assert TypeAdapter(field).validate_python(good) == good


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        (GitRepository, "git@github.com:--upload-pack=x"),
        (GitRepository, "ssh://-x@github.com/a"),
        (GitRepository, "https:///api.git"),
        (GitRepository, "file:///"),
        (GitRepository, "/srv/a b"),
        (GitRepository, "x" * 513),
        (RefName, ""),
        (RefName, "a~1"),
        (RefName, "a/.b"),
        (RefName, "a@{1}"),
        (RefName, "a/"),
        (RefName, "x" * 245),
        (TagPattern, "{version}.lock"),
        (TagPattern, "v {version}"),
        (Author, " <a@b>"),
        (Author, "a <b>\n"),
        (Author, f"{'x' * 256} <a@b>"),
    ],
)
def test_what_git_would_not_take_or_take_for_something_else_is_refused(field: object, bad: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(field).validate_python(bad)
