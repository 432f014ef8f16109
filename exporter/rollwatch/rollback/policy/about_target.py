"""Guards about the release to go back to: is it known, good, within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.policy.case import Ask, Case, Said, failed, for_each, passed, unanswered
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.target import NoTarget
from rollwatch.rollback.policy.wording import name, reason, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.policy.selection import Member

__all__ = ["ABOUT_TARGET"]

_NOT_ASKED = Unanswered("nobody was asked")


def _known(case: Case) -> Said:
    def one(member: Member) -> Said:
        if isinstance(member.target, NoTarget):
            return failed(_capital(member.target.why))
        target = member.target
        return passed(f"{shown(member.bad)} can go back to {name(target.release.shown)}: {target.why}")

    return for_each(case.selection.members, one)


def _good(case: Case) -> Said:
    def one(member: Member) -> Said:
        if isinstance(member.target, NoTarget):
            return _no_target(member)
        target = member.target
        if target.known_as_bad is not None:
            return failed(f"{shown(target.release)} is no release to go back to: {target.known_as_bad}")
        return passed(f"Nothing is known against {shown(target.release)}")

    return for_each(case.selection.members, one)


def _possible(case: Case) -> Said:
    def one(member: Member) -> Said:
        if isinstance(member.target, NoTarget):
            return _no_target(member)
        answer = case.facts.eligible.get(member.service, _NOT_ASKED)
        to = shown(member.target.release)
        if isinstance(answer, Unanswered):
            return unanswered(f"It is not known whether {to} can be gone back to: {reason(answer.why)}")
        if not answer.possible:
            return failed(f"{to} can't be gone back to: {reason(answer.why)}")
        return passed(f"{to} can be gone back to")

    return for_each(case.selection.members, one)


def _no_migration(case: Case) -> Said:
    def one(member: Member) -> Said:
        if isinstance(member.target, NoTarget):
            return _no_target(member)
        since = member.target.deployment.started_at
        # Failed and running ones too: a migration comes first in a deployment.
        crossed = [
            each
            for each in case.facts.deployments.get(member.service, ())
            if each.migration and each.id != member.target.deployment.id and not each.started_at < since
        ]
        to = name(member.target.release.shown)
        if not crossed:
            return passed(f"No deployment of {name(member.service)} since {to} changed the database")
        newest = max(crossed, key=lambda each: (each.started_at, each.id))
        what = f"{shown(newest.release)} changed the database after {to} was deployed"
        if case.rules.allow_migration:
            return passed(f"{what}; going back over it is allowed", crossed=len(crossed))
        return failed(f"{what}; going back over it is not allowed", crossed=len(crossed))

    return for_each(case.selection.members, one)


def _no_target(member: Member) -> Said:
    return unanswered(f"{name(member.service)} has no release to go back to")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


ABOUT_TARGET: Mapping[Guard, Ask] = {
    Guard.TARGET_KNOWN: _known,
    Guard.TARGET_GOOD: _good,
    Guard.TARGET_POSSIBLE: _possible,
    Guard.NO_MIGRATION: _no_migration,
}
