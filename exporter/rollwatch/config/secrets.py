"""Secrets: where they are read, when they are read again, and the texts that contain them.

A secret is named in the file as `${file:PATH}` (relative to the file's directory) or `${env:NAME}` and is
never written there. Its value lives in a cell of one `SecretStore`; a `Template` is text with references to
cells. All that a template shows by itself (`str`, `repr`, dumps) is masked: only `render()` gives the value.

One process has one store, kept over reloads. `SecretStore.refresh` and `SecretStore.template` read files:
call them in a thread. `Template.render` only looks at memory, from any thread.
"""

from __future__ import annotations

import os
import stat
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from rollwatch.config.template import SecretText, Template, TemplateStr
from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "SECRET_LIMIT",
    "Elsewhere",
    "SecretCell",
    "SecretStore",
    "SecretText",
    "Template",
    "TemplateStr",
    "open_without_waiting",
]

SECRET_LIMIT = 64 * 1024
"""A secret is at most this many bytes."""


class _Content(NamedTuple):
    """What a cell holds: a value, or why there is none. Replaced as a whole, so that readers need no lock."""

    value: str | None
    why: str
    version: int


class SecretCell:
    """One secret. Two cells are equal if they are read from the same place."""

    __slots__ = ("__weakref__", "_content", "_has_failed", "_path", "_seen", "is_exposed", "reference")

    def __init__(self, reference: str, path: Path | None) -> None:
        self.reference = reference
        self.is_exposed = False
        """Whether everybody on this host may read the file."""
        self._path = path
        self._content = _Content(None, "it has not been read yet", 0)
        self._has_failed = False
        self._seen: tuple[tuple[int, ...], int] | None = None

    @property
    def version(self) -> int:
        """Grows whenever the value changes, becomes unavailable or comes back."""
        return self._content.version

    def value(self) -> str:
        """The secret. Raises SecretUnavailable."""
        content = self._content
        if content.value is None:
            raise SecretUnavailable(self.reference, content.why)
        return content.value

    def load(self, env: Mapping[str, str]) -> bool:
        """Read; true if the content changed. Raises SecretUnavailable, and then nothing has changed."""
        value = self._read_env(env) if self._path is None else self._read_file(self._path)
        self._has_failed = False
        return value is not None and self._put(value, "")

    def refresh(self, env: Mapping[str, str]) -> bool:
        """Read again; true if the content changed. The last good value outlives one failed read."""
        try:
            return self.load(env)
        except SecretUnavailable as error:
            self._seen = None
            if not self._has_failed:
                self._has_failed = True
                return False
            return self._put(None, error.why)

    def _put(self, value: str | None, why: str) -> bool:
        old = self._content
        if (old.value, old.why) == (value, why):
            return False
        self._content = _Content(value, why, old.version + 1)
        return True

    def _read_env(self, env: Mapping[str, str]) -> str:
        name = self.reference.removeprefix("env:")
        value = env.get(name)
        if value is None:
            raise SecretUnavailable(self.reference, "the environment has no such variable")
        if not value:
            raise SecretUnavailable(self.reference, "it is empty")
        try:
            value.encode()
        except UnicodeEncodeError:
            # Python's stand-ins for bytes that are no text: they could not be sent.
            raise SecretUnavailable(self.reference, "it is not UTF-8 text") from None
        return value

    def _read_file(self, path: Path) -> str | None:
        """The content, or None if the file is as it was.

        A file is trusted to be unchanged only after it was read twice: a write within the same tick of the
        file system's clock as our read leaves no trace in its times.
        """
        try:
            with open(path, "rb", opener=open_without_waiting) as file:
                facts = os.fstat(file.fileno())
                if not stat.S_ISREG(facts.st_mode):
                    raise SecretUnavailable(self.reference, "it is not a regular file")
                self.is_exposed = bool(facts.st_mode & stat.S_IROTH)
                signature = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
                times = self._seen[1] + 1 if self._seen is not None and self._seen[0] == signature else 1
                if times > 2:
                    return None
                content = file.read(SECRET_LIMIT + 1)
        except (OSError, ValueError) as error:
            raise SecretUnavailable(self.reference, _why(error)) from None
        value = self._decode(content)
        self._seen = (signature, times)
        return value

    def _decode(self, content: bytes) -> str:
        if len(content) > SECRET_LIMIT:
            raise SecretUnavailable(self.reference, f"it is larger than {SECRET_LIMIT} bytes")
        try:
            value = content.decode("utf-8")
        except UnicodeDecodeError:
            raise SecretUnavailable(self.reference, "it is not UTF-8 text") from None
        value = value.removesuffix("\n").removesuffix("\r")
        if not value:
            raise SecretUnavailable(self.reference, "it is empty")
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretCell) and (self.reference, self._path) == (
            other.reference,
            other._path,
        )

    def __hash__(self) -> int:
        return hash((self.reference, self._path))

    def __repr__(self) -> str:
        return f"SecretCell({self.reference})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled")


class Elsewhere:
    """Stands for the store where a probe of another location is validated: nothing is read."""

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir

    def cell(self, reference: str) -> SecretCell:
        """A cell that has no value."""
        return SecretCell(reference, None)


class SecretStore:
    """Every secret in use. Cells that no template holds any more are forgotten."""

    def __init__(self, base_dir: Path, env: Mapping[str, str]) -> None:
        self.base_dir = base_dir
        self._env = env
        self._cells: weakref.WeakValueDictionary[str, SecretCell] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def template(self, text: str) -> Template:
        """Text with its references resolved. Raises SecretUnavailable; ValueError: malformed reference."""
        return Template.parse(text, self)

    def cell(self, reference: str) -> SecretCell:
        """The cell of `file:PATH` or `env:NAME`, read now. Raises SecretUnavailable if it can't be."""
        with self._lock:
            cell = self._cells.get(reference)
            if cell is None:
                kind, _, name = reference.partition(":")
                cell = SecretCell(reference, self.base_dir / name if kind == "file" else None)
            cell.load(self._env)
            self._cells[reference] = cell
            return cell

    def refresh(self) -> list[str]:
        """Read again what changed; blocks. Returns the references that changed, vanished or came back."""
        with self._lock:
            return sorted(cell.reference for cell in list(self._cells.values()) if cell.refresh(self._env))

    def problem(self, reference: str) -> str | None:
        """Why the secret of that name can't be used now; None if it can, or nobody holds it."""
        with self._lock:
            cell = self._cells.get(reference)
        try:
            if cell is not None:
                cell.value()
        except SecretUnavailable as error:
            return error.why
        return None

    @property
    def references(self) -> list[str]:
        """The names of all secrets in use, sorted."""
        with self._lock:
            return sorted(self._cells.keys())

    @property
    def warnings(self) -> list[str]:
        """What an operator should mend, though everything works."""
        with self._lock:
            exposed = sorted(cell.reference for cell in self._cells.values() if cell.is_exposed)
        return [
            f"${{{reference}}} can be read by every user of this host. Run chmod o-r on the file."
            for reference in exposed
        ]

    def __repr__(self) -> str:
        return f"SecretStore({len(self._cells)} secrets)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are never pickled")


def open_without_waiting(path: str, flags: int) -> int:
    """An opener for `open`: a pipe without a writer would stop the reader for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "the path is not valid"
