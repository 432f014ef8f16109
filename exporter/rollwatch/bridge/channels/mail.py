"""One mail through a smarthost, by smtplib in a thread of its own, under one deadline for all of it.

smtplib bounds each wait only: a server that answers a byte at a time would hold the thread for ever. So the
socket is shut from outside when the time is over, which ends whatever waits on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import structlog

from rollwatch.bridge.failures import SendFailed
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rollwatch.bridge.channels.digest_text import Letter
    from rollwatch.config.address import HostPort

__all__ = ["MailServer", "mail_message", "send_mail"]

_log = structlog.get_logger(__name__)

_WAIT_S = 15.0
_TLS_AT_ONCE = 465
_SUBJECT_MAX = 200


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and how."""

    address: HostPort
    require_tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def mail_message(
    letter: Letter, *, sender: str, to: Sequence[str], date: datetime, number: str
) -> EmailMessage:
    """The mail, text and HTML. `number` names it, the same when it is sent again."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = clean(letter.subject, _SUBJECT_MAX)
    message["From"] = _address(sender)
    message["To"] = [_address(one) for one in to]
    message["Date"] = format_datetime(date)
    message["Message-ID"] = f"<{number}@{_address(sender).domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


async def send_mail(server: MailServer, message: EmailMessage, *, deadline_s: float) -> None:
    """Hand the mail in. Raises SendFailed."""
    attempt = _Attempt(server, message)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    threading.Thread(
        target=attempt.run, args=(asyncio.get_running_loop(), done), name="bridge-mail", daemon=True
    ).start()
    try:
        async with asyncio.timeout(deadline_s):
            await done
    except TimeoutError:
        raise SendFailed(f"the mail server was not done within {deadline_s:g} s") from None
    finally:
        attempt.abort()


class _Attempt:
    """One conversation with the server, in a thread."""

    def __init__(self, server: MailServer, message: EmailMessage) -> None:
        self._server = server
        self._message = message
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_over = False

    def run(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
        """Talk, and tell the loop how it went."""
        failure = self._failure()

        def settle() -> None:
            if done.done():
                return
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle)

    def abort(self) -> None:
        """End it now, whatever it waits for."""
        with self._lock:
            self._is_over = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def keep(self, sock: socket.socket) -> None:
        """The connection to shut. Raises TimeoutError if it comes too late."""
        with self._lock:
            self._socket = sock
            if self._is_over:
                raise TimeoutError

    def let_go(self) -> None:
        """The conversation is over, and its descriptor may soon be another's."""
        with self._lock:
            self._socket = None

    def _failure(self) -> SendFailed | None:
        try:
            self._talk()
        except SendFailed as failure:
            return failure
        except smtplib.SMTPException as error:
            return _smtp_failure(error)
        except ssl.SSLError as error:
            return SendFailed(f"no TLS connection to the mail server: {clean(error.reason or 'failed', 100)}")
        except TimeoutError:
            return SendFailed(f"the mail server did not answer within {_WAIT_S:g} s")
        except OSError as error:
            return SendFailed(f"the mail server can't be reached: {error.strerror or type(error).__name__}")
        except ValueError as error:
            return SendFailed(f"the mail can't be written ({type(error).__name__})", permanent=True)
        return None

    def _talk(self) -> None:
        server = self._server
        context = ssl.create_default_context()
        host, port = server.address
        smtp = _Smtp(self, context if port == _TLS_AT_ONCE else None)
        try:
            smtp.connect(host, port)
            smtp.ehlo()
            is_encrypted = port == _TLS_AT_ONCE
            if not is_encrypted and smtp.has_extn("starttls"):
                smtp.starttls(context=context)
                smtp.ehlo()
                is_encrypted = True
            if server.require_tls and not is_encrypted:
                raise SendFailed(
                    "the mail server offers no STARTTLS, and notifications.mail.require_tls wants it"
                )
            if server.username is not None and server.password is not None:
                if not is_encrypted and not _is_loopback(host):
                    raise SendFailed("the password is not sent over a connection that is not encrypted")
                smtp.login(server.username, server.password)
            refused = smtp.send_message(self._message)
            if refused:
                _log.warning("mail_recipients_refused", refused=len(refused))
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            self.let_go()
            smtp.close()


class _Smtp(smtplib.SMTP):
    """smtplib's client, whose socket somebody else can shut, and which may begin with TLS."""

    def __init__(self, attempt: _Attempt, context: ssl.SSLContext | None) -> None:
        self._attempt = attempt
        self._context = context
        # Without a host it connects later; with a name of ours it asks no resolver for one.
        super().__init__(timeout=_WAIT_S, local_hostname=_own_name())

    def connect(
        self, host: str = "localhost", port: int = 0, source_address: Any = None
    ) -> tuple[int, bytes]:
        # What certificates are checked against; smtplib sets it only where its constructor connects.
        self._host = host
        return super().connect(host, port, source_address)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        self._attempt.keep(sock)
        if self._context is None:
            return sock
        wrapped = self._context.wrap_socket(sock, server_hostname=host)
        self._attempt.keep(wrapped)
        return wrapped

    def starttls(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        found = super().starttls(*args, **options)
        if isinstance(self.sock, socket.socket):
            self._attempt.keep(self.sock)
        return found


def _own_name() -> str:
    """For EHLO: a name of ASCII, or the address that says nothing (RFC 5321 section 4.1.3)."""
    name = socket.gethostname()
    return (
        name
        if name and name.isascii() and all(char.isalnum() or char in "-." for char in name)
        else "[127.0.0.1]"
    )


def _smtp_failure(error: smtplib.SMTPException) -> SendFailed:
    """5yz is for good, 4yz for now (RFC 5321 section 4.2.1): the other way round than HTTP."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in error.recipients.values()]
            said = f"the mail server takes none of the recipients ({codes[0] if codes else 'no reason'})"
            return SendFailed(said, permanent=bool(codes) and all(code >= 500 for code in codes))
        case smtplib.SMTPAuthenticationError():
            return SendFailed(
                f"the mail server does not accept the password ({error.smtp_code})", permanent=True
            )
        case smtplib.SMTPServerDisconnected():
            return SendFailed("the mail server closed the connection")
        case smtplib.SMTPNotSupportedError():
            return SendFailed("the mail server can't do what is needed: no AUTH, or no SMTPUTF8")
        case smtplib.SMTPResponseException():
            said = clean(error.smtp_error, 150)
            return SendFailed(
                f"the mail server said {error.smtp_code} {said}", permanent=error.smtp_code >= 500
            )
        case _:
            return SendFailed(f"the mail server failed ({type(error).__name__})")


def _address(text: str) -> Address:
    return Address(addr_spec=text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
