"""The proposed revert, against a server that behaves as GitHub does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rollwatch.config.rollback_strategies import PullRequestSpec
from rollwatch.rollback.strategies.pace import Pace
from rollwatch.rollback.strategies.pull_request import Proposal, propose
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.rollback_github_server import GITHUB_TOKEN, FakeGitHub
from support.rollback_platform_server import Reply
from support.rollback_strategy_parts import PATIENT, SHORT, release, secret, tools

BAD = "b" * 40
REVERT = "d" * 40
NEXT = "e" * 40


def commit(sha: str, message: str) -> dict[str, Any]:
    return {"sha": sha, "commit": {"message": message}}


def pull(number: int, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "node_id": f"PR_{number}",
        "merged_at": "2026-01-01T00:00:00Z",
        "merge_commit_sha": BAD,
        "base": {"ref": "main"},
        "title": "`$(rm -rf /)` @everyone",
        **more,
    }


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as server:
        server.commit_pulls = [pull(12)]
        server.commits = [commit(NEXT, "More"), commit(BAD, "Merge pull request #12")]
        yield server


async def ask(
    server: FakeGitHub, bad: str | None = BAD, pace: Pace = PATIENT, rollback_id: str = "rb-7f3a"
) -> Proposal:
    spec = PullRequestSpec.model_validate(
        {"token": secret(GITHUB_TOKEN), "repository": "acme/api", "url": server.url}
    )
    return await propose(spec, release(bad, version="1.4.2"), rollback_id, tools(), pace)


async def test_a_revert_is_opened_in_our_words(github: FakeGitHub) -> None:
    proposal = await ask(github)

    assert proposal.url == "https://github.test/acme/api/pull/50"
    sent = next(asked.body["variables"] for asked in github.asked if asked.operation == "graphql")
    assert sent["id"] == "PR_12"
    assert sent["title"] == "Revert #12: api was rolled back"
    assert "Rollwatch-Rollback: rb-7f3a" in sent["body"].splitlines()
    assert BAD in sent["body"]
    assert "@everyone" not in f"{sent}"


async def test_the_same_rollback_opens_no_second_one(github: FakeGitHub) -> None:
    first = await ask(github)

    second = await ask(github)

    assert second.url == first.url
    assert github.count("graphql") == 1


async def test_ours_is_found_behind_many_others(github: FakeGitHub) -> None:
    first = await ask(github)
    github.pulls += [{"html_url": f"https://github.test/{n}", "body": None} for n in range(40)]

    assert (await ask(github)).url == first.url


async def test_a_revert_that_a_person_opened_is_given_back(github: FakeGitHub) -> None:
    github.pulls = [
        {"html_url": "https://github.test/other", "body": "Reverts acme/api#120"},
        {"html_url": "https://github.test/persons", "body": "Reverts acme/api#12\n\nIt broke."},
    ]

    assert (await ask(github)).url == "https://github.test/persons"
    assert github.count("graphql") == 0


@pytest.mark.parametrize("status", ["behind", "diverged"])
async def test_a_branch_without_the_bad_commit_needs_none(github: FakeGitHub, status: str) -> None:
    github.compare_status = status

    proposal = await ask(github)

    assert proposal.url is None
    assert "does not hold" in proposal.why
    assert github.count("graphql") == 0


@pytest.mark.parametrize(
    ("messages", "is_reverted"),
    [
        ([(REVERT, f'Revert "x"\n\nThis reverts commit {BAD}.')], True),
        ([(REVERT, 'Revert "x" (#13)\n\nReverts acme/api#12')], True),
        ([(REVERT, 'Revert "x" (#13)\n\nReverts acme/api#120')], False),
        ([(NEXT, f"This reverts commit {REVERT}."), (REVERT, f"This reverts commit {BAD}.")], False),
        ([(NEXT, f"It is not so that\nI say: This reverts commit {BAD}.")], False),
    ],
    ids=["by-git", "by-github", "of-another", "taken-back-itself", "only-told-of"],
)
async def test_a_commit_that_was_reverted_needs_none(
    github: FakeGitHub, messages: list[tuple[str, str]], is_reverted: bool
) -> None:
    github.commits = [commit(sha, message) for sha, message in messages] + [commit(BAD, "x")]

    proposal = await ask(github)

    assert (proposal.url is None) is is_reverted
    assert ("a revert of" in proposal.why) is is_reverted


@pytest.mark.parametrize(
    "pulls",
    [[], [pull(12, merged_at=None)], [pull(12, base={"ref": "develop"})]],
    ids=["none", "open", "base"],
)
async def test_a_commit_that_came_without_a_pull_request_is_told(
    github: FakeGitHub, pulls: list[dict[str, Any]]
) -> None:
    github.commit_pulls = pulls

    proposal = await ask(github)

    assert proposal.url is None
    assert "git revert -m 1 bbbbbbbbbbbb" in proposal.why
    assert github.count("graphql") == 0


async def test_the_pull_request_that_made_the_commit_is_meant(github: FakeGitHub) -> None:
    github.commit_pulls = [pull(9, merge_commit_sha="f" * 40), pull(12)]

    await ask(github)

    sent = next(asked.body["variables"] for asked in github.asked if asked.operation == "graphql")
    assert sent["id"] == "PR_12"


async def test_an_unknown_commit_is_told(github: FakeGitHub) -> None:
    proposal = await ask(github, bad=None)

    assert proposal.url is None
    assert github.asked == []


async def test_a_revert_that_github_can_not_make_is_told(github: FakeGitHub) -> None:
    github.revert_errors = [
        {"type": "UNPROCESSABLE", "message": "Pull request cannot be reverted automatically"}
    ]

    proposal = await ask(github)

    assert proposal.url is None
    assert "cannot be reverted" in proposal.why
    assert "by hand" in proposal.why


@pytest.mark.parametrize("reply", [Reply(502), Reply(reset=True), Reply(200, {"data": {}})])
async def test_one_that_was_opened_without_a_word_is_found(github: FakeGitHub, reply: Reply) -> None:
    fault = Reply(reply.status, reply.document, reset=reply.reset, after=True)
    github.faults["graphql"].append(fault)

    proposal = await ask(github)

    assert proposal.url == "https://github.test/acme/api/pull/50"
    assert github.count("graphql") == 1


async def test_one_that_may_have_been_opened_is_not_asked_for_twice(github: FakeGitHub) -> None:
    github.faults["graphql"].append(Reply(502))

    with pytest.raises(PlatformFailed, match="no revert of #12 is open so far"):
        await ask(github, pace=SHORT)

    assert github.count("graphql") == 1


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        ("compare", Reply(404, {"message": "Not Found"})),
        ("compare", Reply(200, {"status": "odd"})),
        ("commit_pulls", Reply(200, {"a": 1})),
        ("commits", Reply(401, {"message": "Bad credentials"})),
        ("pulls", Reply(200, "text")),
    ],
)
async def test_what_can_not_be_learnt_opens_nothing(github: FakeGitHub, operation: str, reply: Reply) -> None:
    github.faults[operation].append(reply)

    with pytest.raises(PlatformFailed):
        await ask(github)

    assert github.count("graphql") == 0
