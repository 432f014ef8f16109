"""The daily summary, on real clocks set by the test, through real mail servers good and bad."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from support.bridge_alerts import notification, raw_alert
from support.bridge_mail import mail_server
from support.bridge_running import FAST, configuration, running_bridge
from support.certificates import pki
from support.servers import Peer, serve
from support.web import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.bridge_mail import MailServer
    from support.bridge_running import Running

BERLIN = ZoneInfo("Europe/Berlin")
DIGEST = '  digest: {at: "08:00", time_zone: Europe/Berlin, to: [a@example.com, b@example.com]}'


class SetClock:
    """The wall clock of the test; it goes on by itself."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self._offset = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() - time.time()

    def wall(self) -> float:
        return time.time() + self._offset

    def monotonic(self) -> float:
        return time.monotonic()


def mail(port: int, more: str = "require_tls: false", host: str = "127.0.0.1") -> str:
    return f'  mail: {{smarthost: "{host}:{port}", from: rollwatch@example.com, {more}}}'


DELIVERED = "rollwatch_bridge_deliveries_total"


async def become(bridge: Running, clock: SetClock, text: str) -> None:
    """Let it be that time, after the bridge has seen what time it was."""
    await bridge.parts.summaries.told_until(clock.wall())
    clock.set(text)
    bridge.parts.digest_clock._wake.set()


async def sent(server: MailServer, count: int = 1) -> None:
    await eventually(lambda: len(server.mails) >= count, within_s=20)


async def noted(bridge: Running, count: int) -> None:
    """The bridge has written down that so many summaries were sent: what comes next begins where they end."""
    async with asyncio.timeout(20):
        while (await bridge.metric(DELIVERED, channel="digest", outcome="delivered") or 0) < count:
            await asyncio.sleep(0.02)


async def test_it_is_sent_when_it_is_due_and_once(tmp_path: Path) -> None:
    async with mail_server() as server:
        config = configuration(tmp_path, DIGEST, mail(server.port))
        clock = SetClock("2025-11-25T20:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await bridge.post("events", notification(raw_alert(starts_at="2025-11-25T18:00:00Z")))
            await bridge.post(
                "events",
                notification(
                    raw_alert(
                        "ReleaseSeen",
                        "web",
                        "P3",
                        annotations={"summary": "web <2.8> runs", "description": "D."},
                    )
                ),
            )
            assert server.mails == []
            await become(bridge, clock, "2025-11-26T08:00:01")
            await sent(server)
            (message,) = server.mails
            assert message["Subject"] == "[rollwatch] production: 2 alerts fired (1 P0, 1 P3), 2 still open"
            assert server.recipients == [["a@example.com", "b@example.com"]]
            text = message.get_body(("plain",))
            html = message.get_body(("html",))
            assert text is not None
            assert html is not None
            assert "From Tue 25 Nov 20:00 to Wed 26 Nov 08:00." in text.get_content()
            assert "web &lt;2.8&gt; runs. D." in html.get_content()
            assert (
                await bridge.metric(
                    "rollwatch_bridge_deliveries_total", channel="digest", outcome="delivered"
                )
                == 1
            )
            bridge.parts.digest_clock._wake.set()
        # Neither at a later look nor after a restart on the same day is it sent again.
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T20:00:00")
            await bridge.settled()
            await become(bridge, clock, "2025-11-27T08:00:01")
            await sent(server, 2)
            assert len(server.mails) == 2
            assert server.mails[1]["Subject"] == "[rollwatch] production: no alert fired, 2 still open"


async def test_a_quiet_day_is_told_too(tmp_path: Path) -> None:
    async with mail_server() as server:
        config = configuration(tmp_path, DIGEST, mail(server.port))
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await sent(server)
            assert server.mails[0]["Subject"] == "[rollwatch] production: nothing happened"


async def test_what_was_missed_while_we_were_away_is_told_in_one_mail(tmp_path: Path) -> None:
    async with mail_server() as server:
        config = configuration(tmp_path, DIGEST, mail(server.port))
        clock = SetClock("2025-11-23T20:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await bridge.parts.summaries.told_until(clock.wall())
            await bridge.post("events", notification(raw_alert("HttpP95High", "api", "P2")))
        clock.set("2025-11-26T13:00:00")
        async with running_bridge(config, clock=clock):
            await sent(server)
            text = server.mails[0].get_body(("plain",))
            assert text is not None
            assert "From Sun 23 Nov 20:00 to Wed 26 Nov 08:00." in text.get_content()
            assert "api HttpP95High" in text.get_content()
            assert ">From" not in text.get_content()
        assert len(server.mails) == 1


async def test_a_clock_that_was_years_ahead_and_is_set_right_stops_no_summary(tmp_path: Path) -> None:
    async with mail_server() as server:
        config = configuration(tmp_path, DIGEST, mail(server.port))
        clock = SetClock("2025-11-25T20:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await sent(server, 1)
            await noted(bridge, 1)
            await become(bridge, clock, "2038-01-01T08:00:01")
            await sent(server, 2)
            await noted(bridge, 2)
            await become(bridge, clock, "2025-11-26T09:00:00")
            await bridge.post("events", notification(raw_alert("HttpP95High", "api", "P2")))
            await become(bridge, clock, "2025-11-27T08:00:01")
            await sent(server, 3)
            await noted(bridge, 3)
            # A little back is no reason to say the same again.
            await become(bridge, clock, "2025-11-27T07:59:50")
            await become(bridge, clock, "2025-11-27T08:00:02")
            await become(bridge, clock, "2025-11-28T08:00:01")
            await sent(server, 4)
        texts = [mail.get_body(("plain",)) for mail in server.mails]
        firsts = [text.get_content().splitlines()[0] for text in texts if text is not None]
        assert [first[first.index("From ") :] for first in firsts] == [
            "From Tue 25 Nov 20:00 to Wed 26 Nov 08:00.",
            "From Wed 26 Nov 08:00 to Fri 1 Jan 08:00.",
            "From Wed 26 Nov 08:00 to Thu 27 Nov 08:00.",
            "From Thu 27 Nov 08:00 to Fri 28 Nov 08:00.",
        ]


async def test_a_server_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    async with mail_server() as server:
        server.answers += ["451 4.7.1 greylisted", "421 busy"]
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(configuration(tmp_path, DIGEST, mail(server.port)), clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await sent(server)
            retried = await bridge.metric(
                "rollwatch_bridge_deliveries_total", channel="digest", outcome="retried"
            )
            assert retried == 2


async def test_a_mail_that_is_refused_is_given_up_and_told_the_next_day(tmp_path: Path) -> None:
    async with mail_server() as server:
        server.answers += ["554 5.7.1 spam"]
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(configuration(tmp_path, DIGEST, mail(server.port)), clock=clock) as bridge:
            await bridge.post("events", notification(raw_alert()))
            await become(bridge, clock, "2025-11-26T08:00:01")

            async def given_up() -> bool:
                count = await bridge.metric(
                    "rollwatch_bridge_deliveries_total", channel="digest", outcome="given_up"
                )
                return count == 1

            await eventually(given_up)
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="digest") == 1
            bridge.parts.digest_clock._wake.set()
            await become(bridge, clock, "2025-11-27T08:00:01")
            await sent(server)
            text = server.mails[0].get_body(("plain",))
            assert text is not None
            assert "HealthDown" in text.get_content()


async def test_a_recipient_that_is_unknown_keeps_no_other_from_it(tmp_path: Path) -> None:
    async with mail_server() as server:
        server.unknown.add("a@example.com")
        config = configuration(tmp_path, DIGEST, mail(server.port))
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await sent(server)
            assert server.recipients == [["b@example.com"]]


@pytest.mark.parametrize("at_once", [False, True])
async def test_the_password_goes_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki().ca_file(tmp_path)))
    (tmp_path / "secret").write_text("mail-s3cret\n")
    async with mail_server(tls=pki().server("localhost"), at_once=at_once, password="mail-s3cret") as server:
        if at_once:
            monkeypatch.setattr("rollwatch.bridge.channels.mail._TLS_AT_ONCE", server.port)
        more = "username: rollwatch, password_file: secret"
        config = configuration(tmp_path, DIGEST, mail(server.port, more, host="localhost"))
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await sent(server)
            assert server.logins == [("rollwatch", "mail-s3cret")]
            assert server.encrypted == [True]


@pytest.mark.parametrize(
    ("trust", "tls", "why"),
    [
        (True, False, "offers no STARTTLS"),
        (False, True, "no TLS connection to the mail server"),
    ],
)
async def test_without_tls_that_is_trusted_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: bool, tls: bool, why: str
) -> None:
    if trust:
        monkeypatch.setenv("SSL_CERT_FILE", str(pki().ca_file(tmp_path)))
    context = pki().self_signed() if tls else None
    async with mail_server(tls=context) as server:
        config = configuration(tmp_path, DIGEST, mail(server.port, "require_tls: true"))
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await eventually(lambda: _failed(bridge, why))
        assert server.mails == []


async def _failed(bridge: Running, why: str) -> bool:
    def work(db: Any) -> list[str]:
        rows = db.execute("SELECT detail FROM deliveries WHERE channel = 'digest'").fetchall()
        return [row[0] for row in rows]

    return any(why in detail for detail in await bridge.parts.database.run(work))


async def test_a_wrong_password_is_given_up_and_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("wrong-s3cret\n")
    async with mail_server(password="another") as server:
        more = "require_tls: false, username: rollwatch, password_file: secret"
        config = configuration(tmp_path, DIGEST, mail(server.port, more))
        clock = SetClock("2025-11-26T07:00:00")
        async with running_bridge(config, clock=clock) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")
            await eventually(lambda: _failed(bridge, "does not accept the password (535)"))
    assert "s3cret" not in capsys.readouterr().out


async def silent(peer: Peer) -> None:
    await peer.stay_silent()


async def dripping(peer: Peer) -> None:
    while True:
        await peer.send(b"2")
        await asyncio.sleep(0.05)


async def garbage(peer: Peer) -> None:
    await peer.send(b"\x00\xff not SMTP\r\n" * 3)
    await peer.stay_silent()


async def gone(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("behave", [silent, dripping, garbage, gone])
async def test_a_server_that_says_nothing_sensible_holds_up_nothing(tmp_path: Path, behave: Any) -> None:
    async with serve(behave) as server:
        config = configuration(tmp_path, DIGEST, mail(server.port))
        clock = SetClock("2025-11-26T07:00:00")
        tempo = replace(FAST, mail_deadline_s=0.5)
        async with running_bridge(config, clock=clock, tempo=tempo) as bridge:
            await become(bridge, clock, "2025-11-26T08:00:01")

            async def retried() -> bool:
                count = await bridge.metric(
                    "rollwatch_bridge_deliveries_total", channel="digest", outcome="retried"
                )
                return (count or 0) >= 2

            await eventually(retried)
            assert await bridge.metric("rollwatch_bridge_queue_length", channel="digest") == 1
