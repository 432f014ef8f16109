"""Whether a request comes from where it seems to: a web page can post to loopback, and read what it rebinds.

The order of Go's `net/http.CrossOriginProtection`: `Sec-Fetch-Site` decides where a browser sent it,
else `Origin` against `Host`; a request with neither comes from no browser of this decade. Browsers can
be led here under a hostile name that resolves to us (DNS rebinding) and both headers then agree; so what
comes from a browser must also name a host that can't be rebound: an address, localhost, or a name we know.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from yarl import URL

from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["SAFE_METHODS", "check_origin", "check_reader"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(
    method: str, headers: Mapping[str, str], known_hosts: Collection[str], *, asks_who: bool
) -> None:
    """Raise Refusal if a request with effects comes from a page of another site.

    `known_hosts` are lower-case host names without port under which this process is known; they need not be
    told where every caller has to say who it is, since a browser keeps no password for a name of theirs.
    """
    if method in SAFE_METHODS:
        return
    site = headers.get("Sec-Fetch-Site")
    origin = headers.get("Origin")
    if site is None and origin is None:
        return
    host = headers.get("Host", "")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = origin is not None and _authority(origin) == host.lower()
    if not is_ours:
        raise Refusal(
            403,
            "cross_origin",
            "This request comes from a page of another site.",
            "Use the form on the status page, or a client that is no browser.",
        )
    if not asks_who and not _is_safe_host(host, known_hosts):
        raise _unknown_host()


def check_reader(headers: Mapping[str, str], known_hosts: Collection[str]) -> None:
    """Raise Refusal if a browser reads under a name that could have been rebound.

    For listeners on loopback where nobody says who it is: on others whoever gets there may read. A page can't
    keep its browser from sending Accept-Language; scrapers and curl don't send it.
    """
    is_browser = any(name in headers for name in ("Accept-Language", "Sec-Fetch-Site", "Origin"))
    if is_browser and not _is_safe_host(headers.get("Host", ""), known_hosts):
        raise _unknown_host()


def _unknown_host() -> Refusal:
    return Refusal(
        403,
        "unknown_host",
        "This process is not known under the name in the Host header.",
        "Open it by IP address or as localhost, or list the name under known_hosts in --web.config.file.",
    )


def _authority(origin: str) -> str | None:
    try:
        url = URL(origin)
    except ValueError:
        return None
    if url.host is None:
        return None
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host.lower() if url.is_default_port() else f"{host.lower()}:{url.port}"


def _is_safe_host(header: str, known_hosts: Collection[str]) -> bool:
    try:
        host = (URL(f"http://{header}").host or "").lower().removesuffix(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost") or host in known_hosts:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
