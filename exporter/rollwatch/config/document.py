"""The file, but for its probes: those are validated by the spec of their kind."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from rollwatch.config.bridge import BridgeSpec
from rollwatch.config.browser import BrowserSpec
from rollwatch.config.document_text import FutureFile, Line, Link
from rollwatch.config.features import FeatureSpec
from rollwatch.config.fields import HostPort, Name, Pattern, Seconds, mistake
from rollwatch.config.figures import FigureName, FigureSpec
from rollwatch.config.ingest import IngestSpec
from rollwatch.config.logs import LogSpec
from rollwatch.config.notifications import Audience, NotificationsSpec
from rollwatch.config.program import Program, secrets_of
from rollwatch.config.push import PushSpec
from rollwatch.config.records import RecordsSpec
from rollwatch.config.rollback import ServiceRollbackSpec
from rollwatch.config.rollback_handler import HandlerSpec
from rollwatch.config.slo import SloSpec
from rollwatch.config.spec import Spec

__all__ = ["Defaults", "Document", "HostSpec", "Links", "ProcessSpec", "ReferenceCheck", "ServiceSpec"]


def _mounts(mounts: tuple[str, ...]) -> tuple[str, ...]:
    if not all(mount.startswith("/") for mount in mounts):
        raise mistake("has a mount point that is not absolute", "Write it like /var/lib.")
    return mounts


def _read_only_by(program: Program, model: type[Spec]) -> WrapValidator:
    """Each program reads its own secrets only: one program's section is validated with its store."""
    key = secrets_of(program)

    def check(value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        context = info.context or {}
        if value is None or key not in context:
            return validate(value)
        return model.model_validate(value, context={"secrets": context[key]})

    return WrapValidator(check)


class Defaults(Spec):
    """What holds for every probe that says nothing of its own."""

    interval: Annotated[Seconds, Field(ge=1, le=86_400)] | None = None
    """Time between the starts of two runs; else what the kind of probe has as its default."""
    timeout: Annotated[Seconds, Field(gt=0, le=300)] | None = None
    """The whole run must have ended after this; else what the kind of probe has as its default."""


class ReferenceCheck(Spec):
    """A TCP connect that tells trouble of our own network from trouble of the targets.

    While it fails, results are UNKNOWN instead of DOWN.
    """

    address: HostPort
    """Something that is up whenever your network is: your gateway, or a public resolver (`9.9.9.9:53`)."""
    timeout: Annotated[Seconds, Field(gt=0, le=10)] = 2.0
    """How long the connect may take."""


class ProcessSpec(Spec):
    """One process whose CPU and memory are measured; give `pid_file` or `match`."""

    name: Name
    """What the process is called in metrics."""
    pid_file: FutureFile | None = None
    """The file the process writes its id to."""
    match: Pattern | None = None
    """A regular expression (RE2) found in the command line; figures of all that match are added up."""

    @model_validator(mode="after")
    def _one_way_to_find_it(self) -> Self:
        if (self.pid_file is None) == (self.match is None):
            raise mistake("must be found in one way", "Write either pid_file or match.")
        return self


class HostSpec(Spec):
    """Figures of the host rollwatch itself runs on: CPU, memory, disks, network, processes."""

    enabled: bool = False
    """Whether they are measured."""
    service: Name = "host"
    """The service the figures belong to."""
    interval: Annotated[Seconds, Field(ge=1, le=3600)] = 15.0
    """Time between two readings."""
    mounts: Annotated[tuple[Line, ...], AfterValidator(_mounts)] = ()
    """Mount points to measure; empty: every disk of the host."""
    processes: tuple[ProcessSpec, ...] = ()
    """Processes to measure one by one."""

    @model_validator(mode="after")
    def _processes_differ(self) -> Self:
        seen: set[str] = set()
        for index, process in enumerate(self.processes):
            if process.name in seen:
                raise mistake("is the name of two processes", "Rename one.", at=("processes", index, "name"))
            seen.add(process.name)
        return self


class Links(Spec):
    """Where people look next; published with alerts and on pages."""

    logs_url: Link | None = None
    """The logs of the service."""
    dashboard_url: Link | None = None
    """Its dashboard; else the shipped one."""
    runbook_url: Link | None = None
    """Its own runbooks; else the shipped ones."""
    status_page: Link | None = None
    """The status page of whoever runs it."""


class ServiceSpec(Spec):
    """The unit users think in: an API, a front end, a feed, a provider."""

    owner: Line | None = None
    """The team or person who answers for it."""
    links: Links = Links()
    """Where people look next."""
    probes: Annotated[dict[Name, Any], Field(default_factory=dict)]
    """What is asked of it, by name; each has a `kind`."""
    thresholds: Annotated[dict[str, Any], Field(default_factory=dict)]
    """Thresholds that differ from the shipped ones: by id, then by priority; `off` switches one off."""
    slo: SloSpec = SloSpec()
    """What it promises, where that differs from the shipped objectives."""
    notifications: Audience = Audience()
    """Who hears of its alerts, channel by channel, where that differs from `notifications` of the file."""
    figures: Annotated[dict[FigureName, FigureSpec], Field(default_factory=dict, max_length=200)]
    """Figures of the application itself: metrics of its own, or normal names, and what is normal for them."""
    records: Annotated[dict[Name, RecordsSpec], Field(default_factory=dict)]
    """Lists of records that arrive (trades, quotes): judged by rules, and turned into figures."""
    push: PushSpec | None = None
    """Who may push figures and records."""
    browser: BrowserSpec | None = None
    """What the browsers of its users may report."""
    logs: Annotated[dict[Name, LogSpec], Field(default_factory=dict)]
    """Logs that are followed and turned into figures."""
    features: Annotated[dict[Name, FeatureSpec], Field(default_factory=dict)]
    """Named sets of endpoints."""
    rollback: Annotated[ServiceRollbackSpec | None, _read_only_by(Program.ROLLBACK, ServiceRollbackSpec)] = (
        None
    )
    """How a bad release of it is taken back; without this section it never is."""


def _some_services(services: dict[str, ServiceSpec]) -> dict[str, ServiceSpec]:
    if not services:
        raise mistake("has no service", "Describe at least one, with a probe.")
    return services


class Document(Spec):
    """The whole file."""

    environment: Name
    """Which production this is: production, staging, …; a label of every series."""
    location: Name = "local"
    """Where the probes run from; `--location` and ROLLWATCH_LOCATION win over it."""
    defaults: Defaults = Defaults()
    """What holds for every probe that says nothing of its own."""
    reference_check: ReferenceCheck | None = None
    """How to tell trouble of our own network; without it every failed connect counts against the target."""
    host: HostSpec = HostSpec()
    """Figures of the host rollwatch runs on."""
    ingest: IngestSpec = IngestSpec()
    """How much browsers and applications may send."""
    notifications: NotificationsSpec = NotificationsSpec()
    """Who hears of alerts; `rollwatch bundle export` makes the routes of Alertmanager from it."""
    bridge: Annotated[BridgeSpec | None, _read_only_by(Program.BRIDGE, BridgeSpec)] = None
    """What `rollwatch bridge` sends, and how; nobody else reads its secrets."""
    rollback: Annotated[HandlerSpec | None, _read_only_by(Program.ROLLBACK, HandlerSpec)] = None
    """What the rollback handler asks and tells, and when it does nothing; nobody else reads its secrets."""
    services: Annotated[dict[Name, ServiceSpec], AfterValidator(_some_services)]
    """Every service, by name."""
