"""Running the provider prober in tests: from what a file says to the outcome of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollwatch.probers._provider_spec import ProviderSpec
from rollwatch.probers.provider import KIND
from support.running import make_env, run_probe
from support.servers import Server, answering, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollwatch.config.secrets import SecretStore
    from rollwatch.probers.contract import ProbeEnv, Prober
    from support.running import Outcome
    from support.servers import Peer

__all__ = ["ask", "build", "says", "spec_of"]


def spec_of(server: Server, secrets: SecretStore | None = None, **said: Any) -> ProviderSpec:
    document = {"kind": "provider", "url": server.url("/v3/options"), **said}
    return ProviderSpec.model_validate(document, context={"secrets": secrets})


def build(
    server: Server, env: ProbeEnv | None = None, secrets: SecretStore | None = None, **said: Any
) -> Prober:
    return KIND.build(spec_of(server, secrets, **said), env or make_env())


async def ask(asked: Server, **said: Any) -> Outcome:
    return await run_probe(build(asked, **said))


def says(document: Any, **how: Any) -> Callable[[Peer], Awaitable[None]]:
    return answering(response(json.dumps(document).encode(), **how))
