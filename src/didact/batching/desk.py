"""Collects asks, hands them in as batches, waits, and gives everyone their answer.

A batch closes after a quiet moment, or when it is full. What the journal knows is not handed in
again: an ask whose request is in a batch under way, from this process or another, waits for that
batch. Rows that came to nothing go into the next batch, a bounded number of times; of a batch that
expired what was finished is used. Cost: one paid row per request, plus the rows that failed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from didact.batching.journal import Journal, standard_folder
from didact.batching.patience import Manner, duration, ended
from didact.batching.service import Batch, Look, Row, Service, Unconfirmed
from didact.errors import CredentialsError, DidactError, ModelError
from didact.http.client import Unreadable
from didact.http.notices import say
from didact.http.troubles import Trouble
from didact.http.waits import WAITS
from didact.records import JSON, Reply

__all__ = ["Desk"]

_SAVED_AT_ONCE = 500
_DOWNLOADS = 5
"""Further tries to fetch results."""
_SETTLING = 10.0
"""Seconds before a batch that was not confirmed is looked for: it may still be on its way."""

_log = logging.getLogger("didact")


@dataclass(frozen=True, slots=True)
class _Again:
    """The row is to be handed in again; it counts where the row itself came to nothing."""

    trouble: Trouble
    counts: bool


_Outcome: TypeAlias = "dict[str, JSON] | Trouble | _Again | DidactError"


class Desk:
    """The asks of one model, in one event loop at a time."""

    def __init__(self, service: Service, manner: Manner) -> None:
        self._service = service
        self._manner = manner
        self._journal: Journal | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, list[asyncio.Future[_Outcome]]] = {}
        self._queue: dict[str, Row] = {}
        self._arrived = 0.0
        self._gathering: asyncio.Task[None] | None = None
        self._following: dict[int, asyncio.Task[None]] = {}
        self._room = manner.size

    async def ask(self, row: Row, read: Callable[[Mapping[str, Any]], Reply]) -> Reply:
        """The reply to a row, however many batches it takes; ModelError where none is to be had."""
        failures = 0
        while True:
            outcome = await self._outcome(row)
            if isinstance(outcome, DidactError):
                raise outcome
            if isinstance(outcome, dict):
                try:
                    return read(outcome)
                except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                    self._open().forget([row.key])
                    reason = str(error) if isinstance(error, Unreadable) else "not a completion"
                    outcome = _Again(Trouble(kind="transient", message=reason), counts=True)
            trouble = outcome.trouble if isinstance(outcome, _Again) else outcome
            if trouble.kind == "refused":
                return Reply(text=trouble.message, finish="refused", model=self._manner.model)
            if isinstance(outcome, _Again):
                failures += outcome.counts
                if failures <= self._manner.retries:
                    continue
            raise ModelError(
                f"{self._manner.place}: {trouble.message}",
                retryable=trouble.kind == "transient",
                status=trouble.status,
                fault="unknown" if trouble.kind == "credentials" else trouble.kind,
            )

    async def close(self) -> None:
        """Stop waiting. What was submitted stays so, and is in the journal."""
        await self._rest()
        await self._service.close()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    async def _outcome(self, row: Row) -> _Outcome:
        journal = self._open()
        answer = journal.answer(row.key)
        if answer is not None:
            return answer
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Outcome] = loop.create_future()
        self._waiting.setdefault(row.key, []).append(future)
        try:
            number = journal.batch_of(row.key)
            if number is not None:
                self._follow(number)
            else:
                self._queue[row.key] = row
                self._arrived = loop.time()
                if self._gathering is None or self._gathering.done():
                    self._gathering = self._task(self._gather())
            return await future
        finally:
            waiting = self._waiting.get(row.key, [])
            if future in waiting:
                waiting.remove(future)
                if not waiting:
                    self._waiting.pop(row.key)
                    self._queue.pop(row.key, None)
                if not self._waiting:
                    # Everybody was cancelled: nobody is there to wait for.
                    await self._rest()

    def _open(self) -> Journal:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # Tasks and futures of a loop that is gone.
            self._waiting, self._queue, self._following = {}, {}, {}
            self._gathering, self._loop = None, loop
        if self._journal is None:
            self._journal = Journal(self._manner.journal or standard_folder(), self._manner.place)
        return self._journal

    async def _rest(self) -> None:
        tasks = [*self._following.values(), *([self._gathering] if self._gathering else [])]
        self._following, self._gathering = {}, None
        here = [t for t in tasks if t.get_loop() is asyncio.get_running_loop() and not t.done()]
        for task in here:
            task.cancel()
        await asyncio.gather(*here, return_exceptions=True)

    def _settle(self, keys: Sequence[str], outcome: _Outcome) -> None:
        for key in keys:
            for future in self._waiting.pop(key, []):
                if not future.done():
                    future.set_result(outcome)

    async def _gather(self) -> None:
        """Close batches and hand them in, as long as there is anything to hand in."""
        loop = asyncio.get_running_loop()
        while self._queue:
            while len(self._queue) < self._room:
                left = self._arrived + self._manner.quiet - loop.time()
                if left <= 0:
                    break
                await asyncio.sleep(left)
            rows = self._take()
            if not rows:
                continue
            try:
                await self._submit(rows)
            except DidactError as error:
                self._settle([row.key for row in rows], error)

    def _take(self) -> list[Row]:
        """The oldest rows of one endpoint, as many as fit into a batch."""
        taken: list[Row] = []
        size = 0
        for row in list(self._queue.values()):
            if taken and row.path != taken[0].path:
                continue
            # What surrounds a row's body in the file is less than this.
            size += len(row.body) + 256
            if taken and (len(taken) == self._room or size > self._manner.most_bytes):
                break
            taken.append(self._queue.pop(row.key))
        return taken

    async def _submit(self, rows: Sequence[Row]) -> None:
        journal = self._open()
        async with journal.turn():
            batch, fresh = journal.claim(rows)
            if batch is not None:
                try:
                    id = await self._service.submit(batch, fresh)
                except Unconfirmed as error:
                    # Whoever follows it looks for it.
                    say(self._manner.kind, "slow", f"a batch was not confirmed ({error})")
                except DidactError:
                    journal.end(batch.number)
                    raise
                else:
                    journal.confirm(batch.number, id)
                    _log.info(
                        "%s: %d requests submitted as batch %s; to stop is safe, the same command"
                        " joins it", self._manner.kind, batch.rows, id,
                    )  # fmt: skip
                self._follow(batch.number)
        ours = {row.key for row in fresh}
        for row in rows:
            # Another process was quicker with the rest.
            if row.key in ours:
                continue
            answer, number = journal.answer(row.key), journal.batch_of(row.key)
            if answer is not None:
                self._settle([row.key], answer)
            elif number is not None:
                self._follow(number)
            else:
                none = Trouble(kind="transient", message="another process gave it up")
                self._settle([row.key], _Again(none, counts=False))

    def _follow(self, number: int) -> None:
        """See to it that somebody waits for a batch."""
        task = self._following.get(number)
        if task is None or task.done():
            self._following[number] = self._task(self._see_through(number))

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work whose failure is everybody's who waits: nobody may wait for what has died."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._died)
        return task

    def _died(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            for futures in self._waiting.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
            self._waiting.clear()

    async def _see_through(self, number: int) -> None:
        journal = self._open()
        keys = journal.keys(number)
        try:
            batch = await self._confirmed(number)
            look = await ended(self._service, batch, self._manner) if batch else None
            if batch is None or look is None:
                journal.end(number)
                gone = Trouble(kind="transient", message="a batch did not arrive")
                self._settle(keys, _Again(gone, counts=True))
            elif look.state == "lost":
                self._lost(number, keys)
            elif look.state == "failed":
                await self._refused(batch, look, keys)
            else:
                await self._collect(batch, look, keys)
        except DidactError as error:
            if isinstance(error, ModelError) and error.status == 404:
                self._lost(number, keys)
            else:
                self._settle(keys, error)
        finally:
            if self._following.get(number) is asyncio.current_task():
                self._following.pop(number, None)

    def _lost(self, number: int, keys: Sequence[str]) -> None:
        """The provider does not know the batch, or its results: too old, or another account's."""
        self._open().end(number)
        say(
            self._manner.kind,
            "changed",
            f"{len(keys)} submitted requests are not known to the provider any more: they are"
            " submitted again, and paid for again",
        )
        gone = Trouble(kind="transient", message="the batch is not there any more")
        self._settle(keys, _Again(gone, counts=True))

    async def _confirmed(self, number: int) -> Batch | None:
        """The batch with the provider's name for it; None where it never got there."""
        journal = self._open()
        batch = journal.batch(number)
        if batch is None or batch.id is not None:
            return batch
        async with journal.turn():
            # Nobody is submitting now: who began this one is dead, or has confirmed it since.
            batch = journal.batch(number)
            if batch is None or batch.id is not None:
                return batch
            await asyncio.sleep(_SETTLING)
            id = await self._service.find(batch, journal.known())
            if id is None:
                return None
            journal.confirm(number, id)
            _log.info("%s: batch %s was submitted and is joined", self._manner.kind, id)
            return journal.batch(number)

    async def _collect(self, batch: Batch, look: Look, keys: Sequence[str]) -> None:
        """Give out what an ended batch has; what it has not goes into another."""
        journal = self._open()
        left = dict.fromkeys(keys)
        troubles: dict[str, Trouble] = {}
        ours = False
        for attempt in itertools.count():
            try:
                ours |= await self._read(batch, look, left, troubles)
                break
            except ModelError as error:
                # Every answer read so far is kept; the rest is paid for and still there.
                if not error.retryable or attempt >= _DOWNLOADS:
                    raise
                await asyncio.sleep(min(self._manner.poll, WAITS.jitter(attempt)))
        if keys and not ours and look.done and batch.id is not None and batch.upload is None:
            # Found by guessing, after a crash, and it holds nothing of ours.
            journal.disown(batch.number, batch.id)
            await self._see_through(batch.number)
            return
        journal.end(batch.number)
        missing = Trouble(kind="transient", message=f"the batch {look.said} without an answer")
        for key in left:
            trouble = troubles.get(key, missing)
            if trouble.kind == "credentials":
                self._settle([key], self._denied(trouble))
            elif trouble.kind == "transient" and not look.cancelled:
                self._settle([key], _Again(trouble, counts=True))
            else:
                self._settle([key], trouble)
        if left:
            _log.info("%s: %d rows of batch %s came to nothing", self._manner.kind, len(left),
                      batch.id)  # fmt: skip

    async def _read(
        self, batch: Batch, look: Look, left: dict[str, None], troubles: dict[str, Trouble]
    ) -> bool:
        """Read the results once through; whether any of them was of this batch."""
        journal = self._open()
        answers: dict[str, dict[str, JSON]] = {}
        ours = False
        try:
            async for result in self._service.results(batch, look):
                ours = ours or journal.batch_of(result.key) == batch.number
                if result.key not in left:
                    continue
                if isinstance(result.outcome, Trouble):
                    troubles[result.key] = result.outcome
                    continue
                answers[result.key] = result.outcome
                if len(answers) >= _SAVED_AT_ONCE:
                    self._give(journal, answers, left)
                    answers = {}
        finally:
            self._give(journal, answers, left)
        return ours

    def _give(
        self, journal: Journal, answers: Mapping[str, dict[str, JSON]], left: dict[str, None]
    ) -> None:
        journal.save(answers)
        for key, answer in answers.items():
            left.pop(key, None)
            self._settle([key], answer)

    async def _refused(self, batch: Batch, look: Look, keys: Sequence[str]) -> None:
        """A batch that was refused as a whole: nothing in it was answered or paid for."""
        journal = self._open()
        trouble = look.trouble or Trouble(kind="request", message=f"the batch is {look.said}")
        if look.too_big:
            alone = len(self._following) == 1
            counts = alone and batch.rows == 1
            if alone:
                self._room = max(1, batch.rows // 2)
            say(self._manner.kind, "limited", f"batch {batch.id} is too big for now:"
                f" {trouble.message}; trying again in {duration(self._manner.poll)} with"
                f" {self._room} requests")  # fmt: skip
            await asyncio.sleep(self._manner.poll)
            journal.end(batch.number)
            self._settle(keys, _Again(trouble, counts=counts))
            return
        journal.end(batch.number)
        if trouble.kind == "credentials":
            self._settle(keys, self._denied(trouble))
        for place, key in enumerate(keys):
            if place in look.wrong:
                self._settle([key], look.wrong[place])
            elif look.wrong or trouble.kind == "transient":
                self._settle([key], _Again(trouble, counts=not look.wrong))
            else:
                self._settle([key], trouble)

    def _denied(self, trouble: Trouble) -> CredentialsError:
        return CredentialsError(
            f"{self._manner.place}: {trouble.message} (what was answered is kept: set this right"
            " and run the same command to continue)"
        )
