"""What all shapes of answers share: made from these types, and published as they are. Times are Unix seconds.

Texts may hold remote text (labels, what commands said): escape them where they are shown.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Json"]


class Json(BaseModel):
    """Its members are described by the texts below them."""

    model_config = ConfigDict(use_attribute_docstrings=True)
