"""Providers that mean no good: the right reason, within the deadline."""

from __future__ import annotations

import pytest

from rollwatch.model import Reason, Verdict
from rollwatch.probers._provider_spec import ProviderSpec
from rollwatch.probers.provider import KIND
from support.hostile import BAD_HTTP, SLOW
from support.loops import on_loop
from support.running import make_env
from support.running import run_probe as run_once
from support.servers import answering, closed_port, response, serve

RULES = [{"field": "x", "required": True}, {"field": "x", "min": 0, "pattern": "a"}]


async def reason_of(port: int, timeout_s: float = 5) -> Reason:
    spec = ProviderSpec.model_validate(
        {"kind": "provider", "url": f"http://127.0.0.1:{port}/", "records": "@", "rules": RULES}
    )
    prober = KIND.build(spec, make_env())
    outcome = await run_once(prober, timeout_s)
    assert outcome.reason in KIND.reasons | {Reason.TIMEOUT, Reason.OK}
    assert len(outcome.detail) <= 300
    assert outcome.detail.isprintable()
    return outcome.reason


@pytest.mark.parametrize("name", [*BAD_HTTP, *SLOW])
def test_a_hostile_server_gets_its_reason(name: str) -> None:
    hostile = (BAD_HTTP | SLOW)[name]

    async def main() -> None:
        async with serve(hostile.behave) as server:
            assert await reason_of(server.port, 0.3 if name in SLOW else 20) is hostile.reason

    on_loop("uvloop", main())


async def test_nobody_there_is_down() -> None:
    assert await reason_of(closed_port()) is Reason.CONNECT_REFUSED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", Reason.JSON_INVALID, id="empty"),
        pytest.param(b"\xff\xfe[", Reason.ENCODING_INVALID, id="no UTF-8"),
        pytest.param(b"[" * 100_000, Reason.JSON_INVALID, id="deep"),
        pytest.param(b'{"a":' * 1000 + b"1" + b"}" * 1000, Reason.OK, id="deep and valid: one object"),
        pytest.param(b"[NaN]", Reason.JSON_INVALID, id="NaN is no JSON"),
        pytest.param(b"[1e999]", Reason.JSON_INVALID, id="a number beyond any float"),
        pytest.param(b"[" + b"9" * 5000 + b"]", Reason.JSON_INVALID, id="an endless integer"),
        pytest.param(b'["\\ud800"]', Reason.JSON_INVALID, id="half a surrogate"),
        pytest.param(b"[" + b"null," * 99_999 + b"null]", Reason.OK, id="nulls by the thousand"),
        pytest.param(b'[{"x":"' + b"a" * 900_000 + b'"}]', Reason.OK, id="one huge text"),
        pytest.param(b"true", Reason.RECORDS_MISSING, id="no list at all"),
    ],
)
async def test_a_hostile_body_gets_its_reason(body: bytes, reason: Reason) -> None:
    async with serve(answering(response(body))) as server:
        found = await reason_of(server.port, 20)
    assert found is reason
    assert (found.verdict is Verdict.DOWN) is (reason is not Reason.OK)
