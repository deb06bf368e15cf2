"""The growing pool of instructions by one process, and with its look-ups done by workers.

    python benchmarks/joining.py [--size 200000] [--workers 2] [--filter novelty|near-duplicate]

The instructions are those of the other benchmarks (``instructions.stream``). Every verdict of the
workers is compared with that of the one process, its evidence with it. Both times are of the whole
filter, from examples to verdicts; that of the workers has their start in it. The peak is that of
the largest worker.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time

from instructions import stream

from didact.components import find
from didact.records import Example, Origin, Verdict
from didact.scale.joining import judged
from didact.scale.local import LocalPool
from didact.scale.shards import Shards


async def across(component, examples: list[Example], workers: int) -> tuple[list[Verdict], dict]:
    told = {"shards": 0}

    def tell(event, _) -> None:
        told["shards"] += event == "shards"

    pool = LocalPool(workers)
    try:
        shards = Shards(pool, rows=64, tell=tell)
        return [verdict async for verdict in judged(component.pool(), examples, shards)], told
    finally:
        pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--filter", default="novelty", choices=["novelty", "near-duplicate"])
    options = parser.parse_args()
    texts, real = stream(options.size)
    origin = Origin(recipe="stream")
    examples = [Example.single(text, str(n), origin=origin) for n, text in enumerate(texts)]
    settings = {"part": "instruction"} if options.filter == "near-duplicate" else {}
    component = find("filters", options.filter)(**settings)
    list(component.sift(iter(examples[:2])))  # the compiled code is loaded
    start, cpu = time.perf_counter(), time.process_time()
    alone = list(component.sift(iter(examples)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    start, own = time.perf_counter(), time.process_time()
    shared, told = asyncio.run(across(component, examples, options.workers))
    across_seconds, own = time.perf_counter() - start, time.process_time() - own
    worked = resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = sum(verdict.keep for verdict in alone)
    different = sum(a != b for a, b in zip(alone, shared, strict=True))
    print(f"{options.filter}: {len(texts):,} instructions, {real:,} of them real; {kept:,} kept")
    print(f"one process        {seconds:7.1f} s ({cpu:.1f} s of processor time)")
    print(f"{options.workers} local workers    {across_seconds:7.1f} s (driver {own:.1f} s, workers"
          f" {worked.ru_utime + worked.ru_stime:.1f} s of processor time; {told['shards']} shards;"
          f" the largest worker {worked.ru_maxrss / 2**20:.2f} GiB)")  # fmt: skip
    print(f"ratio {seconds / across_seconds:.2f}; verdicts that differ: {different}")


if __name__ == "__main__":
    main()
