"""What each strategy needs to take a release back; the key in the file is the strategy's name."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rollwatch.config.argv import Argument, Argv, VariableName, VariableNames
from rollwatch.config.document_text import FutureFile, Line
from rollwatch.config.fields import HttpUrl, Seconds, SecretText, mistake
from rollwatch.config.git_fields import (
    Author,
    GitHubRepository,
    GitRepository,
    RefName,
    TagPattern,
    WorkflowName,
)
from rollwatch.config.spec import Spec

__all__ = [
    "OWN_INPUTS",
    "Argv",
    "CommandSpec",
    "ExecutedSpec",
    "GitHubActionsSpec",
    "GitRevertSpec",
    "PullRequestSpec",
    "RailwaySpec",
    "RedeploySpec",
    "StrategySpec",
]

Timeout = Annotated[Seconds, Field(gt=0, le=7200)]

OWN_INPUTS = frozenset({"service", "deployment_id"})
"""Inputs of a workflow that the handler fills."""


def _no_own_inputs(inputs: dict[str, str]) -> dict[str, str]:
    for name in inputs:
        if name in OWN_INPUTS:
            raise mistake("is an input that the handler fills itself", "Remove it.", at=(name,))
    return inputs


class StrategySpec(Spec):
    """What all strategies have."""

    timeout: Timeout = 300.0
    """How long the rollback itself may take."""


class ExecutedSpec(StrategySpec):
    """What runs programs on this host."""

    environment_variables: VariableNames = ()
    """Variables of the handler that its programs see, besides PATH, HOME, LANG, TZ, TMPDIR, SSH_AUTH_SOCK."""
    secrets: Annotated[dict[VariableName, SecretText], Field(default_factory=dict, max_length=50)]
    """Variables that its programs get beside these, from secrets."""

    @model_validator(mode="after")
    def _each_variable_once(self) -> Self:
        for index, name in enumerate(self.environment_variables):
            if name in self.secrets:
                message = "is under secrets too, which would win"
                raise mistake(message, "Remove one of the two.", at=("environment_variables", index))
        return self


class GitRevertSpec(ExecutedSpec):
    """Revert every first-parent commit after the target; one push, only if the tree is then the target's."""

    timeout: Timeout = 600.0
    """How long the rollback itself may take."""
    repository: GitRepository
    """What `git clone` takes: `git@github.com:acme/api.git`, or an absolute path."""
    branch: RefName = "main"
    """What production is deployed from; the reverts are pushed to it."""
    author: Author = "rollwatch <rollwatch@localhost>"
    """Who the revert commits are by."""


class RedeploySpec(ExecutedSpec):
    """Check out the target in a clone of its own, build it, deploy it."""

    timeout: Timeout = 1200.0
    """How long the rollback itself may take: build and deploy together."""
    repository: GitRepository
    """What `git clone` takes: `git@github.com:acme/api.git`, or an absolute path."""
    build: Argv | None = None
    """A program and its arguments, run in the checkout before `deploy`."""
    deploy: Argv
    """A program and its arguments, run in the checkout; its success is the deployment's."""
    tag: TagPattern = "v{version}"
    """How a release that is only known by its version is named in the repository."""


class RailwaySpec(StrategySpec):
    """Roll back a deployment on Railway; where its image is gone, redeploy it."""

    token: SecretText
    """A project token, which can do least, or an account's; `token_kind` says which."""
    token_kind: Literal["project", "account"] = "project"  # noqa: S105  a kind, no token
    """How Railway is to be shown the token."""
    project: Line
    """The id of the project, as Railway has it."""
    environment: Line
    """The id of its environment."""
    service: Line
    """The id of the service there."""
    redeploy: bool = False
    """Whether a target whose image is gone may be built again."""
    url: HttpUrl = HttpUrl(("https://backboard.railway.com/graphql/v2",))
    """Where the API is."""


class GitHubActionsSpec(StrategySpec):
    """Dispatch a rollback workflow with the inputs `service` and `deployment_id`, and follow its run."""

    token: SecretText
    """Needs Actions: write, and Deployments: read where deployments are read."""
    repository: GitHubRepository
    """The repository with the workflow: `owner/name`."""
    workflow: WorkflowName
    """The workflow: its file (`rollback.yml`) or its id."""
    ref: RefName = "main"
    """The branch or tag whose version of the workflow runs."""
    deployments_environment: Line | None = None
    """The environment under which GitHub lists deployments; without it they are not read."""
    inputs: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$")], Argument],
        AfterValidator(_no_own_inputs),
        Field(default_factory=dict, max_length=20),
    ]
    """More inputs, with the placeholders of commands."""
    url: HttpUrl = HttpUrl(("https://api.github.com",))
    """Where the API is; another one on GitHub Enterprise Server."""


class CommandSpec(ExecutedSpec):
    """Any program that takes the release back."""

    run: Argv
    """Does it, a program and its arguments; exit status 0 is done, anything else is failed."""
    current: Argv | None = None
    """Prints the release that runs now: a line of JSON with `commit`, `version` or `id`."""
    history: Argv | None = None
    """Prints a JSON list of deployments, the newest first: `commit`, `version`, `id`, `started_at`,
    `ended_at`, `failed`."""
    check: Argv | None = None
    """Exit status 0 if going back to the target is possible."""
    status: Argv | None = None
    """After a crash: exit status 0 if the rollback was done, 3 if it was not begun; else it is not known."""
    directory: FutureFile | None = None
    """Where it runs; else the directory of this file."""


class PullRequestSpec(Spec):
    """Where a revert pull request is proposed when the main branch still holds the bad release."""

    token: SecretText
    """Needs Contents: write and Pull requests: write."""
    repository: GitHubRepository
    """The repository of the service: `owner/name`."""
    branch: RefName = "main"
    """The branch that is to be mended."""
    url: HttpUrl = HttpUrl(("https://api.github.com",))
    """Where the API is; another one on GitHub Enterprise Server."""
