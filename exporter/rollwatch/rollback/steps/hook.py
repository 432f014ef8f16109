"""A hook before or after the rollback: a program, or an HTTP request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aiohttp
import orjson

from rollwatch import __version__
from rollwatch.errors import SecretUnavailable
from rollwatch.rollback.model.words import StepState
from rollwatch.rollback.steps.ended import Ended
from rollwatch.rollback.steps.programs import run_program
from rollwatch.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollwatch.config.rollback import HookSpec
    from rollwatch.config.secret_url import SecretUrl
    from rollwatch.rollback.steps.told import Told

__all__ = ["run_hook"]


async def run_hook(spec: HookSpec, told: Told, *, directory: Path, environ: Mapping[str, str]) -> Ended:
    """DONE when the program ended with exit status 0, or the server answered 2xx, in time."""
    timeout_s = spec.timeout
    if spec.run is not None:
        return await run_program(spec.run, spec, told, directory=directory, environ=environ)
    if spec.url is None:
        raise AssertionError("refused at load")
    try:
        return await _post(spec.url, spec, told, timeout_s)
    except SecretUnavailable as missing:
        return Ended.failed(sentence(f"It was not called: {missing}."))
    except TimeoutError:
        return Ended(StepState.TIMED_OUT, f"No answer within {timeout_s:g} s.")
    except aiohttp.InvalidURL:
        return Ended.failed("Its address is no URL.")
    except (aiohttp.ClientError, OSError) as error:
        return Ended.failed(f"{_words(error)}.")


async def _post(url: SecretUrl, spec: HookSpec, told: Told, timeout_s: float) -> Ended:
    headers = {name: value.render_header() for name, value in spec.headers.items()}
    async with (
        aiohttp.ClientSession(
            # The system's resolver; and no connection that may be dead without our knowing.
            connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver(), force_close=True),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers={"User-Agent": f"rollwatch-rollback/{__version__}"},
        ) as session,
        session.post(
            url.render(),
            data=orjson.dumps(told.document()),
            headers={"Content-Type": "application/json", **headers},
            allow_redirects=False,
        ) as answer,
    ):
        if 200 <= answer.status < 300:
            return Ended.done(f"It answered {answer.status}.")
        redirect = " A redirect is never followed: write the address it leads to."
        return Ended.failed(f"It answered {answer.status}.{redirect if 300 <= answer.status < 400 else ''}")


def _words(error: aiohttp.ClientError | OSError) -> str:
    """aiohttp's own texts quote addresses, which may be secrets."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "The name of its host can't be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return "Its certificate is not trusted"
        case aiohttp.ClientSSLError():
            return "No TLS connection comes about"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            return f"It can't be reached: {os.strerror(number) if number else 'no connection'}"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | aiohttp.ClientOSError():
            return "It closed the connection without an answer"
        case _:
            return f"The call failed ({type(error).__name__})"
