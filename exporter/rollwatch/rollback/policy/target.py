"""Which release a service can go back to: explicit, once healthy, not known as bad."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.rollback.model.release import same_release
from rollwatch.rollback.policy.history import Stint, are_distinct, keys_of
from rollwatch.rollback.policy.wording import joined, name, shown, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.rollback.model.release import Deployment, Release
    from rollwatch.rollback.policy.facts import Claim

__all__ = ["NoTarget", "Past", "Target", "healthy_target", "wanted_target"]

_PREFIX = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Target:
    """A release to go back to. `why` says as a clause what speaks for it."""

    release: Release
    deployment: Deployment
    """The last one that brought it."""
    why: str
    known_as_bad: str | None = None
    """As a clause, why it should not be gone back to; only of one that a person named."""


@dataclass(frozen=True, slots=True)
class NoTarget:
    """There is none. `why` is a sentence without its full stop."""

    why: str


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one service: `stints` newest first, of which the first is the bad release's."""

    service: str
    stints: tuple[Stint, ...]
    deployments: tuple[Deployment, ...]
    """All of them, whatever became of them."""
    claims: tuple[Claim, ...]
    incidents: tuple[float, ...]
    """When the unit's rollback alerts began, in Unix seconds."""
    healthy_after_s: float

    def known_as_bad(self, release: Release) -> str | None:
        """Why a release counts as bad, as a clause; None where nothing is known against it."""
        keys = keys_of(release, self.deployments)
        if any(claim.service == self.service and claim.release_key in keys for claim in self.claims):
            return "it was taken back before"
        if any(one.marked is False for one in self._of(release)):
            return "a person marked it as bad"
        return None

    def marked_good(self, release: Release) -> bool:
        """Whether a person said so."""
        return any(one.marked is True for one in self._of(release))

    def _of(self, release: Release) -> list[Deployment]:
        return [one for one in self.deployments if same_release(one.release, release)]


def healthy_target(past: Past) -> Target | NoTarget:
    """The newest earlier release that was healthy and that nothing is known against.

    Of a release that ran more than once, the last time that was long enough to tell decides. One that a
    rollback put there was healthy before.
    """
    bad = past.stints[0].release
    refused: list[str] = []
    for first, runs in _releases(past.stints):
        release = past.stints[first].release
        if not are_distinct(release, bad):
            if same_release(release, bad) and any(_went_well(past, run) for run in runs):
                # Put back by hand, or one instance of two that answer in turn: what it replaced is to blame.
                refused.append(f"{name(release.shown)} itself ran well before, and nothing older is tried")
                break
            continue
        against = past.known_as_bad(release)
        if against is not None:
            refused.append(f"{name(release.shown)}: {against}")
            continue
        ran_for = _ran_for(past.stints, first)
        if past.marked_good(release):
            return _target(past, first, "a person marked it as good")
        well = next((well for well in (_went_well(past, run) for run in runs) if well is not None), None)
        if well:
            return _target(past, first, f"it ran for {span(past.healthy_after_s)} without a rollback alert")
        if well is None and past.stints[first].is_ours:
            # A revert is a commit of its own, and may not have run for long: what it holds has.
            return _target(past, first, "a rollback went back to it, and it has run without an alert since")
        refused.append(
            f"{name(release.shown)}: it ran for {span(ran_for)} only"
            if well is None
            else f"{name(release.shown)}: a rollback alert began while it was new"
        )
    what = name(past.service)
    if not refused:
        return NoTarget(f"no release of {what} is known from before {name(bad.shown)}")
    return NoTarget(f"no earlier release of {what} is known to be healthy ({joined(refused)})")


def wanted_target(past: Past, wanted: str) -> Target | NoTarget:
    """The finished release that a person names by 7 or more digits of its commit, version or platform id."""
    found = [first for first, _ in _releases(past.stints) if _is_named(past.stints[first].release, wanted)]
    bad = past.stints[0].release
    if _is_named(bad, wanted):
        return NoTarget(f"{shown(bad)} is what runs now: there is nothing to go back to")
    if not found:
        return NoTarget(f"no finished release of {name(past.service)} is known as {name(wanted)}")
    if len(found) > 1:
        return NoTarget(f"{name(wanted)} names {len(found)} releases of {name(past.service)}")
    release = past.stints[found[0]].release
    if not are_distinct(release, bad):
        return NoTarget(f"it can't be told whether {shown(release)} is another release than the bad one")
    return _target(past, found[0], "a person named it", past.known_as_bad(release))


def _target(past: Past, index: int, why: str, known_as_bad: str | None = None) -> Target:
    stint = past.stints[index]
    return Target(stint.release, stint.deployments[0], why, known_as_bad)


def _releases(runs: Sequence[Stint]) -> list[tuple[int, tuple[int, ...]]]:
    """Each release that ran before what runs now: where it ran last, and everywhere it ran. Newest first."""
    found: list[tuple[int, list[int]]] = []
    for index, stint in enumerate(runs):
        if index == 0:
            continue
        known = next((each for each in found if same_release(runs[each[0]].release, stint.release)), None)
        if known is None:
            found.append((index, [index]))
        else:
            known[1].append(index)
    return [(first, tuple(every)) for first, every in found]


def _went_well(past: Past, index: int) -> bool | None:
    replaced_at = past.stints[index - 1].began_at
    return past.stints[index].went_well(replaced_at, past.incidents, past.healthy_after_s)


def _ran_for(runs: Sequence[Stint], index: int) -> float:
    return max(0.0, runs[index - 1].began_at - runs[index].live_at)


def _is_named(release: Release, wanted: str) -> bool:
    text = wanted.strip()
    if text and text in {release.version, release.platform_id}:
        return True
    prefix = text.lower()
    is_prefix = _PREFIX.fullmatch(prefix) is not None
    return is_prefix and release.commit is not None and release.commit.startswith(prefix)
