"""The headers every answer carries, and what a web configuration may set of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

__all__ = ["add_security_headers"]

_DEFAULTS = {
    # No script, nothing from elsewhere, in no frame. Programs with a script of their own set their own.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Whatever says nothing else shows the state of this moment, to somebody who may see it.
    "Cache-Control": "no-store",
}


def add_security_headers(headers: MutableMapping[str, str], configured: Mapping[str, str]) -> None:
    """Set ours where the handler has not, then those of the web configuration, which win."""
    for name, value in _DEFAULTS.items():
        headers.setdefault(name, value)
    for name, value in configured.items():
        headers[name] = value
    headers["Server"] = "rollwatch"
