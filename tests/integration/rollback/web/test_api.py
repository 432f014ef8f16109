"""What operators ask of the handler, and what they are told: before the real journal, policy and worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rollwatch.rollback.model.words import Mode, Role, State
from rollwatch.rollback.strategies.strategy import PlatformFailed
from support.rollback_notifications import alert, notification
from support.rollback_web import Web, firing, starts_at, web

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.rollback.strategies.strategy import Order


class Gate:
    """Holds an execution until it is opened."""

    def __init__(self, here: Web, service: str = "api") -> None:
        self._open = asyncio.Event()
        self.reached = asyncio.Event()
        here.world.strategies[service].on_execute = self._wait

    async def _wait(self, _: Order) -> None:
        self.reached.set()
        await self._open.wait()

    def open(self) -> None:
        self._open.set()


async def awaiting(here: Web) -> str:
    """An alert's rollback that waits for approval."""
    here.world.rule(mode=Mode.APPROVE)
    [rollback_id] = (await here.deliver(firing())).json["rollbacks"]
    await here.reached(rollback_id, State.AWAITING_APPROVAL)
    return str(rollback_id)


async def test_a_trigger_is_decided_at_once_and_carried_out(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        said = await here.trigger(reason="checkout is broken")
        assert said.status == 202
        assert said.json["decision"]["verdict"] == "proceed"
        assert {guard["result"] for guard in said.json["decision"]["trace"]} <= {"pass", "skipped"}
        row = await here.world.over(said.json["id"])
        assert row.state is State.SUCCEEDED
        shown = (await here.ask("GET", f"/rollback/{row.id}", role=Role.READ)).json
        assert (shown["actor"], shown["reason"]) == ("alice (token the-approve)", "checkout is broken")
        assert [going["service"] for going in shown["going"]] == ["api"]
        assert shown["steps"][0]["kind"] == "execute"
        assert [move["after"] for move in shown["transitions"]][-1] == "succeeded"
        assert (shown["is_open"], shown["alert"], shown["decision"]["verdict"]) == (False, None, "proceed")


async def test_a_denied_trigger_is_told_with_every_guard(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        here.world.strategies["api"].platform = PlatformFailed("the platform is down")
        said = await here.trigger(target="no-such-release")
        assert (said.status, said.json["state"], said.json["decision"]["verdict"]) == (200, "denied", "deny")
        unmet = [one for one in said.json["decision"]["trace"] if one["result"] in {"fail", "unanswered"}]
        assert unmet[0]["why"] == said.json["why"]
        assert here.world.ledger.lines == []


async def test_a_dry_run_shows_the_whole_trace_and_does_nothing(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        said = await here.trigger(dry_run=True)
        assert (said.status, said.json["state"]) == (200, "dry_run")
        assert len(said.json["decision"]["trace"]) > 10
        assert said.json["decision"]["going"][0]["target"]["commit"] == "a" * 40
        assert here.world.ledger.lines == []
        assert (await here.trigger()).status == 202, "it used nothing up"


async def test_while_one_runs_another_is_told_which(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        gate = Gate(here)
        first = (await here.trigger()).json["id"]
        await asyncio.wait_for(gate.reached.wait(), 10)
        for level in ("manual", "emergency"):
            said = await here.trigger(level=level)
            assert (said.status, said.json["error"], said.json["rollback"]) == (409, "already_running", first)
        status = (await here.ask("GET", "/rollback/status")).json
        [running] = status["running"]
        assert (running["id"], running["steps"][-1]["state"]) == (first, "started")
        late = await here.ask("POST", f"/rollback/{first}/cancel", {"actor": "bob", "reason": "no"})
        assert (late.status, late.json["error"]) == (409, "too_late_to_cancel")
        assert (await here.trigger(dry_run=True)).status == 200, "asking only is always possible"
        gate.open()
        assert (await here.world.over(first)).state is State.SUCCEEDED
        assert len(here.world.ledger.lines) == 1
        over = await here.ask("POST", f"/rollback/{first}/cancel", {"actor": "bob", "reason": "no"})
        assert (over.status, over.json["error"]) == (409, "is_over")


async def test_who_is_not_judged_in_time_gets_the_id_to_ask_again(tmp_path: Path) -> None:
    async with web(tmp_path, works=False, judge_within_s=0.2) as here:
        said = await here.trigger()
        assert (said.status, said.json["state"], said.json["decision"]) == (202, "received", None)


async def test_an_approval_lets_it_go_on_once(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        rollback_id = await awaiting(here)
        status = (await here.ask("GET", "/rollback/status")).json
        assert [one["id"] for one in status["awaiting_approval"]] == [rollback_id]
        [trigger] = status["active_triggers"]
        assert (trigger["service"], trigger["alert"]) == ("api", "RollbackHttpErrorRatio")
        path = f"/rollback/{rollback_id}/approve"
        answers = await asyncio.gather(*(here.ask("POST", path, {"actor": "carol"}) for _ in range(2)))
        assert {said.status for said in answers} <= {200, 409}
        assert 200 in {said.status for said in answers}
        row = await here.world.over(rollback_id)
        assert (row.state, row.approved_by) == (State.SUCCEEDED, "carol (token the-approve)")
        again = await here.ask("POST", path, {"actor": "carol"})
        assert (again.status, again.json["error"]) == (409, "not_awaiting_approval")
        assert len(here.world.ledger.lines) == 1


async def test_an_approval_after_the_alert_was_resolved_does_nothing(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        here.world.rule(mode=Mode.APPROVE)
        one = firing()
        [rollback_id] = (await here.deliver(one)).json["rollbacks"]
        await here.reached(rollback_id, State.AWAITING_APPROVAL)
        await here.deliver({**one, "status": "resolved", "endsAt": starts_at(0)})
        await here.ask("POST", f"/rollback/{rollback_id}/approve", {"actor": "carol"})
        assert (await here.world.over(rollback_id)).state is State.DENIED
        assert here.world.ledger.lines == []


async def test_a_cancelled_rollback_is_over_at_once(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        rollback_id = await awaiting(here)
        body = {"actor": "bob", "reason": "a fix is on its way"}
        said = await here.ask("POST", f"/rollback/{rollback_id}/cancel", body, role=Role.TRIGGER)
        assert (said.status, said.json["state"]) == (200, "cancelled")
        shown = (await here.ask("GET", f"/rollback/{rollback_id}")).json
        assert shown["transitions"][-1]["by"] == "bob (token the-trigger)"
        assert shown["why"] == "a fix is on its way"


async def test_a_pause_stops_all_but_an_emergency_until_it_ends(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        body: dict[str, Any] = {"actor": "dave", "reason": "a migration until 10:00"}
        paused = (await here.ask("POST", "/rollback/pause", body)).json
        assert [(one["service"], one["actor"]) for one in paused["pauses"]] == [
            (None, "dave (token the-approve)")
        ]
        assert (await here.ask("GET", "/rollback/status")).json["paused"] is True
        assert (await here.trigger()).json["state"] == "denied"
        emergency = (await here.trigger(level="emergency")).json
        assert (await here.world.over(emergency["id"])).state is State.SUCCEEDED
        resumed = (await here.ask("POST", "/rollback/resume", {"actor": "dave"})).json
        assert (resumed["pauses"], resumed["changed"]) == ([], True)
        again = (await here.ask("POST", "/rollback/resume", {"actor": "dave"})).json
        assert again["changed"] is False
        of_one = await here.ask("POST", "/rollback/pause", {**body, "service": "api"})
        assert of_one.json["pauses"][0]["service"] == "api"
        assert (await here.ask("GET", "/rollback/status")).json["paused"] is False


async def test_the_breaker_counts_anew(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        said = await here.ask("POST", "/rollback/breaker", {"service": "api", "actor": "erin"})
        assert (said.status, said.json) == (200, {"service": "api"})
        past = await here.journal.past("production", ["api"], since=0)
        assert past.breaker_closed_at is not None


async def test_history_goes_back_page_by_page(tmp_path: Path) -> None:
    async with web(tmp_path, "api", "shop") as here:
        for _ in range(3):
            await here.trigger(dry_run=True)
        await here.trigger("shop", dry_run=True)
        page = (await here.ask("GET", "/rollback/history?limit=3", role=Role.READ)).json
        assert [one["service"] for one in page["rollbacks"]] == ["shop", "api", "api"]
        last = (await here.ask("GET", f"/rollback/history?limit=3&before={page['next']}")).json
        assert (len(last["rollbacks"]), last["next"]) == (1, None)
        for query, count in (
            ("service=shop", 1),
            ("service=nobody", 0),
            ("state=dry_run", 4),
            ("state=failed", 0),
        ):
            found = (await here.ask("GET", f"/rollback/history?{query}")).json
            assert len(found["rollbacks"]) == count, query


async def test_explain_tells_guard_by_guard_and_leaves_no_trace(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        here.world.evidence.before = True
        before = (await here.journal.figures(), await here.rows())
        body = notification(
            firing(),
            firing("unheard-of"),
            firing(status="resolved"),
            firing(startsAt="soon"),
            alert({"rollback": None}),
            truncatedAlerts=2,
        )
        said = await here.ask("POST", "/rollback/explain", body, role=Role.READ)
        assert said.status == 200
        ours, unknown, resolved = said.json["alerts"]
        assert ours["decision"]["verdict"] == "deny"
        assert "fault" in ours["why"] or "before" in ours["why"]
        assert unknown["decision"]["verdict"] == "deny"
        assert (resolved["decision"], "resolved" in resolved["why"]) == (None, True)
        assert [one["alert"] for one in said.json["refusals"]] == [4]
        assert (said.json["not_for_rollback"], said.json["truncated"]) == (1, 2)
        assert (await here.journal.figures(), await here.rows()) == before
        here.world.evidence.before = False
        [would] = (await here.ask("POST", "/rollback/explain", notification(firing()))).json["alerts"]
        assert would["decision"]["verdict"] == "proceed"
        assert here.world.ledger.lines == []
        many = [firing(fingerprint=f"{n:016x}") for n in range(25)]
        told = (await here.ask("POST", "/rollback/explain", notification(*many))).json["alerts"]
        assert [one["decision"] is not None for one in told] == [True] * 20 + [False] * 5
        assert (await here.ask("POST", "/rollback/explain", b"{}")).status == 400


async def test_deployments_are_reported_listed_and_marked(tmp_path: Path) -> None:
    async with web(tmp_path) as here:
        report = {"service": "api", "version": "1.5.0", "state": "started", "migration": True}
        started = await here.ask("POST", "/deployments", report, role=Role.DEPLOY)
        assert (started.status, started.json["state"], started.json["migration"]) == (200, "started", True)
        ended = await here.ask("POST", "/deployments", {**report, "state": "finished"}, role=Role.DEPLOY)
        assert (ended.json["id"], ended.json["state"]) == (started.json["id"], "finished")
        listed = (await here.ask("GET", "/deployments?service=api&limit=1", role=Role.READ)).json
        [newest] = listed["deployments"]
        assert (newest["id"], newest["release"]["shown"]) == (ended.json["id"], "1.5.0")
        older = (await here.ask("GET", f"/deployments?before={newest['started_at']!r}")).json
        assert newest["id"] not in {one["id"] for one in older["deployments"]}
        path = f"/deployments/{newest['id']}/mark"
        marked = await here.ask("POST", path, {"good": False, "actor": "frank"}, role=Role.TRIGGER)
        assert (marked.status, marked.json["marked"]) == (200, False)
        unmarked = await here.ask("POST", path, {"good": None, "actor": "frank"})
        assert unmarked.json["marked"] is None


ACTOR = {"actor": "alice"}
WISH = {"service": "api", "reason": "broken", "actor": "alice"}
PAUSE = {**ACTOR, "reason": "x"}
TRIGGER = "/rollback/trigger"
BAD: dict[str, tuple[str, str, Any, int, str]] = {
    "no reason": ("POST", TRIGGER, {"service": "api", "actor": "alice"}, 400, "reason"),
    "no actor": ("POST", TRIGGER, {"service": "api", "reason": "x"}, 400, "actor"),
    "blank reason": ("POST", TRIGGER, {**WISH, "reason": "  "}, 400, "reason"),
    "long reason": ("POST", TRIGGER, {**WISH, "reason": "x" * 513}, 400, "reason"),
    "lines in reason": ("POST", TRIGGER, {**WISH, "reason": "a\nb"}, 400, "reason"),
    "NUL in actor": ("POST", TRIGGER, {**WISH, "actor": "a\0b"}, 400, "actor"),
    "another level": ("POST", TRIGGER, {**WISH, "level": "automatic"}, 400, "level"),
    "an option as target": (
        "POST",
        "/rollback/trigger",
        {**WISH, "target": "--upload-pack=x"},
        400,
        "target",
    ),
    "a word for a flag": ("POST", TRIGGER, {**WISH, "dry_run": "no"}, 400, "dry_run"),
    "a misspelt member": ("POST", TRIGGER, {**WISH, "dryrun": True}, 400, "dryrun"),
    "no JSON": ("POST", TRIGGER, b"{", 400, "body"),
    "no text": ("POST", TRIGGER, b"\xff", 400, "body"),
    "a list": ("POST", TRIGGER, [], 400, "body"),
    "too large": ("POST", TRIGGER, {**WISH, "reason": "x" * 70_000}, 413, "larger"),
    "unknown service": ("POST", TRIGGER, {**WISH, "service": "nobody"}, 404, "service"),
    "pause of nobody": (
        "POST",
        "/rollback/pause",
        {**PAUSE, "service": "nobody"},
        404,
        "service",
    ),
    "breaker of nobody": ("POST", "/rollback/breaker", {**ACTOR, "service": "nobody"}, 404, "service"),
    "unknown rollback": ("GET", "/rollback/rb-1", None, 404, "rollback"),
    "approve unknown": ("POST", "/rollback/rb-1/approve", ACTOR, 404, "rollback"),
    "cancel unknown": ("POST", "/rollback/rb-1/cancel", PAUSE, 404, "rollback"),
    "hostile id": ("GET", "/rollback/..%2f..%2fetc%2fpasswd", None, 404, "rollback"),
    "NUL in id": ("GET", "/rollback/a%00b", None, 404, "rollback"),
    "mark unknown": ("POST", "/deployments/dp-1/mark", {**ACTOR, "good": True}, 404, "deployment"),
    "no mark": ("POST", "/deployments/dp-1/mark", ACTOR, 400, "good"),
    "limit 0": ("GET", "/rollback/history?limit=0", None, 400, "limit"),
    "limit x": ("GET", "/rollback/history?limit=x", None, 400, "limit"),
    "a state of others": ("GET", "/rollback/history?state=done", None, 400, "state"),
    "before as SQL": ("GET", "/rollback/history?before='%20or%201=1", None, 400, "before"),
    "service with NUL": ("GET", "/rollback/history?service=a%00", None, 400, "service"),
    "time as text": ("GET", "/deployments?before=yesterday", None, 400, "before"),
    "another method": ("DELETE", "/rollback/status", None, 405, "method"),
    "nothing there": ("GET", "/rollback", None, 404, "nothing"),
}


async def test_what_is_wrong_is_said_with_a_remedy_and_changes_nothing(tmp_path: Path) -> None:
    async with web(tmp_path, works=False) as here:
        for case, (method, path, body, status, word) in BAD.items():
            said = await here.ask(method, path, body)
            assert (said.status, case) == (status, case)
            assert word in said.json["message"], case
            assert said.json["remedy"], case
            assert "xxxxx" not in said.text, case
        assert await here.rows() == 0
        assert await here.journal.pauses() == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_what_a_form_of_another_page_could_send_is_refused(tmp_path: Path, content_type: str) -> None:
    async with web(tmp_path, works=False) as here:
        headers = {"Content-Type": content_type}
        said = await here.ask("POST", TRIGGER, WISH, headers=headers)
        assert said.status == 415
        assert await here.rows() == 0
