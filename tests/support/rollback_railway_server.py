"""Railway's GraphQL API as far as a rollback uses it, with its documented oddities."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from support.rollback_platform_server import Asked, PlatformServer, Reply

__all__ = ["BAD", "GOOD", "PROJECT_TOKEN", "FakeRailway", "errors"]

PROJECT_TOKEN = "railway-project-token-6d1f"
GOOD = "a" * 40
BAD = "b" * 40


@dataclass
class _Deployment:
    id: str
    status: str
    created: float
    commit: str | None
    can_rollback: bool = True
    can_redeploy: bool = True
    script: list[str] = field(default_factory=list)
    """What it will be, one status for each look."""

    def document(self) -> dict[str, Any]:
        moment = datetime.fromtimestamp(self.created, UTC).isoformat(timespec="milliseconds")
        return {
            "id": self.id,
            "status": self.status,
            "createdAt": moment.replace("+00:00", "Z"),
            "statusUpdatedAt": moment.replace("+00:00", "Z"),
            "canRollback": self.can_rollback,
            "canRedeploy": self.can_redeploy,
            "meta": {"branch": "main"} | ({} if self.commit is None else {"commitHash": self.commit}),
        }


def errors(message: str, code: str | None = None) -> dict[str, Any]:
    """What GraphQL answers instead of data."""
    extensions = {} if code is None else {"extensions": {"code": code}}
    return {"errors": [{"message": message, **extensions}], "data": None}


class FakeRailway(PlatformServer):
    """A service with a good deployment, removed by the bad one that runs."""

    def __init__(self) -> None:
        super().__init__()
        self.returns = "boolean"
        """What the schema of the day says of deploymentRollback: `boolean` or `object`."""
        self.result: Any = True
        self.becomes = ["QUEUED", "BUILDING", "DEPLOYING", "SUCCESS"]
        """What a new deployment goes through."""
        self.new_commit: str | bool | None = True
        """The commit of a new deployment; True: that of what it was made from."""
        self.executes = True
        """Whether what is accepted is also done."""
        self.status_of_validation = 200
        self.deployments: list[_Deployment] = []
        self._now = 1_760_000_000.0
        self.add("good-1", "REMOVED", GOOD)
        self.add("bad-2", "SUCCESS", BAD)

    def add(self, id_: str, status: str, commit: str | None, **more: Any) -> _Deployment:
        self._now += 60
        self.deployments.append(made := _Deployment(id_, status, self._now, commit, **more))
        return made

    def find(self, id_: str) -> _Deployment:
        return next(one for one in self.deployments if one.id == id_)

    def operation(self, method: str, path: str, body: Any) -> str:
        query = body["query"]
        for name in ("deploymentRollback", "deploymentRedeploy"):
            if name in query:
                return name
        return "deployments"

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("Project-Access-Token") != PROJECT_TOKEN:
            return Reply(document=errors("Not Authorized"))
        variables = asked.body["variables"]
        if asked.operation == "deployments":
            return Reply(document={"data": self._listed(variables)})
        if asked.operation == "deploymentRedeploy":
            made = self._make(variables["id"])
            return Reply(document={"data": {"deploymentRedeploy": {"id": made}}})
        has_selection = "{ id }" in asked.body["query"]
        if has_selection != (self.returns == "object"):
            field_of = 'Field "deploymentRollback" of type'
            message = (
                f'{field_of} "Deployment!" must have a selection of subfields. Did you mean "..."?'
                if self.returns == "object"
                else f'{field_of} "Boolean!" must not have a selection since it has no subfields.'
            )
            document = errors(message, "GRAPHQL_VALIDATION_FAILED")
            return Reply(self.status_of_validation, document)
        if not any(one.id == variables["id"] for one in self.deployments):
            return Reply(document=errors("Deployment not found"))
        made = self._make(variables["id"]) if self.result and self.executes else None
        said = self.result if self.returns == "boolean" else {"id": made}
        return Reply(document={"data": {"deploymentRollback": said}})

    def _make(self, source: str) -> str:
        commit = self.find(source).commit if isinstance(self.new_commit, bool) else self.new_commit
        first, *rest = self.becomes
        made = self.add(f"new-{len(self.deployments) + 1}", first, commit, script=rest)
        return made.id

    def _listed(self, variables: dict[str, Any]) -> dict[str, Any]:
        place = variables["input"]
        assert place == {"projectId": "prj", "environmentId": "env", "serviceId": "srv"}, place
        documents = [one.document() for one in reversed(self.deployments)]
        for one in self.deployments:
            if one.script:
                one.status = one.script.pop(0)
                if one.status == "SUCCESS":
                    self._take_place(one)
        return {"deployments": {"edges": [{"node": node} for node in documents[: variables["first"]]]}}

    def _take_place(self, live: _Deployment) -> None:
        for other in self.deployments:
            if other is not live and other.status in {"SUCCESS", "CRASHED", "SLEEPING"}:
                other.status = "REMOVED"
