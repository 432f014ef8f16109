"""Which alerts keep others quiet. It is global in Alertmanager: no route is exempt but by a matcher."""

from __future__ import annotations

from typing import Any

from rollwatch.bundle.alertmanager.document import Matchers

__all__ = ["inhibit_rules"]

_NEVER = 'rollback!~"auto|event"'
"""Neither what the rollback handler gets, nor what it says."""


def inhibit_rules() -> list[dict[str, Any]]:
    """The rules. What they compare must be there on both sides: missing equals missing."""
    somewhere = ('service!=""', 'environment!=""')
    return [
        {
            "source_matchers": Matchers('priority="P0"', *somewhere),
            "target_matchers": Matchers('priority=~"P1|P2|P3"', _NEVER, *somewhere),
            "equal": ["service", "environment"],
        },
        {
            "source_matchers": Matchers('alertname="ExporterDown"', 'location!=""'),
            "target_matchers": Matchers('alertname!="ExporterDown"', _NEVER, 'location!=""'),
            "equal": ["location"],
        },
    ]
