"""How much browsers and applications may send, whichever service it is for."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from rollwatch.config.fields import ByteSize
from rollwatch.config.figures import Number
from rollwatch.config.mistake import expect_text, mistake
from rollwatch.config.spec import Spec

__all__ = ["IngestSpec", "Network"]


def _network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(expect_text(value)))
    except ValueError:
        raise mistake("is no address or network", "Write it like 10.0.0.5 or 10.0.0.0/24.") from None


Network = Annotated[
    str,
    BeforeValidator(_network),
    WithJsonSchema({"type": "string", "title": "address or network", "examples": ["10.0.0.0/24"]}),
]
"""An IP address or network, in its normal form (`10.0.0.5/32`)."""


class IngestSpec(Spec):
    """Bounds of the listener for browsers and applications."""

    trusted_proxies: Annotated[tuple[Network, ...], Field(max_length=50)] = ("127.0.0.0/8", "::1/128")
    """Proxies whose X-Forwarded-For says who the client is; to everybody else it is not believed."""
    client_rate: Annotated[Number, Field(gt=0, le=10_000)] = 10.0
    """Requests per second that one client without a token may send in the long run."""
    client_burst: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Requests it may send at once."""
    total_rate: Annotated[Number, Field(gt=0, le=100_000)] = 3000.0
    """Requests per second all clients without a token may send together; what is more is turned away."""
    push_limit: Annotated[ByteSize, Field(ge=1024, le=16 * 1024**2)] = 1024**2
    """The longest document an application may push."""
