"""What notifications need of each other across the file: mail a server, an SMS the bridge and its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.config.signals import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollwatch.config.signals import Place

__all__ = ["missing_parts"]


def missing_parts(plain: object) -> Iterator[Trouble]:
    """What is used and described nowhere, in the file as written; places are from its root.

    Only whether a part is there is looked at: whether it is good is said of the part itself.
    """
    has_mail = _at(plain, "notifications", "mail") is not None
    has_bridge = _at(plain, "notifications", "bridge") is not None
    has_account = _at(plain, "bridge", "twilio") is not None
    for place, audience in _audiences(plain):
        if _at(audience, "email") is not None and not has_mail:
            message, remedy = "can't be sent: nothing says how mail leaves", "Add notifications.mail."
            yield Trouble((*place, "email"), message, remedy)
        if _at(audience, "sms") is None:
            continue
        if not has_bridge:
            message = "can't be sent: Alertmanager leaves SMS to the bridge, and nothing says where that is"
            yield Trouble((*place, "sms"), message, "Add notifications.bridge with url and token_file.")
        if not has_account:
            message = "can't be sent: the bridge has no account to send it with"
            yield Trouble((*place, "sms"), message, "Add bridge.twilio.")
    if _at(plain, "bridge", "digest") is not None and not has_mail:
        message, remedy = "can't be sent: nothing says how mail leaves", "Add notifications.mail."
        yield Trouble(("bridge", "digest"), message, remedy)


def _audiences(plain: object) -> Iterator[tuple[Place, object]]:
    """Everything that may name channels, with its place."""
    yield from _with_escalation(("notifications",), _at(plain, "notifications"))
    services = _at(plain, "services")
    for name in services if isinstance(services, dict) else ():
        yield from _with_escalation(("services", name, "notifications"), _at(services, name, "notifications"))


def _with_escalation(place: Place, audience: object) -> Iterator[tuple[Place, object]]:
    yield place, audience
    yield (*place, "escalation"), _at(audience, "escalation")


def _at(plain: object, *keys: str) -> object:
    for key in keys:
        plain = plain.get(key) if isinstance(plain, dict) else None
    return plain
