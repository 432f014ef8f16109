"""Guards about the release that runs: is it known, new, to blame, and not yet dealt with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollwatch.rollback.model.release import same_release, same_version
from rollwatch.rollback.policy.case import Ask, Case, Said, failed, for_each, known_to_be, passed, unanswered
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.policy.guard import Guard
from rollwatch.rollback.policy.history import are_distinct
from rollwatch.rollback.policy.selection import Member, window_of
from rollwatch.rollback.policy.wording import joined, name, reason, shown, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.rollback.model.release import Release

__all__ = ["ABOUT_RELEASE"]

_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,64}")
_NOT_ASKED = Unanswered("nobody was asked")


def _known(case: Case) -> Said:
    members = case.selection.members
    if not members:
        return failed(
            f"No finished deployment of {name(case.question.service)} was recorded: nobody knows what runs"
        )
    return passed(joined(f"{shown(each.bad)} runs" for each in members))


def _agrees(case: Case) -> Said:
    return for_each(case.selection.members, lambda member: _member_agrees(case, member))


def _member_agrees(case: Case, member: Member) -> Said:
    service, bad = name(member.service), member.bad
    platform = case.facts.current.get(member.service, _NOT_ASKED)
    if isinstance(platform, Unanswered):
        return unanswered(f"The platform did not say what runs of {service}: {reason(platform.why)}")
    if platform is not None and are_distinct(platform, bad):
        return failed(
            f"The platform says that {service} runs {name(platform.shown)}, by the journal it is "
            f"{name(bad.shown)}"
        )
    reported = case.facts.reported.get(member.service, _NOT_ASKED)
    if isinstance(reported, Unanswered):
        return unanswered(f"It is not known which version {service} reports: {reason(reported.why)}")
    if reported is not None and not _may_be(reported, bad):
        return failed(
            f"{service} reports version {name(reported)}, by the journal {name(bad.shown)} runs",
            reported=reported,
        )
    seen = [
        *(["the platform"] if platform is not None and same_release(platform, bad) else []),
        *([f"its version {name(reported)}"] if reported is not None else []),
    ]
    by = " and ".join(seen) if seen else "nothing that can be asked"
    return passed(
        f"{shown(bad)} is contradicted by nothing" if not seen else f"{shown(bad)} agrees with {by}"
    )


def _may_be(reported: str, release: Release) -> bool:
    text = reported.strip()
    commit = release.commit
    if commit is not None and _SHORT_SHA.fullmatch(text.lower()) and commit.startswith(text.lower()):
        return True
    if release.version is not None:
        return same_version(text, release.version)
    return commit is None or not _is_commit(text.lower())


def _is_commit(text: str) -> bool:
    """Digits alone may be a date or the number of a build."""
    is_short = _SHORT_SHA.fullmatch(text) is not None and not text.isdecimal()
    return is_short or _FULL_SHA.fullmatch(text) is not None


def _recent(case: Case) -> Said:
    alert = case.question.alert
    if alert is None:
        return failed("No alert came with it")

    def one(member: Member) -> Said:
        live_at = member.deployment.live_at
        if live_at is None:
            return unanswered(f"It is not known when {shown(member.bad)} was deployed")
        age, allowed = alert.starts_at - live_at, window_of(case.question, case.rules, member.service)
        said = passed if age <= allowed else failed
        when = f"{span(age)} {'before' if age >= 0 else 'after'} the alert began"
        return said(
            f"{shown(member.bad)} was deployed {when}; allowed: {span(allowed)}", age_s=age, allowed_s=allowed
        )

    return for_each(case.selection.members, one)


def _fault_not_older(case: Case) -> Said:
    alert = case.question.alert
    if alert is None:
        return failed("No alert came with it")

    def one(member: Member) -> Said:
        after = alert.starts_at - member.deployment.started_at
        if not after >= 0:
            return failed(
                f"The alert began {span(after)} before the deployment of {shown(member.bad)} did",
                after_s=after,
            )
        return passed(
            f"the alert began {span(after)} after the deployment of {shown(member.bad)} did", after_s=after
        )

    began = for_each(case.selection.members, one)
    if not began.is_passed:
        return began
    before = known_to_be(
        case.facts.fault_before,
        False,
        yes="The fault was not there before the deployment",
        no="The alert or its paging twin was pending or firing already before the deployment",
        open_="It is not known whether the fault is older than the deployment",
    )
    why = f"{before.why}: {began.why}" if before.is_passed else before.why
    return Said(before.result, why, {**began.inputs, **before.inputs})


def _never_twice(case: Case) -> Said:
    def one(member: Member) -> Said:
        claim = min(
            (
                claim.rollback_id
                for claim in case.facts.claims
                if claim.service == member.service
                and claim.release_key in member.keys
                and claim.rollback_id != case.question.rollback_id
            ),
            default=None,
        )
        if claim is not None:
            return failed(
                f"{shown(member.bad)} was taken back before, by rollback {name(claim)}", by=name(claim)
            )
        return passed(f"{shown(member.bad)} was not taken back before")

    return for_each(case.selection.members, one)


def _not_ours(case: Case) -> Said:
    alert, since = case.question.alert, case.selection.named_is_ours_since
    ours = next((each for each in case.selection.members if each.is_ours), None)
    if ours is not None:
        return failed(f"{shown(ours.bad)} was put there by a rollback; none follows from another")
    if alert is not None and since is not None and not alert.starts_at - since > case.rules.window_s:
        after = alert.starts_at - since
        return failed(
            f"{name(case.question.service)} itself was rolled back {span(after)} "
            f"{'before' if after >= 0 else 'after'} the alert began; none follows from another"
        )
    return for_each(
        case.selection.members, lambda member: passed(f"{shown(member.bad)} was not put there by a rollback")
    )


ABOUT_RELEASE: Mapping[Guard, Ask] = {
    Guard.RELEASE_KNOWN: _known,
    Guard.RELEASE_AGREES: _agrees,
    Guard.RECENT_RELEASE: _recent,
    Guard.FAULT_NOT_OLDER: _fault_not_older,
    Guard.NEVER_TWICE: _never_twice,
    Guard.NOT_OUR_OWN: _not_ours,
}
