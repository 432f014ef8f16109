"""The pages about the HTTP interface say what is."""

from __future__ import annotations

import re
from pathlib import Path

import trustme

from rollwatch.clock import SystemClock
from rollwatch.config.ingest import IngestSpec
from rollwatch.exporter.routes import Access, exporter_routes
from rollwatch.serving.health import Health
from rollwatch.serving.limits import Limits
from rollwatch.serving.web_config_file import WebConfigSource
from support.fake_monitor import FakeMonitor, production
from support.no_arrivals import Arrived

DOCS = Path(__file__).parents[3] / "docs"


def test_every_address_is_documented_with_its_role() -> None:
    text = (DOCS / "http-api.md").read_text()
    text = re.sub(r"^## The rollback handler$.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(GET|POST) ([^`?]+)[^`]*` \| (read|operate|anyone) \|", text, re.MULTILINE)
    routes = exporter_routes(
        monitor=FakeMonitor(production()),
        health=Health("", "", SystemClock(), lambda: None, lambda: None),
        render=lambda _: None,  # type: ignore[arg-type,return-value]
        reload=lambda: None,  # type: ignore[arg-type,return-value]
        arrivals=Arrived(),
    )
    roles = {frozenset(): "anyone", frozenset({Access.OPERATE}): "operate", frozenset(Access): "read"}
    assert sorted(rows) == sorted((route.method, route.path, roles[route.roles]) for route in routes)


def test_the_bounds_in_the_docs_are_those_in_force() -> None:
    text = (DOCS / "http-api.md").read_text()
    limits, push_limit = Limits(), IngestSpec().push_limit
    for said in (
        f"| connections | {limits.connections};",
        f"| {limits.head_s:g} s each |",
        f"| {limits.headers} lines of {limits.header_bytes // 1024} KiB |",
        f"| {limits.body_bytes // 1024} KiB (a push: `ingest.push_limit`, {push_limit // 1024**2} MiB),",
        f"| {limits.request_s:g} s, and {limits.write_s:g} s more",
        f"| {limits.idle_s:g} s |",
    ):
        assert said in text, said
    assert limits.handshake_s == limits.head_s == limits.body_s


def test_the_example_of_a_web_configuration_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "web-config.md").read_text(), re.DOTALL)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "clients.pem")
    pair = authority.issue_cert("localhost")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    pair.private_key_pem.write_to_path(tmp_path / "server.key")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "prometheus").write_text("0123456789abcdef")
    path = tmp_path / "web.yml"
    path.write_text(example)
    config = WebConfigSource(path, Access).current
    assert [token.role for token in config.tokens] == ["read", "operate"]
    assert config.known_hosts == {"watch.example.com"}
