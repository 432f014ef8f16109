"""Runs git so that nothing of the host, of its user or of the repository changes what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.errors import RollwatchError
from rollwatch.rollback.strategies.process import CommandResult, result_of, supervise
from rollwatch.rollback.strategies.redaction import Redaction
from rollwatch.rollback.strategies.supervision import Command
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollwatch.clock import Clock
    from rollwatch.rollback.strategies.environment import ChildEnvironment

__all__ = ["Git", "GitAnswer", "GitFailed"]

_KEPT_BYTES = 32 * 2**20
_SETTINGS = {
    # A repository's hooks, helpers and attributes are other people's programs.
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "protocol.ext.allow": "never",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.quotePath": "true",
}
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    # What git says is read here: in one language.
    "LC_ALL": "C",
}


class GitFailed(RollwatchError):  # noqa: N818  an answer that did not come
    """git could not do it. `why` is a bounded sentence's end, free of secrets."""

    def __init__(self, what: str, result: CommandResult) -> None:
        self.result = result
        self.timed_out = result.timed_out
        self.why = f"{what} {result.ending}" + (f": {result.last_line}" if result.last_line else "")
        super().__init__(self.why)


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """What git printed, and how it ended. `result.output` is what it said on stderr."""

    printed: bytes
    result: CommandResult

    @property
    def line(self) -> str:
        return self.printed.decode("utf-8", "replace").strip()


class Git:
    """git in one directory. Every call is bounded by the time left until `deadline` (monotonic)."""

    def __init__(
        self,
        directory: Path,
        environment: ChildEnvironment,
        clock: Clock,
        deadline: float,
        *,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._secrets = environment.secrets
        # An operator who needs settings of their own (a credential helper, git-lfs) names the file.
        self._env = {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            **environment.variables,
            **_ENVIRONMENT,
            **(more or {}),
        }
        self._clock = clock
        self._deadline = deadline

    @property
    def left_s(self) -> float:
        return self._deadline - self._clock.monotonic()

    async def ask(self, *arguments: str, at_most_s: float | None = None) -> GitAnswer:
        """Run `git ARGUMENTS`, whatever its exit status. Raises GitFailed where it did not end by itself."""
        argv = ["git", *(part for pair in _SETTINGS.items() for part in ("-c", "=".join(pair))), *arguments]
        left = self.left_s if at_most_s is None else min(self.left_s, at_most_s)
        if left <= 0:
            raise GitFailed(_called(arguments), CommandResult(None, timed_out=True, output=""))
        command = Command(argv, self.directory, self._env, left, kept_bytes=_KEPT_BYTES, is_stderr_apart=True)
        redaction = Redaction(self._secrets)
        ended, said = await supervise(command, self._clock, lambda ended: ended.errors.text(redaction))
        result = result_of(ended, said, redaction)
        printed = ended.output.whole()
        if result.exit_code is None or printed is None:
            raise GitFailed(_called(arguments), result)
        return GitAnswer(printed, result)

    async def do(self, *arguments: str, at_most_s: float | None = None) -> GitAnswer:
        """As `ask`; raises GitFailed also for any exit status but 0."""
        answer = await self.ask(*arguments, at_most_s=at_most_s)
        if not answer.result.is_success:
            raise GitFailed(_called(arguments), answer.result)
        return answer


def _called(arguments: tuple[str, ...]) -> str:
    return f"git {clean(arguments[0], 30)}"
