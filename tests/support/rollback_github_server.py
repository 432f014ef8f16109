"""GitHub's API as far as a rollback uses it: workflows, runs, deployments, commits, pull requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.rollback_platform_server import Asked, PlatformServer, Reply

__all__ = ["GITHUB_TOKEN", "FakeGitHub"]

GITHUB_TOKEN = "github-token-5a07"

_OPERATIONS = (
    ("dispatch", r"/repos/acme/api/actions/workflows/[^/]+/dispatches"),
    ("runs", r"/repos/acme/api/actions/workflows/[^/]+/runs"),
    ("run", r"/repos/acme/api/actions/runs/\d+"),
    ("workflow", r"/repos/acme/api/actions/workflows/[^/]+"),
    ("statuses", r"/repos/acme/api/deployments/\d+/statuses"),
    ("deployments", r"/repos/acme/api/deployments"),
    ("compare", r"/repos/acme/api/compare/.*"),
    ("commit_pulls", r"/repos/acme/api/commits/[0-9a-f]+/pulls"),
    ("commits", r"/repos/acme/api/commits"),
    ("pulls", r"/repos/acme/api/pulls"),
    ("graphql", r"/graphql"),
)


class FakeGitHub(PlatformServer):
    """A repository with a rollback workflow; its main branch ends with the commits of `commits`."""

    def __init__(self) -> None:
        super().__init__()
        self.gives_details = True
        """Whether a dispatch is answered with its run."""
        self.knows_details = True
        """Whether `return_run_details` is a known key."""
        self.executes = True
        self.inputs = {"service", "deployment_id", "rollback_id"}
        """What the workflow declares."""
        self.names_runs = False
        """Whether its run-name shows the input rollback_id."""
        self.workflow_state = "active"
        self.script: list[tuple[str, str | None]] = [
            ("queued", None),
            ("in_progress", None),
            ("completed", "success"),
        ]
        self.runs: list[dict[str, Any]] = []
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.compare_status = "ahead"
        self.commits: list[dict[str, Any]] = []
        self.commit_pulls: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.revert_errors: list[dict[str, Any]] = []
        self._scripts: dict[int, list[tuple[str, str | None]]] = {}
        self.add_run("an old one", script=[("completed", "success")])

    def add_run(
        self,
        title: str,
        *,
        script: list[tuple[str, str | None]] | None = None,
        branch: str = "main",
        event: str = "workflow_dispatch",
    ) -> int:
        number = 9000 + len(self.runs)
        first, *rest = script or self.script
        page = f"https://github.test/acme/api/actions/runs/{number}"
        self._scripts[number] = rest
        self.runs.append(
            {
                "id": number,
                "name": "Rollback",
                "display_title": title,
                "event": event,
                "head_branch": branch,
                "status": first[0],
                "conclusion": first[1],
                "html_url": page,
            }
        )
        return number

    def add_deployment(self, sha: str, created: float, *states: tuple[str, float]) -> int:
        number = 100 + len(self.deployments)
        self.deployments.append({"id": number, "sha": sha, "created_at": _time(created)})
        statuses = [{"state": state, "created_at": _time(at)} for state, at in states]
        self.statuses[number] = list(reversed(statuses))
        return number

    def operation(self, method: str, path: str, body: Any) -> str:
        bare = urlsplit(path).path
        return next(name for name, pattern in _OPERATIONS if re.fullmatch(pattern, bare))

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != f"Bearer {GITHUB_TOKEN}":
            return Reply(401, {"message": "Bad credentials"})
        if asked.operation != "graphql" and asked.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            return Reply(400, {"message": "no version"})
        reply: Reply = getattr(self, f"_{asked.operation}")(asked)
        return reply

    def _dispatch(self, asked: Asked) -> Reply:
        body = asked.body
        if "return_run_details" in body and not self.knows_details:
            words = 'Invalid request.\n\n"return_run_details" is not a permitted key.'
            return Reply(422, {"message": words})
        if unexpected := sorted(set(body["inputs"]) - self.inputs):
            return Reply(422, {"message": f"Unexpected inputs provided: {unexpected}"})
        if body["ref"] not in {"main", "refs/heads/main"}:
            return Reply(422, {"message": f"No ref found for: {body['ref']}"})
        if not self.executes:
            return Reply(204)
        nonce = body["inputs"].get("rollback_id", "")
        number = self.add_run(f"Rollback {nonce}" if self.names_runs else "Rollback")
        if not self.gives_details or "return_run_details" not in body:
            return Reply(204)
        page = self.runs[-1]["html_url"]
        return Reply(200, {"workflow_run_id": number, "run_url": page, "html_url": page})

    def _runs(self, asked: Asked) -> Reply:
        query = parse_qs(urlsplit(asked.path).query)
        runs = [run for run in reversed(self.runs) if run["event"] == query["event"][0]]
        return Reply(200, {"total_count": len(runs), "workflow_runs": runs[: int(query["per_page"][0])]})

    def _run(self, asked: Asked) -> Reply:
        number = int(asked.path.rsplit("/", 1)[1])
        run = next((run for run in self.runs if run["id"] == number), None)
        if run is None:
            return Reply(404, {"message": "Not Found"})
        answer = dict(run)
        if self._scripts[number]:
            run["status"], run["conclusion"] = self._scripts[number].pop(0)
        return Reply(200, answer)

    def _workflow(self, asked: Asked) -> Reply:
        if not asked.path.endswith("/rollback.yml"):
            return Reply(404, {"message": "Not Found"})
        return Reply(200, {"id": 1, "path": ".github/workflows/rollback.yml", "state": self.workflow_state})

    def _deployments(self, asked: Asked) -> Reply:
        query = parse_qs(urlsplit(asked.path).query)
        assert query["environment"] == ["Production EU"]
        return Reply(200, list(reversed(self.deployments)))

    def _statuses(self, asked: Asked) -> Reply:
        return Reply(200, self.statuses[int(asked.path.split("/")[5])])

    def _compare(self, asked: Asked) -> Reply:
        assert unquote(asked.path).partition("...")[2].startswith("main?")
        return Reply(200, {"status": self.compare_status, "commits": []})

    def _commit_pulls(self, _: Asked) -> Reply:
        return Reply(200, self.commit_pulls)

    def _commits(self, _: Asked) -> Reply:
        return Reply(200, self.commits)

    def _pulls(self, asked: Asked) -> Reply:
        query = parse_qs(urlsplit(asked.path).query)
        begin = (int(query["page"][0]) - 1) * int(query["per_page"][0])
        return Reply(200, list(reversed(self.pulls))[begin : begin + int(query["per_page"][0])])

    def _graphql(self, asked: Asked) -> Reply:
        if self.revert_errors:
            return Reply(200, {"data": {"revertPullRequest": None}, "errors": self.revert_errors})
        variables = asked.body["variables"]
        page = f"https://github.test/acme/api/pull/{50 + len(self.pulls)}"
        self.pulls.append({"html_url": page, "body": variables["body"], "title": variables["title"]})
        return Reply(200, {"data": {"revertPullRequest": {"revertPullRequest": {"url": page}}}})


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
