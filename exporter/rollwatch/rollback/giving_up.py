"""After a fault of ours: the row ends in a stated way all the same, and a person is called."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rollwatch.rollback.held import RowChanged
from rollwatch.rollback.model.words import State
from rollwatch.rollback.resume import is_untouched

if TYPE_CHECKING:
    from rollwatch.rollback.held import Held
    from rollwatch.rollback.journal_port import Journal

__all__ = ["give_up"]

_FAULT = "A fault of rollwatch; its log has it."


async def give_up(held: Held, journal: Journal) -> None:
    """One move towards the end. Before FINISHING that is FINISHING, so that the hooks after the rollback run.

    Raises LostLease, RowChanged, JournalFailed.
    """
    with contextlib.suppress(RowChanged):
        await held.refresh()
    row = held.row
    if not row.state.is_running:
        await held.move(State.DENIED, _FAULT, approved_by=None)
    else:
        nothing_done = is_untouched(await journal.steps(row.id))
        if row.state is State.FINISHING:
            # The hooks after the rollback are what failed us: the outcome stands without them.
            if nothing_done:
                await held.drop_claims()
            why = f"{row.outcome_why or ''} {_FAULT}".strip()
            await held.move(row.outcome or State.UNKNOWN, why, outcome_why=why)
        else:
            outcome = State.UNKNOWN if row.state is State.EXECUTING else State.FAILED
            why = f"It could not be carried on. {_FAULT}"
            if nothing_done:
                outcome, why = State.FAILED, f"Nothing was changed. {_FAULT}"
            await held.move(State.FINISHING, why, outcome=outcome, outcome_why=why)
    held.needs_person(_FAULT)
