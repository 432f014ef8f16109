"""The proxy that docs/proxy.md shows: nginx runs exactly that, before a real exporter and a real handler."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pytest
import trustme

from support.processes import ROLLWATCH, fetch, free_port, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs" / "proxy.md").read_text()
NAME = "rollback.example.com"
[CONFIG] = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
PUBLIC, EXPORTER_WEB, HANDLER_WEB = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
TOKENS = ("prometheus", "dashboards", "handler", "alertmanager", "ci", "on-call")
PRODUCTION = """\
environment: production
location: here
services:
  api:
    probes:
      health: {{kind: tcp, address: "127.0.0.1:{exporter}", interval: 1s, timeout: 900ms}}
    rollback: {{strategy: command, triggers: [RollbackHealthDown], command: {{run: ["true"]}}}}
{public}\
  prometheus: {{url: "http://127.0.0.1:{nobody}"}}
  exporter: {{url: "http://127.0.0.1:{exporter}", token: "${{file:tokens/handler}}"}}
  alertmanager: {{url: "http://127.0.0.1:{nobody}"}}
"""
NGINX = """\
pid {place}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{}}
http {{
access_log off;
{temporary}
{config}}}
"""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Proxy:
    """What a client outside sees."""

    port: int
    trust: ssl.SSLContext

    def ask(
        self, method: str, path: str, body: str | None = None, *, host: str = "", **headers: str
    ) -> Answer:
        """With `Host` as a browser at this port writes it; `Origin` and the like in `headers`."""
        connection = _ToLoopback(self.port, self.trust)
        try:
            sent = {
                "Host": host or self.host,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            }
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    @property
    def host(self) -> str:
        return f"{NAME}:{self.port}"


class _ToLoopback(http.client.HTTPSConnection):
    """Its certificate is checked by the name, wherever the name leads."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=20, context=trust)
        self._trust = trust

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=NAME)


def token(name: str) -> str:
    return f"the-token-of-{name}-0123456789"


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(name)}"}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    place = tmp_path_factory.mktemp("proxy")
    port, exporter, handler, nobody = (free_port() for _ in range(4))
    (place / "tokens").mkdir()
    for name in TOKENS:
        (place / "tokens" / name).write_text(token(name))
    (place / "exporter-web.yml").write_text(EXPORTER_WEB)
    (place / "rollback-web.yml").write_text(HANDLER_WEB)
    (place / "rollwatch.yml").write_text(PRODUCTION.format(public=PUBLIC, exporter=exporter, nobody=nobody))
    authority = trustme.CA()
    issued = authority.issue_cert(NAME)
    (place / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(place / "server.key")
    shown = CONFIG
    for written, here in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("127.0.0.1:9717", f"127.0.0.1:{exporter}"),
        ("127.0.0.1:9718", f"127.0.0.1:{handler}"),
        ("/etc/nginx/tls", str(place)),
    ):
        assert written in shown, "what differs here is ports and places, and nothing else"
        shown = shown.replace(written, here)
    temporary = "\n".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(NGINX.format(place=place, temporary=temporary, config=shown))
    serve = ("--config.file", "rollwatch.yml", "--web.listen-address")
    programs = (
        [*ROLLWATCH, "exporter", *serve, f"127.0.0.1:{exporter}", "--web.config.file", "exporter-web.yml"],
        [
            *ROLLWATCH,
            "rollback",
            "serve",
            *serve,
            f"127.0.0.1:{handler}",
            "--web.config.file",
            "rollback-web.yml",
        ],
        ["nginx", "-e", "stderr", "-c", str(place / "nginx.conf"), "-g", "daemon off;"],
    )
    with ExitStack() as stack:
        for argv in programs:
            stack.enter_context(running(argv, cwd=place))
        for one in (exporter, handler):
            wait_for(lambda one=one: _is_ready(one), f"an answer at port {one}")
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        found = Proxy(port, trust)
        wait_for(lambda: _answers(found), "an answer of nginx")
        yield found


def _is_ready(port: int) -> bool:
    try:
        return bool(fetch(f"http://127.0.0.1:{port}/-/ready")[0] == 200)
    except OSError:
        return False


def _answers(proxy: Proxy) -> bool:
    try:
        return proxy.ask("GET", "/no-such-page").status == 404
    except OSError:
        return False


def test_the_dashboard_is_the_exporters(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/api/monitoring/dashboard", **bearer("dashboards"))
    assert answer.status == 200
    assert [service["name"] for service in answer.json["services"]] == ["api"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert proxy.ask("GET", "/api/monitoring/dashboard").status == 401


def test_the_same_token_reads_how_rollbacks_stand(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/api/monitoring/rollback/status", **bearer("dashboards"))
    assert (answer.status, answer.json["environment"]) == (200, "production")
    assert proxy.ask("GET", "/api/monitoring/rollback/status").status == 401


def test_a_trigger_needs_a_token_that_may(proxy: Proxy) -> None:
    body = json.dumps({"service": "api", "reason": "a try", "actor": "anna"})
    sent = {"Content_Type": "application/json"}
    path = "/api/monitoring/rollback/trigger"
    assert proxy.ask("POST", path, body, **sent, **bearer("dashboards")).status == 403
    answer = proxy.ask("POST", path, body, **sent, **bearer("on-call"))
    assert (answer.status, answer.json["state"]) == (200, "denied")


def test_ci_reports_a_deployment(proxy: Proxy) -> None:
    body = json.dumps({"service": "api", "version": "1.4.2", "state": "started"})
    sent = {"Content_Type": "application/json"}
    assert proxy.ask("POST", "/api/monitoring/deployments", body, **sent, **bearer("ci")).status == 200


def test_people_sign_in_at_the_page(proxy: Proxy) -> None:
    browser = {"Accept_Language": "en", "Origin": f"https://{proxy.host}"}
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    first = proxy.ask("GET", "/", **browser)
    assert first.status == 303
    assert "login" in first.headers["Location"]
    signed_in = proxy.ask("POST", "/login", urlencode({"token": token("on-call")}), **browser, **form)
    assert signed_in.status == 303
    cookie = signed_in.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert {"HttpOnly", "Secure", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    shown = proxy.ask("GET", "/", Cookie=cookie.partition(";")[0], **browser)
    assert (shown.status, "api" in shown.text) == (200, True)
    style = re.search(r'href="/?(static/[^"]+css[^"]*)"', shown.text)
    assert style is not None
    assert proxy.ask("GET", f"/{style[1]}").status == 200


def test_a_page_of_another_site_signs_nobody_in(proxy: Proxy) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example.org"}
    assert proxy.ask("POST", "/login", urlencode({"token": token("on-call")}), **form).status == 403


def test_who_tries_tokens_is_slowed_down(proxy: Proxy) -> None:
    assert 429 in [proxy.ask("GET", "/login").status for _ in range(10)]


def test_under_another_name_there_is_no_answer(proxy: Proxy) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        proxy.ask("GET", "/", host="other.example.com")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/monitoring/alerts"),
        ("GET", "/metrics"),
        ("GET", "/health"),
        ("GET", "/-/healthy"),
        ("POST", "/-/reload"),
        ("POST", "/debug/probe"),
        ("GET", "/probe?id=api/health"),
        ("GET", "/api/metrics"),
        ("GET", "/api/monitoring/errors"),
    ],
)
def test_what_is_for_programs_inside_is_not_there(method: str, path: str, proxy: Proxy) -> None:
    answer = proxy.ask(method, path, **bearer("on-call"))
    assert (answer.status, "nginx" in answer.text) == (404, True)
