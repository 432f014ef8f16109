"""One database, used by threads of its own. What `write` has returned from is on the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import exc

from rollwatch.errors import CantStart
from rollwatch.rollback.journal.engines import READERS, Waits, begin, engine_for, prepare_file
from rollwatch.rollback.journal.failures import explained, is_of_the_work, is_passing_race, needs_person
from rollwatch.rollback.journal.hold import Hold
from rollwatch.rollback.journal.migrating import migrate
from rollwatch.rollback.journal.same_file import SameFile
from rollwatch.rollback.ports import JournalFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from rollwatch.rollback.journal.address import Address

__all__ = ["Database"]

_TOGETHER_MAX = 256
_WAITING_MAX = 5000
_ATTEMPTS = 3

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[Connection], Any]
    answer: asyncio.Future[Any]


@dataclass(slots=True, eq=False)
class _Batch:
    jobs: Sequence[_Job]
    hold: Hold = field(default_factory=Hold)


class Database:
    """Made by `opened`, ended by `close`; both in the loop that uses it.

    Works that wait for the writer are done together in one transaction, since a commit costs an fsync; when
    one of them fails, each is done alone. A work may thus be called several times, and only the last call
    counts: it must change nothing but the database.
    """

    def __init__(self, address: Address, waits: Waits, engine: Engine) -> None:
        self._address = address
        self._waits = waits
        self._engine = engine
        self._writer = ThreadPoolExecutor(1, "journal-writer")
        self._readers = ThreadPoolExecutor(READERS, "journal-reader")
        self._waiting: deque[_Job] = deque()
        self._has_work = asyncio.Event()
        self._batch: _Batch | None = None
        self._reading: dict[asyncio.Future[Any], Hold] = {}
        self._pump: asyncio.Task[None] | None = None
        self._is_closed = False
        self._file: SameFile | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address.shown})"

    @classmethod
    async def opened(cls, address: Address, waits: Waits) -> Database:
        """The database, its tables made or brought up to date. Raises CantStart, JournalFailed."""
        database = cls(address, waits, await asyncio.to_thread(engine_for, address, waits))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(waits.opening + waits.connect):
                await loop.run_in_executor(database._writer, database._open)
        except TimeoutError:
            await database.close()
            raise JournalFailed(f"it could not be opened within {waits.opening:g} s") from None
        except BaseException:
            await database.close()
            raise
        database._pump = loop.create_task(database._write_on(), name="journal-writer")
        return database

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, durable. Raises JournalFailed, and whatever `work` raises.

        After JournalFailed because of time or of a lost connection it may have been done all the same.
        """
        if self._is_closed:
            raise JournalFailed("it is closed")
        if len(self._waiting) >= _WAITING_MAX:
            raise JournalFailed(f"{_WAITING_MAX} writes wait for it already")
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._has_work.set()
        try:
            async with asyncio.timeout(self._waits.answer):
                answer: T = await job.answer
                return answer
        except TimeoutError:
            if self._batch is not None and job in self._batch.jobs:
                self._batch.hold.cut()
            raise self._too_slow() from None

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, from one state of the database. Raises JournalFailed."""
        if self._is_closed:
            raise JournalFailed("it is closed")
        hold = Hold()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._readers, self._alone, work, hold, True)
        self._reading[future] = hold
        future.add_done_callback(self._read_over)
        try:
            async with asyncio.timeout(self._waits.answer):
                return await asyncio.shield(future)
        except TimeoutError:
            hold.cut()
            raise self._too_slow() from None
        except exc.SQLAlchemyError as error:
            raise explained(error, self._address.secrets) from None

    async def close(self) -> None:
        """What was begun is finished, for as long as the database plays along."""
        if self._is_closed:
            return
        self._is_closed = True
        self._has_work.set()
        begun = [*self._reading, *([] if self._pump is None else [self._pump])]
        if begun:
            await asyncio.wait(begun, timeout=self._waits.statement)
        for hold in (*self._reading.values(), *([] if self._batch is None else [self._batch.hold])):
            hold.cut()
        if begun:
            await asyncio.wait(begun, timeout=1)
        if self._pump is not None:
            self._pump.cancel()
        future = asyncio.get_running_loop().run_in_executor(self._writer, self._engine.dispose)
        self._writer.shutdown(wait=False)
        self._readers.shutdown(wait=False)
        await asyncio.wait([future], timeout=self._waits.statement)

    def _read_over(self, future: asyncio.Future[Any]) -> None:
        del self._reading[future]
        if not future.cancelled():
            # Whoever asked may have gone: its error is not to be reported as one that nobody saw.
            future.exception()

    async def _write_on(self) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while self._waiting:
                jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER_MAX))]
                # Whoever stopped waiting was told that it failed.
                await self._do([job for job in jobs if not job.answer.done()])
            if self._is_closed:
                return

    async def _do(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        loop = asyncio.get_running_loop()
        self._batch = batch = _Batch(jobs)
        works = [job.work for job in jobs]
        future = (
            loop.run_in_executor(self._writer, self._transact, works, batch.hold, False)
            if len(works) > 1
            else loop.run_in_executor(self._writer, self._alone_in_list, works, batch.hold)
        )
        try:
            await asyncio.wait([future])
        finally:
            self._batch = None
        error = future.exception()
        if error is None:
            for job, answer in zip(jobs, future.result(), strict=True):
                if not job.answer.done():
                    job.answer.set_result(answer)
        elif len(jobs) > 1 and is_of_the_work(error):
            for job in jobs:
                if not job.answer.done():
                    await self._do([job])
        else:
            for job in jobs:
                if not job.answer.done():
                    job.answer.set_exception(self._failure(error))

    def _failure(self, error: BaseException) -> BaseException:
        return explained(error, self._address.secrets) if isinstance(error, exc.SQLAlchemyError) else error

    def _too_slow(self) -> JournalFailed:
        return JournalFailed(f"the database did not answer within {self._waits.answer:g} s")

    # In threads.

    def _open(self) -> None:
        try:
            if self._address.file is not None:
                prepare_file(self._address.file, self._waits)
                self._file = SameFile(self._address.file)
            with self._begun(Hold(), reads=False, limit_s=self._waits.opening) as connection:
                migrate(connection, self._address.shown)
                connection.commit()
        except sqlite3.Error as error:
            raise self._cant_open(exc.DBAPIError("", None, error)) from None
        except exc.SQLAlchemyError as error:
            raise self._cant_open(error) from None

    def _cant_open(self, error: exc.SQLAlchemyError) -> JournalFailed | CantStart:
        failed = explained(error, self._address.secrets)
        if needs_person(error):
            return CantStart(f"the journal {self._address.shown} can't be used: {failed.why}")
        return failed

    def _alone_in_list(self, works: Sequence[Callable[[Connection], Any]], hold: Hold) -> list[Any]:
        return [self._alone(work, hold, False) for work in works]

    def _alone(self, work: Callable[[Connection], T], hold: Hold, reads: bool) -> T:
        attempt = 1
        while True:
            try:
                return self._transact([work], hold, reads)[0]
            except exc.DBAPIError as error:
                if hold.is_cut or attempt == _ATTEMPTS or not is_passing_race(error):
                    raise
            attempt += 1

    def _transact(self, works: Sequence[Callable[[Connection], T]], hold: Hold, reads: bool) -> list[T]:
        if self._file is not None:
            self._file.check()
        try:
            with self._begun(hold, reads=reads, limit_s=self._waits.statement) as connection:
                found = [work(connection) for work in works]
                connection.commit()
                return found
        finally:
            hold.drop()

    def _begun(self, hold: Hold, *, reads: bool, limit_s: float) -> Connection:
        """A connection in a transaction; closing it undoes what is not committed."""
        try:
            return self._begin_once(hold, reads=reads, limit_s=limit_s)
        except exc.DBAPIError as error:
            if hold.is_cut or not error.connection_invalidated:
                raise
        # It was from before the server's restart, and so were all that are kept; nothing has begun yet.
        return self._begin_once(hold, reads=reads, limit_s=limit_s)

    def _begin_once(self, hold: Hold, *, reads: bool, limit_s: float) -> Connection:
        connection = self._engine.connect()
        if reads and connection.dialect.name == "postgresql":
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        hold.take(connection)
        try:
            begin(connection, reads=reads, limit_s=limit_s)
        except BaseException:
            hold.drop()
            connection.close()
            raise
        return connection
