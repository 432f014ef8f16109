"""Several demo productions in one process: `python productions.py '[{"run_dir": …, "stack": …}, …]'`.

Each is as `rollwatch demo serve` has it; one process for all leaves more of the machine to the others.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop

from rollwatch.clock import SystemClock
from rollwatch.demo.announcement import announce
from rollwatch.demo.configuration import write_config
from rollwatch.demo.production.registry import ports_from
from rollwatch.demo.production.serve import Production
from rollwatch.demo.production.settings import ProductionSettings
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.stack.ports import StackPorts


async def main() -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    productions = []
    for wanted in json.loads(sys.argv[1]):
        settings = ProductionSettings(
            run_dir=RunDir(Path(wanted.pop("run_dir"))),
            ports=ports_from(0),
            stack=StackPorts(**wanted.pop("stack")),
            **wanted,
        )
        production = Production(settings, clock=SystemClock(), say=lambda text: print(text, flush=True))
        await production.start()
        productions.append(production)
        write_config(settings.run_dir, production.ports, settings.stack, interval=settings.interval)
        announce(settings.run_dir, production.ports)
    print("all are up", flush=True)
    await stopping.wait()
    for production in productions:
        await production.stop()


uvloop.run(main())
