"""A mail server as far as a client that hands mail in needs one (RFC 5321, 3207, 4954)."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from email.message import EmailMessage

__all__ = ["MailServer", "mail_server"]


@dataclass
class MailServer:
    """Keeps what it gets, and says what it is told to."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """What it says of a mail, before it says 250."""
    password: str | None = None
    """What a client must show, if any."""
    unknown: set[str] = field(default_factory=set)
    """Recipients it does not take."""


class _Conversation:
    def __init__(
        self,
        server: MailServer,
        tls: ssl.SSLContext | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.server = server
        self.tls = tls
        self.reader = reader
        self.writer = writer

    async def run(self) -> None:
        await self.say("220 mail.example.com")
        to: list[str] = []
        while line := (await self.reader.readline()).decode("ascii", "replace").strip():
            command, _, rest = line.partition(" ")
            match command.upper():
                case "EHLO":
                    more = ["STARTTLS"] if self.tls is not None and not self.is_encrypted else []
                    more += ["AUTH PLAIN"] if self.server.password is not None else []
                    words = ["mail.example.com", *more, "8BITMIME"]
                    for at, word in enumerate(words, 1):
                        await self.say(f"250{' ' if at == len(words) else '-'}{word}")
                case "STARTTLS" if self.tls is not None:
                    await self.say("220 go ahead")
                    await self.writer.start_tls(self.tls)
                case "AUTH":
                    await self.say(self.authenticated(rest))
                case "MAIL":
                    to = []
                    await self.say("250 OK")
                case "RCPT":
                    address = rest.partition("<")[2].partition(">")[0]
                    if address in self.server.unknown:
                        await self.say("550 5.1.1 no such user")
                    else:
                        to.append(address)
                        await self.say("250 OK")
                case "DATA":
                    await self.say("354 go on")
                    content = await self.reader.readuntil(b"\r\n.\r\n")
                    await self.say(self.taken(content, to))
                case "QUIT":
                    await self.say("221 bye")
                    return
                case _:
                    await self.say("250 OK")

    @property
    def is_encrypted(self) -> bool:
        return self.writer.get_extra_info("ssl_object") is not None

    def authenticated(self, rest: str) -> str:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self.server.logins.append((user, password))
        return "235 OK" if password == self.server.password else "535 5.7.8 no"

    def taken(self, content: bytes, to: list[str]) -> str:
        if self.server.answers:
            return self.server.answers.pop(0)
        found = email.message_from_bytes(content.replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
        self.server.mails.append(found)  # type: ignore[arg-type]  the policy makes it one
        self.server.recipients.append(to)
        self.server.encrypted.append(self.is_encrypted)
        return "250 OK"

    async def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, at_once: bool = False, password: str | None = None
) -> AsyncIterator[MailServer]:
    """On port 0 of loopback; with `tls` it offers STARTTLS, or begins with it `at_once`."""
    server = MailServer(password=password)
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _Conversation(server, tls, reader, writer).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    listener = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls if at_once else None)
    # A client that breaks off a handshake is what some tests are about.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
