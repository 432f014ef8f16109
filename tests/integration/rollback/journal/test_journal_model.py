"""Two handlers do anything to one journal in any order: it agrees with a few dictionaries all the time."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rollwatch.rollback.journal.journal import SqlJournal, open_journal
from rollwatch.rollback.journal_port import Busy
from rollwatch.rollback.model.record import Rollback
from rollwatch.rollback.model.words import TRANSITIONS, State
from rollwatch.rollback.ports import LostLease
from support.rollback_rows import NOW, alert_of, going_of, memory_directory

T = TypeVar("T")
_INCIDENTS = st.integers(0, 11)
_SERVICES = ("api", "web")
_HANDLERS = st.integers(0, 1)
_OWNERS = ("one", "two")
_LEASE_S = 30.0
_MOSTLY = st.sampled_from([True, True, True, False])


@dataclass
class Row:
    """What the model knows of a rollback."""

    id: str
    service: str
    state: State = State.RECEIVED
    version: int = 1
    changed_at: float = 0.0
    owner: str | None = None
    until: float = 0.0
    resolved: bool = False
    executed: bool = False
    approved: bool = False
    expires_at: float = 0.0
    cancel_asked: bool = False


@dataclass
class Model:
    """All that the journal should hold."""

    now: float = NOW
    rows: dict[int, Row] = field(default_factory=dict)
    resolved_early: set[int] = field(default_factory=set)
    flights: dict[str, str] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)


class Journals(RuleBasedStateMachine):
    """`held` is what each handler believes: the last it was told, perhaps long ago."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = Path(tempfile.mkdtemp(prefix="rollwatch-model-", dir=memory_directory()))
        path = self._directory / "rollback.db"
        shutil.copy(self.template, path)
        self.journals: list[SqlJournal] = [self._run(open_journal(str(path))) for _ in _OWNERS]
        self.model = Model()
        self.steps = 0
        self.held: dict[tuple[int, int], Rollback] = {}

    def teardown(self) -> None:
        self._agree()
        for journal in self.journals:
            self._run(journal.close())
        self._runner.close()
        shutil.rmtree(self._directory)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    @initialize()
    def begins_with_work(self) -> None:
        """Else much of what is tried would be tried on nothing."""
        for incident in range(4):
            self.fires(incident, 0, 1)

    @rule(seconds=st.sampled_from([1.0, 15.0, 31.0, 61.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.model.now += seconds

    @rule(incident=_INCIDENTS, handler=_HANDLERS, times=st.integers(1, 3))
    def fires(self, incident: int, handler: int, times: int) -> None:
        model, service = self.model, _SERVICES[incident % 2]
        alert = alert_of(incident, service=service)
        taken = self._run(self.journals[handler].take([(alert, service)] * times, model.now))
        row = model.rows.get(incident)
        if row is None:
            (rollback_id,) = taken.new
            row = Row(rollback_id, service, changed_at=model.now, resolved=incident in model.resolved_early)
            model.rows[incident] = row
        elif (
            row.state in {State.DENIED, State.DRY_RUN, State.EXPIRED}
            and not row.resolved
            and model.now - row.changed_at >= 60
        ):
            assert taken.new == (row.id,)
            row.state, row.version, row.changed_at = State.RECEIVED, row.version + 1, model.now
            row.approved, row.owner = False, None
        else:
            assert taken.new == ()
        assert taken.repeated == times - len(taken.new)

    @rule(incident=_INCIDENTS, handler=_HANDLERS)
    def resolves(self, incident: int, handler: int) -> None:
        alert = alert_of(incident, service=_SERVICES[incident % 2], is_firing=False)
        taken = self._run(self.journals[handler].take([(alert, "x")], self.model.now))
        assert (taken.new, taken.resolved) == ((), 1)
        if incident in self.model.rows:
            self.model.rows[incident].resolved = True
        else:
            self.model.resolved_early.add(incident)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def gives_back(self, data: st.DataObject) -> None:
        handler, incident = data.draw(st.sampled_from(sorted(self.held)), label="held")
        row = self.model.rows[incident]
        self._run(self.journals[handler].release(row.id, _OWNERS[handler]))
        if row.owner == _OWNERS[handler]:
            row.owner = None
        del self.held[handler, incident]

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), handler=_HANDLERS, times=st.integers(1, 5))
    def works(self, data: st.DataObject, handler: int, times: int) -> None:
        """A handler goes on with a rollback, by what it believes of it."""
        incident, row = self._any_row(data)
        for _ in range(times):
            rollback = self.held.get((handler, incident))
            if rollback is None:
                self._lease(incident, row, handler)
            elif rollback.state is State.SETTLING and data.draw(
                st.booleans() | st.just(True), label="begins"
            ):
                self._begin(handler, incident, data.draw(st.sampled_from("bbc"), label="bad"))
            else:
                ways = sorted(TRANSITIONS[rollback.state] - {State.PREPARING}) or [rollback.state]
                # Most ways end at once; the longer ones have more to tell.
                ways = [way for way in ways if way.is_open] * 3 + ways
                self._move(handler, incident, data.draw(st.sampled_from(ways), label="after"))

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), handler=_HANDLERS, spares=_MOSTLY)
    def cancels(self, data: st.DataObject, handler: int, spares: bool) -> None:
        _, row = self._any_row(data)
        if spares and row.state is not State.PREPARING:
            return
        found = self._run(self.journals[handler].cancel(row.id, "jane", "why", self.model.now))
        if row.state is State.PREPARING:
            row.cancel_asked = True
        elif row.state in {State.RECEIVED, State.AWAITING_APPROVAL, State.SETTLING}:
            row.state, row.version, row.owner = State.CANCELLED, row.version + 1, None
            row.changed_at = self.model.now
        else:
            assert found is None
            return
        assert found is not None

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), handler=_HANDLERS)
    def approves(self, data: st.DataObject, handler: int) -> None:
        _, row = self._any_row(data)
        found = self._run(self.journals[handler].approve(row.id, "jane", self.model.now))
        may = row.state is State.AWAITING_APPROVAL and (row.approved or row.expires_at > self.model.now)
        assert (found is not None) == may
        if may and not row.approved:
            row.approved, row.version, row.changed_at = True, row.version + 1, self.model.now

    @invariant()
    def agrees(self) -> None:
        self.steps += 1
        if self.steps % 4 == 0:
            self._agree()

    def _agree(self) -> None:
        model = self.model
        rows = {row.id: row for row in self._run(self.journals[0].history())}
        assert rows.keys() == {row.id for row in model.rows.values()}
        for row in model.rows.values():
            kept = rows[row.id]
            assert (kept.state, kept.version, kept.lease_owner, kept.resolved_at is not None) == (
                row.state,
                row.version,
                row.owner,
                row.resolved,
            )
        past = self._run(self.journals[1].past("production", _SERVICES, since=0))
        assert past.flights == model.flights
        assert {(one.service, one.release_key): one.rollback_id for one in past.claims} == model.claims

    def _lease(self, incident: int, row: Row, handler: int) -> None:
        owner, now = _OWNERS[handler], self.model.now
        found = self._run(self.journals[handler].lease(row.id, owner, now, now + _LEASE_S))
        is_free = row.owner in {None, owner} or row.until <= now
        assert (found is not None) == (row.state.is_open and is_free)
        if found is not None:
            row.owner, row.until = owner, now + _LEASE_S
            self.held[handler, incident] = found

    def _move(self, handler: int, incident: int, after: State) -> None:
        rollback, row, now = self.held[handler, incident], self.model.rows[incident], self.model.now
        changes: dict[str, Any] = {}
        if after is State.AWAITING_APPROVAL:
            changes["expires_at"] = now + 300
        may = self._is_current(handler, row, rollback) and not (after is State.EXECUTING and row.cancel_asked)
        try:
            moved = self._run(
                self.journals[handler].move(rollback, after, now=now, by="h", why="a move", **changes)
            )
        except LostLease:
            assert not may
            del self.held[handler, incident]
            return
        assert may
        row.state, row.version, row.changed_at = after, row.version + 1, now
        row.expires_at = changes.get("expires_at", row.expires_at)
        row.executed |= after is State.EXECUTING
        if after.is_open:
            self.held[handler, incident] = moved
        else:
            row.owner = None
            del self.held[handler, incident]
        if not TRANSITIONS[after]:
            self._lands(row)

    def _begin(self, handler: int, incident: int, bad: str) -> None:
        rollback, row, model = self.held[handler, incident], self.model.rows[incident], self.model
        going = going_of(bad, service=row.service)
        wanted = dataclasses.replace(rollback, going=(going,))
        try:
            begun = self._run(self.journals[handler].begin(wanted, now=model.now, by="h", why="begins"))
        except LostLease:
            assert not self._is_current(handler, row, rollback)
            del self.held[handler, incident]
            return
        assert self._is_current(handler, row, rollback)
        claim = (row.service, going.bad.key)
        if row.service in model.flights:
            assert begun == Busy(model.flights[row.service], row.service, is_running=True)
        elif claim in model.claims:
            assert begun == Busy(model.claims[claim], row.service, is_running=False)
        else:
            assert isinstance(begun, Rollback)
            row.state, row.version, row.changed_at = State.PREPARING, row.version + 1, model.now
            model.flights[row.service] = model.claims[claim] = row.id
            self.held[handler, incident] = begun

    def _any_row(self, data: st.DataObject) -> tuple[int, Row]:
        rows = self.model.rows
        # What is over stays so: little can be learnt from it.
        is_open = sorted(incident for incident in rows if rows[incident].state.is_open)
        incident = data.draw(st.sampled_from(is_open * 3 + sorted(rows)), label="incident")
        return incident, self.model.rows[incident]

    def _is_current(self, handler: int, row: Row, rollback: Rollback) -> bool:
        is_mine = row.owner == _OWNERS[handler] == rollback.lease_owner
        return is_mine and row.version == rollback.version

    def _lands(self, row: Row) -> None:
        model = self.model
        model.flights = {name: one for name, one in model.flights.items() if one != row.id}
        if not row.executed:
            model.claims = {key: one for key, one in model.claims.items() if one != row.id}


@pytest.mark.timeout(120)
def test_the_journal_agrees_with_its_model(sqlite_template: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Journals.template = sqlite_template
    run_state_machine_as_test(
        Journals,
        settings=settings(
            max_examples=15,
            stateful_step_count=70,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            # Making a failing example smaller takes minutes here: add Phase.shrink when there is one.
            phases=[Phase.generate],
        ),
        # Left to itself most runs end before anything is begun.
        _min_steps=70,
    )
