"""Following a rollback to its end: each move and step is printed once, when it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rollwatch.cli.exits import Exit
from rollwatch.cli.rollback_client import HandlerSaid
from rollwatch.cli.rollback_options import Asked, print_json
from rollwatch.cli.rollback_tables import marks
from rollwatch.cli.rollback_words import step_line, transition_line, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["follow"]

_EVERY_S = 1.0


def follow(
    asked: Asked,
    rollback_id: str,
    within_s: float,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> str:
    """The state it ended in, or the last one seen. Raises HandlerSaid where it can't be asked at all.

    A handler that can't be reached for a while is asked again: it may be restarting.
    """
    ends_at = clock() + within_s
    seen = _Seen(marks())
    state = ""
    while True:
        try:
            found = asked.client.get(f"/rollback/{rollback_id}")
        except HandlerSaid as said:
            if said.code is not Exit.UNDECIDED or clock() >= ends_at:
                raise
            click.echo(f"{said} Asking again.", err=True)
        else:
            state = str(found["state"])
            if not asked.as_json:
                for line in seen.news(found):
                    click.echo(line)
            if not found["is_open"]:
                if asked.as_json:
                    print_json(found)
                elif found["why"]:
                    click.echo(words(found["why"]))
                return state
        if clock() >= ends_at:
            click.echo(f"It has not ended yet: rollwatch rollback show {words(rollback_id)}", err=True)
            return state
        sleep(_EVERY_S)


class _Seen:
    """What was printed already."""

    def __init__(self, signs: Mapping[str, str]) -> None:
        self._signs = signs
        self._moves = 0
        self._steps: dict[int, str] = {}

    def news(self, found: Mapping[str, Any]) -> Iterator[str]:
        moves = found["transitions"]
        for move in moves[self._moves :]:
            yield transition_line(move)
            if move["after"] == "awaiting_approval":
                yield f"  it waits for: rollwatch rollback approve {words(found['id'])}"
        self._moves = len(moves)
        for step in found["steps"]:
            if self._steps.get(step["number"]) != step["state"]:
                self._steps[step["number"]] = step["state"]
                yield from (f"  {line}" for line in step_line(step, self._signs, output=True))
