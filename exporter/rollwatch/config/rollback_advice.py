"""What works and may still leave a bad release where it is: sentences about the rollback handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.rollback_words import Mode, RollbackTrigger
from rollwatch.config.template import Template
from rollwatch.config.values import values_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollwatch.config.config import Service
    from rollwatch.config.notifications import NotificationsSpec
    from rollwatch.config.rollback import ServiceRollbackSpec
    from rollwatch.config.rollback_handler import HandlerSpec

__all__ = ["rollback_advice"]


def rollback_advice(
    handler: HandlerSpec | None, services: Mapping[str, Service], notifications: NotificationsSpec
) -> Iterator[str]:
    """One sentence for each thing to mend, with its place."""
    specs = {name: service.rollback for name, service in services.items() if service.rollback is not None}
    for name, spec in specs.items():
        place = f"services.{name}.rollback"
        yield from _written_out(place, spec)
        yield from _foreign_triggers(place, spec)
        if handler is None:
            yield f"{place}: nothing takes it back without the section rollback of the file. Add that."
        elif spec.mode is not Mode.DRY_RUN and notifications.rollback_handler is None:
            yield (
                f"{place}.mode: it is {spec.mode.value}, and nothing makes Alertmanager deliver alerts to "
                "the handler. Add notifications.rollback_handler with url and token_file."
            )
    if handler is None:
        return
    yield from _written_out("rollback", handler)
    if not specs:
        yield "rollback: no service says how it is taken back. Add services.NAME.rollback."
    for unit, members in handler.units.items():
        modes = {spec.mode: name for name, spec in specs.items() if name in members}
        if len(modes) > 1:
            careful = min(modes, key=lambda mode: mode.boldness)
            yield (
                f"rollback.units.{unit}: all of it is {careful.value}, since {modes[careful]} is. "
                "Give its services the same mode."
            )


def _written_out(place: str, spec: ServiceRollbackSpec | HandlerSpec) -> Iterator[str]:
    for path, value in values_in(spec):
        if isinstance(value, Template) and value.is_written_out:
            remedy = "Write ${file:PATH} or ${env:NAME} instead."
            yield f"{place}.{path}: a secret stands in the file. {remedy}"


def _foreign_triggers(place: str, spec: ServiceRollbackSpec) -> Iterator[str]:
    for name in spec.triggers:
        if name not in set(RollbackTrigger):
            yield (
                f"{place}.triggers: {name} does not come with rollwatch. It does something only if a rule of "
                'your own has that name and the label rollback="auto".'
            )
