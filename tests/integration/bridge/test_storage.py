"""What is kept: over restarts, on full and broken disks, and for how long."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rollwatch.bridge.channels.channel import LaneKey
from rollwatch.bridge.storage.database import Database, StorageFailed
from rollwatch.bridge.storage.queue import Queue
from rollwatch.bridge.storage.records import Wanted
from rollwatch.bridge.storage.reports import Reports
from rollwatch.bridge.storage.summaries import Period, Summaries
from rollwatch.bridge.words import ChannelName, State
from rollwatch.errors import CantStart
from support.bridge_alerts import alert, notification, raw_alert
from support.bridge_running import FAST, NUMBER, TOKEN, configuration, far_end, running_bridge, status
from support.manual_clock import ManualClock
from support.processes import ROLLWATCH, fetch, running, wait_for
from support.servers import Peer, serve
from support.web import eventually

if TYPE_CHECKING:
    from pathlib import Path

LANE = LaneKey(ChannelName.WEBHOOK, "chat")
DAY = "2025-11-25T"


def wanted(name: str, size: int = 0) -> Wanted:
    return Wanted(alert(name, annotations={"summary": "x" * size}), lanes=(LANE,))


async def test_what_waits_outlives_the_process_and_what_was_sent_is_not_sent_again(tmp_path: Path) -> None:
    async with far_end(status(500)) as end:
        config = configuration(tmp_path, f'  webhooks: {{chat: {{url: "{end.url}/"}}}}')
        async with running_bridge(config) as bridge:
            await bridge.post("events", notification(raw_alert("Waits")))
            await end.came(1)
        end.calls.clear()
        end.answer = status(200)
        async with running_bridge(config) as bridge:
            await bridge.settled()
            await bridge.post("events", notification(raw_alert("Waits"), raw_alert("New")))
            await bridge.settled()
            assert [call.json()["alert"] for call in end.calls] == ["Waits", "New"]
        async with running_bridge(config) as bridge:
            last = await bridge.metric("rollwatch_bridge_last_success_timestamp_seconds", channel="webhook")
            assert last is not None
            assert last <= time.time()
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="webhook") == 0
        assert len(end.calls) == 2


async def test_the_end_does_not_wait_for_a_far_end_that_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def silent(peer: Peer) -> None:
        await peer.stay_silent()

    async with serve(silent) as server, far_end() as end:
        slow = replace(FAST, call_timeout_s=3600.0)
        config = configuration(tmp_path, f'  webhooks: {{chat: {{url: "{server.url()}"}}}}')
        async with running_bridge(config, tempo=slow) as bridge:
            await bridge.post("events", notification(raw_alert()))
            await eventually(lambda: server.connections == 1)
        assert "bridge_sending_broken_off" in capsys.readouterr().out
        configuration(tmp_path, f'  webhooks: {{chat: {{url: "{end.url}/"}}}}')
        async with running_bridge(config) as bridge:
            await bridge.settled()
            assert len(end.calls) == 1


async def test_a_channel_that_failed_is_failing_after_a_restart(tmp_path: Path) -> None:
    async with far_end(status(404)) as end:
        config = configuration(tmp_path, f'  webhooks: {{chat: {{url: "{end.url}/"}}}}')
        async with running_bridge(config) as bridge:
            await bridge.post("events", notification(raw_alert()))
            await bridge.settled()
        async with running_bridge(config) as bridge:
            assert await bridge.metric("rollwatch_bridge_channel_failing", channel="webhook") == 1


async def test_that_nobody_was_named_makes_no_channel_fail_after_a_restart(tmp_path: Path) -> None:
    config = configuration(tmp_path, "  digest: null")
    config.write_text(config.read_text().replace(f'  sms: {{to: ["{NUMBER}"]}}\n', ""))
    async with running_bridge(config) as bridge:
        await bridge.post("sms", notification(raw_alert(priority="P0")))
        assert [one["state"] for one in await bridge.settled()] == ["given_up"]
    async with running_bridge(config) as bridge:
        assert await bridge.metric("rollwatch_bridge_channel_failing", channel="sms") == 0


async def test_only_our_user_may_read_it(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path / "deep" / "data")
    await database.check()
    for path in (tmp_path / "deep" / "data").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    await database.close()


async def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path)
    with pytest.raises(CantStart, match="another rollwatch bridge works in"):
        await Database.opened(tmp_path)
    await database.close()
    await (await Database.opened(tmp_path)).close()


async def fits(queue: Queue, one: Wanted) -> bool:
    try:
        await queue.take([one])
    except StorageFailed as failure:
        return not failure.is_full
    return True


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, and it is long enough to be looked at " * 200)


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE something (else_ INTEGER)")
    db.close()


def newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def damaged(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (garbage, "move bridge.db"),
        (foreign, "another program"),
        (newer, "newer rollwatch"),
        (damaged, "move bridge.db"),
    ],
)
async def test_a_file_that_can_not_be_used_is_refused_at_the_start_with_what_to_do(
    tmp_path: Path, harm: object, complaint: str
) -> None:
    if harm in {newer, damaged}:
        database = await Database.opened(tmp_path)
        await Queue(database, ManualClock()).take([wanted(f"A{n}", 2000) for n in range(50)])
        await database.close()
    harm(tmp_path / "bridge.db")  # type: ignore[operator]
    with pytest.raises(CantStart, match=complaint):
        await Database.opened(tmp_path)


async def test_a_directory_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CantStart, match="can't keep anything in"):
        await Database.opened(tmp_path / "file")


async def test_a_full_database_forgets_what_is_settled_and_refuses_when_that_is_not_enough(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    database = await Database.opened(tmp_path, size_max=512 * 1024)
    queue = Queue(database, clock)
    for n in range(40):
        await queue.take([wanted(f"Old{n}", 4000)])
        (delivery,) = await queue.claim(LANE, 1, ())
        await queue.settle([delivery.id], State.SENT)
    kept = 0
    while await fits(queue, wanted(f"New{kept}", 4000)):
        kept += 1
    assert 40 < kept < 1000
    assert (await Reports(database).backlog())[ChannelName.WEBHOOK][0] == kept
    # What is taken goes out, and then there is room again.
    (delivery,) = await queue.claim(LANE, 1, ())
    await queue.settle([delivery.id], State.SENT)
    await queue.take([wanted("Newest", 2000)])
    await database.close()


async def test_while_a_beginning_rests_its_end_waits_and_others_go(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path)
    queue = Queue(database, ManualClock())
    over = Wanted(alert("Down", status="resolved"), lanes=(LANE,))
    await queue.take([wanted("Down"), over, wanted("Other")])
    (began,) = await queue.claim(LANE, 1, ())
    await queue.settle([began.id], State.QUEUED, "it answered 500")
    (other,) = await queue.claim(LANE, 1, {began.id})
    assert other.alert.name == "Other"
    assert await queue.claim(LANE, 1, {began.id}) == []
    (again,) = await queue.claim(LANE, 1, ())
    assert (again.alert.name, again.alert.is_firing, again.attempts) == ("Down", True, 2)
    await queue.settle([again.id], State.SENT)
    (end,) = await queue.claim(LANE, 1, ())
    assert not end.alert.is_firing
    await database.close()


async def test_no_more_than_a_bounded_number_may_wait(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path)
    queue = Queue(database, ManualClock(), pending_max=10)
    await queue.take([wanted(f"A{n}") for n in range(10)])
    with pytest.raises(StorageFailed, match="wait already"):
        await queue.take([wanted("B")])
    assert (await queue.take([wanted("A1")])).duplicates == {ChannelName.WEBHOOK: 1}
    assert (await Reports(database).backlog())[ChannelName.WEBHOOK][0] == 10
    await database.close()


async def test_one_lane_that_is_full_keeps_nothing_out_of_another(tmp_path: Path) -> None:
    database = await Database.opened(tmp_path)
    queue = Queue(database, ManualClock(), pending_max=10)
    await queue.take([wanted(f"A{n}") for n in range(10)])
    by_sms = Wanted(alert("B"), lanes=(LaneKey(ChannelName.SMS, "+4915112345678"),))
    assert (await queue.take([by_sms])).queued == {ChannelName.SMS: 1}
    await database.close()


async def test_an_alert_of_two_prometheus_whose_start_moves_is_told_once(tmp_path: Path) -> None:
    """Alertmanager gives it the start of the one in which it fired first, even if that is heard of later."""
    clock = ManualClock()
    database = await Database.opened(tmp_path)
    queue = Queue(database, clock)

    async def told(start: str, end: str | None = None) -> int:
        status = "firing" if end is None else "resolved"
        said = alert("Down", status=status, starts_at=f"{DAY}{start}Z", ends_at=f"{DAY}{end}Z")
        return sum((await queue.take([Wanted(said, lanes=(LANE,))])).queued.values())

    assert await told("10:00:15") == 1
    assert await told("10:00:03") == 0
    assert await told("10:00:03", "10:20:00") == 1
    # The other Alertmanager of a pair says so too.
    assert await told("10:00:03", "10:20:00") == 0
    assert await told("10:00:15", "10:20:00") == 0
    assert await told("11:00:00") == 1
    # Late, from an Alertmanager that was cut off: no end of what fires now.
    assert await told("09:00:00", "09:30:00") == 1
    assert await told("11:00:00", "11:05:00") == 1
    # A clock was set back: what is over hides nothing new.
    assert await told("10:30:00") == 1
    await database.close()


async def test_the_summary_does_not_call_open_what_ended_with_another_start(tmp_path: Path) -> None:
    clock = ManualClock()
    database = await Database.opened(tmp_path)
    queue = Queue(database, clock)
    await queue.take([Wanted(alert("Down", starts_at=f"{DAY}10:00:15Z"), is_summarized=True)])
    over = alert("Down", status="resolved", starts_at=f"{DAY}10:00:03Z", ends_at=f"{DAY}10:20:00Z")
    await queue.take([Wanted(over, is_summarized=True)])
    content = await Summaries(database).content(Period(clock.wall() - 60, clock.wall() + 60))
    assert [seen.alert.is_firing for seen in content.happened] == [True, False]
    assert content.open == []
    await database.close()


async def test_what_a_transaction_gives_back_can_disturb_no_later_one(tmp_path: Path) -> None:
    """A cursor dropped in another thread resets a statement that may be running: SQLITE_MISUSE."""
    database = await Database.opened(tmp_path)
    cursor = await database.run(lambda db: db.execute("SELECT 1"))
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        cursor.fetchone()
    await database.close()


async def test_what_was_settled_long_ago_is_forgotten_but_not_what_still_fires(tmp_path: Path) -> None:
    clock = ManualClock()
    database = await Database.opened(tmp_path)
    queue = Queue(database, clock)
    await queue.take([wanted("Over"), wanted("StillFires"), wanted("Waits")])
    ids = [(await queue.claim(LANE, 1, ()))[0].id for _ in range(2)]
    await queue.settle(ids, State.SENT)
    for _ in range(4):
        clock.advance(10 * 86_400)
        # Alertmanager repeats what fires; each repeat keeps the memory of it.
        assert (await queue.take([wanted("StillFires")])).queued == {}
        while await queue.prune():
            pass
    names = {one.alert.name for one in await Reports(database).told(None, 100)}
    assert names == {"StillFires", "Waits"}
    await database.close()


def test_a_full_disk_is_a_503_so_that_alertmanager_asks_again_and_it_recovers(tmp_path: Path) -> None:
    config = configuration(tmp_path, '  webhooks: {chat: {url: "http://127.0.0.1:1/"}}')
    argv = [*ROLLWATCH, "bridge", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0"]
    argv += ["--storage.path", str(tmp_path / "data")]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with running(argv, cwd=tmp_path) as process:
        url = process.line_with("event=listening").split("url=")[1].split()[0]

        def post(name: str) -> int:
            body = notification(raw_alert(name, annotations={"summary": "x" * 4000}))
            return int(fetch(f"{url}/alerts/events", method="POST", headers=headers, data=body)[0])

        assert post("Before") == 200
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # No file may grow any more, as on a full disk.
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (1024, hard))
        assert post("Meanwhile") == 503
        status_code, _, said = fetch(f"{url}/-/ready")
        assert (status_code, b"can't be kept" in said) == (503, True)
        assert b"rollwatch_bridge_storage_writable{} 0" in fetch(f"{url}/metrics")[2]
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
        wait_for(lambda: post("Meanwhile") == 200 or None, "the disk to have room again")
        found = fetch(f"{url}/api/deliveries", headers=headers)[2]
        assert b'"Before"' in found
        assert found.count(b'"Meanwhile"') == 1
        assert fetch(f"{url}/-/ready")[0] == 200
