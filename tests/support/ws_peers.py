"""WebSocket servers made by hand, so that they can do everything wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, length: int | None = None
) -> bytes:
    """A frame as servers send them; `length` lies about the payload's."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload) if length is None else length
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def text(message: str) -> bytes:
    return frame(TEXT, message.encode())


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def header(request: str, name: str) -> str | None:
    """The value of a header of a request."""
    for line in request.split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name.lower():
            return value
    return None


def accept_head(request: str, *fields: str, accept: str | None = None) -> bytes:
    """The answer that accepts the upgrade asked for by `request`; `accept` is a wrong key's answer."""
    key = header(request, "Sec-WebSocket-Key") or ""
    digest = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {digest if accept is None else accept}",
        *fields,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.request = ""
        self.received: list[tuple[int, bytes]] = []

    def header(self, name: str) -> str | None:
        return header(self.request, name)

    async def read_request(self) -> None:
        self.request = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    def accept(self, *fields: str, accept: str | None = None) -> bytes:
        return accept_head(self.request, *fields, accept=accept)

    async def upgrade(self, *fields: str, then: bytes = b"") -> None:
        """Accept the upgrade; `then` goes out in the same packet."""
        await self.read_request()
        self.writer.write(self.accept(*fields) + then)
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read_frame(self) -> tuple[int, bytes]:
        """The next frame of the client, unmasked."""
        first, second = await self.reader.readexactly(2)
        assert second & 0x80, "clients must mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size)
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.received.append((first & 0x0F, payload))
        return first & 0x0F, payload

    async def serve_politely(self) -> None:
        """Answer pings and the close frame until the client is gone."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == PING:
                await self.send(frame(PONG, payload))
            elif opcode == CLOSE:
                await self.send(frame(CLOSE, payload))
                return

    async def until_gone(self) -> None:
        """Read and forget until the client is gone."""
        while await self.reader.read(65_536):
            pass

    def reset(self) -> None:
        """End with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
        self.writer.transport.abort()


Behaviour = Callable[[Peer], Awaitable[None]]


class Server:
    """A listening server: its port, and the connections it has had."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.peers: list[Peer] = []
        self.open = 0


@contextlib.asynccontextmanager
async def serving(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Server]:
    """Serve on loopback; a connection ends with its behaviour. At the end waits for clients to have gone."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        server.peers.append(peer)
        server.open += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await behaviour(peer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            server.open -= 1
            tasks.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(handle, "127.0.0.1", port, ssl=tls)
    server = Server(listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        while tasks:
            await asyncio.sleep(0)
        # The clients' ends see the connection end, and their transports close.
        await asyncio.sleep(0.02)


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait until `condition()` is true; fails after `within_s`."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)
