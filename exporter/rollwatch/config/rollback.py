"""How a service's release is taken back: mode, triggers, strategy, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rollwatch.config.fields import Headers, Name, Seconds
from rollwatch.config.rollback_strategies import (
    Argv,
    CommandSpec,
    ExecutedSpec,
    GitHubActionsSpec,
    GitRevertSpec,
    PullRequestSpec,
    RailwaySpec,
    RedeploySpec,
    StrategySpec,
)
from rollwatch.config.rollback_words import Mode, StrategyName
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from rollwatch.config.secret_url import SecretUrl

__all__ = ["CheckSpec", "HookSpec", "LimitSpec", "ServiceRollbackSpec", "TriggerSpec", "VerifySpec"]


class TriggerSpec(Spec):
    """One rollback alert that may take this service back."""

    window: Annotated[Seconds, Field(ge=60, le=86_400)] = 1800.0
    """How long after a deployment the alert may blame it."""


class HookSpec(ExecutedSpec):
    """Before or after the rollback: an HTTP request, or a command. `timeout` is 30s where it says nothing."""

    name: Name
    run: Argv | None = None
    url: SecretUrl | None = None
    """Posted to, with a JSON document that says which rollback it is and, after it, the outcome."""
    headers: Headers = Field(default_factory=dict)
    repeatable: bool = False
    """Whether it may be run again after a crash in the middle of it."""
    required: bool = True
    """Of a hook before: whether its failure ends the rollback before anything was changed."""


class CheckSpec(ExecutedSpec):
    """A smoke or integrity command after the rollback; `timeout` is 5m where it says nothing."""

    run: Argv


class VerifySpec(Spec):
    """When the service counts as healthy again."""

    attempts: Annotated[int, Field(ge=1, le=1000)] = 10
    every: Annotated[Seconds, Field(ge=1, le=600)] = 10.0
    in_a_row: Annotated[int, Field(ge=1, le=100)] = 3
    probes: tuple[Name, ...] = ()
    """Those that must be up; else every probe of the service with priority P0, else all of them."""
    version: bool = True
    """Whether the version that health endpoints report must be the target's, where one reports it."""
    recovery: Annotated[Seconds, Field(ge=0, le=7200)] = 900.0
    """How long Prometheus may take to say that what fired is back; 0s: it is not asked."""


class LimitSpec(Spec):
    """How often, before a person must look."""

    count: Annotated[int, Field(ge=1, le=100)] = 2
    within: Annotated[Seconds, Field(ge=60, le=2_592_000)] = 86_400.0


class ServiceRollbackSpec(Spec):
    """How a service is taken back. Without this section it never is."""

    mode: Mode = Mode.DRY_RUN
    strategy: StrategyName
    triggers: dict[str, TriggerSpec]
    """Rollback alerts that may do it: a list of names, or names with settings."""
    git_revert: Annotated[GitRevertSpec | None, Field(alias="git-revert")] = None
    redeploy: RedeploySpec | None = None
    railway: RailwaySpec | None = None
    github_actions: Annotated[GitHubActionsSpec | None, Field(alias="github-actions")] = None
    command: CommandSpec | None = None
    before: Annotated[tuple[HookSpec, ...], Field(max_length=20)] = ()
    after: Annotated[tuple[HookSpec, ...], Field(max_length=20)] = ()
    verify: VerifySpec = VerifySpec()
    smoke: CheckSpec | None = None
    integrity: CheckSpec | None = None
    pull_request: PullRequestSpec | None = None
    settle: Annotated[Seconds, Field(ge=0, le=600)] = 20.0
    approve_within: Annotated[Seconds, Field(ge=60, le=86_400)] = 1800.0
    healthy_after: Annotated[Seconds, Field(ge=60, le=604_800)] = 1800.0
    """A release that ran for so long without a rollback alert is healthy, and can be gone back to."""
    alert_age: Annotated[Seconds, Field(ge=60, le=86_400)] = 1800.0
    """An alert that fires for longer when it is first seen is stale."""
    limit: LimitSpec = LimitSpec()
    allow_migration: bool = False
    """Whether a release may be taken back over a deployment that was marked with a migration."""

    @property
    def chosen(self) -> StrategySpec:
        """The settings of `strategy`."""
        spec: StrategySpec | None = getattr(self, self.strategy.value.replace("-", "_"))
        if spec is None:
            raise AssertionError("refused at load")
        return spec
