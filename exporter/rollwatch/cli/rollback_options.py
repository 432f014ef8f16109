"""What the commands that ask the handler share: where it is, who asks, and how its refusals are told."""

from __future__ import annotations

import getpass
import json
import os
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rollwatch.cli.rollback_client import HandlerClient, HandlerSaid
from rollwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Asked", "actor_option", "asking", "print_json"]

_TOKEN_MAX = 4096


class Asked:
    """How to ask, and how to answer."""

    def __init__(self, client: HandlerClient, *, as_json: bool) -> None:
        self.client = client
        self.as_json = as_json


def asking(command: Callable[..., int]) -> Callable[..., int]:
    """Options of every command that is a client; `command` is handed an `Asked` first."""

    @click.option(
        "--url",
        default="http://127.0.0.1:9718",
        show_default=True,
        envvar="ROLLWATCH_ROLLBACK_URL",
        show_envvar=True,
        help="Where the handler is.",
    )
    @click.option(
        "--token-file",
        "token_file",
        type=click.Path(path_type=Path),
        envvar="ROLLWATCH_ROLLBACK_TOKEN_FILE",
        show_envvar=True,
        help="The file with your token; or the token itself in ROLLWATCH_ROLLBACK_TOKEN.",
    )
    @click.option(
        "--ca-file",
        "ca_file",
        type=click.Path(path_type=Path),
        envvar="ROLLWATCH_ROLLBACK_CA_FILE",
        show_envvar=True,
        help="PEM: whom to believe about the handler's certificate.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the handler's JSON instead of text.")
    @click.pass_context
    @wraps(command)
    def asked(
        context: click.Context,
        /,
        url: str,
        token_file: Path | None,
        ca_file: Path | None,
        as_json: bool,
        **options: Any,
    ) -> int:
        if not url.startswith(("http://", "https://")):
            raise UsageError("--url must begin with http:// or https://")
        if ca_file is not None and not ca_file.is_file():
            raise UsageError(f"--ca-file {ca_file}: there is no such file")
        client = HandlerClient(url, _token(token_file), None if ca_file is None else str(ca_file))
        context.call_on_close(client.close)
        try:
            return command(Asked(client, as_json=as_json), **options)
        except HandlerSaid as said:
            click.echo(f"Error: {said}", err=True)
            return said.code

    return asked


def actor_option(command: Any) -> Any:
    """`--actor`: who wants it."""
    return click.option("--actor", help="Who wants it.  [default: your login name]", callback=_actor)(command)


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=True))


def _actor(_: click.Context, __: click.Parameter, value: str | None) -> str:
    if value is not None:
        return value
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise UsageError("this user has no login name: say who wants it with --actor") from None


def _token(token_file: Path | None) -> str | None:
    if token_file is None:
        where, token = "ROLLWATCH_ROLLBACK_TOKEN", os.environ.get("ROLLWATCH_ROLLBACK_TOKEN")
    else:
        where, token = f"--token-file {token_file}", _text(token_file)
    if token is not None and not (0 < len(token) <= _TOKEN_MAX and all(" " < one <= "~" for one in token)):
        raise UsageError(f"{where} holds no token: one line of printable characters, without spaces")
    return token


def _text(token_file: Path) -> str:
    try:
        return token_file.read_bytes()[: _TOKEN_MAX + 2].decode("utf-8", "replace").strip("\r\n")
    except OSError as error:
        raise UsageError(f"--token-file {token_file} can't be read: {error.strerror}") from None
