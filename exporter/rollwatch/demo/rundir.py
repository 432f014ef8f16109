"""The run directory: everything a running demo keeps on disk, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RunDir", "write_private"]


def write_private(path: Path, content: bytes) -> None:
    """Write a whole file at once, mode 0600: a reader sees the old content or the new, never half."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class RunDir:
    """Where each thing is. `path` is absolute."""

    path: Path

    @property
    def config(self) -> Path:
        """The exporter's configuration of this production."""
        return self.path / "rollwatch.yml"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def tls(self) -> Path:
        return self.path / "tls"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def prometheus(self) -> Path:
        return self.path / "prometheus"

    @property
    def alertmanager(self) -> Path:
        return self.path / "alertmanager"

    @property
    def bridge(self) -> Path:
        return self.path / "bridge"

    @property
    def rollback(self) -> Path:
        """The journal of the rollback handler."""
        return self.path / "rollback"

    @property
    def releases(self) -> Path:
        """The repository of what is deployed, and what the deployer remembers."""
        return self.path / "releases"

    @property
    def production(self) -> Path:
        """What a running production says of itself: its ports. Written once it listens."""
        return self.path / "production.json"

    @property
    def stack(self) -> Path:
        """What a running supervisor says of the programs it runs: their addresses."""
        return self.path / "stack.json"

    @property
    def control_token(self) -> Path:
        return self.secrets / "control"

    @property
    def supervisor(self) -> Path:
        """Who supervises this run directory; locked for as long as that process lives."""
        return self.path / "supervisor.json"

    def prepare(self) -> None:
        """Make the directories. Raises DemoError if they are another user's or can't be made."""
        for directory in (self.path, self.secrets, self.tls, self.logs):
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                facts = directory.stat()
                if facts.st_uid == os.geteuid() and facts.st_mode & 0o077:
                    # It was there before us; secrets and logs are about to be written into it.
                    directory.chmod(0o700)
            except OSError as error:
                raise DemoError(
                    f"the run directory {directory} can't be made: {error.strerror}. "
                    "Choose another with --run-dir"
                ) from error
            if facts.st_uid != os.geteuid():
                raise DemoError(
                    f"the run directory {directory} belongs to another user. Choose another with --run-dir"
                )

    def keep_secret(self, name: str) -> str:
        """The secret of this name; made at random when it is first asked for."""
        path = self.secrets / name
        try:
            return path.read_text("ascii").strip()
        except FileNotFoundError:
            value = secrets.token_urlsafe(24)
            write_private(path, f"{value}\n".encode())
            return value
