"""Alertmanager delivers: whatever comes, however often, in whatever order."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import structlog

from rollwatch.rollback.intake.alerts import ALERTS_PATH, BODY_MAX, IntakeOutcome
from rollwatch.rollback.journal_port import Taken
from rollwatch.rollback.model.words import Role, State
from rollwatch.rollback.ports import JournalFailed
from rollwatch.serving.limits import Limits
from support.rollback_notifications import alert, notification
from support.rollback_web import Web, firing, starts_at, token, web
from support.web import ask

if TYPE_CHECKING:
    from pathlib import Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Takes and judges nothing: for tables of what must not be taken, or only be kept."""
    async with web(tmp_path_factory.mktemp("still"), works=False) as here:
        yield here


in_one_loop = pytest.mark.asyncio(loop_scope="module")


async def test_an_alert_is_kept_and_answered_with_its_rollback(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        said = await here.deliver(firing())
        assert said.status == 200
        [rollback_id] = said.json["rollbacks"]
        counts = {name: value for name, value in said.json.items() if isinstance(value, int)}
        assert counts == {
            "taken": 1,
            "repeated": 0,
            "resolved": 0,
            "timeline": 0,
            "ignored": 0,
            "refused": 0,
            "truncated": 0,
        }
        row = await here.journal.get(rollback_id)
        assert row is not None
        assert (row.state, row.service, row.unit) == (State.RECEIVED, "api", "api")


async def test_one_incident_fifty_times_at_once_is_one_rollback(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        one = firing()
        answers = await asyncio.gather(*(here.deliver(one) for _ in range(50)))
        assert {said.status for said in answers} == {200}
        ids = {rollback_id for said in answers for rollback_id in said.json["rollbacks"]}
        assert len(ids) == 1
        row = await here.world.over(ids.pop())
        assert row.state is State.SUCCEEDED, row.outcome_why
        # Sent again because its repeat interval is over, during the rollback and after it.
        again = await here.deliver(one, notification_reason="repeat interval elapsed")
        assert again.json["rollbacks"] == []
        assert len(here.world.ledger.lines) == 1


async def test_two_alertmanagers_tell_of_the_same_incidents_in_another_order(tmp_path: Path) -> None:
    async with web(tmp_path, "api", "shop", works=False) as here:
        one, other = firing(), firing("shop", fingerprint="b" * 16)
        first = await here.deliver(one, other, externalURL="http://am-1:9093")
        second = await here.deliver(other, one, externalURL="http://am-2:9093", groupKey="{}:{x}")
        assert (first.json["taken"], second.json["taken"], second.json["repeated"]) == (2, 0, 2)
        twice = await here.deliver(firing(fingerprint="c" * 16), firing(fingerprint="c" * 16))
        assert twice.status == 200
        assert await here.rows() == 2 + twice.json["taken"]


async def test_only_what_fires_is_acted_on(tmp_path: Path) -> None:
    async with web(tmp_path, "api", "shop", works=False) as here:
        over = firing("shop", status="resolved", endsAt=starts_at(1), fingerprint="b" * 16)
        only_resolved = await here.deliver(over, status="resolved")
        assert (only_resolved.json["resolved"], only_resolved.json["rollbacks"]) == (1, [])
        mixed = await here.deliver(
            over,
            firing(),
            alert({"rollback": None, "priority": "P0"}),
            alert({"rollback": None, "priority": "P3"}),
        )
        assert mixed.json["taken"] == mixed.json["timeline"] == mixed.json["ignored"] == 1
        rows = await here.journal.history()
        assert [row.service for row in rows] == ["api"]


async def test_an_undeclared_service_is_taken_and_its_denial_is_recorded(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        [rollback_id] = (await here.deliver(firing("unheard-of"))).json["rollbacks"]
        row = await here.world.over(rollback_id)
        assert (row.state, row.unit) == (State.DENIED, "unheard-of")
        assert row.decision is not None
        assert row.decision.trace


async def test_what_alertmanager_left_out_is_warned_of_and_counted(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        with structlog.testing.capture_logs() as logs:
            said = await here.deliver(firing(), truncatedAlerts=7)
        assert (said.json["taken"], said.json["truncated"], here.arrivals[-1].truncated) == (1, 7, 7)
        [warned] = [line for line in logs if line["event"] == "notification_truncated"]
        assert (warned["log_level"], warned["left_out"]) == ("warning", 7)


async def test_one_alert_that_cant_be_used_does_not_cost_the_others(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        said = await here.deliver(firing("x" * 2000), firing())
        assert (said.status, said.json["taken"], said.json["refused"]) == (200, 1, 1)
        [refusal] = said.json["refusals"]
        assert refusal["alert"] == 1
        assert await here.rows() == 1


HOSTILE = ("; rm -rf /", "$(reboot)", "--upload-pack=x", "a\nb", "a\0b", "x" * 1_000_000, "<b>ünï</b>\u202e")


@in_one_loop
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:12]))
@pytest.mark.parametrize("label", ["service", "alertname", "team"])
async def test_hostile_label_values_name_nothing_and_break_nothing(
    still: Web, label: str, value: str
) -> None:
    said = await still.deliver(alert({label: value}, startsAt=starts_at()))
    assert said.status == 200
    is_only_shown = label == "team" and len(value) <= 1024 and "\0" not in value
    assert (said.json["taken"], said.json["refused"]) == (is_only_shown, not is_only_shown)
    assert (await still.ask("GET", "/rollback/status")).status == 200
    assert all(row.service == "api" for row in await still.journal.history())


BAD = {
    "nothing": (b"", {}, 400, "no JSON"),
    "no JSON": (b"no json", {}, 400, "no JSON"),
    "no text": (b"\xff\xfe", {}, 400, "no JSON"),
    "deep": (b"[" * 200_000, {}, 400, "no JSON"),
    "a list": (b"[]", {}, 400, "no object"),
    "custom payload": (b'{"text": "from a template"}', {}, 400, "version"),
    "version 3": (notification(version="3"), {}, 400, "version"),
    "version 5": (notification(version="5"), {}, 400, "version"),
    "no alerts": (notification(alerts="x"), {}, 400, "list of alerts"),
    "too many": (notification(alerts=[0] * 5001), {}, 400, "more than"),
    "text": (notification(), {"Content-Type": "text/plain"}, 415, "JSON"),
    "a form": (notification(), {"Content-Type": "application/x-www-form-urlencoded"}, 415, "JSON"),
    "parts": (notification(), {"Content-Type": "multipart/form-data"}, 415, "JSON"),
    "gzip bomb": (gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}, 415, "Compressed"),
    "too large": (b" " * (BODY_MAX + 1), {}, 413, "larger"),
}


@in_one_loop
@pytest.mark.parametrize("case", BAD)
async def test_what_is_no_notification_gets_a_reason(still: Web, case: str) -> None:
    body, headers, status, why = BAD[case]
    before = await still.rows()
    said = await still.ask("POST", ALERTS_PATH, body, role=Role.ALERT, headers=headers)
    assert (said.status, said.json["remedy"] != "") == (status, True)
    assert why in said.json["message"]
    assert await still.rows() == before
    assert (await still.deliver()).status == 200, "others are unaffected"


@in_one_loop
@pytest.mark.parametrize(
    "body",
    [
        notification(),
        notification(routeLabels=None, groupKey=None, receiver="web\\.hook", something_new={"a": [1]}),
        b'{"version":"4","alerts":[]}',
    ],
    ids=["empty", "unknown keys", "bare"],
)
async def test_what_older_and_newer_releases_send_is_taken(still: Web, body: bytes) -> None:
    assert (await still.ask("POST", ALERTS_PATH, body, role=Role.ALERT)).status == 200


async def test_a_slow_body_holds_up_nobody_and_is_given_up(tmp_path: Path) -> None:
    async with web(tmp_path, works=False, limits=Limits(body_s=0.5)) as here:
        headers = {
            "Content-Type": "application/json",
            "Content-Length": "1000",
            "Authorization": f"Bearer {token(Role.ALERT)}",
        }
        slow = asyncio.create_task(
            ask(here.listener, ALERTS_PATH, "POST", headers=headers, body=b'{"version')
        )
        assert (await here.deliver(firing())).status == 200
        assert (await slow).status == 408
        assert await here.rows() == 1


@in_one_loop
async def test_a_body_without_end_is_cut_off(still: Web) -> None:
    headers = {"Authorization": f"Bearer {token(Role.ALERT)}", "Content-Type": "application/json"}
    endless = _chunks(io.BytesIO(b" " * (BODY_MAX + 70_000)))
    async with still.session.post(f"{still.url}{ALERTS_PATH}", data=endless, headers=headers) as answer:
        assert answer.status == 413


async def _chunks(stream: io.BytesIO) -> Any:
    while chunk := stream.read(65_536):
        yield chunk


@in_one_loop
@pytest.mark.parametrize(
    "credentials", [None, "Bearer", "Bearer wrong-but-as-long-as-the-others", "Basic eDp5", "Digest x"]
)
async def test_without_the_token_nothing_happens_and_no_token_is_logged(
    still: Web, credentials: str | None
) -> None:
    before = await still.rows()
    headers = {} if credentials is None else {"Authorization": credentials}
    body = notification(firing(fingerprint="d" * 16))
    with structlog.testing.capture_logs() as logs:
        said = await still.ask("POST", ALERTS_PATH, body, role=None, headers=headers)
        await still.deliver()
    assert (said.status, "WWW-Authenticate" in said.headers) == (401, True)
    assert await still.rows() == before
    assert token(Role.ALERT) not in repr(logs)
    assert "wrong-but" not in repr(logs) + said.text


@in_one_loop
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
async def test_a_page_of_another_site_delivers_nothing(still: Web, headers: dict[str, str]) -> None:
    before = await still.rows()
    body = notification(firing(fingerprint="e" * 16))
    said = await still.ask("POST", ALERTS_PATH, body, role=Role.ALERT, headers=headers)
    assert (said.status, said.json["error"]) == (403, "cross_origin")
    assert await still.rows() == before


class BrokenJournal:
    """Its disk is full."""

    async def take(self, alerts: Sequence[Any], now: float) -> Taken:
        raise JournalFailed("disk full (13), at /var/lib/rollwatch")

    async def open_rollbacks(self) -> Sequence[Any]:
        raise JournalFailed("disk full (13), at /var/lib/rollwatch")


async def test_a_journal_that_cant_write_asks_for_the_alert_again(tmp_path: Path) -> None:
    broken: Any = BrokenJournal()
    async with web(tmp_path, journal=broken) as here:
        said = await here.deliver(firing())
        assert (said.status, said.json["error"], "Retry-After" in said.headers) == (503, "unwritable", True)
        assert here.arrivals[-1].outcome is IntakeOutcome.UNWRITABLE
        status = await here.ask("GET", "/rollback/status")
        assert (status.status, "Retry-After" in status.headers) == (503, True)
        assert "/var/lib" not in said.text + status.text
        assert here.world.ledger.lines == []
