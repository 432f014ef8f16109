"""Fills `{target_commit}` and the like into arguments and inputs, with checked values only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollwatch.config.placeholders import fill as fill_checked
from rollwatch.config.placeholders import placeholders_in
from rollwatch.errors import RollwatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollwatch.rollback.model.release import Release

__all__ = ["ASKING", "Unfilled", "fill", "fill_argv", "is_fit", "order_values", "place_values"]

ASKING = "asking"
"""Stands for the rollback's id where nothing is rolled back, and only asked whether it could be."""

_FIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:/@-]{0,127}")


class Unfilled(RollwatchError):  # noqa: N818  a state of the values
    """A placeholder has no value, or one that is not passed to programs. `why` does not show the value."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def place_values(service: str, environment: str) -> dict[str, str | None]:
    """What is known without an order."""
    return {"service": service, "environment": environment}


def order_values(bad: Release, target: Release, rollback_id: str = ASKING) -> dict[str, str | None]:
    """What is known of an order; None where the release has none."""
    values = place_values(target.service, target.environment)
    values["rollback_id"] = rollback_id
    for which, release in (("target", target), ("bad", bad)):
        values[f"{which}_commit"] = release.commit
        values[f"{which}_version"] = release.version
        values[f"{which}_id"] = release.platform_id
    return values


def fill(text: str, values: Mapping[str, str | None]) -> str:
    """`text` of the configuration with its placeholders filled. Raises Unfilled."""
    checked = {}
    for name in placeholders_in(text):
        value = values.get(name)
        if value is None:
            raise Unfilled(f"{{{name}}} has no value here: {_missing(name)}")
        if not is_fit(value):
            raise Unfilled(
                f"{{{name}}} has a value that is not passed on: only letters, digits and ._+:/@- are, "
                "128 of them at most, a letter or digit first"
            )
        checked[name] = value
    return fill_checked(text, checked)


def is_fit(value: str) -> bool:
    """Whether programs may get it: never an option, a path upwards, or more than one line."""
    return _FIT.fullmatch(value) is not None and ".." not in value


def fill_argv(argv: Sequence[str], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """`fill` for each argument; what was one argument stays one. Raises Unfilled."""
    return tuple(fill(argument, values) for argument in argv)


def _missing(name: str) -> str:
    which, _, what = name.partition("_")
    if which in {"target", "bad"}:
        return f"the {which} release has no known {what}"
    return "it belongs to a rollback"
