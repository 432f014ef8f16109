"""What each strategy needs to take a release back; the key in the file is the strategy's name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rollwatch.config.document_text import FutureFile, Line
from rollwatch.config.fields import HttpUrl, Seconds, SecretText
from rollwatch.config.spec import Spec

__all__ = [
    "Argv",
    "CommandSpec",
    "GitHubActionsSpec",
    "GitRevertSpec",
    "PullRequestSpec",
    "RailwaySpec",
    "RedeploySpec",
    "StrategySpec",
]

Argv = Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]
"""A program and its arguments: never a shell, never with text of an alert in it.

`{service}`, `{environment}`, `{target_commit}`, `{target_version}`, `{target_id}`, `{bad_commit}`,
`{bad_version}`, `{bad_id}` and `{rollback_id}` are replaced, as whole values of the journal that were
checked; a placeholder without a value makes the decision a denial.
"""
Timeout = Annotated[Seconds, Field(gt=0, le=7200)]


class StrategySpec(Spec):
    """What all strategies have."""

    timeout: Timeout | None = None
    """How long the rollback itself may take; else 5m, git-revert 10m, redeploy 20m."""


class ExecutedSpec(StrategySpec):
    """What runs programs on this host."""

    environment_variables: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    """Variables of the handler that its programs see, besides PATH, HOME, LANG, TZ, TMPDIR, SSH_AUTH_SOCK."""
    secrets: Annotated[dict[str, SecretText], Field(default_factory=dict, max_length=50)]
    """Variables that its programs get beside these, from secrets."""


class GitRevertSpec(ExecutedSpec):
    """Revert every first-parent commit after the target; one push, only if the tree is then the target's."""

    repository: Line
    """What `git clone` takes: `git@github.com:acme/api.git`, or a path."""
    branch: Line = "main"
    """What production is deployed from."""
    author: Line = "rollwatch <rollwatch@localhost>"
    """Who the revert commits are by."""


class RedeploySpec(ExecutedSpec):
    """Check out the target in a clone of its own, build it, deploy it."""

    repository: Line
    build: Argv | None = None
    """Run in the checkout, before `deploy`."""
    deploy: Argv
    """Run in the checkout; its success is the deployment's."""
    tag: Line = "v{version}"
    """How a release that is only known by its version is named in the repository."""


class RailwaySpec(StrategySpec):
    """Roll back a deployment on Railway; where its image is gone, redeploy it."""

    token: SecretText
    """A project token (the default), or an account's, by `token_kind`."""
    token_kind: Annotated[str, Field(pattern="^(project|account)$")] = "project"  # noqa: S105  a kind, no token
    project: Line
    environment: Line
    service: Line
    """Their ids, as Railway has them."""
    redeploy: bool = False
    """Whether a target whose image is gone may be built again."""
    url: HttpUrl = HttpUrl(("https://backboard.railway.com/graphql/v2",))


class GitHubActionsSpec(StrategySpec):
    """Dispatch a rollback workflow with the inputs `service` and `deployment_id`, and follow its run."""

    token: SecretText
    """Needs Actions: write, and Deployments: read where the target is looked up there."""
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    workflow: Line
    """Its file (`rollback.yml`) or id."""
    ref: Line = "main"
    """The YAML of this ref is what runs."""
    deployments_environment: Line | None = None
    """The name of the environment under which GitHub lists deployments; without it they are not read."""
    inputs: Annotated[dict[str, Line], Field(default_factory=dict, max_length=20)]
    """More inputs, with the placeholders of commands."""
    url: HttpUrl = HttpUrl(("https://api.github.com",))


class CommandSpec(ExecutedSpec):
    """Any program that takes the release back."""

    run: Argv
    """Does it; exit status 0 is done, anything else is failed."""
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
    """Where it runs; else the directory of the configuration file."""


class PullRequestSpec(Spec):
    """Where a revert pull request is proposed when the main branch still holds the bad release."""

    token: SecretText
    """Needs Contents: write and Pull requests: write."""
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    branch: Line = "main"
    url: HttpUrl = HttpUrl(("https://api.github.com",))
