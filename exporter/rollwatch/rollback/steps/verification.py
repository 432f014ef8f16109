"""Whether the service is healthy after the rollback: K looks in a row, by the exporter's eyes.

Only probe runs that began after the deployment ended count; no answer counts as a failed look.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollwatch.rollback.model.release import same_release, same_version
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.steps.ended import Ended
from rollwatch.rollback.strategies.strategy import PlatformFailed
from rollwatch.text import clean, listed, sentence

if TYPE_CHECKING:
    from rollwatch.config.rollback import VerifySpec
    from rollwatch.rollback.model.decision import Going
    from rollwatch.rollback.model.release import Release
    from rollwatch.rollback.ports import Evidence, ProbeNow, ServiceNow
    from rollwatch.rollback.strategies.strategy import Strategy

__all__ = ["is_other_release", "verify", "version_fault"]

_LOOKS_WITHOUT_NEWS = 12
"""So many looks in a row without a new run of any probe count as one failed attempt."""
_SHORT_COMMIT = 7


async def verify(
    going: Going,
    spec: VerifySpec,
    *,
    put: Release | None,
    ordered_at: float,
    deployed_at: float,
    evidence: Evidence,
    strategy: Strategy,
    pace: float,
) -> Ended:
    """DONE after `in_a_row` good looks in a row within `attempts`; else FAILED, with what the last one saw.

    A look that shows no run it has not seen is waited over, and uses up no attempt. `put` is what the
    rollback put into production, where that is known; it began at `ordered_at` and ended at `deployed_at`,
    in Unix seconds; `pace` multiplies `every`.
    """
    seen: frozenset[tuple[str, float]] = frozenset()
    good, attempts, without_news = 0, 0, 0
    fault = "nothing was seen"
    while attempts < spec.attempts:
        look = _look(await evidence.service_now(going.service), going, put, spec, deployed_at)
        if look.runs and look.runs <= seen and without_news < _LOOKS_WITHOUT_NEWS:
            without_news += 1
        else:
            is_new = not look.runs <= seen
            attempts += 1
            fault = look.fault or ("" if is_new else "its probes do not run any more")
            good = 0 if fault else good + 1
            seen, without_news = look.runs, 0
        if good >= spec.in_a_row:
            fault = await _unproven(going, put, spec, strategy, look, ordered_at)
            if not fault:
                return Ended.done(f"Healthy {good} times in a row, after {attempts} looks.")
            good = 0
        if attempts < spec.attempts:
            await asyncio.sleep(spec.every * pace)
    return Ended.failed(sentence(f"Not healthy {spec.in_a_row} times in a row in {attempts} looks: {fault}."))


@dataclass(frozen=True, slots=True)
class _Look:
    fault: str
    """Empty: all is well."""
    runs: frozenset[tuple[str, float]] = frozenset()
    """The runs it is about."""
    version: str | None = None
    version_changed_at: float | None = None


def _look(
    now: ServiceNow | Unanswered, going: Going, put: Release | None, spec: VerifySpec, deployed_at: float
) -> _Look:
    if isinstance(now, Unanswered):
        return _Look(f"the exporter did not say how it is: {now.why}")
    probes, missing = _wanted(now, going.service, spec)
    if missing:
        return _Look(f"the exporter has no probe {listed(missing)}")
    if not probes:
        return _Look("the exporter has no probe of it")
    runs = frozenset((probe.id, probe.started_at) for probe in probes if probe.started_at is not None)
    # By the clock of whoever ran them: one that is ahead would make runs of the bad release look new.
    since = deployed_at + now.ahead_s
    old = [probe.id for probe in probes if probe.started_at is None or probe.started_at <= since]
    if old:
        return _Look(f"{listed(old)} has not run since the rollback", runs)
    down = [f"{probe.id} is {probe.verdict} ({probe.reason})" for probe in probes if probe.verdict != "up"]
    if down:
        return _Look(clean("; ".join(down)), runs)
    fault = version_fault(now.version, going, put) if spec.version else ""
    changed_at = None if now.version_changed_at is None else now.version_changed_at - now.ahead_s
    return _Look(fault, runs, now.version, changed_at)


def _wanted(now: ServiceNow, service: str, spec: VerifySpec) -> tuple[list[ProbeNow], list[str]]:
    """The probes that must be up, and those that are configured and not there."""
    if spec.probes:
        by_name = {probe.id.removeprefix(f"{service}/"): probe for probe in now.probes}
        found = [by_name[name] for name in spec.probes if name in by_name]
        return found, [name for name in spec.probes if name not in by_name]
    critical = [probe for probe in now.probes if probe.critical]
    return critical or list(now.probes), []


def version_fault(version: str | None, going: Going, put: Release | None = None) -> str:
    """What is wrong with the version that health endpoints report; empty where it is the target's, or that of
    `put`, a revert with the target's content, or none is reported."""
    if version is None or _names(version, going.target) or _names_revert(version, going, put):
        return ""
    shown = clean(version, 80)
    if going.target.version is not None:
        return f"it reports version {shown} and not {clean(going.target.version, 80)}"
    if _names(version, going.bad):
        return f"it still reports version {shown}, the bad release"
    return ""


def _names(version: str, release: Release) -> bool:
    if release.version is not None and same_version(version, release.version):
        return True
    is_short = len(version) >= _SHORT_COMMIT and (release.commit or "").startswith(version.lower())
    return is_short or version == release.platform_id


def _names_revert(version: str, going: Going, put: Release | None) -> bool:
    """Only by its commit: a version may have been noted for it before it ran."""
    if put is None or put.commit is None or put.commit in {going.target.commit, going.bad.commit}:
        return False
    return len(version) >= _SHORT_COMMIT and put.commit.startswith(version.lower())


async def _unproven(  # noqa: PLR0917
    going: Going, put: Release | None, spec: VerifySpec, strategy: Strategy, look: _Look, ordered_at: float
) -> str:
    """Where no version tells the target from the bad release, the platform is asked what runs now; where it
    can't know, the version must have changed since the order was given."""
    version = look.version
    if not spec.version:
        return ""
    is_right = version is not None and (_names(version, going.target) or _names_revert(version, going, put))
    if version is not None and is_right and not _names(version, going.bad):
        return ""
    try:
        current = await strategy.current()
    except PlatformFailed as failure:
        return f"nobody can say which version runs: {failure.why}"
    if current is None:
        has_changed = look.version_changed_at is not None and look.version_changed_at > ordered_at
        if version is None or is_right or has_changed:
            return ""
        return f"it reports version {clean(version, 80)}, as before the rollback"
    is_put = put is not None and same_release(current, replace(put, version=None))
    if is_put or not is_other_release(current, going.target):
        return ""
    return f"the platform says that {clean(current.shown, 80)} runs"


def is_other_release(one: Release, other: Release) -> bool:
    """Whether two are different, by the best that both name; False where they can't be compared."""
    if one.commit is not None and other.commit is not None:
        return one.commit != other.commit
    if one.version is not None and other.version is not None:
        return not same_version(one.version, other.version)
    return None not in {one.platform_id, other.platform_id} and one.platform_id != other.platform_id
