"""What a file says of rollbacks: read, summed up, warned of, and its secrets read by the handler only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from rollwatch.config.describe import describe
from rollwatch.config.program import Program
from rollwatch.config.rollback import ServiceRollbackSpec
from rollwatch.config.rollback_handler import FreezeSpec
from rollwatch.config.rollback_strategies import CommandSpec, GitHubActionsSpec, GitRevertSpec
from rollwatch.config.rollback_words import Mode, StrategyName
from rollwatch.errors import ConfigError, SecretUnavailable
from support.config_kinds import load

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

FULL = """\
environment: production
notifications:
  slack: {webhook_file: secrets/slack}
  email: {to: [oncall@example.com]}
  mail: {smarthost: "smtp.example.com:587", from: r@example.com}
  rollback_handler: {url: "http://127.0.0.1:9718", token_file: secrets/rollback}
services:
  api:
    probes: {health: {kind: web, url: "http://x/${file:secrets/probe}"}}
    rollback:
      mode: auto
      strategy: git-revert
      triggers: [RollbackHealthDown, RollbackHttpErrorRatio]
      git-revert:
        repository: git@github.com:acme/api.git
        secrets: {GIT_TOKEN: "${file:secrets/git}"}
        environment_variables: [KUBECONFIG]
      before:
        - {name: drain, run: [scripts/drain, "{service}"], timeout: 1m, repeatable: true}
      after:
        - {name: tell, url: "${file:secrets/hook}", headers: {Authorization: "Bearer ${file:secrets/token}"}}
      verify: {attempts: 5, every: 2s, in_a_row: 2, probes: [health]}
      smoke: {run: [scripts/smoke]}
      pull_request: {token: "${file:secrets/token}", repository: acme/api}
  web:
    probes: {a: {kind: line, address: "x:1"}}
    rollback:
      mode: auto
      strategy: command
      triggers: {RollbackLatency: {window: 10m}, RollbackMemoryHigh: {}}
      command: {run: [scripts/back, "{target_version}"], directory: deploy}
  old: {probes: {a: {kind: line, address: "x:1"}}}
rollback:
  prometheus: {url: "http://127.0.0.1:9090", token: "${file:secrets/token}"}
  exporter: {url: "http://127.0.0.1:9717"}
  alertmanager: {url: "http://127.0.0.1:9093", timeout: 2s}
  fallback: {url: "${file:secrets/hook}"}
  public_url: https://rollback.example.com
  units: {shop: [web, api]}
  freezes: [{from: 2026-12-24T18:00:00+01:00, to: 2026-12-27T06:00:00Z, reason: Christmas}]
"""
OF_THE_HANDLER = {"git": "hunter2", "hook": "https://hooks.example.com/hunter2", "token": "hunter2"}
MINIMAL = """\
environment: test
services:
  a:
    probes: {p: {kind: line, address: "x:1"}}
    rollback: {strategy: command, triggers: [RollbackLatency], command: {run: [back]}}
"""
HANDLER = """\
rollback:
  prometheus: {url: "http://127.0.0.1:9090"}
  exporter: {url: "http://127.0.0.1:9717"}
  alertmanager: {url: "http://127.0.0.1:9093"}
"""


def config(folder: Path, text: str = FULL, program: Program = Program.EXPORTER, **secrets: str) -> Config:
    """The configuration as `program` loads it when there are just these secrets."""
    (folder / "secrets").mkdir(exist_ok=True)
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value)
        (folder / "secrets" / name).chmod(0o600)
    path = folder / "rollwatch.yml"
    path.write_text(text)
    return load(path, program=program)


def spec(service: str, found: Config) -> ServiceRollbackSpec:
    rollback = found.services[service].rollback
    assert rollback is not None
    return rollback


def test_the_handler_reads_what_the_file_says_with_its_secrets(tmp_path: Path) -> None:
    found = config(tmp_path, program=Program.ROLLBACK, **OF_THE_HANDLER)
    api, web, handler = spec("api", found), spec("web", found), found.rollback

    assert (api.mode, api.strategy) == (Mode.AUTO, StrategyName.GIT_REVERT)
    assert {name: trigger.window for name, trigger in api.triggers.items()} == {
        "RollbackHealthDown": 1800.0,
        "RollbackHttpErrorRatio": 1800.0,
    }
    assert isinstance(api.chosen, GitRevertSpec)
    assert api.chosen.secrets["GIT_TOKEN"].render() == "hunter2"
    assert [hook.name for hook in (*api.before, *api.after)] == ["drain", "tell"]
    assert api.after[0].url is not None
    assert api.after[0].url.render() == "https://hooks.example.com/hunter2"
    assert api.after[0].headers["Authorization"].render() == "Bearer hunter2"
    assert api.pull_request is not None
    assert api.pull_request.token.render() == "hunter2"
    assert {name: trigger.window for name, trigger in web.triggers.items()} == {
        "RollbackLatency": 600.0,
        "RollbackMemoryHigh": 1800.0,
    }
    assert isinstance(web.chosen, CommandSpec)
    assert web.chosen.directory == tmp_path / "deploy"
    assert found.services["old"].rollback is None
    assert handler is not None
    assert handler.prometheus.token is not None
    assert handler.prometheus.token.render() == "hunter2"
    assert handler.fallback is not None
    assert handler.fallback.url.render() == "https://hooks.example.com/hunter2"
    assert handler.units == {"shop": ("web", "api")}
    assert handler.freezes[0].from_ == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert found.warnings == ()
    assert "hunter2" not in repr(found)


def test_the_handler_needs_no_secret_of_probes(tmp_path: Path) -> None:
    found = config(tmp_path, program=Program.ROLLBACK, **OF_THE_HANDLER)

    with pytest.raises(SecretUnavailable):
        found.probes[0].spec.url.render()


@pytest.mark.parametrize("program", [Program.EXPORTER, Program.BRIDGE, Program.COMMAND])
def test_no_other_program_needs_a_secret_of_the_handler_or_has_one(tmp_path: Path, program: Program) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("hunter2")

    found = config(tmp_path, program=program, **({"probe": "x"} if program is Program.EXPORTER else {}))

    assert found.rollback is not None
    assert found.rollback.prometheus.token is not None
    request = spec("api", found).pull_request
    assert request is not None
    for token in (found.rollback.prometheus.token, request.token):
        with pytest.raises(SecretUnavailable):
            token.render()


def test_the_handler_is_told_of_every_secret_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        config(tmp_path, program=Program.ROLLBACK, hook="hooks.example.com/hunter2")

    assert [f"{problem.line} {problem.path}" for problem in refusal.value.problems] == [
        "16 services.api.rollback.git-revert.secrets.GIT_TOKEN",
        "21 services.api.rollback.after[0].url",
        "21 services.api.rollback.after[0].headers.Authorization",
        "24 services.api.rollback.pull_request.token",
        "34 rollback.prometheus.token",
        "37 rollback.fallback.url",
    ]
    assert "hunter2" not in str(refusal.value)


def test_a_file_without_these_sections_takes_nothing_back(tmp_path: Path) -> None:
    found = config(tmp_path, MINIMAL.partition("    rollback")[0])

    assert (found.rollback, found.services["a"].rollback, found.warnings) == (None, None, ())


def test_everything_is_careful_by_default(tmp_path: Path) -> None:
    found = spec("a", config(tmp_path, MINIMAL + HANDLER))

    assert found.mode is Mode.DRY_RUN
    assert not found.allow_migration
    assert (found.verify.attempts, found.verify.every, found.verify.in_a_row) == (10, 10.0, 3)


@pytest.mark.parametrize(
    ("strategy", "section", "seconds"),
    [
        ("git-revert", "{repository: /srv/git/api.git}", 600),
        ("redeploy", "{repository: /srv/git/api.git, deploy: [deploy]}", 1200),
        ("railway", "{token: x, project: p, environment: e, service: s}", 300),
        ("github-actions", "{token: x, repository: acme/api, workflow: back.yml}", 300),
        ("command", "{run: [back]}", 300),
    ],
)
def test_a_strategy_has_so_long_by_default(
    tmp_path: Path, strategy: str, section: str, seconds: float
) -> None:
    text = MINIMAL.replace("strategy: command", f"strategy: {strategy}").replace(
        "command: {run: [back]}", f"{strategy}: {section}"
    )

    assert spec("a", config(tmp_path, text)).chosen.timeout == seconds


def test_hooks_and_checks_have_so_long_by_default(tmp_path: Path) -> None:
    more = "command: {run: [back]}, before: [{name: a, run: [x]}], smoke: {run: [x]}}"
    found = spec("a", config(tmp_path, MINIMAL.replace("command: {run: [back]}}", more)))

    assert found.before[0].timeout == 30.0
    assert found.smoke is not None
    assert found.smoke.timeout == 300.0


def test_a_workflow_may_be_named_by_its_id_and_its_repository_as_it_is_cloned(tmp_path: Path) -> None:
    section = "{token: x, repository: acme/api.git, workflow: 4711, inputs: {rollback_id: '{rollback_id}'}}"
    text = MINIMAL.replace("strategy: command", "strategy: github-actions").replace(
        "command: {run: [back]}", f"github-actions: {section}"
    )

    found = spec("a", config(tmp_path, text)).chosen

    assert isinstance(found, GitHubActionsSpec)
    assert (found.repository, found.workflow) == ("acme/api", "4711")
    assert found.inputs == {"rollback_id": "{rollback_id}"}


def test_a_spec_that_was_not_validated_has_no_strategy_chosen() -> None:
    bare = ServiceRollbackSpec.model_construct(strategy=StrategyName.RAILWAY)

    with pytest.raises(AssertionError, match="refused at load"):
        _ = bare.chosen


def test_two_loads_of_one_file_are_equal_so_that_a_reload_changes_nothing(tmp_path: Path) -> None:
    before = config(tmp_path, program=Program.ROLLBACK, **OF_THE_HANDLER)
    after = config(tmp_path, program=Program.ROLLBACK, **OF_THE_HANDLER)

    assert (before.rollback, before.services) == (after.rollback, after.services)


def test_a_good_file_is_summed_up(tmp_path: Path) -> None:
    said = describe(config(tmp_path, probe="x"))

    assert "api is taken back automatically, by git-revert" in said
    assert "web is taken back automatically, by command" in said
    assert "the unit shop is taken back in this order: web, api" in said
    assert "the rollback handler's secrets are read by rollwatch rollback serve only" in said


MEND = {
    "no handler": (
        MINIMAL,
        [("services.a.rollback: nothing takes it back without the section rollback of the file. Add that.")],
    ),
    "no service": (
        MINIMAL.partition("    rollback")[0] + HANDLER,
        ["rollback: no service says how it is taken back. Add services.NAME.rollback."],
    ),
    "nobody delivers": (
        MINIMAL.replace("{strategy", "{mode: auto, strategy") + HANDLER,
        [
            (
                "services.a.rollback.mode: it is auto, and nothing makes Alertmanager deliver alerts to the "
                "handler. Add notifications.rollback_handler with url and token_file."
            )
        ],
    ),
    "a trigger of somebody else's": (
        MINIMAL.replace("[RollbackLatency]", "[RollbackLatency, RollbackOrdersStopped]") + HANDLER,
        [
            (
                "services.a.rollback.triggers: RollbackOrdersStopped does not come with rollwatch. It does "
                'something only if a rule of your own has that name and the label rollback="auto".'
            )
        ],
    ),
    "two modes": (
        MINIMAL
        + """\
  b:
    probes: {p: {kind: line, address: "x:1"}}
    rollback: {mode: approve, strategy: command, triggers: [RollbackLatency], command: {run: [back]}}
notifications:
  slack: {webhook_file: s}
  email: {to: [a@example.com]}
  mail: {smarthost: "smtp.example.com:587", from: r@example.com}
  rollback_handler: {url: "http://127.0.0.1:9718", token_file: s}
"""
        + HANDLER
        + "  units: {both: [b, a]}\n",
        [("rollback.units.both: all of it is dry-run, since a is. Give its services the same mode.")],
    ),
    "written out": (
        MINIMAL.replace("{run: [back]}", "{run: [back], secrets: {TOKEN: hunter2}}")
        + HANDLER.replace(':9090"', ':9090", token: hunter2'),
        [
            (f"{place}: a secret stands in the file. Write ${{file:PATH}} or ${{env:NAME}} instead.")
            for place in ("services.a.rollback.command.secrets.TOKEN", "rollback.prometheus.token")
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), MEND.values(), ids=list(MEND))
def test_what_leaves_a_bad_release_in_place_is_a_warning(tmp_path: Path, text: str, said: list[str]) -> None:
    assert list(config(tmp_path, text).warnings) == said


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24t18:00:00.25z", datetime(2026, 12, 24, 18, microsecond=250_000, tzinfo=UTC)),
        ("2026-12-24 18:00:00-05:30", datetime(2026, 12, 24, 23, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_written_with_their_offset(written: str, moment: datetime) -> None:
    freeze = FreezeSpec.model_validate({"from": written, "to": "2030-01-01T00:00:00Z", "reason": "x"})

    assert freeze.from_ == moment


def test_a_moment_that_is_one_already_is_taken_and_written_back() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    freeze = FreezeSpec.model_validate({"from": at, "to": at + timedelta(days=1), "reason": "x"})

    assert freeze.model_dump(mode="json")["from_"] == "2026-01-01T00:00:00+01:00"


def test_an_address_for_people_that_is_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is shown to everybody and has credentials in it"):
        config(tmp_path, MINIMAL + HANDLER + '  public_url: "https://x/${file:secrets/x}"\n')
