"""The inbox's SMTP server: takes every mail, and delivers it nowhere but to the inbox."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP

from rollwatch.demo.production import inbox_forms
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

    from rollwatch.demo.production.inbox_messages import Inbox

__all__ = ["MailSink"]

_LARGEST = 1_048_576
_IDLE_S = 30.0
_MOST_AT_ONCE = 32


class MailSink:
    """Listens on a loopback port from `open` to `close`. Raises DemoError if the port is taken."""

    def __init__(self, inbox: Inbox) -> None:
        self._handler = _Handler(inbox)
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()

    @property
    def port(self) -> int:
        """Where it listens. Raises AssertionError before `open`."""
        assert self._server is not None  # noqa: S101  a mistake in our own code
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, port: int) -> None:
        """Begin to listen; 0: on any free port."""
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Session(self._handler, self._sessions),
                "127.0.0.1",
                port,
                family=socket.AF_INET,
                backlog=_MOST_AT_ONCE,
            )
        except OSError as error:
            raise DemoError(
                f"port {port} (inbox, mail) can't be used: {error.strerror}. "
                "Stop what holds it, or choose other ports with --base-port"
            ) from error

    async def close(self) -> None:
        """End open sessions, and give the port back."""
        if self._server is None:
            return
        self._server.close()
        for session in tuple(self._sessions):
            session.end()
        await self._server.wait_closed()
        self._server = None


class _Session(SMTP):
    """One client. The library's, known to the server for as long as it is connected."""

    def __init__(self, handler: _Handler, sessions: set[_Session]) -> None:
        # Named, because otherwise the resolver is asked for this machine's name, and the loop waits.
        super().__init__(
            handler,
            hostname="inbox.demo.invalid",
            ident="rollwatch demo",
            data_size_limit=_LARGEST,
            enable_SMTPUTF8=True,
            timeout=_IDLE_S,
        )
        self._all = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._all.add(self)
        if len(self._all) > _MOST_AT_ONCE:
            self.end()

    def connection_lost(self, error: Exception | None) -> None:
        self._all.discard(self)
        super().connection_lost(error)

    def end(self) -> None:
        if self.transport is not None:
            self.transport.close()


class _Handler:
    """Called by the library, by name."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        sender, to = envelope.mail_from or "", [str(one) for one in envelope.rcpt_tos]
        self._inbox.take(await asyncio.to_thread(inbox_forms.mail, sender, to, content))
        return "250 taken"
