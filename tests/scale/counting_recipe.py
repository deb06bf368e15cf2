"""A recipe of a user's own: asks for every number, and asks again with what came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from didact.context import Context
from didact.records import Example, Message, Origin, Request

__all__ = ["CountingRecipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingRecipe:
    """Examples from numbers."""

    count: int = 60
    """How many."""

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in the order of the numbers."""

        async def one(number: int) -> Example:
            reply = await ctx.ask(Request(messages=(Message("user", str(number)),)))
            again = await ctx.ask(Request(messages=(Message("user", reply.text),)))
            return Example.single(reply.text, again.text, origin=Origin(recipe="counting"))

        async for example in ctx.map(one, range(self.count)):
            yield example
