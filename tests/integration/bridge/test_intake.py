"""What Alertmanager gets told, and what of it is kept."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest

from rollwatch.bridge.intake import BODY_MAX
from support.bridge_alerts import notification, raw_alert
from support.bridge_running import TOKEN, configuration, far_end, running_bridge, status
from support.web import eventually

if TYPE_CHECKING:
    from pathlib import Path

HOOK = (
    '  webhooks: {{chat: {{url: "{url}/"}}}}\n  digest: {{at: "08:00", time_zone: UTC, to: [a@example.com]}}'
)
MAIL = '  mail: {smarthost: "127.0.0.1:1", from: a@example.com}'


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), "ü"])
@pytest.mark.parametrize("route", ["sms", "events", "watchdog"])
async def test_without_the_token_nothing_is_taken(tmp_path: Path, route: str, token: str | None) -> None:
    async with running_bridge(configuration(tmp_path, "")) as bridge:
        code, text = await bridge.post(route, notification(raw_alert()), token=token)
        assert code == 401
        assert TOKEN not in text
        assert await bridge.deliveries() == []
        refused = await bridge.metric(
            "rollwatch_bridge_notifications_total", route=route, outcome="unauthorized"
        )
        assert refused == 1
        code, _ = await bridge.get("/api/deliveries", token=token)
        assert code == 401


async def test_metrics_and_health_need_no_token(tmp_path: Path) -> None:
    async with running_bridge(configuration(tmp_path, "")) as bridge:
        for path in ("/-/healthy", "/-/ready", "/metrics", "/health"):
            code, _ = await bridge.get(path, token=None)
            assert code == 200


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"", 400, "no JSON"),
        (b"{]", 400, "no JSON"),
        (b'{"version": "3"}', 400, "version 4"),
        (b'{"version": "4", "alerts": [7]}', 400, "Alert 1"),
        (b"[" * 100_000, 400, "no JSON"),
        (b" " * (BODY_MAX + 1), 413, "larger than"),
    ],
)
async def test_what_is_no_notification_is_refused_and_asking_again_is_no_use(
    tmp_path: Path, body: bytes, code: int, reason: str
) -> None:
    async with running_bridge(configuration(tmp_path, "")) as bridge:
        found, text = await bridge.post("events", body)
        assert (found, reason in text) == (code, True)
        assert await bridge.deliveries() == []
        if code == 400:
            assert (
                await bridge.metric("rollwatch_bridge_notifications_total", route="events", outcome="refused")
                == 1
            )


async def test_a_page_of_another_site_may_send_nothing(tmp_path: Path) -> None:
    async with running_bridge(configuration(tmp_path, "")) as bridge, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}
        url = f"{bridge.url}/alerts/events"
        async with session.post(url, data=notification(raw_alert()), headers=headers) as response:
            assert response.status == 403


async def test_what_alertmanager_repeats_is_sent_once(tmp_path: Path) -> None:
    async with (
        far_end() as end,
        running_bridge(configuration(tmp_path, HOOK.format(url=end.url), MAIL)) as bridge,
    ):
        for _ in range(3):
            await bridge.post("events", notification(raw_alert()))
        # Two Alertmanagers of a cluster may say it at the same time.
        await asyncio.gather(*(bridge.post("events", notification(raw_alert())) for _ in range(5)))
        await bridge.settled()
        await bridge.post("events", notification(raw_alert()))
        await bridge.post("events", notification(raw_alert(status="resolved")))
        await bridge.post("events", notification(raw_alert(starts_at="2025-11-27T00:00:00Z")))
        await bridge.settled()
        assert [call.json()["status"] for call in end.calls] == ["firing", "resolved", "firing"]
        for channel in ("webhook", "digest"):
            dropped = await bridge.metric(
                "rollwatch_bridge_deliveries_total", channel=channel, outcome="dropped_as_duplicate"
            )
            assert dropped == 8


async def test_one_alert_twice_in_a_notification_is_sent_once(tmp_path: Path) -> None:
    async with (
        far_end() as end,
        running_bridge(configuration(tmp_path, HOOK.format(url=end.url), MAIL)) as bridge,
    ):
        await bridge.post("events", notification(raw_alert(), raw_alert()))
        await bridge.settled()
        assert len(end.calls) == 1


async def test_what_was_given_up_is_tried_once_more_when_it_is_repeated_later(tmp_path: Path) -> None:
    class Later:
        offset = 0.0

        def wall(self) -> float:
            return time.time() + self.offset

        def monotonic(self) -> float:
            return time.monotonic()

    clock = Later()
    async with far_end() as end:
        end.first.append(status(403))
        config = configuration(tmp_path, HOOK.format(url=end.url), MAIL)
        async with running_bridge(config, clock=clock) as bridge:
            await bridge.post("events", notification(raw_alert()))
            await bridge.settled()
            await bridge.post("events", notification(raw_alert()))
            assert len(end.calls) == 1
            clock.offset = 4 * 3600
            await bridge.post("events", notification(raw_alert()))
            found = await bridge.settled()
            assert len(end.calls) == 2
            assert [one["state"] for one in found if one["channel"] == "webhook"] == ["sent"]


async def test_an_sms_for_nobody_is_given_up_loudly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration(tmp_path, "")
    path.write_text(path.read_text().replace('  sms: {to: ["+4915112345678"]}\n', ""))
    async with running_bridge(path) as bridge:
        code, text = await bridge.post("sms", notification(raw_alert()))
        assert (code, orjson.loads(text)["given_up"]) == (200, 1)
        (found,) = await bridge.deliveries()
        assert (found["state"], found["channel"]) == ("given_up", "sms")
        assert "no phone number" in found["detail"]
        assert (
            await bridge.metric("rollwatch_bridge_deliveries_total", channel="sms", outcome="given_up") == 1
        )
    assert "bridge_nobody_to_tell" in capsys.readouterr().out


async def test_what_became_of_an_alert_can_be_asked(tmp_path: Path) -> None:
    async with (
        far_end() as end,
        running_bridge(configuration(tmp_path, HOOK.format(url=end.url), MAIL)) as bridge,
    ):
        await bridge.post(
            "events", notification(raw_alert(fingerprint="aaaa"), raw_alert("B", fingerprint="bbbb"))
        )
        await bridge.settled()
        found = await bridge.deliveries("?fingerprint=bbbb")
        assert {(one["alert"], one["channel"], one["target"], one["state"]) for one in found} == {
            ("B", "webhook", "chat", "sent"),
            ("B", "digest", "", "kept"),
        }
        assert len(await bridge.deliveries("?limit=3")) == 3
        assert await bridge.deliveries("?fingerprint=cccc") == []
        for limit in ("0", "-1", "x", "1.5"):
            code, _ = await bridge.get(f"/api/deliveries?limit={limit}")
            assert code == 400


async def test_the_watchdog_is_passed_on_once_a_minute(tmp_path: Path) -> None:
    async with far_end() as end:
        config = configuration(tmp_path, f'  watchdog: {{url: "{end.url}/ping"}}')
        async with running_bridge(config) as bridge:
            for _ in range(3):
                code, _ = await bridge.post("watchdog", notification(raw_alert("Watchdog", "rollwatch", "")))
                assert code == 200
            await end.came(1)
            await asyncio.sleep(0)
            assert [(call.method, call.path) for call in end.calls] == [("GET", "/ping")]
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="watchdog") == 0
            assert await bridge.metric("rollwatch_bridge_watchdog_last_timestamp_seconds") is not None


async def test_a_watchdog_that_stays_away_is_a_failing_channel(tmp_path: Path) -> None:
    class Later:
        offset = 0.0

        def wall(self) -> float:
            return time.time()

        def monotonic(self) -> float:
            return time.monotonic() + self.offset

    clock = Later()
    async with far_end() as end:
        config = configuration(tmp_path, f'  watchdog: {{url: "{end.url}/ping"}}')
        async with running_bridge(config, clock=clock) as bridge:
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="watchdog") == 0
            clock.offset = 301
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="watchdog") == 1
            code, text = await bridge.get("/health")
            assert code == 200
            assert "Watchdog has not come" in text
            await bridge.post("watchdog", notification(raw_alert("Watchdog", "rollwatch", "")))
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="watchdog") == 0
            await end.came(1)


async def test_a_resolved_watchdog_is_no_sign_of_life(tmp_path: Path) -> None:
    async with far_end() as end:
        config = configuration(tmp_path, f'  watchdog: {{url: "{end.url}/ping"}}')
        async with running_bridge(config) as bridge:
            await bridge.post(
                "watchdog", notification(raw_alert("Watchdog", "rollwatch", "", status="resolved"))
            )
            assert await bridge.metric("rollwatch_bridge_watchdog_last_timestamp_seconds") is None
            assert end.calls == []


async def test_an_outside_address_that_fails_is_tried_again_and_counted(tmp_path: Path) -> None:
    async with far_end(status(500)) as end:
        config = configuration(tmp_path, f'  watchdog: {{url: "{end.url}/ping"}}')
        async with running_bridge(config) as bridge:
            await bridge.post("watchdog", notification(raw_alert("Watchdog", "rollwatch", "")))
            await end.came(2)

            async def is_failing() -> bool:
                return await bridge.metric("rollwatch_bridge_channel_failing", channel="watchdog") == 1

            await eventually(is_failing)


async def test_a_reload_puts_a_good_file_in_force_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    async with far_end() as old, far_end() as new:
        config = configuration(tmp_path, HOOK.format(url=old.url), MAIL)
        async with running_bridge(config) as bridge:
            config.write_text("environment: [")
            bridge.hang_up.set()

            async def refused() -> bool:
                return await bridge.metric("rollwatch_bridge_config_last_reload_successful") == 0

            await eventually(refused)
            await bridge.post("events", notification(raw_alert("One")))
            await bridge.settled()
            assert len(old.calls) == 1
            configuration(tmp_path, HOOK.format(url=new.url), MAIL)
            bridge.hang_up.set()

            async def taken() -> bool:
                return await bridge.metric("rollwatch_bridge_config_last_reload_successful") == 1

            await eventually(taken)
            await bridge.post("events", notification(raw_alert("Two")))
            await bridge.settled()
            assert (len(old.calls), [call.json()["alert"] for call in new.calls]) == (1, ["Two"])


async def test_a_channel_that_is_taken_out_keeps_what_waits_for_it(tmp_path: Path) -> None:
    async with far_end(status(500)) as end:
        config = configuration(tmp_path, HOOK.format(url=end.url), MAIL)
        async with running_bridge(config) as bridge:
            await bridge.post("events", notification(raw_alert()))
            await end.came(1)
            text = config.read_text()
            configuration(tmp_path, "", MAIL)
            bridge.hang_up.set()

            async def gone() -> bool:
                return await bridge.metric("rollwatch_bridge_queue_length", channel="webhook") is None

            await eventually(gone)
            end.answer = status(200)
            config.write_text(text)
            bridge.hang_up.set()
            found = await bridge.settled()
            assert [one["state"] for one in found if one["channel"] == "webhook"] == ["sent"]
