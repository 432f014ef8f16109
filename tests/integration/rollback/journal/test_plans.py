"""A journal of years stays fast: every question that grows with it is answered by an index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, create_engine

from rollwatch.rollback.journal import measuring, reading, retention
from rollwatch.rollback.journal.journal import open_journal
from rollwatch.rollback.journal.schema import METADATA
from rollwatch.rollback.model.words import State
from support.rollback_fill import SERVICES, fill
from support.rollback_rows import NOW, due


def _history(**more: Any) -> Select[Any]:
    asked = {"before": None, "service": None, "state": None} | more
    return reading.history_query(limit=50, **asked)


def _deployments(**more: Any) -> Select[Any]:
    return reading.deployments_query(limit=50, **({"service": None, "before": None} | more))


QUESTIONS: dict[str, Select[Any]] = {
    "history": _history(),
    "history-next-page": _history(before="rb-5"),
    "history-of-a-service": _history(service="api"),
    "history-of-a-service-next-page": _history(service="api", before="rb-5"),
    "history-in-a-state": _history(state=State.FAILED),
    "history-in-a-state-next-page": _history(state=State.FAILED, before="rb-5"),
    "history-of-both": _history(service="api", state=State.FAILED, before="rb-5"),
    "due": reading.DUE.params(now=NOW, ahead=0.0, limit=100),
    "next-due": reading.NEXT_DUE.params(ahead=0.0),
    "open": reading.open_query(),
    "incidents": reading.INCIDENTS.params(
        environment="production", services=["api", "web"], since=NOW - 600, oldest=NOW - 86_400
    ),
    "deployments": _deployments(),
    "deployments-next-page": _deployments(before=NOW),
    "deployments-of-a-service": _deployments(service="api", before=NOW),
    "deployments-of-the-past": reading.DEPLOYMENTS_OF.params(environment="production", service="api"),
    "deployments-since": measuring.DEPLOYED.params(
        environment="production", service="api", since=NOW, limit=10
    ),
    "carried-out": measuring.CARRIED_OUT.params(
        environment="production", state="failed", since=NOW, limit=10
    ),
    "retention": retention.over_query(NOW, 1000),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_an_index(question: str, plan: Callable[[Select[Any]], list[str]]) -> None:
    steps = plan(QUESTIONS[question])

    scanned = [step for step in steps if step.startswith("SCAN rollwatch_")]
    # The newest of all are the end of an index; what is open is little, and has an index of its own.
    may_scan = {
        "history": "USING INDEX sqlite_autoindex_rollwatch_rollbacks_1",
        "deployments": "USING INDEX rollwatch_deployments_started",
    }.get(question, "USING INDEX rollwatch_rollbacks_open")
    assert all(step.endswith(may_scan) for step in scanned), steps
    # Incidents of a time are few: those may be sorted. Pages may not.
    may_sort = question in {"due", "open", "incidents"}
    assert may_sort or not any("TEMP B-TREE" in step for step in steps), steps


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Select[Any]], list[str]]:
    """How SQLite would answer."""
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('plans')}/rollback.db")
    METADATA.create_all(engine)

    def explained(query: Select[Any]) -> list[str]:
        text = str(query.compile(engine, compile_kwargs={"literal_binds": True}))
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
        return [str(row[-1]) for row in rows]

    return explained


async def test_a_filled_journal_answers_as_an_empty_one_does(tmp_path: Path) -> None:
    """Pages meet without a gap, retention takes pieces, and nothing of it is open."""
    url = str(tmp_path / "rollback.db")
    await fill(url, rollbacks=3000, deployments=3000)
    journal = await open_journal(url)

    seen: list[str] = []
    while page := await journal.history(limit=1000, before=seen[-1] if seen else None):
        seen += [row.id for row in page]
    assert len(seen) == 3000
    assert seen == sorted(seen, reverse=True)
    assert await due(journal, NOW) == []
    past = await journal.past("production", SERVICES[:2], since=NOW - 3600)
    assert [len(each) for each in past.deployments.values()] == [100, 100]
    assert await journal.prune(NOW, limit=1000) == 1000
    assert (await journal.figures())["rows"] == 2000
    await journal.close()
