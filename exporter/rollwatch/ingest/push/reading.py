"""How the pushes of one service are read, as the configuration in force says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.ingest.push.mapped import DocumentPlan
from rollwatch.ingest.push.own_shape import check_form, read_own_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.config import Service
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.push import PushSpec
    from rollwatch.ingest.push.callers import Caller
    from rollwatch.ingest.push.delivery import Delivery

__all__ = ["PushReader"]


class PushReader:
    """Pure; may run in a thread."""

    def __init__(self, service: Service, spec: PushSpec) -> None:
        self.service = service
        self._definitions: Mapping[str, FigureDef] = service.signals.figures
        self._plan = None if spec.document is None else DocumentPlan(spec.document, self._definitions)
        self.readings = 1 if self._plan is None else self._plan.readings
        """How often a document is gone through."""

    def read(self, raw: Any, caller: Caller) -> Delivery:
        """What decoded JSON says. Raises Refusal 403 or 422."""
        if self._plan is not None:
            return self._plan.read(raw)
        document = check_form(raw)
        caller.agree(self.service.name, document.service)
        return read_own_shape(document, self._definitions)
