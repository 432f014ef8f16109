"""Where GitHub's two APIs are, and how they are spoken to; GitHub Enterprise Server as well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

from rollwatch.config.urls import HttpUrl
from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.strategies.http import Credential, JsonClient, NotSent
from rollwatch.text import sentence

if TYPE_CHECKING:
    from rollwatch.config.template import SecretText
    from rollwatch.rollback.strategies.pace import Pace
    from rollwatch.rollback.strategies.tools import StrategyTools

__all__ = ["branch_name", "commit_of", "github_client", "graph_client", "is_id", "page_of"]

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PAGE = re.compile(r"https?://[\x21-\x7e]{1,500}")


def github_client(url: HttpUrl, token: SecretText, tools: StrategyTools, pace: Pace) -> JsonClient:
    """For the REST API at `url`."""
    return JsonClient("GitHub", url, _bearer(token), tools, pace, headers=_HEADERS)


def graph_client(url: HttpUrl, token: SecretText, tools: StrategyTools, pace: Pace) -> JsonClient:
    """For the GraphQL API beside the REST API at `url`. Raises NotSent if the address can't be had."""
    try:
        base = url.render().rstrip("/")
    except SecretUnavailable as missing:
        raise NotSent(sentence(f"GitHub was not asked: {missing}"), again=False) from None
    # On an Enterprise Server it is not below the REST API (/api/v3), but beside it (/api/graphql).
    beside = base.removesuffix("/v3") if base.endswith("/api/v3") else base
    return JsonClient("GitHub", HttpUrl((f"{beside}/graphql",)), _bearer(token), tools, pace)


def is_id(value: Any) -> TypeGuard[int]:
    """Whether it is one of GitHub's numbers."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def commit_of(value: Any) -> str | None:
    """A full SHA, or None."""
    return value if isinstance(value, str) and _COMMIT.fullmatch(value) else None


def page_of(value: Any) -> str | None:
    """An address for a person to open, or None where the answer has none that is one."""
    return value if isinstance(value, str) and _PAGE.fullmatch(value) else None


def branch_name(ref: str) -> str:
    """`main` of `refs/heads/main`, which is how runs and pull requests name it."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _bearer(token: SecretText) -> Credential:
    return Credential("Authorization", "Bearer ", token)
