"""`python -m support.rollback_crashing STRATEGY ROOT SPEC ORDER [DIE_AT]`: a handler that does one order.

It writes each memo to ROOT/memos before it goes on. With DIE_AT it dies as with kill -9 right after that
many memos (0: before the first); else it is for others to kill.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rollwatch.config.rollback import ServiceRollbackSpec
from rollwatch.rollback.strategies.registry import make_strategy
from rollwatch.rollback.strategies.strategy import Order, Strategy
from support.processes import DEADLINE_S
from support.rollback_git import order, tools

__all__ = ["crash", "handler", "last_memo", "strategy_of"]


def strategy_of(name: str, root: Path, spec: dict[str, Any], **environ: str) -> Strategy:
    """What `rollwatch.yml` makes of `strategy: NAME` with `spec` under that name."""
    said = {"mode": "auto", "strategy": name, "triggers": ["RollbackHttpErrorRatio"], name: spec}
    return make_strategy(
        "api", "production", ServiceRollbackSpec.model_validate(said), tools(root, **environ)
    )


@contextmanager
def handler(
    name: str, root: Path, spec: dict[str, Any], given: Order, die_at: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """It runs; at the end of the context it is killed, and only it."""
    said = [given.id, given.bad.commit, given.target.commit, given.deadline_s]
    argv = [sys.executable, "-m", "support.rollback_crashing", name, str(root), json.dumps(spec)]
    argv += [json.dumps(said), *([] if die_at is None else [str(die_at)])]
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def crash(name: str, root: Path, spec: dict[str, Any], given: Order, die_at: int) -> dict[str, Any]:
    """Let it die after `die_at` memos; the last one."""
    with handler(name, root, spec, given, die_at) as process:
        assert process.wait(DEADLINE_S) == -signal.SIGKILL
    return last_memo(root)


def last_memo(root: Path) -> dict[str, Any]:
    """What the journal would have; empty where nothing was noted."""
    memos = root / "memos"
    lines = memos.read_text().splitlines() if memos.exists() else []
    return dict(json.loads(lines[-1])) if lines else {}


async def _main(name: str, root: str, spec: str, said: str, die_at: int | None) -> None:
    order_id, bad, target, deadline_s = json.loads(said)
    count = 0

    def write(memo: Any) -> None:
        with (Path(root) / "memos").open("a") as memos:
            memos.write(json.dumps(memo) + "\n")

    async def note(memo: Any) -> None:
        nonlocal count
        if die_at == count:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.to_thread(write, memo)
        count += 1
        if die_at == count:
            os.kill(os.getpid(), signal.SIGKILL)

    strategy = strategy_of(name, Path(root), json.loads(spec))
    done = await strategy.execute(replace(order(bad, target, deadline_s=deadline_s), id=order_id), note)
    print(done.result.value, done.detail)


if __name__ == "__main__":
    _, *words = sys.argv
    asyncio.run(_main(*words[:4], int(words[4]) if len(words) > 4 else None))  # type: ignore[arg-type]
