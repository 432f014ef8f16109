"""Every part of the production, and every sender. A new one is one file and one line here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rollwatch.demo.production import (
    api,
    fallback,
    feed,
    front,
    gateway,
    inbox,
    lab,
    node,
    payments,
    primary,
    request_log,
    trading,
    visitors,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.demo.production.part import Part
    from rollwatch.demo.production.sender import Sender

__all__ = ["CONTROL", "DEFAULT_BASE_PORT", "MAIL", "PARTS", "SENDERS", "ports_from"]

PARTS: tuple[Part, ...] = (
    front.PART,
    api.PART,
    feed.PART,
    primary.PART,
    fallback.PART,
    node.PART,
    gateway.PART,
    inbox.PART,
)

SENDERS: tuple[Sender, ...] = (
    visitors.SENDER,
    payments.SENDER,
    trading.SENDER,
    lab.SENDER,
    request_log.SENDER,
)
"""What has no port, and reports by itself."""

DEFAULT_BASE_PORT = 9730
CONTROL = "control"
MAIL = "inbox-mail"
"""The inbox's SMTP server, which is no HTTP part."""


def ports_from(base: int) -> Mapping[str, int]:
    """The port of the control endpoint, of each part and of the mail server: `base`, then one each.

    0: any free port for each.
    """
    names = (CONTROL, *(part.name for part in PARTS), MAIL)
    return MappingProxyType({name: base + offset if base else 0 for offset, name in enumerate(names)})
