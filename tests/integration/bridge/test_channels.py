"""Each channel against a far end that behaves, and misbehaves, as the real one does."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest
from aiohttp import web

from rollwatch.bridge.channels.sms_segments import segments
from support.bridge_alerts import notification, raw_alert
from support.bridge_running import (
    FAST,
    NUMBER,
    Call,
    Running,
    configuration,
    datadog,
    far_end,
    ok,
    running_bridge,
    sentry,
    status,
    twilio,
)
from support.servers import Peer, answering, closed_port, response, serve
from support.web import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ODD = 'quote " back \\ line\nbreak \r\x00\x1b[31m <b>&amp; {{ .x }} %s ${y} \U0001f525 \u202e ' + "x" * 3000


def twilio_at(url: str, auth: str = "auth") -> str:
    return f'  twilio: {{account_sid: AC1, auth_token: {auth}, from: "+15005550006", url: "{url}"}}'


def webhook_at(url: str, more: str = "") -> str:
    return f'  webhooks: {{chat: {{url: "{url}/hook?token=s3cret"{more}}}}}'


def sentry_at(url: str) -> str:
    return f'  sentry: {{dsn: "{url.replace("://", "://key@")}/1"}}'


def datadog_at(url: str) -> str:
    return f'  datadog: {{api_key: dd-key, url: "{url}"}}'


async def test_a_notification_of_many_alerts_becomes_one_sms(tmp_path: Path) -> None:
    async with far_end(twilio) as end, running_bridge(configuration(tmp_path, twilio_at(end.url))) as bridge:
        alerts = [raw_alert("HealthDown", service) for service in ("api", "feed", "web")]
        code, text = await bridge.post("sms", notification(*alerts))
        assert (code, orjson.loads(text)["queued"]) == (200, 3)
        found = await bridge.settled()
        (call,) = end.calls
        form = call.form()
        assert (form["To"], form["From"]) == (NUMBER, "+15005550006")
        assert form["Body"].startswith("production: 3 P0: api, feed, web. ")
        assert segments(form["Body"]) <= 2
        assert {one["state"] for one in found} == {"sent"}
        assert {one["target"] for one in found} == {"…5678"}
        delivered = await bridge.metric(
            "rollwatch_bridge_deliveries_total", channel="sms", outcome="delivered"
        )
        assert delivered == 3


async def test_a_burst_of_notifications_becomes_one_sms(tmp_path: Path) -> None:
    async with far_end(twilio) as end, running_bridge(configuration(tmp_path, twilio_at(end.url))) as bridge:
        await asyncio.gather(
            *(bridge.post("sms", notification(raw_alert("HealthDown", f"s{n}"))) for n in range(20))
        )
        await bridge.settled()
        assert 1 <= len(end.calls) < 20


async def test_each_number_is_told_and_one_that_is_wrong_stops_no_other(tmp_path: Path) -> None:
    service = f"""
  web:
    probes: {{p: {{kind: http, url: "http://127.0.0.1:1/"}}}}
    notifications: {{sms: {{to: ["+491510000000", "{NUMBER}"]}}}}
"""
    async with (
        far_end(twilio) as end,
        running_bridge(configuration(tmp_path, twilio_at(end.url), services=service)) as bridge,
    ):
        await bridge.post("sms", notification(raw_alert("HealthDown", "web")))
        found = {one["target"]: one for one in await bridge.settled()}
        assert found["…5678"]["state"] == "sent"
        wrong = found["…0000"]
        assert (wrong["state"], wrong["attempts"]) == ("given_up", 1)
        assert (
            wrong["detail"]
            == "it answered 400: 21211 The 'To' number (a number) is not a valid phone number."
        )
        assert await bridge.metric("rollwatch_bridge_channel_failing", channel="sms") == 1


async def test_every_event_channel_is_told(tmp_path: Path) -> None:
    async with far_end() as hook, far_end(sentry) as sent, far_end(datadog) as dog:
        channels = "\n".join(
            (webhook_at(hook.url, ', headers: {X-Team: "a b"}'), sentry_at(sent.url), datadog_at(dog.url))
        )
        async with running_bridge(configuration(tmp_path, channels)) as bridge:
            await bridge.post("events", notification(raw_alert(), raw_alert(status="resolved")))
            found = await bridge.settled()
            assert [one["state"] for one in found] == ["sent"] * 6
            assert hook.calls[0].path == "/hook?token=s3cret"
            assert hook.calls[0].headers["X-Team"] == "a b"
            # Of one alert, what was said first is sent first.
            assert [call.json()["status"] for call in hook.calls] == ["firing", "resolved"]
            assert [orjson.loads(call.body.split(b"\n")[2])["level"] for call in sent.calls] == [
                "fatal",
                "info",
            ]
            assert [call.json()["alert_type"] for call in dog.calls] == ["error", "success"]


@pytest.mark.parametrize("route", ["sms", "events"])
async def test_no_label_breaks_a_message(tmp_path: Path, route: str) -> None:
    async with far_end(twilio) as sms, far_end() as hook, far_end(sentry) as sent, far_end(datadog) as dog:
        channels = "\n".join(
            (twilio_at(sms.url), webhook_at(hook.url), sentry_at(sent.url), datadog_at(dog.url))
        )
        async with running_bridge(configuration(tmp_path, channels)) as bridge:
            odd = raw_alert(
                ODD, ODD, ODD, annotations={"summary": ODD, "description": ODD}, **{ODD[:60]: ODD}
            )
            code, _ = await bridge.post(route, notification(odd))
            assert code == 200
            found = await bridge.settled()
            assert found
            assert {one["state"] for one in found} == {"sent"}


Script = list["Callable[[Call], web.Response]"]


@pytest.mark.parametrize(
    ("first", "detail"),
    [
        ([status(500, "oops")] * 3, "it answered 500"),
        ([status(503, "", {"Retry-After": "0"})] * 2, "it answered 503"),
        ([status(429, "", {"Retry-After": "1"})], "it answered 429"),
        ([status(408)], "it answered 408"),
        ([status(302, "", {"Location": "http://127.0.0.1:1/"})], "a redirect"),
    ],
)
async def test_what_may_pass_is_tried_again(
    tmp_path: Path, first: Script, detail: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with far_end() as end, running_bridge(configuration(tmp_path, webhook_at(end.url))) as bridge:
        end.first.extend(first)
        await bridge.post("events", notification(raw_alert()))
        (found,) = await bridge.settled()
        assert (found["state"], found["attempts"]) == ("sent", len(first) + 1)
        assert len(end.calls) == len(first) + 1
        retried = await bridge.metric(
            "rollwatch_bridge_deliveries_total", channel="webhook", outcome="retried"
        )
        assert retried == len(first)
        assert await bridge.metric("rollwatch_bridge_channel_failing", channel="webhook") == 0
        assert detail in capsys.readouterr().out


async def test_retry_after_is_heeded(tmp_path: Path) -> None:
    async with far_end() as end, running_bridge(configuration(tmp_path, webhook_at(end.url))) as bridge:
        times: list[float] = []

        def timed(answer: Callable[[Call], web.Response]) -> Callable[[Call], web.Response]:
            def note(call: Call) -> web.Response:
                times.append(time.monotonic())
                return answer(call)

            return note

        end.first.append(timed(status(429, "", {"Retry-After": "2"})))
        end.answer = timed(ok)
        await bridge.post("events", notification(raw_alert()))
        await bridge.post("events", notification(raw_alert("Other")))
        await bridge.settled()
        assert times[1] - times[0] >= 2.0


@pytest.mark.parametrize(
    ("channel", "answer", "why"),
    [
        ("webhook", status(404, "<html>secret page</html>"), "it answered 404"),
        ("sentry", sentry, "it answered 403: event submission rejected with_reason: ProjectId"),
        ("datadog", datadog, "it answered 403: ['Forbidden']"),
        ("sms", twilio, "it answered 401: 20003 Authenticate"),
    ],
)
async def test_what_is_wrong_for_good_is_given_up_and_counted(
    tmp_path: Path, channel: str, answer: Callable[[Call], web.Response], why: str
) -> None:
    async with far_end(answer) as end:
        channels = {
            "webhook": webhook_at(end.url),
            "sentry": f'  sentry: {{dsn: "{end.url.replace("://", "://wrong@")}/1"}}',
            "datadog": f'  datadog: {{api_key: other, url: "{end.url}"}}',
            "sms": twilio_at(end.url, auth="old"),
        }[channel]
        async with running_bridge(configuration(tmp_path, channels)) as bridge:
            await bridge.post("sms" if channel == "sms" else "events", notification(raw_alert()))
            (found,) = await bridge.settled()
            assert (found["state"], found["attempts"], found["detail"]) == ("given_up", 1, why)
            count = await bridge.metric(
                "rollwatch_bridge_deliveries_total", channel=channel, outcome="given_up"
            )
            assert count == 1
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel=channel) == 1
            assert len(end.calls) == 1


@pytest.mark.parametrize(
    ("channel", "answer"),
    [
        ("sms", status(200, "<html>log in to the hotel's network</html>")),
        ("sentry", status(200, "<html>log in</html>")),
        ("datadog", status(202, "")),
    ],
)
async def test_a_portal_that_says_ok_is_not_taken_for_the_far_end(
    tmp_path: Path, channel: str, answer: Callable[[Call], web.Response]
) -> None:
    real = {"sms": twilio, "sentry": sentry, "datadog": datadog}[channel]
    async with far_end(real) as end:
        end.first.append(answer)
        channels = {"sms": twilio_at, "sentry": sentry_at, "datadog": datadog_at}[channel](end.url)
        async with running_bridge(configuration(tmp_path, channels)) as bridge:
            await bridge.post("sms" if channel == "sms" else "events", notification(raw_alert()))
            (found,) = await bridge.settled()
            assert (found["state"], found["attempts"]) == ("sent", 2)


async def silent(peer: Peer) -> None:
    await peer.stay_silent()


async def reset(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def half(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200")


async def endless(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        await peer.send(b"x" * 65536)


async def dripping(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 2")
    while True:
        await peer.send(b"0")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (silent, "no answer within"),
        (reset, "closed the connection"),
        (half, "closed the connection"),
        (endless, "it answered 500"),
        (dripping, "no "),
        (answering(b"\x00\x01 garbage \r\n\r\n", close=True), "no HTTP"),
        (answering(response(b"", status="999 Odd"), close=True), "it answered 999"),
    ],
)
async def test_a_far_end_that_misbehaves_loses_nothing_and_delays_nobody(
    tmp_path: Path, behave: Callable[[Peer], object], why: str
) -> None:
    async with serve(behave) as bad, far_end() as good:  # type: ignore[arg-type]
        channels = f'  webhooks: {{bad: {{url: "{bad.url()}"}}, good: {{url: "{good.url}/"}}}}'
        config = configuration(tmp_path, channels)
        async with running_bridge(config, tempo=replace(FAST, call_timeout_s=1.0)) as bridge:
            for n in range(5):
                await bridge.post("events", notification(raw_alert(f"Alert{n}")))
            await good.came(5)
            await eventually(lambda: _has_tried(bridge, "bad"))
            found = [one for one in await bridge.deliveries() if one["target"] == "bad"]
            assert len(found) == 5
            assert {one["state"] for one in found} <= {"queued", "sending"}
            assert any(why in one["detail"] for one in found)
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="webhook") == 1
            assert (await bridge.metric("rollwatch_bridge_queue_length", channel="webhook") or 0) >= 5
            oldest = await bridge.metric(
                "rollwatch_bridge_oldest_queued_timestamp_seconds", channel="webhook"
            )
            assert oldest is not None
            assert oldest <= time.time()


async def _has_tried(bridge: Running, target: str) -> bool:
    return any(one["detail"] for one in await bridge.deliveries() if one["target"] == target)


async def test_what_waited_for_a_dead_far_end_is_sent_when_it_is_back(tmp_path: Path) -> None:
    config = configuration(tmp_path, webhook_at(f"http://127.0.0.1:{closed_port()}"))
    async with far_end() as end, running_bridge(config) as bridge:
        for n in range(30):
            await bridge.post("events", notification(raw_alert(f"Alert{n}")))
        await eventually(lambda: _has_tried(bridge, "chat"))
        configuration(tmp_path, webhook_at(end.url))
        bridge.hang_up.set()
        await bridge.settled()
        assert sorted(call.json()["alert"] for call in end.calls) == sorted(f"Alert{n}" for n in range(30))


async def test_one_message_that_is_refused_again_and_again_stops_no_other(tmp_path: Path) -> None:
    def poisoned(call: Call) -> web.Response:
        return web.Response(status=500 if call.json()["alert"] == "Poison" else 200)

    async with (
        far_end(poisoned) as end,
        running_bridge(configuration(tmp_path, webhook_at(end.url))) as bridge,
    ):
        await bridge.post(
            "events", notification(raw_alert("Poison"), *(raw_alert(f"A{n}") for n in range(10)))
        )
        await eventually(lambda: {call.json()["alert"] for call in end.calls} >= {f"A{n}" for n in range(10)})
        assert [one["alert"] for one in await bridge.deliveries() if one["state"] != "sent"] == ["Poison"]


async def test_the_end_of_an_alert_never_overtakes_its_beginning(tmp_path: Path) -> None:
    async with far_end() as end, running_bridge(configuration(tmp_path, webhook_at(end.url))) as bridge:
        end.first.extend([status(500)] * 3)
        await bridge.post("events", notification(raw_alert(), raw_alert("Other")))
        await bridge.post("events", notification(raw_alert(status="resolved")))
        await bridge.settled()
        told = [(call.json()["alert"], call.json()["status"]) for call in end.calls[3:]]
        assert sorted(told) == [("HealthDown", "firing"), ("HealthDown", "resolved"), ("Other", "firing")]
        assert told.index(("HealthDown", "firing")) < told.index(("HealthDown", "resolved"))


async def test_what_is_too_old_is_given_up_and_says_so(tmp_path: Path) -> None:
    class Later:
        offset = 0.0

        def wall(self) -> float:
            return time.time() + self.offset

        def monotonic(self) -> float:
            return time.monotonic()

    clock = Later()
    async with far_end(status(500)) as end:
        config = configuration(tmp_path, twilio_at(end.url))
        async with running_bridge(config, tempo=FAST, clock=clock) as bridge:
            await bridge.post("sms", notification(raw_alert()))
            await end.came(1)
            clock.offset = 2 * 3600 + 60
            await bridge.post("sms", notification(raw_alert("Fresh")))
            await eventually(lambda: _is_given_up(bridge))
            found = {one["alert"]: one for one in await bridge.deliveries()}
            assert found["HealthDown"]["detail"] == (
                "not sent within 2 h, and too old now; at last: it answered 500"
            )
            assert found["Fresh"]["state"] in {"queued", "sending"}


async def _is_given_up(bridge: Running) -> bool:
    return any(one["state"] == "given_up" for one in await bridge.deliveries())


async def test_secrets_are_in_no_log_answer_or_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channels = "\n".join(
        (
            twilio_at("http://127.0.0.1:1", auth="twilio-s3cret"),
            webhook_at("http://127.0.0.1:1", ', headers: {Authorization: "Bearer header-s3cret"}'),
            '  sentry: {dsn: "http://sentry-s3cret@127.0.0.1:1/1"}',
            '  datadog: {api_key: dd-s3cret, url: "http://127.0.0.1:1"}',
            '  watchdog: {url: "http://127.0.0.1:1/watchdog-s3cret"}',
        )
    )
    async with running_bridge(configuration(tmp_path, channels)) as bridge:
        for route in ("sms", "events", "watchdog"):
            await bridge.post(route, notification(raw_alert()))
        await bridge.post("sms", notification(raw_alert()), token="offered-s3cret")
        await eventually(lambda: _all_tried(bridge))
        said = [text for _, text in [await bridge.get("/metrics"), await bridge.get("/api/deliveries")]]
        said.append(repr(bridge.parts))
    said += [*capsys.readouterr()]
    assert "bridge_attempt_failed" in said[-2]
    for text in said:
        assert "s3cret" not in text
        assert NUMBER not in text


async def _all_tried(bridge: Running) -> bool:
    return all(one["detail"] for one in await bridge.deliveries() if one["state"] != "kept")
