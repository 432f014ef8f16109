"""The exporter itself stands still (SIGSTOP, a frozen VM) at the worst moments: no target is blamed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from support.hostile import silent
from support.processes import running_exporter, wait_for
from support.servers import Peer, response
from support.siege import Targets, ends_cleanly, figures, http_probe, more_runs, targets, write_config
from support.ws_peers import PING, PONG, TEXT, accept_head, frame

STOPPED_S = 1.3
NO_BLAME = {"ok", "overloaded", "not_started"}
SKIPPED = "rollwatch_probe_skipped_runs_total"
EVERY = "interval: 1s, timeout: 500ms"
SESSION = f"mode: watch, {EVERY}, ping: {{every: 1s, timeout: 500ms}}"


class Stopper:
    """Stops the exporter once armed, by the hand of a target, and lets it go on."""

    def __init__(self) -> None:
        self.pid = 0
        self.times = 0

    async def hold(self) -> bool:
        """What follows happens to a stopped exporter, if it is to be stopped now; tells whether."""
        if self.pid:
            pid, self.pid = self.pid, 0
            os.kill(pid, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(STOPPED_S, self._go_on, pid)
            return True
        return False

    def _go_on(self, pid: int) -> None:
        os.kill(pid, signal.SIGCONT)
        self.times += 1


@pytest.fixture
def production():
    with targets() as them:
        yield them


async def _client_frame(peer: Peer) -> tuple[int, bytes]:
    """One small frame of a client, unmasked."""
    head = await peer.reader.readexactly(6)
    payload = await peer.reader.readexactly(head[1] & 0x7F)
    return head[0] & 0x0F, bytes(byte ^ head[2 + i % 4] for i, byte in enumerate(payload))


def _answers_while_stopped(stopper: Stopper):
    async def behave(peer: Peer) -> None:
        while True:
            await peer.request()
            await stopper.hold()
            await peer.send(response(b"{}"))

    return behave


def _pongs_while_stopped(stopper: Stopper):
    async def behave(peer: Peer) -> None:
        await peer.send(accept_head((await peer.request()).decode()))
        while True:
            opcode, payload = await _client_frame(peer)
            if opcode == PING:
                await stopper.hold()
                await peer.send(frame(PONG, payload))

    return behave


def _hangs_up_while_stopped(stopper: Stopper):
    """What servers do to a client that does not answer their pings."""

    async def behave(peer: Peer) -> None:
        await peer.send(accept_head((await peer.request()).decode()))
        while True:
            opcode, payload = await _client_frame(peer)
            if opcode == PING:
                await peer.send(frame(PONG, payload))
                if await stopper.hold():
                    return

    return behave


def _accepts_while_stopped(stopper: Stopper):
    async def behave(peer: Peer) -> None:
        request = (await peer.request()).decode()
        await stopper.hold()
        await peer.send(accept_head(request))
        while True:
            opcode, payload = await _client_frame(peer)
            if opcode == PING:
                await peer.send(frame(PONG, payload))

    return behave


def _ticks_while_stopped(stopper: Stopper):
    async def behave(peer: Peer) -> None:
        request = (await peer.request()).decode()
        await peer.send(accept_head(request))
        await stopper.hold()
        await peer.send(frame(TEXT, b'{"type": "tick"}'))
        while True:
            opcode, payload = await _client_frame(peer)
            if opcode == PING:
                await peer.send(frame(PONG, payload))

    return behave


EXPECT = """, expect: {json: "type == 'tick'", within: 400ms}"""
MOMENTS = {
    "answer": (_answers_while_stopped, f"kind: http, {EVERY}"),
    "pong": (_pongs_while_stopped, f"kind: websocket, {SESSION}"),
    "hang-up": (_hangs_up_while_stopped, f"kind: websocket, {SESSION}"),
    "upgrade": (_accepts_while_stopped, f"kind: websocket, {SESSION}"),
    "first-of-session": (_ticks_while_stopped, f"kind: websocket, {SESSION}{EXPECT}"),
    "first-of-run": (_ticks_while_stopped, f"kind: websocket, {EVERY}{EXPECT}"),
}


def test_no_target_is_down_because_we_stood_still(tmp_path: Path, production: Targets) -> None:
    stoppers = {moment: Stopper() for moment in MOMENTS}
    probes = {"beside": http_probe(production.serve().url(), timeout="500ms")}
    hangs = {"hangs": http_probe(production.serve(silent).url(), timeout="500ms")}
    for moment, (behave, said) in MOMENTS.items():
        scheme = "ws" if "websocket" in said else "http"
        url = production.serve(behave(stoppers[moment])).url(scheme=scheme)
        probes[moment] = f'{said}, url: "{url}"'
    config = write_config(tmp_path / "rollwatch.yml", probes | hangs)
    blamed: dict[tuple[str, str], set[str]] = {}
    with running_exporter(config) as exporter:
        for moment in MOMENTS:
            more_runs(exporter, moment, "ok", runs=1)
        for moment, stopper in stoppers.items():
            stopper.pid = exporter.process.popen.pid
            if moment in {"upgrade", "first-of-session"}:
                # A session is opened when its probe changes.
                probes[moment] = probes[moment].replace("timeout: 500ms", "timeout: 450ms", 1)
                write_config(config, probes | hangs)
                exporter.process.signal(signal.SIGHUP)
            wait_for(lambda stopper=stopper: stopper.times, f"the exporter to be stopped: {moment}")
            after = more_runs(exporter, moment, "ok", runs=1)
            blamed |= {(moment, probe): set(after.reasons(probe)) - NO_BLAME for probe in probes}
        assert {where: reasons for where, reasons in blamed.items() if reasons} == {}
        assert set(more_runs(exporter, "hangs", "timeout").reasons("hangs")) <= {"timeout", "overloaded"}
        # The ticks that passed meanwhile are counted, and are not made up for.
        assert 1 <= figures(exporter).by_probe(SKIPPED)["beside"] <= len(MOMENTS) * (STOPPED_S + 1)
        ends_cleanly(exporter)
