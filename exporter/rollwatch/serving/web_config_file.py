"""The `--web.config.file` on disk: read at start, and again when it or a file named in it changes.

A certificate, a user or a token that changes counts from the next connection or request on. A file that
can't be used keeps the old state in force. A change that would switch TLS or authentication off is
refused while the process runs: half of a file that is just being written would look like that.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import structlog
from pydantic import ValidationError

from rollwatch.config.problems import Report
from rollwatch.config.source import read_source
from rollwatch.config.yaml_tree import compose
from rollwatch.errors import ConfigError
from rollwatch.serving.tls import TlsMistake, server_context, tls_files
from rollwatch.serving.web_config import OPEN, Token, WebConfig
from rollwatch.serving.web_config_document import WebDocument

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum
    from pathlib import Path

    from rollwatch.config.yaml_tree import Node
    from rollwatch.serving.web_config_document import TokenSpec

__all__ = ["OnReload", "WebConfigSource"]

_log = structlog.get_logger(__name__)

_TOKEN_MIN, _TOKEN_MAX = 16, 4096
OnReload = Callable[[bool], None]
"""Called after every attempt to read a changed file: did it succeed?"""
_Fingerprint = tuple[tuple[str, int, int, int], ...]


class WebConfigSource:
    """Holds the web configuration in force. Without a path it is open and stays so.

    Making one reads the file, and raises ConfigError with every problem. `roles` are the program's; without
    any, nobody is asked who it is on this listener, and users and tokens in the file are a mistake.
    """

    def __init__(
        self,
        path: Path | None,
        roles: type[StrEnum],
        *,
        on_reload: OnReload = lambda _is_loaded: None,
        interval_s: float = 5.0,
    ) -> None:
        self._path = path
        self._roles = tuple(role.value for role in roles)
        self._on_reload = on_reload
        self._interval_s = interval_s
        self._seen: _Fingerprint = ()
        self.current: WebConfig = OPEN
        self.problem: str | None = None
        """Why the newest file is not in force, if it is not."""
        if path is not None:
            loaded = _load(path, self._roles)
            self.current = loaded.config
            self._files = loaded.files
            self._seen = _fingerprint(loaded.files)

    @classmethod
    async def opened(
        cls, path: Path | None, roles: type[StrEnum], *, on_reload: OnReload = lambda _is_loaded: None
    ) -> WebConfigSource:
        """The same for a running loop: the file is read in a thread."""
        return await asyncio.to_thread(partial(cls, path, roles, on_reload=on_reload))

    async def watch(self) -> None:
        """Read again whenever something changed, until cancelled."""
        if self._path is None:
            return
        while True:
            await asyncio.sleep(self._interval_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Look now. Never raises."""
        if self._path is None:
            return
        found = await asyncio.to_thread(_fingerprint, self._files)
        if found == self._seen:
            return
        self._seen = found
        try:
            loaded = await asyncio.to_thread(_load, self._path, self._roles)
        except ConfigError as error:
            self._refuse(str(error))
            return
        if loaded.files != self._files:
            # Files that were not looked at before the reading: read once more, after looking at them.
            self._files, self._seen = loaded.files, ()
        self._exchange(loaded.config)

    def _exchange(self, new: WebConfig) -> None:
        old = self.current
        if old.ssl_context is not None and new.ssl_context is None:
            self._refuse("the file has no tls_server_config any more; restart to serve without TLS")
        elif old.asks_who and not new.asks_who:
            self._refuse("the file has no users and tokens any more; restart to serve without authentication")
        else:
            self.current = new
            self.problem = None
            _log.info("web_config_reloaded", file=str(self._path))
            self._on_reload(True)

    def _refuse(self, why: str) -> None:
        self.problem = why
        _log.error("web_config_refused", file=str(self._path), why=why, in_force="the one before")
        self._on_reload(False)


class _Loaded(NamedTuple):
    config: WebConfig
    files: tuple[Path, ...]


def _load(path: Path, roles: tuple[str, ...]) -> _Loaded:
    """Read the file and those it names. Blocks. Raises ConfigError."""
    report = Report(str(path))
    text = read_source(path, report, start="docs/web-config.md has an example")
    root, flaws = (None, []) if text is None else compose(text)
    report.flaws(flaws)
    if report.problems:
        raise ConfigError(report.problems)
    if root is None or root.value is None:
        return _Loaded(OPEN, (path,))
    try:
        document = WebDocument.model_validate(root.plain(), context={"roles": roles})
    except ValidationError as error:
        report.invalid(error, root, WebDocument)
        raise ConfigError(report.problems) from None
    return _build(document, path, root, report, roles)


def _build(document: WebDocument, path: Path, root: Node, report: Report, roles: tuple[str, ...]) -> _Loaded:
    base_dir = path.parent
    files = [path]
    context = None
    tls = document.tls_server_config
    if tls is not None:
        files += tls_files(tls, base_dir)
        try:
            context = server_context(tls, base_dir)
        except TlsMistake as mistake:
            report.at(root, ("tls_server_config", mistake.key), mistake.message, mistake.remedy)
    tokens = []
    for index, spec in enumerate(document.tokens):
        if spec.file is not None:
            files.append(base_dir / spec.file)
        digest = _digest(
            spec, base_dir, lambda *said, at=index: report.at(root, ("tokens", at, "file"), *said)
        )
        if digest is not None:
            tokens.append(Token(spec.name, spec.role, digest))
    if not roles:
        for key in ("basic_auth_users", "tokens"):
            if getattr(document, key):
                message = "has no effect: nobody is asked who it is on this listener"
                report.at(root, (key,), message, "Remove it; what may be sent here is said in rollwatch.yml.")
    if report.problems:
        raise ConfigError(report.problems)
    headers = document.http_server_config.headers.model_dump(by_alias=True, exclude_none=True)
    config = WebConfig(
        ssl_context=context,
        client_sans=frozenset() if tls is None else frozenset(tls.client_allowed_sans),
        headers=MappingProxyType({name: value for name, value in headers.items() if value}),
        users=MappingProxyType(dict(document.basic_auth_users)),
        tokens=tuple(tokens),
        known_hosts=frozenset(host.lower().removesuffix(".") for host in document.known_hosts),
    )
    return _Loaded(config, tuple(files))


def _digest(spec: TokenSpec, base_dir: Path, say: Callable[[str, str], None]) -> bytes | None:
    if spec.file is None:
        return bytes.fromhex(spec.sha256 or "")
    try:
        token = (base_dir / spec.file).read_bytes()[: _TOKEN_MAX + 2].rstrip(b"\r\n")
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "it can't be opened"
        say(f"can't be read: {why}", "Check the path (it is relative to this file) and its permissions.")
        return None
    if not _TOKEN_MIN <= len(token) <= _TOKEN_MAX or not all(0x20 < byte < 0x7F for byte in token):
        say(
            f"holds no token of {_TOKEN_MIN} to {_TOKEN_MAX} printable characters",
            "Make one: openssl rand -hex 32.",
        )
        return None
    return hashlib.sha256(token).digest()


def _fingerprint(files: Iterable[Path]) -> _Fingerprint:
    """What changes when a file does; a file that is not there is all zeros. Blocks."""
    found = []
    for path in files:
        try:
            status = path.stat()
            found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            found.append((str(path), 0, 0, 0))
    return tuple(found)
