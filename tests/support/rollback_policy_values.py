"""Questions, facts and rules as hypothesis may make them: of any value, or good but for a few fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from rollwatch.rollback.model.record import Pause
from rollwatch.rollback.model.release import Deployment, Release
from rollwatch.rollback.model.words import (
    DeploymentSource,
    DeploymentState,
    Level,
    Mode,
)
from rollwatch.rollback.policy.facts import Claim, Facts, Incident, Question, Unanswered
from rollwatch.rollback.policy.rules import Freeze, Weekly
from rollwatch.rollback.strategies.strategy import Eligibility
from support.rollback_policy_cases import (
    DAY,
    FACTS,
    MINUTE,
    NOW,
    QUESTION,
    RULES,
    TRIGGER,
    alert,
    commit,
    deployed,
    release,
)

SERVICES = st.sampled_from(["api", "web", "pay"])
UNITS = st.sampled_from(["shop", "pay", "mail", "geo"])
IDS = st.sampled_from(["rb-now", "rb-1", "rb-2"])
TIMES = st.one_of(
    st.sampled_from(
        [0.0, 30.0, MINUTE, 4 * MINUTE, 20 * MINUTE, 31 * MINUTE, DAY, 9 * DAY, -30.0, -2 * MINUTE]
    ).map(lambda ago: NOW - ago),
    st.floats(NOW - DAY, NOW + 2 * MINUTE),
)
ANY_TIMES = TIMES | st.floats()
DURATIONS = st.sampled_from([0.0, MINUTE, 10 * MINUTE, 30 * MINUTE, DAY]) | st.floats(0, 10 * DAY)
VERSIONS = st.sampled_from(["1.3.0", "1.4.0", "1.5.0", "1.6.0"])
NAMES = VERSIONS | st.text(max_size=70)
UNANSWERED = st.text(max_size=20).map(Unanswered)
KNOWN_BOOL = st.booleans() | UNANSWERED


def _release(service: str, version: str, names: str) -> Release:
    return Release(
        service,
        "staging" if names == "staging" else "production",
        commit(version) if names in {"both", "commit"} else None,
        version if names in {"both", "version", "staging"} else None,
        version if names == "platform" else None,
    )


NAMED_BY = st.sampled_from(["both", "both", "commit", "version", "platform", "none", "staging"])
RELEASES = st.builds(_release, SERVICES, NAMES, NAMED_BY)


def any_deployments(times: st.SearchStrategy[float]) -> st.SearchStrategy[dict[str, tuple[Deployment, ...]]]:
    def of(service: str) -> st.SearchStrategy[tuple[Deployment, ...]]:
        one = st.builds(
            Deployment,
            id=st.just(""),
            release=st.builds(_release, st.just(service), NAMES, NAMED_BY),
            state=st.sampled_from(DeploymentState),
            source=st.sampled_from(DeploymentSource),
            started_at=times,
            ended_at=st.none() | times,
            migration=st.booleans(),
            marked=st.sampled_from([None, None, True, False]),
            rollback_id=st.none() | IDS,
        )
        return st.lists(one, max_size=4).map(
            lambda told: tuple(
                replace(each, id=f"dep-{service}-{number}") for number, each in enumerate(told)
            )
        )

    return st.fixed_dictionaries({"api": of("api"), "web": of("web")})


@st.composite
def usual_deployments(draw: st.DrawFn) -> dict[str, tuple[Deployment, ...]]:
    """As they come in life: one after the other, most of them well, the newest lately."""
    found: dict[str, tuple[Deployment, ...]] = {}
    for service in ("api", "web"):
        ago = draw(LATELY)
        told: list[Deployment] = []
        for version in draw(ORDERS):
            told.append(deployed(version, ago, service))
            ago += draw(BETWEEN)
        odd = draw(WHICH)
        told[odd % len(told)] = replace(told[odd % len(told)], **draw(ODD))
        found[service] = tuple(told)
    return found


WHICH = st.integers(0, 5)
LATELY = st.sampled_from([4 * MINUTE, 10 * MINUTE, 29 * MINUTE, 2 * DAY])
BETWEEN = st.sampled_from([20 * MINUTE, 2 * 3600.0, DAY, 2 * DAY])
USUALLY = ("1.5.0", "1.4.0", "1.3.0")
ORDERS = st.sampled_from(
    [USUALLY, USUALLY, USUALLY, ("1.5.0", "1.4.0", "1.5.0"), ("1.4.0", "1.5.0", "1.4.0"), ("1.3.0", "1.3.0")]
)
ODD = st.sampled_from(
    [
        *[{}] * 8,
        {"migration": True},
        {"marked": False},
        {"rollback_id": "rb-1"},
        {"source": DeploymentSource.ROLLBACK},
        {"state": DeploymentState.STARTED, "ended_at": None},
    ]
)


def spoils(at_most: int, **ways: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A few fields of any value: so many are there that one bad one among good ones is what matters."""
    names = st.lists(st.sampled_from(sorted(ways)), max_size=at_most, unique=True)
    return names.flatmap(lambda some: st.fixed_dictionaries({name: ways[name] for name in some}))


INCIDENTS = st.lists(st.builds(Incident, UNITS, SERVICES, TIMES, TIMES, st.none() | TIMES), max_size=6).map(
    tuple
)
CLAIMS = st.lists(
    st.builds(Claim, SERVICES, VERSIONS.map(lambda version: release(version).key) | st.text(max_size=9), IDS),
    max_size=4,
).map(tuple)
PAUSES = st.lists(st.builds(Pause, st.none() | SERVICES, NAMES, NAMES, TIMES), max_size=3).map(tuple)
LABELS = st.fixed_dictionaries(
    {
        "alertname": st.just(TRIGGER) | NAMES,
        "service": SERVICES,
        "environment": st.just("production") | NAMES,
        "rollback": st.sampled_from(["auto", "event"]),
    },
    optional={"test": st.sampled_from(["true", "x"])},
)


LEVELS = st.sampled_from([Level.AUTOMATIC, Level.AUTOMATIC, Level.MANUAL, Level.EMERGENCY])
KEYS = VERSIONS.map(lambda version: release(version).key)
BY_SERVICE = st.sampled_from(["api", "web"])
POSSIBLE = st.builds(Eligibility, st.booleans(), NAMES) | UNANSWERED


ZONES = st.sampled_from(["UTC", "Asia/Kathmandu", "nowhere"])


def changed_deployment(number: int, **changes: Any) -> st.SearchStrategy[Any]:
    told = list(FACTS.deployments["api"])
    told[number] = replace(told[number], **changes)
    return st.just({**FACTS.deployments, "api": tuple(told)})


def questions(times: st.SearchStrategy[float]) -> st.SearchStrategy[Question]:
    of_alert = spoils(2, starts_at=times, is_firing=st.booleans(), labels=LABELS)
    changes = spoils(
        1,
        environment=NAMES,
        service=SERVICES,
        alert=st.none() | of_alert.map(lambda some: replace(alert(), **some)),
        first_asked_at=times,
        expected=st.lists(KEYS, max_size=2).map(tuple),
        approved=st.booleans(),
        wanted_target=NAMES | VERSIONS.map(lambda version: commit(version)[:9]),
        dry_run=st.booleans(),
        rollback_id=st.none() | IDS,
    )
    return st.builds(lambda level, some: replace(QUESTION, level=level, **some), LEVELS, changes)


def facts_of(
    times: st.SearchStrategy[float], deployments: st.SearchStrategy[Any], at_most: int
) -> st.SearchStrategy[Facts]:
    changes = spoils(
        at_most,
        now=times,
        current=st.dictionaries(BY_SERVICE, st.none() | RELEASES | UNANSWERED, max_size=2),
        reported=st.dictionaries(BY_SERVICE, st.none() | NAMES | UNANSWERED, max_size=2),
        claims=CLAIMS,
        flights=st.dictionaries(SERVICES, IDS, max_size=2),
        executions=st.lists(times, max_size=4).map(tuple),
        breaker_closed_at=times,
        incidents=INCIDENTS,
        pauses=PAUSES,
        fault_before=KNOWN_BOOL,
        still_firing=KNOWN_BOOL,
        resolved_at=times,
        eligible=st.dictionaries(BY_SERVICE, POSSIBLE, max_size=2),
        silenced=KNOWN_BOOL,
    )
    good = replace(FACTS, current={"api": None, "web": None}, reported={"api": None, "web": None})
    return st.builds(lambda told, some: replace(good, deployments=told, **some), deployments, changes)


MINUTES = st.integers(-5, 11_000)
UNIT_RULES = spoils(
    2,
    services=st.just(("api",)),
    mode=st.sampled_from(Mode),
    triggers=st.just({}),
    window_s=DURATIONS,
    alert_age_max_s=DURATIONS,
    healthy_after_s=DURATIONS,
    deployment_stale_s=DURATIONS,
    skew_s=DURATIONS,
    allow_migration=st.booleans(),
    limit_count=st.integers(0, 3),
    limit_window_s=DURATIONS,
    systemic_units=st.integers(0, 4),
    systemic_window_s=DURATIONS,
    freezes=st.lists(st.builds(Freeze, ANY_TIMES, ANY_TIMES, NAMES), max_size=2).map(tuple),
    weekly=st.lists(st.builds(Weekly, MINUTES, MINUTES, st.just("UTC") | NAMES, NAMES), max_size=2).map(
        tuple
    ),
).map(lambda some: replace(RULES, **some))
USUAL = facts_of(TIMES, usual_deployments(), 2)
