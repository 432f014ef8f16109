"""A probe for a URL given on the command line, with every option at its default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rollwatch.config.config import ProbeDef
from rollwatch.config.secrets import SecretStore
from rollwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.probe_spec import ProbeSpec

__all__ = ["ADHOC", "adhoc_probe"]

ADHOC = "adhoc/probe"
"""The id of every such probe: it has no name of its own."""

_SCHEMES = {
    "http": ("http", "url"),
    "https": ("http", "url"),
    "ws": ("websocket", "url"),
    "wss": ("websocket", "url"),
    "tcp": ("tcp", "address"),
    "tls": ("tls", "address"),
}


def adhoc_probe(url: str, timeout: str, specs: Mapping[str, type[ProbeSpec]]) -> ProbeDef:
    """The probe `url` asks for. `dns://SERVER[:PORT]/NAME[?TYPE]` as dig would. Raises UsageError."""
    written, _, rest = url.partition("://")
    scheme = written.lower()
    if scheme == "dns":
        kind, raw = "dns", _dns(rest)
    elif scheme in _SCHEMES:
        kind, key = _SCHEMES[scheme]
        raw = {key: f"{scheme}://{rest}" if key == "url" else rest.rstrip("/")}
    else:
        known = ", ".join((*_SCHEMES, "dns"))
        raise UsageError(f"there is no kind of probe for {scheme}://; use one of {known}")
    raw |= {"kind": kind, "timeout": timeout, "interval": "5m"}
    secrets = SecretStore(Path.cwd(), os.environ)
    try:
        spec = specs[kind].model_validate(raw, context={"secrets": secrets})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{where}: {first['msg']}") from None
    return ProbeDef(ADHOC, "adhoc", "probe", spec.kind, spec)


def _dns(rest: str) -> dict[str, object]:
    server, _, question = rest.partition("/")
    name, _, rdtype = question.partition("?")
    raw: dict[str, object] = {"query": name.strip("/"), "type": rdtype or "A"}
    if server:
        has_port = ":" in server.rpartition("]")[2]
        raw["server"] = server if has_port else f"{server}:53"
    return raw
