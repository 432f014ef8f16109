"""Two kinds of probe that exist only for tests of the configuration."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from rollwatch.config.fields import (
    ByteSize,
    Headers,
    Host,
    HostPort,
    HttpUrl,
    JsonExpression,
    LocalFile,
    Name,
    Pattern,
    Port,
    Seconds,
    SecretText,
    StatusRanges,
    TemplateStr,
    WsUrl,
)
from rollwatch.config.load import load_config
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.config.program import Program
from rollwatch.config.readings import Readings
from rollwatch.config.secrets import SecretStore
from rollwatch.config.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.config import Config
    from rollwatch.config.readings import Reading


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"


class Expect(Spec):
    """What the answer must be."""

    status: StatusRanges | None = None
    """Good statuses."""
    json_: JsonExpression | None = Field(default=None, alias="json")
    """True of the body."""
    body: Pattern | None = None
    """Found in the body."""


class Check(Spec):
    """One check."""

    field: Annotated[str, Field(min_length=2, max_length=10, pattern="^[a-z|]+$")]
    """What is checked."""
    limit: Annotated[float, Field(allow_inf_nan=False, lt=100)] = 1.0
    """From where on."""


class WebSpec(ProbeSpec):
    """Asks a page."""

    kind: Literal["web"] = "web"
    """`web`"""
    url: HttpUrl
    """The page."""
    headers: Headers = Field(default_factory=dict)
    """Header fields."""
    token: SecretText | None = None
    """A token."""
    body: TemplateStr | None = None
    """The body."""
    expect: Expect = Expect()
    """What must be."""
    checks: Annotated[tuple[Check, ...], Field(max_length=2)] = ()
    """What is checked."""
    mode: bool | Check = False
    """Whether, or how."""
    either: int | Literal["auto"] = "auto"
    """A number or auto."""
    body_limit: Annotated[ByteSize, Field(ge=1024, le=1024**2)] = 65536
    """The longest body."""
    wait: Annotated[Seconds, Field(ge=1, lt=60)] | None = None
    """A pause."""
    retries: Annotated[int, Field(gt=-1)] = 0
    """How often."""
    verify: bool = True
    """Whether."""
    level: Level = Level.LOW
    """How."""
    version: Literal["1.2", "1.3"] = "1.2"
    """Of TLS."""
    ca_file: LocalFile | None = None
    """Authorities."""
    role: Literal["primary", "fallback"] | None = None
    """What for."""
    twice: Annotated[int, Field(gt=1)] | Annotated[int, Field(gt=5)] = 7
    """Enough."""
    folder: Path | None = None
    """Where."""
    address: IPv4Address | None = None
    """Which."""
    digits: Annotated[str, AfterValidator(lambda text: str(int(text)))] = "0"
    """Digits."""
    names: dict[str, int] = Field(default_factory=dict)
    """Numbers by name."""
    figures: Readings = Field(default_factory=dict)
    """Figures of the service."""
    records: dict[Name, JsonExpression] = Field(default_factory=dict)
    """Records of the service."""

    def readings(self) -> Mapping[str, tuple[Reading, ...]]:
        return self.figures

    def records_read(self) -> Mapping[str, JsonExpression]:
        return self.records

    @field_validator("retries")
    @classmethod
    def _not_thirteen(cls, retries: int) -> int:
        if retries == 13:
            raise ValueError("must not be unlucky")
        return retries

    @model_validator(mode="after")
    def _page_has_no_room(self) -> Self:
        if self.names.get("room"):
            raise ValueError(f"has a room {self.names}, {self.checks}")
        return self


class LineSpec(ProbeSpec):
    """Opens a line."""

    kind: Literal["line"] = "line"
    """`line`"""
    address: HostPort
    """Where to."""
    name: Host | None = None
    """Who it is."""
    port: Port = 80
    """Which door."""
    feed: WsUrl | None = None
    """What then."""


KINDS: Mapping[str, type[ProbeSpec]] = {"web": WebSpec, "line": LineSpec}


def load(
    path: Path,
    *,
    env: Mapping[str, str] | None = None,
    location: str | None = None,
    store: SecretStore | None = None,
    program: Program = Program.EXPORTER,
) -> Config:
    """Load with the two kinds and the given environment."""
    secrets = SecretStore(path.parent, env or {}) if store is None else store
    return load_config(path, KINDS, secrets=secrets, location=location, program=program)
