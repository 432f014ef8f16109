"""A server in a process of its own that accepts one upgrade and then sends as fast as it can."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path


@contextlib.asynccontextmanager
async def flooding(data: bytes) -> AsyncIterator[int]:
    """Its port. `data` is sent again and again, and nothing is read."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.ws_flooder",
        cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(data.hex().encode() + b"\n")
    process.stdin.close()
    try:
        yield int(await process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def flood() -> None:
    """What the process does."""
    from support.ws_peers import accept_head

    data = bytes.fromhex(sys.stdin.readline())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        client, _ = listener.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(65_536)
    with contextlib.suppress(OSError):
        client.sendall(accept_head(request.decode("latin-1")))
        while True:
            client.sendall(data)


if __name__ == "__main__":
    flood()
