"""The files of Alertmanager: its configuration, and the templates of its messages."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rollwatch.bundle.alertmanager.document import document
from rollwatch.bundle.alertmanager.inhibition import inhibit_rules
from rollwatch.bundle.alertmanager.quiet_hours import time_intervals
from rollwatch.bundle.alertmanager.receivers import receivers, secret_path
from rollwatch.bundle.alertmanager.routes import route
from rollwatch.bundle.alertmanager.shipped import shipped
from rollwatch.config.notifications import Audience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.config import Config
    from rollwatch.config.notifications import MailSpec, NotificationsSpec

__all__ = ["alertmanager_files"]

_HEAD = """\
Written by rollwatch from `notifications` in rollwatch.yml; docs/notifications.md says what arrives where, and
how to change what that can't say. {secrets}
Works with Alertmanager 0.25 and later."""
_RELATIVE = """\
Secrets stand in files whose paths count from the directory that Alertmanager
is started in: start it in the directory of this file."""
_ABSOLUTE = "Secrets stand in files that only Alertmanager need be able to read."
_ROUTES = """\
From top to bottom: programs, failing channels, services with receivers of their own, everybody else.
Only the first route that matches counts, and those before it that continue."""
_INHIBITION = """\
A P0 keeps the lesser alerts of its service quiet; an exporter that is down, those of its own location.
Nothing keeps quiet what the rollback handler gets (rollback="auto") and what it says (rollback="event")."""

_RECEIVERS = "One per channel and whose it is; those that are batched hear of P3."


def alertmanager_files(config: Config | None, *, directory: str = "") -> dict[str, str]:
    """By path: `alertmanager/alertmanager.yml` and `alertmanager/templates/*.tmpl`.

    `config` says who hears; None: the addresses of an example. `directory` is the one that will hold
    alertmanager.yml, and secrets below it; without it Alertmanager must be started there.
    """
    everybody, services = (shipped(), {}) if config is None else (config.notifications, _own(config))
    return {
        "alertmanager/alertmanager.yml": _configuration(everybody, services, directory),
        **{f"alertmanager/templates/{name}": text for name, text in _templates().items()},
    }


def _own(config: Config) -> dict[str, Audience]:
    """The services that have receivers of their own."""
    audiences = {name: service.notifications for name, service in config.services.items()}
    return {name: own for name, own in audiences.items() if own != Audience()}


def _configuration(everybody: NotificationsSpec, services: Mapping[str, Audience], directory: str) -> str:
    quiet = everybody.quiet_hours
    intervals = [] if quiet is None else time_intervals(quiet)
    tree = route(everybody, services)
    sections: tuple[tuple[str, dict[str, Any]], ...] = (
        ("How mail leaves.", {"global": _mail(everybody.mail, directory)}),
        ("", {"templates": ["templates/*.tmpl"]}),
        (_ROUTES, {"route": tree}),
        (_INHIBITION, {"inhibit_rules": inhibit_rules()}),
        ("When P2 and P3 wait.", {"time_intervals": intervals}),
        (_RECEIVERS, {"receivers": receivers(everybody, services, tree, directory)}),
    )
    return document(_HEAD.format(secrets=_ABSOLUTE if directory else _RELATIVE), sections)


def _mail(mail: MailSpec | None, directory: str) -> dict[str, Any]:
    if mail is None:
        return {}
    entries: dict[str, Any] = {
        "smtp_smarthost": str(mail.smarthost),
        "smtp_from": mail.from_.replace("{{", '{{ "{{" }}'),
        "smtp_require_tls": mail.require_tls,
    }
    if mail.username is not None:
        entries["smtp_auth_username"] = mail.username
    if mail.password_file is not None:
        entries["smtp_auth_password_file"] = secret_path(mail.password_file, directory)
    return entries


def _templates() -> dict[str, str]:
    found = files(__package__).joinpath("templates").iterdir()
    texts = {each.name: each.read_text("utf-8") for each in found if each.name.endswith(".tmpl")}
    return dict(sorted(texts.items()))
