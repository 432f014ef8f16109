"""Kill -9 of the handler at its writes and in between, again and again: nothing is done twice or lost.

ROLLBACK_CRASH_ROUNDS says how many rounds (default 12); 1,000 take some 20 minutes.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest

from rollwatch.rollback.journal.journal import open_journal
from support.rollback_postgres import running_postgres
from support.rollback_productions import STRATEGIES

ROUNDS = int(os.environ.get("ROLLBACK_CRASH_ROUNDS", "12"))
JOBS = 4


def rounds(seed: int) -> list[dict[str, Any]]:
    """Every strategy, on both databases, with one and two handlers; over and over."""
    rng = random.Random(seed)
    kinds = list(product(STRATEGIES, ("sqlite", "postgresql"), (1, 2)))
    return [
        {
            "number": number,
            "strategy": strategy,
            "database": database,
            "handlers": handlers,
            "seed": rng.randrange(2**32),
        }
        for number, (strategy, database, handlers) in enumerate(
            islice((kind for _ in range(ROUNDS) for kind in kinds), ROUNDS)
        )
    ]


@pytest.mark.timeout(120 + 10 * ROUNDS)
async def test_whenever_the_handler_is_killed_nothing_is_done_twice_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("ROLLBACK_CRASH_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    with running_postgres() as server:
        template = server.new_database()
        await (await open_journal(template)).close()
        said = [
            {**one, "url": server.new_database(like=template) if one["database"] == "postgresql" else ""}
            for one in rounds(seed)
        ]
        answers = play(tmp_path, said)
    assert len(answers) == ROUNDS
    bad = [answer for answer in answers if answer["problems"]]
    assert bad == [], json.dumps(bad, indent=1)
    # A sample in which nobody was killed in the middle would show nothing.
    assert sum("lives" not in line for answer in answers for line in answer["story"]) >= ROUNDS


def play(root: Path, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with (root / "log").open("w") as log:
        process = subprocess.run(
            [sys.executable, "-m", "support.rollback_crash", str(root), str(JOBS)],
            input="".join(json.dumps(one) + "\n" for one in said),
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=True,
        )
    return [json.loads(line) for line in process.stdout.splitlines()]
