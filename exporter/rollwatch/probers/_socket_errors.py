"""What an OSError of a connection means: the target's fault, or our own."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from rollwatch.errors import ProbeFailure
from rollwatch.model import Reason

if TYPE_CHECKING:
    from rollwatch.probers._resolve import Address

__all__ = ["connect_failure", "is_out_of_ours", "lost_failure"]

_OUT_OF_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_OWN_NETWORK = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT})
_UNREACHABLE = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN})
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


def is_out_of_ours(error: OSError) -> bool:
    """Whether this process or host ran out of something."""
    return error.errno in _OUT_OF_OURS


def connect_failure(
    error: OSError, target: tuple[str, int], address: Address, *, is_proxy: bool = False
) -> ProbeFailure:
    """Why no connection came about."""
    host = address.host if target[0] == address.host else f"{target[0]} ({address.host})"
    where = f"{'the proxy ' if is_proxy else ''}{host} port {target[1]}"
    code = error.errno
    if code in _OUT_OF_OURS:
        return ProbeFailure(Reason.OWN_RESOURCES, f"this host ran out of {_what(code)} while connecting")
    if code == errno.EADDRNOTAVAIL and address.version == 4:
        return ProbeFailure(Reason.OWN_RESOURCES, f"this host has no free local port to reach {where}")
    if code in _OWN_NETWORK or code == errno.EADDRNOTAVAIL:
        words = _words(code)
        return ProbeFailure(
            Reason.OWN_NETWORK, f"this host has no IPv{address.version} way to {where}: {words}"
        )
    if code == errno.ECONNREFUSED:
        reason = Reason.PROXY_REFUSED if is_proxy else Reason.CONNECT_REFUSED
        return ProbeFailure(reason, f"{where} refused the connection")
    if code in _RESET:
        return ProbeFailure(Reason.CONNECTION_RESET, f"{where} reset the connection while it was made")
    return ProbeFailure(Reason.UNREACHABLE, f"{where} can't be reached: {_words(code)}")


def lost_failure(error: BaseException | None, when: str) -> ProbeFailure:
    """Why a connection ended before its work was done; `when` is like `before it answered`."""
    code = error.errno if isinstance(error, OSError) else None
    if code in _OUT_OF_OURS:
        return ProbeFailure(Reason.OWN_RESOURCES, f"this host ran out of {_what(code)}")
    if code in _UNREACHABLE:
        return ProbeFailure(Reason.UNREACHABLE, f"the target could no longer be reached {when}")
    if error is None:
        return ProbeFailure(Reason.CONNECTION_CLOSED, f"the target closed the connection {when}")
    return ProbeFailure(Reason.CONNECTION_RESET, f"the target reset the connection {when}")


def _words(code: int | None) -> str:
    """What the host calls the error, in lower case."""
    return os.strerror(code).lower() if code else "unknown error"


def _what(code: int | None) -> str:
    return "file descriptors" if code in (errno.EMFILE, errno.ENFILE) else "memory for sockets"
