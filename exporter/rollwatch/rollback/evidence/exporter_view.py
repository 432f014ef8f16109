"""What the exporter sees of a service: probes and version, from its dashboard document.

The document is read tolerantly: members may be added at any time. One that lacks what is needed here, that is
old, or that is of another production, is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rollwatch.model import Reason, Verdict
from rollwatch.rollback.evidence.peer import NoAnswer
from rollwatch.rollback.policy.facts import Unanswered
from rollwatch.rollback.ports import ProbeNow, ServiceNow
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.config import ProbeDef
    from rollwatch.rollback.evidence.peer import Peer
    from rollwatch.rollback.policy.facts import Known

__all__ = ["ExporterView", "Watched", "watched"]

_BODY_MAX = 16 * 1024**2
_OLD_S = 60.0
_NOT_LISTED = "not_listed"


@dataclass(frozen=True, slots=True)
class Watched:
    """Which probes count for the health of one service, by name."""

    named: tuple[str, ...] = ()
    """In `verify.probes`: these and no others, and each must be there."""
    paging: frozenset[str] = frozenset()
    """With priority P0. Where none of them runs at the exporter's location, every probe counts."""


def watched(service: str, probes: Iterable[ProbeDef], named: tuple[str, ...] = ()) -> Watched:
    """From the configuration: `probes` of any service and location, `named` by `verify.probes`."""
    paging = (probe.name for probe in probes if probe.service == service and probe.spec.priority == "P0")
    return Watched(named, frozenset(paging))


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


_At = Annotated[float, Field(strict=False, allow_inf_nan=False)]


class _Run(_Read):
    started_at: _At
    verdict: Annotated[Verdict, Field(strict=False)]
    reason: Annotated[str, Field(max_length=100)]


class _Probe(_Read):
    id: Annotated[str, Field(max_length=300)]
    name: Annotated[str, Field(max_length=200)]
    last_run: _Run | None


class _Service(_Read):
    name: str
    version: str | None
    version_changed_at: _At | None
    probes: list[_Probe]


class _Document(_Read):
    environment: str
    generated_at: _At
    services: list[_Service]


class ExporterView:
    """`watched` says by service which probes count."""

    def __init__(self, peer: Peer, clock: Clock, environment: str, watched: Mapping[str, Watched]) -> None:
        self._peer = peer
        self._clock = clock
        self._environment = environment
        self._watched = watched

    async def service_now(self, service: str) -> Known[ServiceNow]:
        """The service as its newest document has it."""
        try:
            answer = await self._peer.json(
                "/api/monitoring/dashboard", query={"service": service}, body_max=_BODY_MAX
            )
            document = _Document.model_validate(answer)
            found = self._service(document, service)
        except NoAnswer as error:
            return Unanswered(error.why)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"]) or "all of it"
            return Unanswered(f"{self._peer.name}'s document is not understood: {clean(place, 100)}")
        probes = _probes(found, self._watched.get(service, Watched()))
        ahead_s = max(0.0, document.generated_at - self._clock.wall())
        return ServiceNow(found.version or None, found.version_changed_at, probes, ahead_s)

    def _service(self, document: _Document, service: str) -> _Service:
        age = self._clock.wall() - document.generated_at
        if age > _OLD_S:
            raise NoAnswer(f"{self._peer.name}'s document is {age:.0f} s old, or its clock or ours is wrong")
        if age < -_OLD_S:
            raise NoAnswer(f"{self._peer.name}'s clock is {-age:.0f} s ahead of this host's")
        if document.environment != self._environment:
            other = clean(document.environment, 60)
            raise NoAnswer(f"{self._peer.name} watches the environment {other}, not {self._environment}")
        for found in document.services:
            if found.name == service:
                return found
        raise NoAnswer(f"{self._peer.name} does not know the service {clean(service, 60)}")


def _probes(service: _Service, watched: Watched) -> tuple[ProbeNow, ...]:
    there = {probe.name for probe in service.probes}
    critical = set(watched.named) or (watched.paging & there) or there
    found = [_probe(probe, critical=probe.name in critical) for probe in service.probes]
    # Somebody wants to hear of these: that they are absent must not look like health.
    absent = [name for name in watched.named if name not in there]
    return (
        *found,
        *(ProbeNow(f"{service.name}/{name}", Verdict.UNKNOWN, _NOT_LISTED, None, True) for name in absent),
    )


def _probe(probe: _Probe, *, critical: bool) -> ProbeNow:
    run = probe.last_run
    if run is None:
        return ProbeNow(probe.id, Verdict.UNKNOWN, Reason.NOT_STARTED, None, critical)
    return ProbeNow(probe.id, run.verdict, run.reason, run.started_at, critical)
