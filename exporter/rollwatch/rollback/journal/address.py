"""Where the journal is kept: a file, or a database of a PostgreSQL server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, exc, make_url

from rollwatch.errors import CantStart

__all__ = ["Address"]

_POSTGRES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


@dataclass(frozen=True, slots=True)
class Address:
    """`shown` is for logs and errors; the password is in `url` only."""

    url: URL = field(repr=False)
    shown: str
    file: Path | None = None
    """Of SQLite; None with PostgreSQL."""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parsed(cls, url_or_path: str) -> Address:
        """`data/rollback.db` or `postgresql://user:password@host/database`. Raises CantStart."""
        if "://" not in url_or_path:
            return cls._of_file(url_or_path)
        try:
            url = make_url(url_or_path)
        except (exc.ArgumentError, ValueError):
            raise CantStart(
                "the journal's URL can't be read. Write postgresql://user:password@host:5432/database, with "
                "%-escapes for @ : / ? in the password, or the path of a file"
            ) from None
        if url.drivername in _POSTGRES:
            return cls._of_server(url)
        if url.drivername in {"sqlite", "sqlite+pysqlite"}:
            return cls._of_file(url.database or "")
        raise CantStart(
            f"the journal can't be kept in {url.get_backend_name()!r}: SQLite (a path) and PostgreSQL "
            "(postgresql://…) are what rollwatch knows"
        )

    @classmethod
    def _of_file(cls, path: str) -> Address:
        if path in {"", ":memory:"} or path.startswith("file:"):
            raise CantStart("the journal needs a file that outlives the process: name its path")
        file = Path(path).absolute()
        return cls(URL.create("sqlite+pysqlite", database=str(file)), str(file), file)

    @classmethod
    def _of_server(cls, url: URL) -> Address:
        url = url.set(drivername="postgresql+psycopg")
        password = url.password
        secrets: tuple[str, ...] = ()
        if password:
            secrets = tuple({password, quote(password, safe=""), quote_plus(password)})
        in_query = url.query.get("password")
        if in_query is not None:
            raise CantStart("write the journal's password before the @ of its URL, not among its options")
        return cls(url, url.render_as_string(hide_password=True), None, secrets)
