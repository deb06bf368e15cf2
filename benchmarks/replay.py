"""How fast calls are logged, and how fast a whole run of them replays, through a recipe.

    python benchmarks/replay.py --calls 50000

One process, one core: a model that answers at once, `ctx.ask` within `ctx.map`, the call log on
disk. Calls a second are by the clock and, for a machine that is busy with other work, by the CPU
time of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

from didact.calls import CallLog
from didact.context import Context
from didact.records import Example, Message, Origin, Reply, Request, Sampling, Usage
from didact.transfer import export_calls, import_calls

TASK = "a recipe shows the model some tasks and asks it for one more of its own kind "


class Instant:
    """Answers at once, so that nothing but the call path is measured."""

    identity = "instant"
    capabilities = frozenset({"chat", "completion"})

    def __init__(self, characters: int) -> None:
        self._text = text(characters)

    async def ask(self, request: Request) -> Reply:
        tail = request.messages[0].content[-8:]
        return Reply(
            text=f"{self._text} {tail}", usage=Usage(prompt=800, completion=150), model="instant-1"
        )

    async def close(self) -> None:
        pass


class Asking:
    """A recipe: one call, one example."""

    def __init__(self, count: int, characters: int) -> None:
        self._count = count
        self._prompt = text(characters)

    async def run(self, ctx: Context, _seeds: Sequence[Example]) -> AsyncIterator[Example]:
        async def ask(number: int) -> Reply:
            turn = Message("user", f"{self._prompt} {number:08}")
            sampling = Sampling(max_tokens=512, temperature=0.7)
            return await ctx.ask(Request(messages=(turn,), sampling=sampling))

        async for reply in ctx.map(ask, range(self._count)):
            origin = Origin(recipe="asking", calls=(reply.key,))
            yield Example.single("one more", reply.text, origin=origin)


def text(characters: int) -> str:
    return (TASK * (characters // len(TASK) + 1))[:characters]


@contextmanager
def timed(what: str, count: int):
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{what:<28} {count / wall:>9,.0f} calls/s {count / cpu:>9,.0f} calls/CPU-s"
        f" {cpu / count * 10_000:>7.2f} CPU-s per 10,000"
    )


async def run(log: CallLog, options: argparse.Namespace) -> Context:
    ctx = Context({"teacher": Instant(options.reply)}, log=log)
    made = 0
    async for _ in Asking(options.calls, options.prompt).run(ctx, ()):
        made += 1
    assert made == options.calls
    return ctx


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--prompt", type=int, default=3_000, help="characters")
    parser.add_argument("--reply", type=int, default=600, help="characters; compressed above 4096")
    options = parser.parse_args()
    count = options.calls
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)

        def pass_over(path: Path, what: str, check: Callable[[Context], bool], **how: object):
            log = CallLog.open(path, write=True, **how)
            with timed(what, count):
                ctx = asyncio.run(run(log, options))
            assert check(ctx), ctx.tally
            log.close()

        first = folder / "calls.db"
        pass_over(first, "logged", lambda ctx: ctx.tally.made == count)
        print(f"{'':<28} {first.stat().st_size / 1e6:,.0f} MB")
        with timed("opened and checked", count):
            CallLog.open(first).close()
        pass_over(first, "replayed", lambda ctx: ctx.tally.replayed == count)
        pass_over(
            folder / "other.db",
            "copied from another run",
            lambda ctx: ctx.tally.replayed == count,
            reuse=[first],
        )
        with timed("exported", count):
            export_calls(first, folder / "calls.jsonl")
        with timed("imported", count):
            import_calls(folder / "calls.jsonl", folder / "new.db")


if __name__ == "__main__":
    main()
