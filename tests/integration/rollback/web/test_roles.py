"""Who may do what: every role on every route, nobody at all, and pages of other sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.rollback.model.words import Role
from rollwatch.serving.app import build_app
from rollwatch.serving.route import ANYONE
from rollwatch.serving.server import serve
from rollwatch.serving.web_config_file import WebConfigSource
from support.rollback_web import web
from support.web import ask

if TYPE_CHECKING:
    from pathlib import Path

READERS = {Role.READ, Role.TRIGGER, Role.APPROVE}
TRIGGERERS = {Role.TRIGGER, Role.APPROVE}
BASE = "/api/monitoring"
MAY: dict[tuple[str, str], set[Role]] = {
    ("POST", "/alerts"): {Role.ALERT},
    ("GET", "/rollback/status"): READERS,
    ("GET", "/rollback/history"): READERS,
    ("GET", "/rollback/{id}"): READERS,
    ("POST", "/rollback/explain"): READERS,
    ("POST", "/rollback/trigger"): TRIGGERERS,
    ("POST", "/rollback/{id}/cancel"): TRIGGERERS,
    ("POST", "/rollback/pause"): TRIGGERERS,
    ("POST", "/rollback/resume"): TRIGGERERS,
    ("POST", "/rollback/breaker"): TRIGGERERS,
    ("POST", "/rollback/{id}/approve"): {Role.APPROVE},
    ("POST", "/deployments"): {Role.DEPLOY},
    ("GET", "/deployments"): READERS,
    ("POST", "/deployments/{id}/mark"): TRIGGERERS,
    ("GET", "/rollback/openapi.json"): set(),
}


async def test_every_role_may_do_what_it_is_for_and_nothing_else(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        assert {(route.method, route.path.removeprefix(BASE)) for route in here.routes} == set(MAY)
        for (method, path), roles in MAY.items():
            body = b"{}" if method == "POST" else None
            for role in Role:
                said = await here.ask(method, path.format(id="rb-0"), body, role=role)
                is_allowed = not roles or role in roles
                assert (said.status != 403) == is_allowed, (method, path, role)
                if not is_allowed:
                    assert said.json["error"] == "role_missing"
            nobody = await here.ask(method, path.format(id="rb-0"), body, role=None)
            assert nobody.status == (401 if roles else 200), (method, path)
        assert await here.rows() == 0


async def test_without_any_token_configured_nothing_is_done_or_shown(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        app = build_app(here.routes, WebConfigSource(None, Role))
        async with serve(app, "127.0.0.1:0") as listener:
            for route in here.routes:
                path = route.path.format(id="rb-0")
                said = await ask(
                    listener,
                    path,
                    route.method,
                    headers={"Content-Type": "application/json"},
                    body=b"{}" if route.method == "POST" else None,
                )
                if route.roles == ANYONE:
                    assert said.status == 200
                else:
                    assert (said.status, "token" in said.body) == (403, True), path
        assert await here.rows() == 0


async def test_pages_of_other_sites_can_trigger_approve_and_pause_nothing(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        for method, path in MAY:
            if method != "POST":
                continue
            for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
                said = await here.ask(method, path.format(id="rb-0"), b"{}", headers=headers)
                assert (said.status, said.json["error"]) == (403, "cross_origin"), path
