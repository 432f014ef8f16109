"""Where people look next: the links in what the handler says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollwatch.bundle.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.bundle.posted import Posted
    from rollwatch.rollback.in_force import InForce

__all__ = ["Links"]


@dataclass(slots=True)
class Links:
    """Where people look next, as annotations of the handler's own alerts."""

    in_force: InForce
    address: str = ""
    """Where the handler listens, once it does."""

    def __call__(self, service: str, name: Posted, rollback_id: str) -> Mapping[str, str]:
        public = self.in_force.handler.public_url
        base = (self.address if public is None else public.render()).rstrip("/")
        declared = self.in_force.config.services.get(service)
        links = {
            "runbook_url": f"{Settings().runbooks_url}/{name.value}.md",
            "dashboard_url": f"{base}/rollbacks/{rollback_id}",
        }
        # Those of the service itself, as with the alerts of the rules.
        own = (
            {}
            if declared is None
            else {"runbook_url": declared.links.runbook_url, "logs_url": declared.links.logs_url}
        )
        return links | {kind: str(url) for kind, url in own.items() if url is not None}
