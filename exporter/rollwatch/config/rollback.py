"""How a service's release is taken back: mode, triggers, strategy, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from rollwatch.config.fields import Headers, Name, Seconds, did_you_mean, mistake
from rollwatch.config.mistake import refuse
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
    Timeout,
)
from rollwatch.config.rollback_triggers import Triggers, TriggerSpec
from rollwatch.config.rollback_words import Mode, StrategyName
from rollwatch.config.secret_url import SecretUrl
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from pydantic_core import PydanticCustomError

__all__ = ["CheckSpec", "HookSpec", "RollbackLimitSpec", "ServiceRollbackSpec", "TriggerSpec", "VerifySpec"]


HookUrl: TypeAlias = SecretUrl
"""Where a hook posts to; secret as a whole."""


def _word_of(words: type[StrEnum]) -> Callable[[object], object]:
    """Says which word was meant; everything but text is left to pydantic."""

    def check(value: object) -> object:
        known = [word.value for word in words]
        if isinstance(value, str) and value not in known:
            raise mistake(f"must be {', '.join(known[:-1])} or {known[-1]}", did_you_mean(value, known))
        return value

    return check


class HookSpec(ExecutedSpec):
    """Before or after the rollback: an HTTP request (`url`), or a command (`run`)."""

    name: Name
    """What the step is called; no two hooks of a service have the same name."""
    timeout: Timeout = 30.0
    """How long it may take."""
    run: Argv | None = None
    """A program and its arguments; exit status 0 is done, anything else is failed."""
    url: HookUrl | None = None
    """Posted to, with a JSON document that says which rollback it is and, after it, the outcome."""
    headers: Headers = Field(default_factory=dict)
    """Header fields of the request."""
    repeatable: bool = False
    """Whether it may be run again after a crash in the middle of it."""
    required: bool = True
    """Of a hook before: whether its failure ends the rollback before anything was changed."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.run is None) == (self.url is None):
            raise mistake("must do one thing", "Write either run or url.")
        only_of_url = [("headers", self.headers)] if self.url is None else []
        only_of_run = (
            [("environment_variables", self.environment_variables), ("secrets", self.secrets)]
            if self.run is None
            else []
        )
        refuse(
            [mistake("is of use only with url", "Remove it.", at=(key,)) for key, said in only_of_url if said]
            + [
                mistake("is of use only with run", "Remove it.", at=(key,))
                for key, said in only_of_run
                if said
            ]
        )
        return self


class CheckSpec(ExecutedSpec):
    """A smoke or integrity command after the rollback."""

    run: Argv
    """A program and its arguments; exit status 0 is good."""
    timeout: Timeout = 300.0
    """How long it may take."""


class VerifySpec(Spec):
    """When the service counts as healthy again."""

    attempts: Annotated[int, Field(ge=1, le=1000)] = 10
    """How often it is looked at."""
    every: Annotated[Seconds, Field(ge=1, le=600)] = 10.0
    """Time between two looks."""
    in_a_row: Annotated[int, Field(ge=1, le=100)] = 3
    """How many good looks in a row are enough."""
    probes: tuple[Name, ...] = ()
    """Probes that must be up; else every probe of the service with priority P0, else all of them."""
    version: bool = True
    """Whether the version that health endpoints report must be the target's, where one reports it."""
    recovery: Annotated[Seconds, Field(ge=0, le=7200)] = 900.0
    """How long Prometheus may take to say that what fired is back; 0s: it is not asked."""

    @model_validator(mode="after")
    def _can_succeed(self) -> Self:
        found: list[PydanticCustomError] = []
        if self.in_a_row > self.attempts:
            message = f"is more than the {self.attempts} attempts, so that no rollback could succeed"
            found.append(
                mistake(message, f"Write at most {self.attempts}, or more attempts.", at=("in_a_row",))
            )
        for index, name in enumerate(self.probes):
            if name in self.probes[:index]:
                found.append(mistake("is there twice", "Remove one.", at=("probes", index)))
        refuse(found)
        return self


class RollbackLimitSpec(Spec):
    """How often, before a person must look."""

    count: Annotated[int, Field(ge=1, le=100)] = 2
    """So many automatic rollbacks."""
    within: Annotated[Seconds, Field(ge=60, le=2_592_000)] = 86_400.0
    """In so long a time."""


class ServiceRollbackSpec(Spec):
    """How a service is taken back. Without this section it never is."""

    mode: Annotated[Mode, BeforeValidator(_word_of(Mode))] = Mode.DRY_RUN
    """`dry-run` only says what it would do, `approve` asks a person, `auto` does it."""
    strategy: Annotated[StrategyName, BeforeValidator(_word_of(StrategyName))]
    """How; its settings stand in the section of the same name."""
    triggers: Triggers
    """Rollback alerts that may do it: a list of names, or names with settings."""
    git_revert: Annotated[GitRevertSpec | None, Field(alias="git-revert")] = None
    """Of the strategy `git-revert`."""
    redeploy: RedeploySpec | None = None
    """Of the strategy `redeploy`."""
    railway: RailwaySpec | None = None
    """Of the strategy `railway`."""
    github_actions: Annotated[GitHubActionsSpec | None, Field(alias="github-actions")] = None
    """Of the strategy `github-actions`."""
    command: CommandSpec | None = None
    """Of the strategy `command`."""
    before: Annotated[tuple[HookSpec, ...], Field(max_length=20)] = ()
    """What is done before it, in this order: save state, drain traffic, tell other systems."""
    after: Annotated[tuple[HookSpec, ...], Field(max_length=20)] = ()
    """What is done after it, whatever became of it: restore traffic, clear caches. Keys as of `before`."""
    verify: VerifySpec = VerifySpec()
    """When the service counts as healthy again."""
    smoke: CheckSpec | None = None
    """A command that tries the service, once it is healthy."""
    integrity: CheckSpec | None = None
    """A command that looks at its data, after `smoke`. Keys as of `smoke`."""
    pull_request: PullRequestSpec | None = None
    """Where a revert is proposed, while the main branch still holds the bad release."""
    settle: Annotated[Seconds, Field(ge=0, le=600)] = 20.0
    """How long to wait after the decision; then everything is asked again."""
    approve_within: Annotated[Seconds, Field(ge=60, le=86_400)] = 1800.0
    """How long a person has to approve."""
    healthy_after: Annotated[Seconds, Field(ge=60, le=604_800)] = 1800.0
    """A release that ran for so long without a rollback alert is healthy, and can be gone back to."""
    alert_age: Annotated[Seconds, Field(ge=60, le=86_400)] = 1800.0
    """An alert that fires for longer when it is first seen is stale."""
    limit: RollbackLimitSpec = RollbackLimitSpec()
    """How often it is done, before a person must look."""
    allow_migration: bool = False
    """Whether a release may be taken back over a deployment that was marked with a migration."""

    @property
    def chosen(self) -> StrategySpec:
        """The settings of `strategy`."""
        spec = self._settings(self.strategy)
        if spec is None:
            raise AssertionError("refused at load")
        return spec

    def _settings(self, strategy: StrategyName) -> StrategySpec | None:
        spec: StrategySpec | None = getattr(self, strategy.value.replace("-", "_"))
        return spec

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        name = self.strategy.value
        found: list[PydanticCustomError] = []
        if self._settings(self.strategy) is None:
            found.append(mistake("has no settings", f"Add the section {name}.", at=("strategy",)))
        for other in StrategyName:
            if other is not self.strategy and self._settings(other) is not None:
                remedy = f"Remove it, or write strategy: {other.value}."
                found.append(mistake(f"is never used: the strategy is {name}", remedy, at=(other.value,)))
        seen: set[str] = set()
        for key, hooks in (("before", self.before), ("after", self.after)):
            for index, hook in enumerate(hooks):
                if hook.name in seen:
                    at = (key, index, "name")
                    found.append(mistake("is the name of another hook already", "Rename one.", at=at))
                seen.add(hook.name)
        refuse(found)
        return self
