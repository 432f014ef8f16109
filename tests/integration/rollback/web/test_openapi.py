"""The description of the API is true: schemathesis sends what fits it and what does not."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from rollwatch.rollback.web.openapi import OPENAPI_PATH, openapi_document
from support.rollback_web import USER, web

ROOT = Path(__file__).parents[4]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
)
FUZZ = (
    "--max-examples",
    "8",
    "--generation-deterministic",
    "--phases",
    "examples,coverage,fuzzing",
    "--no-color",
)


async def test_every_answer_is_described_and_bad_data_is_refused(tmp_path: Path) -> None:
    async with web(tmp_path, judge_within_s=0.5) as here:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "schemathesis.cli", "run", f"{here.url}{OPENAPI_PATH}"),
            *("--checks", ",".join(CHECKS), *FUZZ, "--workers", "2", "--request-timeout", "50"),
            # A user has every role.
            *("-H", f"Authorization: {USER}"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
    said = out.decode()
    assert process.returncode == 0, said
    [passed] = re.findall(r"generated, (\d+) passed", said)
    assert int(passed) >= 200, said


async def test_what_is_served_is_what_is_in_the_repository(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        answer = await here.ask("GET", OPENAPI_PATH, role=None)
    assert answer.status == 200
    committed = await asyncio.to_thread((ROOT / "docs/rollback.openapi.json").read_text, "utf-8")
    assert answer.text == committed, "run 'make docs'"
    generator = [sys.executable, str(ROOT / "tools/generate/rollback_openapi.py")]
    made = await asyncio.to_thread(subprocess.run, generator, capture_output=True, check=True, timeout=50)
    assert answer.text == made.stdout.decode()


async def test_every_route_is_described_with_its_roles(tmp_path: Path) -> None:
    paths = openapi_document()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    async with web(tmp_path, works=False) as here:
        assert described == {(route.method, route.path) for route in here.routes}
        for route in here.routes:
            told = paths[route.path][route.method.lower()]
            assert ("security" in told) == bool(route.roles)
            if route.roles:
                assert f"Roles: {', '.join(sorted(route.roles))}." in told["description"]
