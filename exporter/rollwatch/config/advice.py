"""What works but should be mended: sentences for the operator who runs check-config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.template import SHORTEST_TOKEN, Template, is_short
from rollwatch.config.values import values_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rollwatch.config.config import ProbeDef, Service
    from rollwatch.config.push import PushSpec
    from rollwatch.config.signals import Signals

__all__ = ["advice"]


def advice(services: Mapping[str, Service], probes: Sequence[ProbeDef], location: str) -> Iterator[str]:
    """One sentence for each thing to mend, with its place."""
    for probe in probes:
        for path, value in values_in(probe.spec):
            if isinstance(value, Template) and value.is_written_out:
                place = f"services.{probe.service}.probes.{probe.name}.{path}"
                yield f"{place}: a secret stands in the file. Write ${{file:PATH}} or ${{env:NAME}} instead."
    for name, service in services.items():
        if service.signals.push is not None:
            yield from _of_push(f"services.{name}.push", service.signals.push, service.signals)
    by_service: dict[str, list[ProbeDef]] = {name: [] for name in services}
    for probe in probes:
        by_service[probe.service].append(probe)
    for name, own in by_service.items():
        roles = {str(getattr(probe.spec, "role", "")) for probe in own}
        if not own and services[name].signals.is_silent:
            yield f"services.{name}: nothing is probed and nothing arrives. Add probes, push or logs."
        elif own and not any(probe.spec.runs_in(location) for probe in own):
            yield f"services.{name}: every probe runs in another location."
        if "fallback" in roles and "primary" not in roles:
            yield f"services.{name}: a provider is a fallback and none is primary. Give one role: primary."


def _of_push(place: str, push: PushSpec, signals: Signals) -> Iterator[str]:
    if any(token.is_written_out for token in push.all_tokens):
        yield f"{place}: a token stands in the file. Write ${{file:PATH}} or ${{env:NAME}} instead."
    if any(is_short(token) for token in push.all_tokens):
        remedy = "Make one: openssl rand -hex 32."
        yield f"{place}: a token is shorter than {SHORTEST_TOKEN} characters. {remedy}"
    if not signals.figures and not signals.records:
        yield f"{place}: nothing can be pushed. Declare figures or records."
