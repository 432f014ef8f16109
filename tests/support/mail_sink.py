"""A mail server that keeps what it gets; or says nothing at all."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Self

__all__ = ["Mail", "MailSink"]


@dataclass(frozen=True)
class Mail:
    """One message, with its envelope."""

    sender: str
    to: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    def part(self, subtype: str) -> str:
        """The text of `plain` or `html`."""
        found = self.message.get_body((subtype,))
        assert found is not None
        return str(found.get_content())


@dataclass
class MailSink:
    """Plain SMTP on loopback (RFC 5321, the part a client of alerts needs)."""

    is_silent: bool = False
    """Accepts connections and never greets."""
    port: int = 0
    mails: list[Mail] = field(default_factory=list)

    def __enter__(self) -> Self:
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if sink.is_silent:
                    sink._stop.wait()
                    return
                self._say(220, "sink")
                sender, to = "", []
                while line := self.rfile.readline().decode("ascii", "replace").strip():
                    command, _, rest = line.partition(":")
                    match command.upper().split(" ")[0]:
                        case "EHLO" | "HELO":
                            self._say(250, "sink")
                        case "MAIL":
                            sender = _address(rest)
                            self._say(250, "ok")
                        case "RCPT":
                            to.append(_address(rest))
                            self._say(250, "ok")
                        case "DATA":
                            self._say(354, "go on")
                            content = self._content()
                            message = email.message_from_bytes(content, policy=email.policy.default)
                            sink.mails.append(Mail(sender, to, message))
                            self._say(250, "kept")
                        case "QUIT":
                            self._say(221, "bye")
                            return
                        case _:
                            self._say(502, "unknown")

            def _say(self, code: int, text: str) -> None:
                self.wfile.write(f"{code} {text}\r\n".encode())

            def _content(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return b"".join(lines)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that goes is no fault."""

        self._stop = threading.Event()
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _address(text: str) -> str:
    return text.partition("<")[2].partition(">")[0]
