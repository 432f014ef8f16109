"""Who is asking, and whether they may: basic auth users, bearer tokens, roles."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import BasicAuth, web

from rollwatch.serving.passwords import Passwords
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from rollwatch.serving.route import Request, Route
    from rollwatch.serving.web_config import Token, WebConfig

__all__ = ["ANONYMOUS", "PASSWORDS", "PRINCIPAL", "Principal", "authenticate", "authorize", "known_token"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who made a request. `role` is None for a user of basic auth, who has every role."""

    kind: str
    """`anonymous`, `user` or `token`."""
    name: str
    role: str | None = None


ANONYMOUS = Principal("anonymous", "")
PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)
"""Set on every request that reached a handler."""
PASSWORDS = web.AppKey("PASSWORDS", Passwords)
"""The listener's checks of passwords, with their bounds, for a login that is no header."""


async def authenticate(request: Request, config: WebConfig, passwords: Passwords) -> Principal:
    """Who makes `request`; ANONYMOUS if it brings no credentials. Raises Refusal for wrong ones."""
    header = request.headers.get("Authorization")
    if header is None or not config.asks_who:
        return ANONYMOUS
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return _of_token(credentials.strip(), config)
    if scheme.lower() == "basic" and config.users:
        try:
            login = BasicAuth.decode(header, encoding="utf-8")
        except ValueError:
            raise _unauthorized(config, "The Authorization header can't be read.") from None
        if await passwords.verify(config.users, login.login, login.password, request.remote or ""):
            return Principal("user", login.login)
        raise _unauthorized(config, "The user name or the password is wrong.")
    raise _unauthorized(config, "This kind of Authorization is not accepted here.")


def authorize(principal: Principal, route: Route, config: WebConfig) -> None:
    """Let `principal` use `route`, or raise Refusal: 401 for nobody, 403 when it is not enough."""
    if not route.roles:
        return
    if principal.kind == "user":
        return
    if principal.kind == "anonymous":
        if config.asks_who:
            raise _unauthorized(config, "This needs a password or a token.")
        if route.is_open:
            return
        raise Refusal(
            403,
            "token_needed",
            "This is never done without a token.",
            "Start the process with --web.config.file and list the token under tokens: there.",
        )
    if principal.role not in route.roles:
        roles = " or ".join(sorted(route.roles))
        raise Refusal(
            403,
            "role_missing",
            f"The token {principal.name} has the role {principal.role}; this needs {roles}.",
            "Use a token with that role.",
        )


def known_token(token: str, config: WebConfig) -> Token | None:
    """The token of the web configuration that `token` is."""
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    found: Token | None = None
    for known in config.tokens:
        # Every one is compared, so that the time says nothing about which one came near.
        if hmac.compare_digest(digest, known.sha256):
            found = known
    return found


def _of_token(token: str, config: WebConfig) -> Principal:
    found = known_token(token, config)
    if found is None:
        raise _unauthorized(config, "This token is not known here.")
    return Principal("token", found.name, found.role)


def _unauthorized(config: WebConfig, message: str) -> Refusal:
    schemes = ['Basic realm="rollwatch", charset="UTF-8"'] if config.users else []
    schemes += ['Bearer realm="rollwatch"'] if config.tokens else []
    ways = ["a user of basic_auth_users"] if config.users else []
    ways += ["Authorization: Bearer with one of the tokens"] if config.tokens else []
    return Refusal(
        401,
        "unauthorized",
        message,
        f"Accepted here: {', or '.join(ways)} (see --web.config.file).",
        headers={"WWW-Authenticate": ", ".join(schemes)},
    )
