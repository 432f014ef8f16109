"""Receivers: one per channel and whose it is. Secrets are named by their files only."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rollwatch.bundle.alertmanager.channels import Channel, contacts
from rollwatch.config.notifications import EmailSpec, PagerDutySpec, SlackSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollwatch.config.notifications import Audience, Channels, NotificationsSpec, ProgramAddress

__all__ = ["EVENTS", "NOBODY", "ROLLBACK", "TIMELINE", "WATCHDOG", "receivers", "secret_path"]

NOBODY = "nobody"
ROLLBACK = "rollback"
TIMELINE = "rollback-timeline"
EVENTS = "events"
WATCHDOG = "watchdog"
_BY_SMS = 250
"""Of one group: a text message names few of them, and what is larger than 4 MiB the bridge refuses."""


def receivers(
    everybody: NotificationsSpec, services: Mapping[str, Audience], tree: Mapping[str, Any], directory: str
) -> list[dict[str, Any]]:
    """Those that routes of `tree` name."""
    named = set(_named(tree))
    return [each for each in _all(everybody, services, directory) if each["name"] in named]


def _all(
    everybody: NotificationsSpec, services: Mapping[str, Audience], directory: str
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": NOBODY}]
    if everybody.rollback_handler is not None:
        handler = _webhook(everybody.rollback_handler, "/api/monitoring/alerts", directory)
        found += ({"name": name, "webhook_configs": [handler]} for name in (ROLLBACK, TIMELINE))
    if everybody.bridge is not None:
        events = _webhook(everybody.bridge, "/alerts/events", directory)
        watchdog = _webhook(everybody.bridge, "/alerts/watchdog", directory, resolved=False)
        found.append({"name": EVENTS, "webhook_configs": [events]})
        found.append({"name": WATCHDOG, "webhook_configs": [watchdog]})
    for channels, suffix in _everyones(everybody, services):
        for channel, spec in contacts(channels):
            found.append({"name": f"{channel}{suffix}"} | _way(channel, spec, everybody, directory))
    return found


def _named(route: Mapping[str, Any]) -> Iterator[str]:
    if "receiver" in route:
        yield route["receiver"]
    for child in route.get("routes", ()):
        yield from _named(child)


def secret_path(file: str, directory: str) -> str:
    """`file` below `directory`; as it stands where that is empty."""
    return str(PurePath(directory) / file) if directory else file


def _everyones(
    everybody: NotificationsSpec, services: Mapping[str, Audience]
) -> Iterator[tuple[Channels | None, str]]:
    yield everybody, ""
    yield everybody, "-batched"
    yield everybody.escalation, "-escalation"
    for name, own in services.items():
        yield own, f"/{name}"
        yield own, f"-batched/{name}"
        yield own.escalation, f"-escalation/{name}"


def _way(channel: Channel, spec: object, everybody: NotificationsSpec, directory: str) -> dict[str, Any]:
    match spec:
        case SlackSpec():
            return {"slack_configs": [_slack(spec, directory)]}
        case EmailSpec():
            return {"email_configs": [_email(spec)]}
        case PagerDutySpec():
            return {"pagerduty_configs": [_pagerduty(spec, directory)]}
        case _ if channel is Channel.SMS and everybody.bridge is not None:
            # Whose number it is, the bridge knows from the alert's service.
            sms = _webhook(everybody.bridge, "/alerts/sms", directory) | {"max_alerts": _BY_SMS}
            return {"webhook_configs": [sms]}
    return {}


def _slack(spec: SlackSpec, directory: str) -> dict[str, Any]:
    # The colour and the marks say how bad it is; values are plain text, so mrkdwn_in leaves them out.
    entries: dict[str, Any] = {"api_url_file": secret_path(spec.webhook_file, directory)}
    if spec.channel is not None:
        entries["channel"] = spec.channel
    return entries | {
        "send_resolved": True,
        "username": "rollwatch",
        "color": _template("color"),
        "title": _template("slack.title"),
        "title_link": _template("url.dashboard"),
        "text": _template("slack.text-of-all"),
        "fallback": _template("slack.title"),
        "footer": "",
        "mrkdwn_in": ["pretext"],
        "actions": [
            _button("Runbook", "url.runbook"),
            _button("Dashboard", "url.dashboard"),
            _button("Metrics", "url.metrics"),
            _button(_template("button.logs"), "url.logs"),
        ],
    }


def _button(text: str, url: str) -> dict[str, str]:
    return {"type": "button", "text": text, "url": _template(url)}


def _email(spec: EmailSpec) -> dict[str, Any]:
    return {
        # A mailbox may hold braces, and Alertmanager takes this for a template.
        "to": ", ".join(spec.to).replace("{{", '{{ "{{" }}'),
        "send_resolved": True,
        "headers": {"Subject": _template("email.subject"), "Auto-Submitted": "auto-generated"},
        "text": _template("email.text"),
        "html": _template("email.html"),
    }


def _pagerduty(spec: PagerDutySpec, directory: str) -> dict[str, Any]:
    return {
        "routing_key_file": secret_path(spec.routing_key_file, directory),
        "send_resolved": True,
        "description": _template("pagerduty.description"),
        "severity": _template("pagerduty.severity"),
        "class": _template("pagerduty.class"),
        "component": "{{ .CommonLabels.service }}",
        "group": "{{ .CommonLabels.environment }}",
        "client": "rollwatch",
        "client_url": _template("url.dashboard"),
        "details": {
            "firing": _template("pagerduty.firing"),
            "resolved": _template("pagerduty.resolved"),
        },
        "links": [
            {"href": _template("url.runbook"), "text": "Runbook"},
            {"href": _template("url.dashboard"), "text": "Dashboard"},
            {"href": _template("url.metrics"), "text": "Metrics"},
            {"href": _template("url.logs"), "text": _template("button.logs")},
        ],
    }


def _webhook(program: ProgramAddress, path: str, directory: str, *, resolved: bool = True) -> dict[str, Any]:
    token = {"type": "Bearer", "credentials_file": secret_path(program.token_file, directory)}
    return {
        "url": f"{program.url}{path}",
        "send_resolved": resolved,
        "http_config": {"authorization": token, "follow_redirects": False},
    }


def _template(name: str) -> str:
    return f'{{{{ template "rollwatch.{name}" . }}}}'
