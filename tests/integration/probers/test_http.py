"""The kind http against servers that behave: what is asked, what is expected, what is learnt."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from rollwatch.config.secrets import SecretStore
from rollwatch.model import Component, Phase, Reason
from rollwatch.probers.http import KIND, HttpProber, HttpSpec
from support.loops import LOOPS, on_loop
from support.running import Outcome, make_env, run_probe
from support.servers import Peer, answering, closed_port, response, serve

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t-Value/42"


def prober(url: str, *, secrets: SecretStore | None = None, **said: Any) -> HttpProber:
    spec = HttpSpec.model_validate({"url": url, **said}, context={"secrets": secrets})
    return HttpProber(spec, make_env())


async def prober_with(secrets: SecretStore, url: str, **said: Any) -> HttpProber:
    """Secrets are read from files: as when a configuration is loaded, beside the loop."""
    return await asyncio.to_thread(prober, url, secrets=secrets, **said)


async def ask(answer: bytes, **said: Any) -> Outcome:
    async with serve(answering(answer)) as server:
        return await run_probe(prober(server.url(), **said))


def as_json(**document: Any) -> bytes:
    return response(json.dumps(document).encode(), headers={"Content-Type": "application/json"})


@pytest.fixture
def secrets(tmp_path: Path) -> SecretStore:
    (tmp_path / "token").write_text(SECRET)
    return SecretStore(tmp_path, {"PASSWORD": SECRET})


@pytest.mark.parametrize("loop", LOOPS)
def test_a_good_answer_is_up_and_measured(loop: str) -> None:
    answer = response(b"healthy", headers={"Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"})
    outcome = on_loop(loop, ask(answer, expect={"keyword": "healthy"}))
    assert outcome.reason is Reason.OK
    assert set(outcome.run.phases) == {Phase.CONNECT, Phase.PROCESSING, Phase.TRANSFER}
    assert sum(outcome.run.phases.values()) <= outcome.elapsed_s
    found = {sample.metric.name: sample.value for sample in outcome.run.samples}
    assert found == {
        "probe_ip_protocol": 4,
        "probe_http_status_code": 200,
        "probe_http_version": 1.1,
        "probe_http_content_length": 7,
        "probe_http_uncompressed_body_length": 7,
        "probe_http_redirects": 0,
        "probe_http_ssl": 0,
        "probe_http_last_modified_timestamp_seconds": 1795168800,
        "probe_failed_due_to_regex": 0,
    }
    assert {sample.metric for sample in outcome.run.samples} - set(KIND.metrics) == {
        sample.metric for sample in outcome.run.samples if sample.metric.name == "probe_ip_protocol"
    }


@pytest.mark.parametrize(
    ("answer", "said", "reason", "detail"),
    [
        pytest.param(response(status="204 No Content", length=False), {}, Reason.OK, "", id="no content"),
        pytest.param(
            response(b"", status="304 Not Modified"),
            {"expect": {"status": 304}},
            Reason.OK,
            "",
            id="not modified",
        ),
        pytest.param(
            response(status="500 Oops"),
            {},
            Reason.STATUS,
            "answered 500, expected 200-299",
            id="server error",
        ),
        pytest.param(
            response(b"x" * 2_000_000, status="500 Oops"),
            {},
            Reason.STATUS,
            "answered 500, expected 200-299",
            id="the status counts more than a body too large",
        ),
        pytest.param(
            response(status="418 T"), {"expect": {"status": ["4xx", 200]}}, Reason.OK, "", id="a range"
        ),
        pytest.param(
            response(status="429 Slow", headers={"Retry-After": "7"}),
            {},
            Reason.RATE_LIMITED,
            "answered 429, expected 200-299: too many requests; it asks to wait 7 s",
            id="rate limited",
        ),
        pytest.param(
            response(status="401 No"), {}, Reason.STATUS, "answered 401, expected 200-299", id="401 to nobody"
        ),
        pytest.param(
            response(status="403 No"),
            {"auth": {"bearer": "abcdef"}},
            Reason.CREDENTIALS_REJECTED,
            "answered 403, expected 200-299: it rejects our credentials",
            id="403 to credentials",
        ),
        pytest.param(
            response(headers={"X-A": "one"}),
            {"expect": {"headers": {"x-a": "^two$"}}},
            Reason.HEADER_MISMATCH,
            "the header x-a is 'one', expected to match ^two$",
            id="header",
        ),
        pytest.param(
            response(),
            {"expect": {"headers": {"X-B": "."}}},
            Reason.HEADER_MISMATCH,
            "the answer has no header X-B",
            id="no header",
        ),
        pytest.param(
            response(b'{"status":"ok"}'),
            {"expect": {"keyword": '"status":"ok"'}},
            Reason.OK,
            "",
            id="keyword",
        ),
        pytest.param(
            response(b"all well"),
            {"expect": {"keyword": ["all", "good"]}},
            Reason.BODY_MISMATCH,
            "the body does not contain 'good'",
            id="one keyword of two",
        ),
        pytest.param(
            response(b"Traceback: boom"),
            {"expect": {"not_keyword": "Traceback"}},
            Reason.BODY_MISMATCH,
            "the body contains 'Traceback'",
            id="forbidden keyword",
        ),
        pytest.param(response(b"v12"), {"expect": {"body": r"^v\d+$"}}, Reason.OK, "", id="pattern"),
        pytest.param(
            response(b"v1"),
            {"expect": {"body": r"^w"}},
            Reason.BODY_MISMATCH,
            "the body does not match ^w",
            id="pattern does not match",
        ),
        pytest.param(
            response(b"v1"),
            {"expect": {"not_body": r"^v"}},
            Reason.BODY_MISMATCH,
            "the body matches ^v",
            id="forbidden pattern",
        ),
        pytest.param(
            as_json(status="degraded"),
            {"expect": {"json": "status == 'healthy'"}},
            Reason.JSON_MISMATCH,
            "not true of the body: status == 'healthy'; its status is 'degraded'",
            id="JSON expression",
        ),
        pytest.param(
            as_json(a=1),
            {"expect": {"json": ["a == `1`", "a"]}},
            Reason.JSON_MISMATCH,
            None,
            id="truthy is not true",
        ),
    ],
)
async def test_an_answer_is_judged(
    answer: bytes, said: dict[str, Any], reason: Reason, detail: str | None
) -> None:
    outcome = await ask(answer, **said)
    assert outcome.reason is reason
    assert detail is None or outcome.detail == detail
    is_text = reason in (Reason.HEADER_MISMATCH, Reason.BODY_MISMATCH)
    assert outcome.sampled("probe_failed_due_to_regex") in (None, float(is_text))


async def test_retry_after_is_kept_and_bounded() -> None:
    answer = response(status="429 Slow", headers={"Retry-After": "99999999"})
    assert (await ask(answer)).run.retry_after_s == 86_400


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + response(b"hello"), id="after an interim answer"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", id="until the end"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", id="no reason phrase"),
        pytest.param(response(b"hello") + b"HTTP/1.1 500 Extra\r\n\r\n", id="something after it"),
        pytest.param(
            b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n",
            id="in chunks",
        ),
        pytest.param(response(gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"}), id="gzip"),
        pytest.param(
            response(gzip.compress(b"hel") + gzip.compress(b"lo"), headers={"Content-Encoding": "gzip"}),
            id="gzip in two members",
        ),
        pytest.param(
            response(zlib.compress(b"hello"), headers={"Content-Encoding": "deflate"}), id="deflate"
        ),
        pytest.param(
            response(zlib.compress(b"hello", wbits=-15), headers={"Content-Encoding": "deflate"}),
            id="bare deflate",
        ),
    ],
)
async def test_every_way_to_send_a_body_is_understood(answer: bytes) -> None:
    async with serve(answering(answer, close=True)) as server:
        outcome = await run_probe(prober(server.url(), expect={"body": "^hello$"}))
    assert outcome.reason is Reason.OK, outcome.detail


@pytest.mark.parametrize(("interims", "reason"), [(10, Reason.OK), (11, Reason.PROTOCOL_ERROR)])
async def test_only_so_many_interim_answers_are_waited_through(interims: int, reason: Reason) -> None:
    outcome = await ask(b"HTTP/1.1 100 Continue\r\n\r\n" * interims + response(b"hello"))
    assert outcome.reason is reason


async def test_a_head_request_does_not_wait_for_the_body_it_declares() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    outcome = await ask(answer, method="HEAD")
    assert outcome.reason is Reason.OK
    assert outcome.sampled("probe_http_content_length") == 5000


async def test_the_request_is_what_the_file_says(secrets: SecretStore) -> None:
    async with serve(answering(response())) as server:
        await run_probe(
            await prober_with(
                secrets,
                server.url("/a/${file:token}?k=${env:PASSWORD}"),
                method="POST",
                headers={"X-Key": "${file:token}", "Accept": "text/plain"},
                json={"q": [1, "ü"]},
                auth={"basic": {"username": "me", "password": "${env:PASSWORD}"}},
            )
        )
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a/s3cr3t-Value/42?k=s3cr3t-Value%2F42 HTTP/1.1"
    assert set(lines[1:]) == {
        f"Host: 127.0.0.1:{server.port}",
        f"X-Key: {SECRET}",
        "Accept: text/plain",
        "User-Agent: rollwatch/test",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        "Authorization: Basic bWU6czNjcjN0LVZhbHVlLzQy",
        "Connection: close",
        f"Content-Length: {len(body)}",
    }
    assert json.loads(body) == {"q": [1, "ü"]}


async def test_a_changed_secret_is_sent_from_the_next_run_on(secrets: SecretStore, tmp_path: Path) -> None:
    async with serve(answering(response())) as server:
        subject = await prober_with(secrets, server.url(), auth={"bearer": "${file:token}"})
        await run_probe(subject)
        (tmp_path / "token").write_text("another")
        assert await asyncio.to_thread(secrets.refresh) == ["file:token"]
        await run_probe(subject)
    assert f"Bearer {SECRET}".encode() in server.requests[0]
    assert b"Bearer another" in server.requests[1]


async def test_a_server_that_echoes_secrets_does_not_get_them_shown(secrets: SecretStore) -> None:
    async def echo(peer: Peer) -> None:
        said = await peer.request()
        body = json.dumps({"status": "x", "version": SECRET, "database": {"status": f"down {SECRET}"}})
        await peer.send(response(said + body.encode(), headers={"X-Echo": SECRET}))

    async with serve(echo) as server:
        subject = await prober_with(
            secrets,
            server.url("/${file:token}?token=${file:token}"),
            auth={"basic": {"username": "me", "password": "${file:token}"}},
            components={"critical": ["database"]},
            expect={"headers": {"X-Echo": "^never$"}},
        )
        outcome = await run_probe(subject)
    assert outcome.reason is Reason.HEADER_MISMATCH
    for form in (SECRET, "s3cr3t-Value%2F42", "bWU6czNjcjN0LVZhbHVlLzQy"):
        assert form not in outcome.shown
        assert form not in repr(vars(subject))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nothing_secret_follows_a_redirect_to_another_host(status: int, secrets: SecretStore) -> None:
    async with serve(answering(response(b"elsewhere"))) as other:
        location = {"Location": other.url("/there")}
        async with serve(answering(response(status=f"{status} Go", headers=location))) as server:
            outcome = await run_probe(
                await prober_with(
                    secrets,
                    server.url("/${file:token}"),
                    headers={
                        "X-Api-Key": "${file:token}",
                        "Cookie": "id=${file:token}",
                        "Accept": "text/html",
                    },
                    auth={"bearer": "${file:token}"},
                )
            )
    assert outcome.reason is Reason.OK
    assert outcome.sampled("probe_http_redirects") == 1
    (request,) = other.requests
    assert SECRET.encode() not in request
    names = {line.split(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"accept", b"user-agent", b"connection"}


async def test_a_body_is_not_sent_to_another_host() -> None:
    async with serve(answering(response())) as other:
        location = {"Location": other.url()}
        async with serve(answering(response(status="307 Go", headers=location))) as server:
            outcome = await run_probe(prober(server.url(), method="POST", body="secret text"))
    assert outcome.reason is Reason.REDIRECT
    assert other.requests == []


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", b"GET /next "),
        (302, "POST", b"GET /next "),
        (303, "PUT", b"GET /next "),
        (303, "HEAD", b"HEAD /next "),
        (307, "POST", b"POST /next "),
        (308, "PUT", b"PUT /next "),
    ],
)
async def test_a_redirect_on_the_same_host_keeps_what_it_should(
    status: int, method: str, expected: bytes
) -> None:
    answers = response(status=f"{status} Go", headers={"Location": "/next"}), response()

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.send(answers[min(len(peer.server.requests), 2) - 1])

    async with serve(behave) as server:
        said = {} if method == "HEAD" else {"body": "text"}
        outcome = await run_probe(prober(server.url(), method=method, auth={"bearer": "abcd"}, **said))
    assert outcome.reason is Reason.OK
    assert server.requests[1].startswith(expected)
    assert b"Authorization: Bearer abcd" in server.requests[1]
    assert server.requests[1].endswith(b"text") == (method != "HEAD" and expected.split()[0] != b"GET")


async def test_redirects_are_not_followed_when_the_file_says_so() -> None:
    answer = response(status="301 Go", headers={"Location": "/next"})
    outcome = await ask(answer, follow_redirects=False, expect={"status": 301})
    assert outcome.reason is Reason.OK


@pytest.mark.parametrize("loop", LOOPS)
def test_a_kept_connection_is_used_again(loop: str) -> None:
    async def main() -> None:
        async with serve(answering(response(b"hi"))) as server:
            env = make_env()
            spec = HttpSpec.model_validate({"url": server.url(), "reuse_connection": True})
            subject = HttpProber(spec, env)
            first, second = await run_probe(subject), await run_probe(subject)
            assert server.connections == 1
            assert Phase.CONNECT in first.run.phases
            assert set(second.run.phases) == {Phase.PROCESSING, Phase.TRANSFER}
            await env.network.close()

    on_loop(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("method", "reason"), [("GET", Reason.OK), ("POST", Reason.CONNECTION_CLOSED)])
def test_a_kept_connection_the_peer_closed_is_made_again_once(loop: str, method: str, reason: Reason) -> None:
    """The peer closes when it sees the second request: nothing else can tell that it had gone."""

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"hi"))
        await peer.request()

    async def main() -> None:
        async with serve(behave) as server:
            env = make_env()
            spec = HttpSpec.model_validate({"url": server.url(), "reuse_connection": True, "method": method})
            subject = HttpProber(spec, env)
            assert (await run_probe(subject)).reason is Reason.OK
            assert (await run_probe(subject)).reason is reason
            assert server.connections == (2 if reason is Reason.OK else 1)
            await env.network.close()

    on_loop(loop, main())


async def test_components_version_and_age_are_read_from_an_unhealthy_answer() -> None:
    document = {
        "status": "error",
        "version": "1.4.2",
        "timestamp": "2026-11-20T10:00:00Z",
        "uptime": 77,
        "database": "connected",
        "queue": {"status": "down", "error": "no\nroute"},
    }
    answer = response(json.dumps(document).encode(), status="503 Service Unavailable")
    outcome = await ask(answer, components={"critical": ["database"]}, timestamp={"max_age": "60s"})
    assert outcome.reason is Reason.STATUS
    assert outcome.detail == "answered 503, expected 200-299; down: queue"
    assert outcome.run.version == "1.4.2"
    assert outcome.run.components == [
        Component("database", is_up=True, is_critical=True, word="connected"),
        Component("queue", is_up=False, is_critical=False, word="down: no route"),
    ]
    assert outcome.sampled("rollwatch_health_timestamp_seconds") == 1795168800
    assert outcome.sampled("rollwatch_health_uptime_seconds") == 77
    assert [said for name, said in outcome.run.notes or () if name in ("version", "component")] == [
        "1.4.2",
        "database is up (connected, critical)",
        "queue is down (down: no route)",
    ]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"database": "connected"}, Reason.OK),
        ({"database": "lost"}, Reason.COMPONENT_DOWN),
        ({"database": "who knows"}, Reason.COMPONENT_DOWN),
        ({"cache": "connected"}, Reason.COMPONENT_DOWN),
        ({"database": "connected", "cache": "down"}, Reason.OK),
    ],
)
async def test_a_critical_component_decides(document: dict[str, str], reason: Reason) -> None:
    outcome = await ask(as_json(**document), components={"critical": ["database"]})
    assert outcome.reason is reason


@pytest.mark.parametrize(
    ("age_s", "reason"),
    [(5, Reason.OK), (90, Reason.TIMESTAMP_STALE), (-30, Reason.OK), (-90, Reason.TIMESTAMP_STALE)],
)
async def test_a_timestamp_must_be_recent(age_s: float, reason: Reason) -> None:
    answer = as_json(at={"ms": (time.time() - age_s) * 1000})
    outcome = await ask(answer, timestamp={"json": "at.ms", "max_age": "60s"})
    assert outcome.reason is reason


async def test_a_large_body_is_read_beside_the_loop() -> None:
    document = {"status": "ok", "items": list(range(100_000))}
    outcome = await ask(as_json(**document), expect={"json": "length(items[?@ > `5`]) == `99994`"})
    assert outcome.reason is Reason.OK


async def test_plain_http_goes_through_a_proxy_in_absolute_form(secrets: SecretStore) -> None:
    async with serve(answering(response(b"from proxy"))) as proxy:
        url = f"http://me:${{file:token}}@127.0.0.1:{proxy.port}"
        subject = await prober_with(secrets, "http://target.example/path?q=1", proxy=url)
        outcome = await run_probe(subject)
    assert outcome.reason is Reason.OK
    lines = proxy.requests[0].decode().split("\r\n")
    assert lines[0] == "GET http://target.example/path?q=1 HTTP/1.1"
    assert "Host: target.example" in lines
    assert "Proxy-Authorization: Basic bWU6czNjcjN0LVZhbHVlLzQy" in lines


async def test_a_proxy_that_is_not_there_is_named() -> None:
    outcome = await run_probe(prober("http://target.example/", proxy=f"http://127.0.0.1:{closed_port()}"))
    assert outcome.reason is Reason.PROXY_REFUSED
    assert "the proxy 127.0.0.1" in outcome.detail


@pytest.mark.parametrize(
    "said",
    [
        {"body": "x", "json": {}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"Authorization": "x"}, "auth": {"bearer": "y"}},
        {"auth": {}},
        {"auth": {"bearer": "x", "basic": {"username": "a", "password": "b"}}},
        {"expect": {"status": [301]}},
        {"proxy": "https://proxy.example"},
        {"method": "CONNECT"},
        {"tls": {"key_file": "/etc/hostname"}},
        {"json": {"a": "${file:x}"}},
        {"timestamp": {}},
        {"body_limit": "1GiB"},
    ],
)
def test_a_contradiction_in_the_file_is_found_at_load(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpSpec.model_validate({"url": "http://a.example/", **said})


async def test_cancelling_ends_the_run_at_once() -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.stay_silent()

    async with serve(behave) as server:
        task = asyncio.create_task(run_probe(prober(server.url()), 30))
        async with asyncio.timeout(5):
            while not server.requests:
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(1):
                await task


@pytest.mark.parametrize("loop", LOOPS)
def test_runs_leave_nothing_to_the_garbage_collector(loop: str) -> None:
    """At a thousand runs a second, cycles would make the collector stall the loop."""

    async def main() -> int:
        async with serve(answering(response(b"healthy"), close=True)) as server:
            subject = prober(server.url())
            for _ in range(3):
                await run_probe(subject)
            await asyncio.sleep(0.05)
            gc.collect()
            gc.disable()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                for _ in range(10):
                    await run_probe(subject)
                await asyncio.sleep(0.05)
                gc.collect()
                return sum(type(item).__name__ in ("Exchange", "Run", "Response") for item in gc.garbage)
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()

    assert on_loop(loop, main()) == 0
