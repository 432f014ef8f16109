"""What a service may say of its features."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rollwatch.config.spec import Spec

__all__ = ["FeatureSpec"]


class FeatureSpec(Spec):
    """A named set of endpoints: what users would call one thing."""

    endpoints: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:{}*-]{1,64}$")], ...],
        Field(min_length=1, max_length=50),
    ]
    """Values of the label `endpoint` that belong to it; an endpoint belongs to one feature at most."""
    core: bool = False
    """Whether production is broken for users without it."""
