"""A feed in a process of its own: a known number of messages to each of many sessions, one here, one there.

Session `i` is the connection whose path ends with `/i`. Sizes vary, some messages are fragmented or binary.
With `drops`, every odd session is cut off within a frame half-way, and gets the rest when it is back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import uvloop

from support.ws_peers import BINARY, CONT, TEXT, accept_head, frame

_SHAPES = ((TEXT, 24, 1), (TEXT, 150, 1), (TEXT, 900, 1), (TEXT, 5000, 3), (BINARY, 40, 1), (TEXT, 0, 2))


class Sent(NamedTuple):
    """What one session was sent, whole messages only."""

    messages: int
    payload_bytes: int


def message(session: int, nth: int) -> tuple[bytes, int]:
    """The frames of a message, and the size of its payload."""
    opcode, size, parts = _SHAPES[(session + nth) % len(_SHAPES)]
    payload = f'{{"type":"tick","n":{nth},"pad":"'.encode() + b"x" * size + b'"}' if size else b""
    if parts == 1:
        return frame(opcode, payload), len(payload)
    step = len(payload) // parts
    pieces = [payload[i * step : (i + 1) * step] for i in range(parts - 1)] + [payload[(parts - 1) * step :]]
    frames = [frame(CONT if i else opcode, piece, fin=i == parts - 1) for i, piece in enumerate(pieces)]
    return b"".join(frames), len(payload)


class FeedProcess:
    """The other process, seen from here."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()

    async def go(self) -> None:
        """Let it begin to send."""
        await self._say("go")

    async def sent(self) -> list[Sent]:
        """What it has sent to each session, once it has sent everything."""
        await self._say("report")
        assert self._process.stdout is not None
        return [Sent(*pair) for pair in json.loads(await self._process.stdout.readline())]


@contextlib.asynccontextmanager
async def feeding(
    sessions: int, messages: int, *, pause_s: float = 0.0, drops: bool = False
) -> AsyncIterator[FeedProcess]:
    """A feed that waits for its `go`; between two messages to one session it pauses."""
    options = [f"--sessions={sessions}", f"--messages={messages}", f"--pause={pause_s}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.ws_feed",
        *options,
        *(["--drops"] if drops else []),
        cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**22,
    )
    assert process.stdout is not None
    try:
        yield FeedProcess(process, int(await process.stdout.readline()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# The process itself.


class Session(asyncio.Protocol):
    """One client, from its request on."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._head = b""
        self.index: int | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.index is not None:
            self._answer(data)
            return
        self._head += data
        if b"\r\n\r\n" in self._head:
            request = self._head.decode("latin-1")
            self.index = int(request.split(" ", 2)[1].rpartition("/")[2])
            self.transport.write(accept_head(request))
            self._feed.open[self.index] = self

    def _answer(self, data: bytes) -> None:
        # Clients of the bench send nothing but pings of up to 8 bytes and a close: one small frame at a time.
        while len(data) >= 6:
            size = data[1] & 0x7F
            if data[0] & 0x0F == 9:
                mask, payload = data[2:6], data[6 : 6 + size]
                self.transport.write(frame(10, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))))
            data = data[6 + size :]

    def connection_lost(self, exc: Exception | None) -> None:
        if self.index is not None and self._feed.open.get(self.index) is self:
            del self._feed.open[self.index]


class Feed:
    """Who gets what."""

    def __init__(self, sessions: int, messages: int, pause_s: float, *, drops: bool) -> None:
        self.open: dict[int, Session] = {}
        self._messages = messages
        self._pause_s = pause_s
        self._position = [0] * sessions
        self._bytes = [0] * sessions
        self._to_drop = {i for i in range(sessions) if drops and i % 2}

    async def send_all(self) -> None:
        while min(self._position) < self._messages:
            for index, session in list(self.open.items()):
                if self._position[index] < self._messages:
                    self._send(index, session)
            await asyncio.sleep(self._pause_s)

    def _send(self, index: int, session: Session) -> None:
        nth = self._position[index]
        data, size = message(index, nth)
        if index in self._to_drop and nth == self._messages // 2:
            self._to_drop.discard(index)
            del self.open[index]
            session.transport.write(data[: len(data) - 1])
            session.transport.close()
            return
        session.transport.write(data)
        self._position[index] += 1
        self._bytes[index] += size

    def report(self) -> list[list[int]]:
        return [[self._position[i], self._bytes[i]] for i in range(len(self._position))]


async def serve(arguments: argparse.Namespace) -> None:
    feed = Feed(arguments.sessions, arguments.messages, arguments.pause, drops=arguments.drops)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(feed), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    words = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    await words.readline()
    await feed.send_all()
    await words.readline()
    print(json.dumps(feed.report()), flush=True)
    await words.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--pause", type=float)
    parser.add_argument("--drops", action="store_true")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parser.parse_args()))
