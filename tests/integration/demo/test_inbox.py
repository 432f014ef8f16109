"""The inbox answers as the services it plays, and shows what came: to programs and to people."""

from __future__ import annotations

import asyncio
import json
import smtplib
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import encode_basic_auth

from rollwatch.demo.faults import Fault
from rollwatch.demo.production.inbox import ACCOUNT
from rollwatch.demo.production.registry import MAIL

if TYPE_CHECKING:
    from integration.demo.conftest import Visitor

HTML = "<img src=x onerror=alert(1)>"
SLACK = {
    "channel": "#alerts",
    "attachments": [
        {
            "title": "P0 api is down",
            "text": "Probe <http://127.0.0.1:9717/probe?id=api/health|api/health> is DOWN",
            "fields": [{"title": "Threshold", "value": "UP", "short": True}],
            "actions": [{"type": "button", "text": "Runbook", "url": "https://example.com/HealthDown.md"}],
        }
    ],
}
PAGER = {
    "event_action": "trigger",
    "dedup_key": "k1",
    "payload": {"summary": "api is down", "severity": "critical", "custom_details": {"firing": "1"}},
    "links": [{"href": "https://example.com/d", "text": "Dashboard"}],
}
EVENT = {"title": "api is down", "text": "for 45 s", "alert_type": "error", "tags": ["service:api"]}
ENVELOPE = b"\n".join(
    json.dumps(part).encode()
    for part in (
        {"event_id": "a" * 32},
        {"type": "event"},
        {"message": {"formatted": "api is down"}, "level": "error", "environment": "demo"},
    )
)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(user, password)}


SMS = {"To": "+4915112345678", "From": "+15005550006", "Body": "P0 api is down\nsince 12:00"}


async def messages(visitor: Visitor, since: int = 0) -> list[dict[str, Any]]:
    async with visitor.session.get(visitor.url("inbox", f"/messages?since={since}")) as response:
        found: list[dict[str, Any]] = (await response.json())["messages"]
        return found


async def page(visitor: Visitor, query: str = "") -> str:
    async with visitor.session.get(visitor.url("inbox", f"/{query}")) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        return await response.text()


async def posted(visitor: Visitor, path: str, **request: Any) -> tuple[int, str]:
    async with visitor.session.post(visitor.url("inbox", path), **request) as response:
        return response.status, await response.text()


async def sent_to_slack(visitor: Visitor, body: Any = SLACK) -> tuple[int, str]:
    return await posted(visitor, f"/slack/{visitor.secret('inbox')}", json=body)


async def test_slack(visitor: Visitor) -> None:
    assert await sent_to_slack(visitor) == (200, "ok")
    assert await posted(visitor, "/slack/wrong", json=SLACK) == (403, "invalid_token")
    assert await sent_to_slack(visitor, {}) == (400, "invalid_payload")
    assert await sent_to_slack(visitor, []) == (400, "invalid_payload")

    (message,) = await messages(visitor)
    assert message["channel"] == "slack"
    assert message["to"] == "#alerts"
    assert message["title"] == "P0 api is down"
    assert message["text"] == "Probe api/health is DOWN"
    assert message["facts"] == {"Threshold": "UP"}
    assert message["links"] == [{"text": "Runbook", "url": "https://example.com/HealthDown.md"}]
    assert message["payload"] == SLACK


async def test_slack_is_down_while_the_fault_is_on(visitor: Visitor) -> None:
    visitor.production.board.switch_on(Fault.SLACK_DOWN)
    assert (await sent_to_slack(visitor))[0] == 503
    visitor.production.board.heal()
    assert (await sent_to_slack(visitor))[0] == 200
    assert len(await messages(visitor)) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 201, None),
        ({"From": None, "MessagingServiceSid": "MG1"}, 201, None),
        ({"To": None}, 400, 21604),
        ({"Body": None}, 400, 21604),
        ({"From": None}, 400, 21604),
    ],
)
async def test_twilio(visitor: Visitor, change: dict[str, Any], status: int, code: int | None) -> None:
    form = {name: value for name, value in (SMS | change).items() if value is not None}
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    answer = await posted(visitor, path, data=form, headers=basic(ACCOUNT, visitor.secret("inbox")))

    assert answer[0] == status
    assert json.loads(answer[1]).get("code") == code
    found = await messages(visitor)
    assert [(one["channel"], one["to"], one["text"]) for one in found] == (
        [("sms", SMS["To"], SMS["Body"])] if status == 201 else []
    )


@pytest.mark.parametrize(
    "headers", [{}, basic(ACCOUNT, "wrong"), basic("AC1", "wrong"), {"Authorization": "?"}]
)
async def test_twilio_wants_to_know_who_asks(visitor: Visitor, headers: dict[str, str]) -> None:
    status, said = await posted(
        visitor, f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", data=SMS, headers=headers
    )
    assert (status, json.loads(said)["code"]) == (401, 20003)
    assert not await messages(visitor)


async def test_pagerduty(visitor: Visitor) -> None:
    key = visitor.secret("inbox")
    status, said = await posted(visitor, "/v2/enqueue", json={**PAGER, "routing_key": key})
    assert (status, json.loads(said)["dedup_key"]) == (202, "k1")
    assert (await posted(visitor, "/v2/enqueue", json={**PAGER, "routing_key": "wrong"}))[0] == 400
    for body in ({"routing_key": key}, {"routing_key": key, "event_action": "trigger"}, []):
        assert (await posted(visitor, "/v2/enqueue", json=body))[0] == 400
    resolved = {"routing_key": key, "event_action": "resolve", "dedup_key": "k1"}
    assert (await posted(visitor, "/v2/enqueue", json=resolved))[0] == 202

    triggered, ended = await messages(visitor)
    assert triggered["title"] == "api is down"
    assert triggered["facts"] == {"action": "trigger", "severity": "critical", "firing": "1"}
    assert triggered["links"] == [{"text": "Dashboard", "url": "https://example.com/d"}]
    assert key not in json.dumps(triggered)
    assert ended["title"] == "resolve k1"


async def test_the_others_that_are_told(visitor: Visitor) -> None:
    token = visitor.secret("inbox")
    chat = {
        "text": "P1 api is slow",
        "timestamp": "2026-01-01T00:00:00Z",
        "service": "api",
        "environment": "demo",
    }
    sentry = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={token}"}
    for path, request, status in (
        (f"/webhook/{token}", {"json": chat}, 200),
        ("/webhook/wrong", {"json": chat}, 401),
        (f"/webhook/{token}", {"data": b"{"}, 400),
        ("/api/1/envelope/", {"data": ENVELOPE, "headers": sentry}, 200),
        ("/api/1/envelope/", {"data": b"{}", "headers": sentry}, 400),
        ("/api/1/envelope/", {"data": ENVELOPE}, 403),
        ("/api/v1/events", {"json": EVENT, "headers": {"DD-API-KEY": token}}, 202),
        ("/api/v1/events", {"json": [], "headers": {"DD-API-KEY": token}}, 400),
        ("/api/v1/events", {"json": EVENT}, 403),
    ):
        assert (await posted(visitor, path, **request))[0] == status, path

    found = await messages(visitor)
    assert [(one["channel"], one["title"]) for one in found] == [
        ("webhook", "P1 api is slow"),
        ("sentry", "api is down"),
        ("datadog", "api is down"),
    ]
    assert found[0]["facts"]["service"] == "api"


async def test_mail(visitor: Visitor) -> None:
    mail = EmailMessage()
    mail["Subject"] = "[P1] api is slow für Grüße"
    mail["From"] = "rollwatch@example.com"
    mail["To"] = "oncall@example.com"
    mail.set_content("p95 is 2.4 s")
    mail.add_alternative(f"<html><style>b {{}}</style><b>p95</b> is 2.4 s {HTML}</html>", subtype="html")
    rich = EmailMessage()
    rich["Subject"] = "only HTML"
    rich.set_content("<html><style>b {}</style><b>p95</b> is\n2.4 s</html>", subtype="html")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", visitor.production.ports[MAIL], timeout=10) as client:
            client.send_message(mail)
            client.sendmail("a@example.com", ["b@example.com", "c@example.com"], rich.as_bytes())

    await asyncio.to_thread(send)

    first, second = await messages(visitor)
    assert (first["to"], first["title"]) == ("oncall@example.com", "[P1] api is slow für Grüße")
    assert first["text"] == "p95 is 2.4 s"
    assert HTML in first["payload"]["html"]
    assert second["to"] == "b@example.com, c@example.com"
    assert second["text"] == "p95 is\n2.4 s"


async def test_the_mail_server_ends_with_a_client_that_stays(visitor: Visitor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", visitor.production.ports[MAIL])
    assert (await reader.readline()).startswith(b"220 ")

    await asyncio.wait_for(visitor.production.stop(), 10)

    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_the_watchdog_is_heard(visitor: Visitor) -> None:
    assert "has not been heard yet" in await page(visitor)
    for path, status in ((f"/watchdog/{visitor.secret('inbox')}", 200), ("/watchdog/wrong", 404)):
        async with visitor.session.get(visitor.url("inbox", path)) as response:
            assert response.status == status
    async with visitor.session.get(visitor.url("inbox", "/messages")) as response:
        assert (await response.json())["watchdog"]["heard"] == 1
    assert "the watchdog was heard" in await page(visitor)


async def test_the_page_shows_the_newest_first_by_channel_and_escaped(visitor: Visitor) -> None:
    assert "Nothing came yet" in await page(visitor)
    for number in range(3):
        title = f"number {number} {HTML}"
        link = {"type": "button", "text": HTML, "url": "javascript:alert(1)"}
        await sent_to_slack(visitor, {"attachments": [{"title": title, "text": HTML, "actions": [link]}]})
    await posted(visitor, f"/webhook/{visitor.secret('inbox')}", json={"text": "from elsewhere"})

    shown = await page(visitor)
    assert "<img" not in shown
    assert "javascript:" not in shown
    assert shown.index("from elsewhere") < shown.index("number 2") < shown.index("number 0")
    assert "from elsewhere" not in await page(visitor, "?channel=slack")
    assert "number 0" not in await page(visitor, "?channel=webhook")
    assert 'http-equiv="refresh"' in shown
    assert 'http-equiv="refresh"' not in await page(visitor, "?refresh=0")
    for path in ("/inbox.css", "/icon.svg"):
        assert f'"{path}"' in shown
        async with visitor.session.get(visitor.url("inbox", path)) as response:
            assert response.status == 200


async def test_the_last_two_hundred_are_kept(visitor: Visitor) -> None:
    for number in range(205):
        await sent_to_slack(visitor, {"text": f"number {number}"})

    found = await messages(visitor)
    assert [one["number"] for one in found] == list(range(6, 206))
    assert [one["number"] for one in await messages(visitor, since=203)] == [204, 205]
    assert "The last 200 of 205 are kept" in await page(visitor)


async def test_what_is_no_number_is_refused(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.url("inbox", "/messages?since=x")) as response:
        assert response.status == 400


async def test_a_mail_port_that_is_taken_is_said(visitor: Visitor) -> None:
    from rollwatch.demo.production.inbox_mail import MailSink
    from rollwatch.demo.trouble import DemoError

    taken = visitor.production.ports[MAIL]
    with pytest.raises(DemoError, match=f"port {taken} .inbox, mail. can't be used"):
        await MailSink(visitor.production.inbox).open(taken)
