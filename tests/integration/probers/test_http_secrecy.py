"""What a hostile HTTP server, or a proxy, can make us show or hand over of our own secrets."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from rollwatch.model import Reason
from rollwatch.probers.http import HttpProber, HttpSpec
from rollwatch.probers.provider import ProviderProber, ProviderSpec
from support.certificates import pki
from support.hostile import says
from support.running import Outcome, make_env, run_probe
from support.servers import Peer, answering, response, serve

TOKEN = "plainsecrettoken0123456789abcdef"
LOGIN = base64.b64encode(f"user:{TOKEN}".encode()).decode()
BEARER = {"auth": {"bearer": TOKEN}}
USERINFO = {"url": f"http://user:{TOKEN}@127.0.0.1:PORT/"}
PROXY = {"url": "https://target.example/", "proxy": f"http://user:{TOKEN}@127.0.0.1:PORT"}
NEVER = {"expect": {"json": "never"}}


def told(**document: Any) -> bytes:
    return response(json.dumps(document).encode())


CASES: dict[str, tuple[dict[str, Any], bytes]] = {
    "a component's name": ({**BEARER, "components": {}}, told(status="ok", **{TOKEN: "up"})),
    "a component's state": (
        {**BEARER, "components": {}},
        told(database={"status": "down", "error": f"no {TOKEN}"}),
    ),
    "a component's state, cut": (
        {**BEARER, "components": {}},
        told(database={"status": "down", "error": "x" * 180 + TOKEN}),
    ),
    "a version": (BEARER, told(version=TOKEN)),
    "a version, cut": (BEARER, told(version="v" * 80 + TOKEN)),
    "a status, cut": ({**BEARER, **NEVER}, told(status="x" * 40 + TOKEN)),
    "a header, cut": (
        {**BEARER, "expect": {"headers": {"X-Echo": "^never$"}}},
        response(headers={"X-Echo": "x" * 60 + TOKEN}),
    ),
    "a body, cut": (BEARER, response(b"x" * 100 + TOKEN.encode() * 500)),
    "a coding, cut": (BEARER, response(b"x", headers={"Content-Encoding": "x" * 20 + TOKEN})),
    "a redirect's path": (
        {**BEARER, "max_redirects": 1},
        response(status="302 Go", headers={"Location": f"/{TOKEN}"}),
    ),
    "a redirect's scheme, cut": (BEARER, response(status="302 Go", headers={"Location": f"{TOKEN}://x/"})),
    "the URL's credentials": (USERINFO, response(LOGIN.encode())),
    "the proxy's credentials": (PROXY, f"HTTP/1.1 403 no {LOGIN}\r\n\r\n".encode()),
    "the proxy's password, cut": (PROXY, f"HTTP/1.1 403 {'x' * 50}{TOKEN}\r\n\r\n".encode()),
}


async def probed(said: dict[str, Any], answer: bytes, kind: Any = (HttpProber, HttpSpec)) -> Outcome:
    async with serve(says(answer)) as server:
        document = {"url": server.url(), **said}
        for key in ("url", "proxy"):
            if key in document:
                document[key] = document[key].replace("PORT", str(server.port))
        return await run_probe(kind[0](kind[1].model_validate(document), make_env()))


def assert_hidden(shown: str) -> None:
    for secret in (TOKEN, LOGIN):
        longest = next((secret[:end] for end in range(len(secret), 4, -1) if secret[:end] in shown), "")
        assert longest == ""


@pytest.mark.parametrize(("said", "answer"), CASES.values(), ids=CASES)
async def test_what_the_other_end_says_back_is_shown_without_our_secrets(
    said: dict[str, Any], answer: bytes
) -> None:
    outcome = await probed(said, answer)
    assert "***" in outcome.shown
    assert_hidden(outcome.shown)


async def test_the_same_for_what_a_provider_says_went_wrong() -> None:
    answer = told(error={"message": "x" * 80 + TOKEN})
    outcome = await probed({**BEARER, **NEVER}, answer, (ProviderProber, ProviderSpec))
    assert outcome.reason is Reason.JSON_MISMATCH
    assert "***" in outcome.detail
    assert_hidden(outcome.shown)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_no_other_host_is_asked_to_do_something(method: str) -> None:
    async with serve(answering(response())) as other:
        go = response(status="307 Go", headers={"Location": other.url("/-/reload")})
        outcome = await probed({"method": method}, go)
    assert outcome.reason is Reason.REDIRECT
    assert f"would send {method} to" in outcome.detail
    assert other.requests == []


async def test_a_client_certificate_is_for_the_host_of_the_url_only(tmp_path: Path) -> None:
    certificate, key = await asyncio.to_thread(pki().client_files, tmp_path)
    authority = await asyncio.to_thread(pki().ca_file, tmp_path)
    tls = {"ca_file": str(authority), "cert_file": str(certificate), "key_file": str(key)}
    presented: list[object] = []

    async def look(peer: Peer) -> None:
        await peer.request()
        presented.append(peer.writer.get_extra_info("peercert"))
        await peer.send(response(b"", status="302 Go", headers={"Location": elsewhere}))

    def optional() -> Any:
        context = pki().server(client_ca=True)
        context.verify_mode = context.verify_mode.CERT_OPTIONAL
        return context

    elsewhere = ""
    async with serve(look, tls=optional()) as other:
        elsewhere = other.url("/", scheme="https", host="localhost")
        async with serve(look, tls=optional()) as server:
            said = {"url": server.url(scheme="https"), "tls": tls}
            spec = await asyncio.to_thread(HttpSpec.model_validate, said)
            env = make_env()
            outcome = await run_probe(HttpProber(spec, env))
            await env.network.close()
    assert outcome.reason is Reason.REDIRECT  # the other one sends us round in a circle
    ours, theirs = presented
    assert ours
    assert not theirs
