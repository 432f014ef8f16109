"""A probe for a URL given on the command line, with every option at its default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import ValidationError

from rollwatch.config.config import ProbeDef
from rollwatch.config.secrets import SecretStore
from rollwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.spec import ProbeSpec

__all__ = ["adhoc_probe"]

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
    scheme = url.partition("://")[0].lower()
    if scheme == "dns":
        raw = _dns(url)
    elif scheme in _SCHEMES:
        kind, key = _SCHEMES[scheme]
        raw = {"kind": kind, key: url if key == "url" else url.partition("://")[2].rstrip("/")}
    else:
        known = ", ".join((*_SCHEMES, "dns"))
        raise UsageError(f"there is no kind of probe for {scheme}://; use one of {known}")
    raw |= {"timeout": timeout, "interval": "5m"}
    secrets = SecretStore(Path.cwd(), os.environ)
    try:
        spec = specs[str(raw["kind"])].model_validate(raw, context={"secrets": secrets})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{where}: {first['msg']}") from None
    return ProbeDef("adhoc/probe", "adhoc", "probe", spec.kind, spec)


def _dns(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    raw: dict[str, object] = {"kind": "dns", "query": parts.path.strip("/"), "type": parts.query or "A"}
    if parts.netloc:
        raw["server"] = parts.netloc if parts.port else f"{parts.netloc}:53"
    return raw
