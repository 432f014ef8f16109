"""What leaves: headers, tokens, documents. And what is never told of them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import requests_mock
import structlog

from rollwatch import __version__
from rollwatch.config.rollback_strategies import GitHubActionsSpec, PullRequestSpec, RailwaySpec
from rollwatch.config.template import SecretText
from rollwatch.config.urls import HttpUrl
from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.strategies._http_wire import Outgoing
from rollwatch.rollback.strategies.github_actions import GitHubActionsStrategy
from rollwatch.rollback.strategies.http import Credential, JsonClient, NotSent, Refused
from rollwatch.rollback.strategies.pull_request import propose
from rollwatch.rollback.strategies.railway import RailwayStrategy
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.rollback_strategy_parts import PATIENT, Memory, order_for, release, secret, tools

TOKEN = "a-secret-token-0f7b"
RAILWAY = "https://backboard.railway.com/graphql/v2"
GITHUB = "https://api.github.com"
NOTHING = {"data": {"deployments": {"edges": []}}}


class _Cell:
    """A secret that changes, or can't be read."""

    reference = "file:secrets/token"

    def __init__(self, *values: str | None) -> None:
        self._values = list(values)

    @property
    def version(self) -> int:
        return -len(self._values)

    def value(self) -> str:
        value = self._values.pop(0) if len(self._values) > 1 else self._values[0]
        if value is None:
            raise SecretUnavailable(self.reference, "there is no such file")
        return value


def railway(**more: Any) -> RailwayStrategy:
    spec = {"token": secret(TOKEN), "project": "prj", "environment": "env", "service": "srv", **more}
    return RailwayStrategy("api", "production", RailwaySpec.model_validate(spec), tools(), PATIENT)


def github(**more: Any) -> GitHubActionsStrategy:
    spec = {"token": secret(TOKEN), "repository": "acme/api", "workflow": "rollback.yml", **more}
    return GitHubActionsStrategy(
        "api", "production", GitHubActionsSpec.model_validate(spec), tools(), PATIENT
    )


@pytest.mark.parametrize(
    ("kind", "header", "value", "other"),
    [
        ("project", "Project-Access-Token", TOKEN, "Authorization"),
        ("account", "Authorization", f"Bearer {TOKEN}", "Project-Access-Token"),
    ],
)
async def test_railways_token_goes_where_its_kind_belongs(
    kind: str, header: str, value: str, other: str
) -> None:
    with requests_mock.Mocker() as platform:
        platform.post(RAILWAY, json=NOTHING)

        await railway(token_kind=kind).history()

    sent = platform.last_request
    assert sent is not None
    assert sent.headers[header] == value
    assert other not in sent.headers
    assert sent.headers["User-Agent"] == f"rollwatch/{__version__}"
    assert sent.headers["Accept-Encoding"] == "identity"
    assert sent.json()["variables"] == {
        "input": {"projectId": "prj", "environmentId": "env", "serviceId": "srv"},
        "first": 100,
    }


async def test_githubs_api_is_asked_as_documented() -> None:
    with requests_mock.Mocker() as platform:
        platform.get(f"{GITHUB}/repos/acme/api/actions/workflows/rollback.yml", json={"state": "active"})

        await github().can_go_back(release("b" * 40), release("a" * 40))

    sent = platform.last_request
    assert sent is not None
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["Accept"] == "application/vnd.github+json"
    assert sent.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert "Content-Type" not in sent.headers
    assert sent.verify is True


@pytest.mark.parametrize(
    ("url", "graph"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.acme.test/api/v3/", "https://ghe.acme.test/api/graphql"),
    ],
)
async def test_the_graph_is_beside_the_rest(url: str, graph: str) -> None:
    rest = f"{url.rstrip('/')}/repos/acme/api"
    merged = {
        "number": 1,
        "node_id": "PR_1",
        "merged_at": "2026-01-01T00:00:00Z",
        "base": {"ref": "main"},
    }
    made = {"data": {"revertPullRequest": {"revertPullRequest": {"url": "https://ghe.acme.test/pull/2"}}}}
    with requests_mock.Mocker() as platform:
        platform.get(f"{rest}/compare/{'b' * 40}...main", json={"status": "ahead"})
        platform.get(f"{rest}/commits/{'b' * 40}/pulls", json=[merged])
        platform.get(f"{rest}/commits", json=[])
        platform.get(f"{rest}/pulls", json=[])
        platform.post(graph, json=made)
        spec = PullRequestSpec.model_validate({"token": secret(TOKEN), "repository": "acme/api", "url": url})

        proposal = await propose(spec, release("b" * 40), "rb-1", tools(), PATIENT)

    assert proposal.url == "https://ghe.acme.test/pull/2"
    assert all(sent.headers["Authorization"] == f"Bearer {TOKEN}" for sent in platform.request_history)


async def test_a_token_is_rendered_for_each_call() -> None:
    made = railway(token=SecretText((_Cell("first-token-1", "second-token-2"),)))
    with requests_mock.Mocker() as platform:
        platform.post(RAILWAY, json=NOTHING)

        await made.history()
        await made.history()

    sent = [one.headers["Project-Access-Token"] for one in platform.request_history]
    assert sent == ["first-token-1", "second-token-2"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "there is no such file"),
        ("line\r\nX-Evil: 1", "control character"),
        ("żółw-token-żółw", "no header can have"),
    ],
)
async def test_a_token_that_can_not_be_sent_is_not_sent(value: str | None, words: str) -> None:
    with requests_mock.Mocker() as platform, pytest.raises(NotSent, match=words) as failed:
        await railway(token=SecretText((_Cell(value),))).history()

    assert platform.call_count == 0
    assert value is None or value not in str(failed.value)


async def test_a_token_shows_itself_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors, logs, outcomes or what is shown of the objects, though the platform sends it back."""
    caplog.set_level(logging.DEBUG)
    memory = Memory()
    answer = {"errors": [{"message": f"token {TOKEN} may not"}], "data": None}
    with requests_mock.Mocker() as platform, structlog.testing.capture_logs() as logs:
        platform.post(RAILWAY, json=answer)
        platform.get(requests_mock.ANY, status_code=403, json={"message": TOKEN * 20})
        made = railway()
        with pytest.raises(PlatformFailed) as by_graph:
            await made.history()
        execution = await made.execute(order_for(release("b" * 40), release("a" * 40)), memory)
        with pytest.raises(Refused) as by_rest:
            await github().can_go_back(release("b" * 40), release("a" * 40))

    shown = [by_graph.value, by_rest.value, by_rest.value.json, execution, memory.notes, logs, made]
    assert "may not" in str(by_graph.value)
    assert TOKEN not in f"{shown!r} {[str(one) for one in shown]} {caplog.text}"


def test_a_request_shows_neither_token_nor_address() -> None:
    request = Outgoing("GET", f"https://acme.test/{TOKEN}", {"Authorization": TOKEN}, None, TOKEN)

    assert TOKEN not in repr(request)


async def test_an_address_with_a_secret_is_not_told() -> None:
    credential = Credential("Authorization", "Bearer ", secret(TOKEN))
    url = HttpUrl(("https://nowhere.invalid/", _Cell("path-secret-81"), "/v2"))

    with pytest.raises(NotSent) as failed:
        await JsonClient("Acme", url, credential, tools(), PATIENT).change("POST", "", {})

    assert "path-secret-81" not in f"{failed.value!r}{failed.value.__cause__!r}{failed.value.__context__!r}"
