"""Run by the supervisor's tests as a process of its own: `python supervised.py PLAN.json`.

The plan lists processes (name, argv, ready_url, ports, stop_within_s); everything said goes to stdout.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from rollwatch.demo.supervisor.process import Process
from rollwatch.demo.supervisor.supervisor import supervise
from rollwatch.errors import RollwatchError


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    plan = json.loads(Path(sys.argv[1]).read_bytes())
    directory = Path(sys.argv[1]).parent
    processes = [
        Process(
            name=entry["name"],
            argv=tuple(entry["argv"]),
            log=directory / f"{entry['name']}.log",
            ready_url=lambda entry=entry: entry["ready_url"],
            ports=entry.get("ports", {}),
            stop_within_s=entry.get("stop_within_s", 10.0),
        )
        for entry in plan["processes"]
    ]
    try:
        asyncio.run(
            supervise(
                processes,
                lock=directory / "supervisor.json",
                environment=os.environ,
                ready_within_s=plan.get("ready_within_s", 20.0),
                announce=lambda: say("all ready"),
                say=say,
                elsewhere="--other-ports",
            )
        )
    except RollwatchError as error:
        say(f"error: {error}")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
