"""Running the dns prober in tests: from what a file says to the outcome of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.probers.dns import DnsProber, DnsSpec
from support.running import make_env, run_probe

if TYPE_CHECKING:
    from support.dns_server import DnsServer
    from support.running import Outcome

__all__ = ["ask", "make", "notes", "samples"]


def make(port: int, /, **said: Any) -> DnsProber:
    document = {
        "kind": "dns",
        "query": "www.example.com",
        "server": f"127.0.0.1:{port}",
        "timeout": "5s",
        **said,
    }
    return DnsProber(DnsSpec.model_validate(document), make_env())


async def ask(asked: DnsServer, /, **said: Any) -> Outcome:
    prober = make(asked.port, **said)
    return await run_probe(prober, prober._spec.timeout)


def samples(outcome: Outcome) -> dict[str, float]:
    return {sample.metric.name: sample.value for sample in outcome.run.samples}


def notes(outcome: Outcome) -> dict[str, str]:
    return dict(outcome.run.notes or ())
