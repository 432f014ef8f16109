"""Fields about repositories: where they are, what is in them, and never a way to slip git an option."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from rollwatch.config.mistake import expect_text, mistake
from rollwatch.config.placeholders import check_placeholders, placeholders_in

__all__ = ["Author", "GitHubRepository", "GitRepository", "RefName", "TagPattern", "WorkflowName"]

_LONGEST = 512
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:-].*")
_SCHEMES = frozenset({"file", "git", "http", "https", "ssh"})
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|^@$|(?:^|/)\.|\.lock(?:/|$)")
_AUTHOR = re.compile(r"[^<>\x00-\x1f\x7f]*[^<>\x00-\x20\x7f][^<>\x00-\x1f\x7f]* <[^<>\s]+>")
_OWNER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_WORKFLOW = re.compile(r"[0-9]{1,20}|[A-Za-z0-9_][A-Za-z0-9._-]{0,100}\.ya?ml")
_EXAMPLE = "Write it like git@github.com:acme/api.git, https://github.com/acme/api.git or /srv/git/api.git."


def _repository(value: object) -> str:
    text = expect_text(value)
    if "${" in text:
        raise mistake(
            "can't hold a secret",
            "Use an SSH key, or a credential helper that reads a variable from `secrets`.",
        )
    if not text or len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise mistake("is no repository that git can clone", _EXAMPLE)
    if text.startswith("-"):
        raise mistake("begins with '-', which git would take for an option", _EXAMPLE)
    if "::" in text.partition("/")[0]:
        raise mistake("names a helper program of git, which would run here", _EXAMPLE)
    url = _URL.fullmatch(text)
    if url is not None:
        _check_url(url[1].lower(), url[2], url[3])
    elif not text.startswith("/") and not _SCP.fullmatch(text):
        raise mistake("is neither a URL nor an absolute path", _EXAMPLE)
    return text


def _check_url(scheme: str, authority: str, rest: str) -> None:
    if scheme not in _SCHEMES:
        raise mistake("has a scheme that is not used here", "Write https://, ssh:// or file://.")
    user, at, host = authority.rpartition("@")
    # An access token is often written as the user.
    if at and (":" in user or scheme in {"http", "https"}):
        raise mistake(
            "has credentials in it",
            "Use an SSH key, or a credential helper that reads a variable from `secrets`.",
        )
    if host.startswith("-") or user.startswith("-"):
        raise mistake("has a host that begins with '-'", _EXAMPLE)
    if not rest.strip("/") or (not host and scheme != "file"):
        raise mistake("has no host or no path", _EXAMPLE)


def _ref(value: object) -> str:
    text = expect_text(value)
    if text.startswith("-"):
        raise mistake("begins with '-', which git would take for an option", "Write a name like main.")
    if text.startswith("refs/"):
        raise mistake("is the full name of a ref", "Write the short name, like main.")
    if not text or len(text) > 244 or not text.isprintable() or _BAD_REF.search(text):
        raise mistake("is no name that git takes", "Write it like main, release/2 or v1.4.")
    return text


def _tag(value: object) -> str:
    text = expect_text(value)
    check_placeholders(text, ("version",))
    if not placeholders_in(text):
        raise mistake("is the same for every release", 'Write it with the version: "v{version}".')
    # What a version may be is checked where one is known; here, only what stands around it.
    _ref(text.replace("{version}", "0").replace("{{", "{").replace("}}", "}"))
    return text


def _author(value: object) -> str:
    text = expect_text(value)
    if len(text) > 256 or not _AUTHOR.fullmatch(text):
        raise mistake("is no author of commits", "Write it like rollwatch <rollwatch@example.com>.")
    return text


def _owner_name(value: object) -> str:
    text = expect_text(value)
    if not _OWNER_NAME.fullmatch(text) or text.partition("/")[2] in {".", ".."}:
        remedy = "Write it like acme/api."
        if "://" in text or text.startswith("git@"):
            remedy = "Write owner and name only, like acme/api; `url` is for another host."
        raise mistake("is no repository of GitHub", remedy)
    return text.removesuffix(".git")


def _workflow(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = expect_text(value)
    if "/" in text:
        raise mistake("is a path", "Write the name of the file only, like rollback.yml.")
    if not _WORKFLOW.fullmatch(text):
        raise mistake("is no workflow", "Write the name of its file, like rollback.yml, or its id.")
    return text


GitRepository = Annotated[
    str,
    BeforeValidator(_repository),
    WithJsonSchema(
        {
            "type": "string",
            "title": "repository",
            "pattern": "^[^-].*[/:]",
            "maxLength": _LONGEST,
            "examples": ["git@github.com:acme/api.git"],
        }
    ),
]
"""What `git clone` takes: a URL without credentials, `user@host:path`, or an absolute path."""

RefName = Annotated[
    str,
    BeforeValidator(_ref),
    WithJsonSchema(
        {"type": "string", "title": "branch or tag", "pattern": "^[^-].*$|^[^-]$", "examples": ["main"]}
    ),
]
"""A branch or a tag by its short name."""

TagPattern = Annotated[
    str,
    BeforeValidator(_tag),
    WithJsonSchema(
        {
            "type": "string",
            "title": "tag with {version}",
            "pattern": r"\{version\}",
            "examples": ["v{version}"],
        }
    ),
]
"""How tags are named after versions: `v{version}`."""

Author = Annotated[
    str,
    BeforeValidator(_author),
    WithJsonSchema({"type": "string", "title": "name and e-mail address", "pattern": "^.+ <.+>$"}),
]
"""Who commits are by: `name <address>`."""

GitHubRepository = Annotated[
    str,
    BeforeValidator(_owner_name),
    WithJsonSchema(
        {
            "type": "string",
            "title": "owner/name",
            "pattern": f"^{_OWNER_NAME.pattern}$",
            "examples": ["acme/api"],
        }
    ),
]
"""A repository of GitHub: `owner/name`."""

WorkflowName = Annotated[
    str,
    BeforeValidator(_workflow),
    WithJsonSchema(
        {
            "title": "file or id of a workflow",
            "anyOf": [{"type": "integer"}, {"type": "string", "pattern": f"^({_WORKFLOW.pattern})$"}],
            "examples": ["rollback.yml"],
        }
    ),
]
"""A workflow by the name of its file, or by its id."""
