"""A process of its own that uses a journal: `python -m support.rollback_writer WORK URL [ARGUMENT…]`.

It says on stdout, line by line, what the journal has answered.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import resource
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rollwatch.rollback.journal.journal import SqlJournal, open_journal
from rollwatch.rollback.journal_port import Busy
from rollwatch.rollback.ports import JournalFailed, LostLease
from support.rollback_rows import NOW, alert_of, going_of

__all__ = ["main"]


async def opens(*urls: str) -> None:
    """Wait for a line on stdin, then open each, write, and close."""
    _say("ready")
    await _told()
    for url in urls:
        journal = await open_journal(url)
        await journal.check()
        await journal.close()
        _say("opened")


async def takes(url: str) -> None:
    """Take incident after incident, several at once, until killed; says which are answered."""
    journal = await open_journal(url)

    async def one(number: int) -> None:
        taken = await journal.take([(alert_of(number), "api")], NOW)
        _say(str(number), *taken.new)

    number = 0
    while True:
        await asyncio.gather(*(one(number + each) for each in range(4)))
        number += 4


async def begins(name: str, *urls: str) -> None:
    """Wait for a line on stdin, then try to take over and begin every rollback there is, at once."""
    _say("ready")
    await _told()
    for url in urls:
        journal = await open_journal(url)
        rows = await journal.open_rollbacks()
        await asyncio.gather(*(_begin(journal, row.id, name) for row in rows))
        await journal.close()


async def _begin(journal: SqlJournal, rollback_id: str, name: str) -> None:
    rollback = await journal.lease(rollback_id, name, NOW + 31, NOW + 60)
    if rollback is None:
        return
    try:
        begun = await journal.begin(
            dataclasses.replace(rollback, going=(going_of(service=rollback.service),)),
            now=NOW + 31,
            by=name,
            why="the guards are met",
        )
    except LostLease:
        return
    if not isinstance(begun, Busy):
        _say(begun.id, begun.service)


async def fills_the_disk(path: str) -> None:
    """No file may grow any more, as on a full disk; then it may again."""
    journal = await open_journal(path)
    await journal.take([(alert_of(1), "api")], NOW)
    size = Path(f"{path}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for _ in range(2):
        try:
            await journal.take([(alert_of(2), "api")], NOW)
            _say("taken")
        except JournalFailed as failure:
            _say("failed", failure.why)
    try:
        await journal.check()
    except JournalFailed:
        _say("unwell")
    _say("rows", str(len(await journal.history())))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    taken = await journal.take([(alert_of(2), "api")], NOW)
    _say("new", str(len(taken.new)))
    await journal.close()


_WORKS: dict[str, Callable[..., Awaitable[None]]] = {
    "begins": begins,
    "fills_the_disk": fills_the_disk,
    "opens": opens,
    "takes": takes,
}


def main(argv: list[str]) -> None:
    asyncio.run(_run(argv))


async def _run(argv: list[str]) -> None:
    work, *arguments = argv
    await _WORKS[work](*arguments)


async def _told() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def _say(*words: str) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
