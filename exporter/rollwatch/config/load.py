"""From a file to a `Config`, or to everything that is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from rollwatch.config.advice import advice
from rollwatch.config.config import Config, ProbeDef, Service
from rollwatch.config.document import Defaults, Document, ServiceSpec
from rollwatch.config.fields import Name
from rollwatch.config.mistake import did_you_mean
from rollwatch.config.notification_advice import notification_advice
from rollwatch.config.notification_rules import missing_parts
from rollwatch.config.override_values import read_overrides
from rollwatch.config.problems import Report
from rollwatch.config.program import Program, secrets_of
from rollwatch.config.rollback_advice import rollback_advice
from rollwatch.config.rollback_rules import rollback_troubles
from rollwatch.config.secrets import Elsewhere
from rollwatch.config.signals import Signals, Trouble, clashes, resolve, shared_streams
from rollwatch.config.source import read_source
from rollwatch.config.template import SecretText
from rollwatch.config.yaml_tree import Node, compose
from rollwatch.errors import ConfigError, SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rollwatch.config.probe_spec import ProbeSpec
    from rollwatch.config.secrets import SecretStore

__all__ = ["load_config"]

_Model = TypeVar("_Model", bound=BaseModel)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


def load_config(
    path: Path,
    kinds: Mapping[str, type[ProbeSpec]],
    *,
    secrets: SecretStore,
    location: str | None,
    program: Program = Program.EXPORTER,
) -> Config:
    """The configuration in `path`, for `location` if given (it wins over the file's). Blocks.

    Checks all of it, and reads the secrets that `program` needs through `secrets`: the others have no value.
    Raises ConfigError with every problem, in file order.
    """
    report = Report(str(path))
    text = read_source(path, report)
    root = None
    if text is not None:
        root, flaws = compose(text)
        report.flaws(flaws)
        if not flaws and (root is None or root.value is None):
            root = None
            report.say(None, "", "the file is empty", "Start from rollwatch.example.yml.")
    if root is None:
        raise ConfigError(report.problems)
    config = _Loading(root, kinds, secrets, report, program).config(location)
    if config is None or report.problems:
        raise ConfigError(report.problems)
    return config


class _Loading:
    """One reading of one file."""

    def __init__(
        self,
        root: Node,
        kinds: Mapping[str, type[ProbeSpec]],
        secrets: SecretStore,
        report: Report,
        program: Program,
    ) -> None:
        self._root = root
        self._kinds = kinds
        self._secrets = secrets
        self._report = report
        self._program = program
        self._plain = root.plain()

    def config(self, wanted_location: str | None) -> Config | None:
        """The configuration; None if the report now says why there is none."""
        document = self._validate(Document, self._plain, ())
        location = self._location(wanted_location)
        probes = [self._probe(service, name, raw, location) for service, name, raw in self._raw_probes()]
        thresholds = {name: self._thresholds(name, raw) for name, raw in _mappings(self._services())}
        found = [probe for probe in probes if probe is not None]
        specs = self._service_specs() if document is None else document.services
        signals = self._signals(specs, found, thresholds, location)
        for trouble in (*missing_parts(self._plain), *rollback_troubles(self._plain, specs)):
            self._report.at(self._root, trouble.place, trouble.message, trouble.remedy)
        if document is None:
            return None
        found = [_with_figures(probe, signals[probe.service]) for probe in found]
        services = {
            name: Service(
                name,
                spec.owner,
                spec.links,
                thresholds[name],
                signals[name],
                spec.slo,
                spec.notifications,
                spec.rollback,
            )
            for name, spec in document.services.items()
        }
        here = tuple(probe for probe in found if probe.spec.runs_in(location))
        return Config(
            document.environment,
            location,
            MappingProxyType(services),
            here,
            document.host,
            document.reference_check,
            elsewhere=tuple(probe for probe in found if not probe.spec.runs_in(location)),
            ingest=document.ingest,
            notifications=document.notifications,
            bridge=document.bridge,
            rollback=document.rollback,
            mail_password=self._mail_password(document),
            warnings=(
                *advice(services, found, location),
                *notification_advice(document.notifications, document.bridge, services),
                *rollback_advice(document.rollback, services, document.notifications),
                *self._secrets.warnings,
            ),
        )

    def _location(self, wanted: str | None) -> str:
        if wanted is not None:
            try:
                return _NAME.validate_python(wanted)
            except ValidationError:
                self._report.say(
                    None,
                    "location",
                    "the location given on the command line or in ROLLWATCH_LOCATION is not a name",
                    "Use a-z, 0-9, '.', '_' and '-', with a letter or digit first and last.",
                )
        said = self._plain.get("location") if isinstance(self._plain, dict) else None
        return said if isinstance(said, str) else Document.model_fields["location"].default

    def _services(self) -> object:
        return self._plain.get("services") if isinstance(self._plain, dict) else None

    def _raw_probes(self) -> Iterator[tuple[str, str, object]]:
        for service, raw in _mappings(self._services()):
            probes = raw.get("probes")
            for name, probe in probes.items() if isinstance(probes, dict) else ():
                yield service, name, probe

    def _probe(self, service: str, name: str, raw: object, location: str) -> ProbeDef | None:
        place = ("services", service, "probes", name)
        known = ", ".join(sorted(self._kinds))
        if not isinstance(raw, dict):
            message = "must be a mapping with a kind"
            self._report.at(self._root, place, message, f"Write kind: and one of {known}.")
            return None
        kind = raw.get("kind")
        if "kind" not in raw:
            self._report.at(self._root, (*place, "kind"), "is required", f"Write one of {known}.")
            return None
        if not isinstance(kind, str) or kind not in self._kinds:
            remedy = did_you_mean(kind, self._kinds) if isinstance(kind, str) else f"Write one of {known}."
            self._report.at(self._root, (*place, "kind"), "is not a kind of probe", remedy)
            return None
        is_here = _runs_in(location, raw.get("locations"))
        spec = self._validate(self._kinds[kind], self._with_defaults(raw), place, is_here=is_here)
        return None if spec is None else ProbeDef(f"{service}/{name}", service, name, kind, spec)

    def _with_defaults(self, raw: dict[str, object]) -> dict[str, object]:
        """The probe as written, with the file's defaults where it says nothing."""
        defaults = self._plain.get("defaults") if isinstance(self._plain, dict) else None
        try:
            Defaults.model_validate(defaults)
        except ValidationError:  # said once, of the document
            return raw
        return {**defaults, **raw} if defaults else raw

    def _thresholds(self, service: str, raw: dict[str, object]) -> Mapping[str, Mapping[str, float]]:
        said = raw.get("thresholds")
        found = read_overrides(said if isinstance(said, dict) else {})
        for wrong in found.mistakes:
            place = ("services", service, "thresholds", *wrong.location)
            self._report.at(self._root, place, wrong.message, wrong.remedy)
        return MappingProxyType(found.values)

    def _service_specs(self) -> dict[str, ServiceSpec]:
        """The services that are good by themselves, where something else in the document is not."""
        specs: dict[str, ServiceSpec] = {}
        context = {"secrets": Elsewhere(self._secrets.base_dir)}
        for name, raw in _mappings(self._services()):
            with suppress(ValidationError):  # said once, of the document
                specs[name] = ServiceSpec.model_validate(raw, context=context)
        return specs

    def _signals(
        self,
        specs: Mapping[str, ServiceSpec],
        probes: list[ProbeDef],
        thresholds: Mapping[str, Mapping[str, Mapping[str, float]]],
        location: str,
    ) -> dict[str, Signals]:
        """What arrives at each service; the report gets what is wrong with it."""
        signals: dict[str, Signals] = {}
        troubles: list[tuple[str, Trouble]] = []
        for name, spec in specs.items():
            own = {probe.name: probe.spec for probe in probes if probe.service == name}
            signals[name], found = resolve(spec, own, thresholds[name], location)
            troubles += [(name, trouble) for trouble in found]
        for name, trouble in (*troubles, *clashes(signals), *shared_streams(signals)):
            place = ("services", name, *trouble.place)
            self._report.at(self._root, place, trouble.message, trouble.remedy)
        return signals

    def _mail_password(self, document: Document) -> SecretText | None:
        """For the bridge, which sends the summary as Alertmanager sends its mail."""
        mail = document.notifications.mail
        sends = self._program is Program.BRIDGE and document.bridge is not None and document.bridge.digest
        if not sends or mail is None or mail.password_file is None:
            return None
        try:
            return SecretText((self._secrets.cell(f"file:{mail.password_file}"),))
        except SecretUnavailable as error:
            message = f"can't be read: {error.why}"
            remedy = "For the bridge, paths are relative to the directory of this file."
            self._report.at(self._root, ("notifications", "mail", "password_file"), message, remedy)
            return None

    def _validate(
        self, model: type[_Model], raw: object, place: tuple[str, ...], *, is_here: bool = True
    ) -> _Model | None:
        elsewhere = Elsewhere(self._secrets.base_dir)
        is_ours = is_here and self._program is Program.EXPORTER
        context = {
            "secrets": self._secrets if is_ours else elsewhere,
            **{
                secrets_of(program): self._secrets if self._program is program else elsewhere
                for program in (Program.BRIDGE, Program.ROLLBACK)
            },
        }
        try:
            return model.model_validate(raw, context=context)
        except ValidationError as error:
            self._report.invalid(error, self._root, model, place)
            return None


def _with_figures(probe: ProbeDef, signals: Signals) -> ProbeDef:
    names = probe.spec.readings()
    if not names:
        return probe
    figures = {name: signals.figures[name] for name in names if name in signals.figures}
    return replace(probe, figures=MappingProxyType(figures))


def _mappings(services: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, raw in services.items() if isinstance(services, dict) else ():
        if isinstance(raw, dict):
            yield name, raw


def _runs_in(location: str, locations: object) -> bool:
    return not isinstance(locations, list) or not locations or location in locations
