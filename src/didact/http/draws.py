"""Several draws of one request in one call: ``n`` of OpenAI's protocol.

Draws that are asked for at the same time go to the server together, up to ``n`` of them, so the
prompt is read, and paid for, once. Each reply is its own caller's and its own row of the call log.
The server tells the tokens of all choices in one sum: those of the prompt are counted to the first
reply, those of the completions in equal parts. Cost: one call for up to ``n`` draws.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from didact.http.client import Reading, Unreadable
from didact.records import Reply, Request, Usage, canonical

__all__ = ["Draws", "reading_all"]

Send = Callable[[Request, int], Awaitable[list[Reply]]]
"""Asks for so many replies to a request."""


class Draws:
    """The draws that wait for company."""

    def __init__(self, n: int, send: Send) -> None:
        self._n = n
        self._send = send
        self._waiting: dict[str, list[tuple[Request, asyncio.Future[Reply]]]] = {}
        self._sent: set[asyncio.Task[None]] = set()

    async def ask(self, request: Request) -> Reply:
        """The reply to one draw."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        key = canonical(replace(request, draw=0).to_json())
        waiting = self._waiting.setdefault(key, [])
        waiting.append((request, future))
        if len(waiting) == 1:
            task = loop.create_task(self._gather(key))
            self._sent.add(task)
            task.add_done_callback(self._sent.discard)
        return await future

    async def _gather(self, key: str) -> None:
        # Draws of one request come from one place, within a turn or two of the event loop.
        for _ in range(3):
            await asyncio.sleep(0)
        waiting = [one for one in self._waiting.pop(key) if not one[1].done()]
        parts = [waiting[start : start + self._n] for start in range(0, len(waiting), self._n)]
        await asyncio.gather(*map(self._together, parts))

    async def _together(self, draws: list[tuple[Request, asyncio.Future[Reply]]]) -> None:
        try:
            replies = await self._send(draws[0][0], len(draws))
        except BaseException as error:
            for _, future in draws:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), reply in zip(draws, replies, strict=True):
            if not future.done():
                future.set_result(reply)


def reading_all(read: Reading, count: int, found: list[Reply]) -> Reading:
    """A reading of the first choice that leaves the replies of all choices in ``found``."""

    def every(data: Mapping[str, Any]) -> Reply:
        choices = data["choices"]
        if len(choices) != count:
            raise Unreadable(f"{len(choices)} choices where {count} were asked for")
        replies = [read({**data, "choices": [choice]}) for choice in choices]
        told = replies[0].usage
        part, rest = divmod(told.completion, count)
        found[:] = [
            replace(
                reply,
                usage=Usage(
                    prompt=0 if place else told.prompt, completion=part + (0 if place else rest)
                ),
            )
            for place, reply in enumerate(replies)
        ]
        return found[0]

    return every
