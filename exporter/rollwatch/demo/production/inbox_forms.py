"""Reads what is sent to Slack, Twilio, PagerDuty, webhooks, Sentry and Datadog, and mail.

Lenient where they are: what is missing is empty. Raises ValueError for what the real service refuses.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from typing import TYPE_CHECKING, Any

from rollwatch.demo.production.inbox_messages import Channel, Draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import EmailMessage

__all__ = [
    "datadog_event",
    "mail",
    "pager_event",
    "sentry_envelope",
    "slack_message",
    "sms",
    "webhook_message",
]

_MARKUP = re.compile(r"<(https?://[^|>\s]+)\|([^>]*)>")
"""A link as Slack writes it."""
_LONGEST_PART = 262_144


def slack_message(body: Any) -> Draft:
    """An incoming webhook's message: its attachments with fields and buttons (docs.slack.dev, messaging)."""
    message = _object(body)
    attachments = [one for one in _list(message.get("attachments")) if isinstance(one, dict)]
    texts = [_text(message.get("text"))]
    facts: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    for one in attachments:
        texts += [_text(one.get("pretext")), _text(one.get("text"))]
        facts += [(_text(f.get("title")), _text(f.get("value"))) for f in _objects(one.get("fields"))]
        links += [(_text(a.get("text")), _text(a.get("url"))) for a in _objects(one.get("actions"))]
    title = next((_text(one.get("title")) for one in attachments if one.get("title")), "")
    text = "\n".join(text for text in texts if text)
    if not (title or text or facts):
        raise ValueError("no_text")
    return Draft(
        Channel.SLACK,
        _text(message.get("channel")),
        _unmarked(title or text.partition("\n")[0]),
        _unmarked(text),
        body,
        tuple((name, _unmarked(value)) for name, value in facts),
        tuple(links),
    )


def sms(form: Mapping[str, str]) -> Draft:
    """A call of Twilio's Messages API."""
    to, body = form.get("To", ""), form.get("Body", "")
    if not to:
        raise ValueError("A 'To' phone number is required.")
    if not body:
        raise ValueError("Message body is required.")
    sender = form.get("From") or form.get("MessagingServiceSid")
    if not sender:
        raise ValueError("A 'From' phone number is required.")
    return Draft(Channel.SMS, to, body.partition("\n")[0], body, dict(form), (("from", sender),))


def pager_event(body: Any) -> Draft:
    """An event of PagerDuty's Events API v2."""
    event = _object(body)
    action = _text(event.get("event_action"))
    if action not in {"trigger", "acknowledge", "resolve"}:
        raise ValueError("'event_action' must be trigger, acknowledge or resolve")
    payload = event.get("payload")
    if not isinstance(payload, dict):
        payload = {}
    summary = _text(payload.get("summary"))
    if action == "trigger" and not summary:
        raise ValueError("'payload.summary' is missing or blank")
    details = payload.get("custom_details")
    facts = [("action", action), ("severity", _text(payload.get("severity")))]
    if isinstance(details, dict):
        facts += [(str(name), _text(value)) for name, value in details.items()]
    links = [(_text(one.get("text")), _text(one.get("href"))) for one in _objects(event.get("links"))]
    return Draft(
        Channel.PAGER,
        "on-call",
        summary or f"{action} {_text(event.get('dedup_key'))}",
        summary,
        {**event, "routing_key": "…"},
        tuple((name, value) for name, value in facts if value),
        tuple(links),
    )


def webhook_message(body: Any) -> Draft:
    """The generic message: `text`, `timestamp`, `service`, `environment`."""
    message = _object(body)
    text = _text(message.get("text"))
    facts = tuple(
        (name, _text(value))
        for name, value in message.items()
        if name != "text" and not isinstance(value, dict | list)
    )
    return Draft(Channel.WEBHOOK, "webhook", text.partition("\n")[0], text, body, facts)


def datadog_event(body: Any) -> Draft:
    """An event of Datadog's API."""
    event = _object(body)
    facts = (
        ("type", _text(event.get("alert_type"))),
        ("tags", ", ".join(_text(tag) for tag in _list(event.get("tags")))),
    )
    return Draft(Channel.DATADOG, "Datadog", _text(event.get("title")), _text(event.get("text")), body, facts)


def sentry_envelope(body: bytes) -> Draft:
    """The event in an envelope of Sentry's: a head, then items of a head and a payload, a line each."""
    lines = body.splitlines()
    if len(lines) < 3:
        raise ValueError("an envelope has a head and an item")
    event = _object(json.loads(lines[2]))
    message = event.get("message")
    if isinstance(message, dict):
        message = message.get("formatted") or message.get("message")
    text = _text(message)
    facts = (("level", _text(event.get("level"))), ("environment", _text(event.get("environment"))))
    return Draft(Channel.SENTRY, "Sentry", text.partition("\n")[0], text, event, facts)


def mail(sender: str, to: list[str], content: bytes) -> Draft:
    """A mail as SMTP brings it."""
    message: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)
    plain, rich = (_part(message, kind) for kind in ("plain", "html"))
    subject = str(message.get("Subject", ""))
    payload = {"from": sender, "to": to, "subject": subject, "text": plain, "html": rich}
    return Draft(
        Channel.EMAIL, ", ".join(to), subject, plain or _stripped(rich), payload, (("from", sender),)
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())[:_LONGEST_PART]
    except (LookupError, ValueError):
        return ""  # a charset that nobody knows


def _stripped(rich: str) -> str:
    """The words of HTML, roughly: it is only to be looked at."""
    without = re.sub(r"(?is)<(style|script|head)\b.*?</\1>", " ", rich)
    text = re.sub(r"(?s)<[^>]*>", " ", without)
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def _unmarked(text: str) -> str:
    return _MARKUP.sub(r"\2", text)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ValueError("send a JSON object")  # noqa: TRY004  one error for every wrong body
    return body


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in _list(value) if isinstance(one, dict))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
