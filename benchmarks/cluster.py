"""A run of 100 million examples on 64 nodes, simulated: hours, money, what limits it, what is lost.

    python benchmarks/cluster.py [--part plan] [--seeds 200] [--set servers=64 ...]

- plan: every stage, with 95 % ranges over seeds; a seed draws what is not known from its range and
  lets nodes fail at random.
- checkpoints, shards: lost work against the spacing of checkpoints (and the best one by Young and
  Daly) and against the rows of a shard.
- driver: how many servers one driver keeps busy.
- real: a small stage done here by one and by two workers; what the first says of the second.

What is simulated, and where every figure is from: ``cluster_model.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from cluster_model import HOUR, Plan, Range, Stage, best_spacing, farm, gang, run

from didact.models.embedded import Embedded
from didact.records import Message, Request, Sampling
from didact.scale.asking import named
from didact.scale.local import LocalPool
from didact.scale.shards import Shards
from didact.scale.wire import request_json
from didact.suites.microworld import Microworld

REPLIES = (10, 150, 1000)
"""Tokens."""


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, and where 95 of 100 lie."""
    found = sorted(values)
    middle, low, high = (found[round(at * (len(found) - 1))] for at in (0.5, 0.025, 0.975))
    return middle, low, high


def simulated(plan: Plan, seeds: int) -> Iterator[list[Stage]]:
    for seed in range(seeds):
        rng = random.Random(seed)
        yield run(plan.drawn(rng), rng)


def told(values: Sequence[float], form: str = ",.1f") -> str:
    middle, low, high = quantiles(values)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")


def show_plan(plan: Plan, seeds: int) -> None:
    runs = list(simulated(plan, seeds))

    def row(stages: Sequence[Stage]) -> list[str]:
        limits = Counter(stage.limit for stage in stages).most_common()
        return [
            stages[0].name,
            ", ".join(f"{name} {count / seeds:.0%}" for name, count in limits),
            told([stage.hours for stage in stages]),
            told([100 * stage.used for stage in stages], ",.0f"),
            told([stage.lost for stage in stages], ",.2f"),
            told([stage.usd for stage in stages], ",.0f"),
        ]

    order = sorted(zip(*runs, strict=True), key=lambda s: -quantiles([x.hours for x in s])[0])
    hours = [sum(stage.hours for stage in stages) for stages in runs]
    lost = told([sum(stage.lost for stage in stages) for stages in runs], ",.2f")
    usd = told([sum(stage.usd for stage in stages) for stages in runs], ",.0f")
    head = ["stage", "waits for", "hours", "busy, %", "lost node-hours", "USD"]
    table(head, [*map(row, order), ["all, one after the other", "", told(hours), "", lost, usd]])
    held = plan.servers * plan.gpu_usd.value + plan.cpu_nodes * plan.cpu_usd.value
    all_held = told([hour * held for hour in hours], ",.0f")
    print(f"\nAll {plan.servers + plan.cpu_nodes:.0f} nodes held to the end: {all_held} USD")


def show_checkpoints(plan: Plan, seeds: int) -> None:
    """What a training of a hundred hours takes longer, in per cent."""
    nodes, checkpoint, work = plan.servers, plan.checkpoint.value, 100 * HOUR
    rows: list[list[str]] = []
    for rate in (plan.failures.low, plan.failures.value, plan.failures.high, 1e-2):
        mtbf = HOUR / rate / nodes
        best = best_spacing(checkpoint, mtbf)

        def longer(every: float, mtbf: float = mtbf) -> str:
            if (every + checkpoint) / mtbf > 8:
                return "never ends"
            rng = random.Random(0)
            how = {"every": every, "checkpoint": checkpoint, "mtbf": mtbf, "away": plan.away}
            found = [gang(work, **how, rng=rng).seconds / work - 1 for _ in range(seeds)]
            return f"{100 * statistics.mean(found):.1f}"

        spaced = [longer(every) for every in (300, 900, 1800, 2 * HOUR, 8 * HOUR, work)]
        rows.append(
            [f"{rate:g}", f"{mtbf / HOUR:,.0f} h", f"{best / 60:,.0f} min: {longer(best)}", *spaced]
        )
    head = ["failures of a node, an hour", "one of all every", "best spacing"]
    table([*head, "5 min", "15 min", "30 min", "2 h", "8 h", "none"], rows)


def show_shards(plan: Plan, seeds: int) -> None:
    """A stage of a tenth of a second a row and core, on nodes that fail every hundred hours."""
    nodes, cores, row = int(plan.cpu_nodes), int(plan.cores), 0.1
    rows: list[list[str]] = []
    for shard in (64, 1024, 4096, 16_384):
        feed = shard / plan.driver_rows.value
        results = [
            farm(
                max(1, round(plan.examples / shard)), shard * row, nodes=nodes, workers=cores,
                feed=feed, spread=0.3, mtbf=100 * HOUR, away=plan.away, rng=random.Random(seed),
            )
            for seed in range(min(seeds, 30))
        ]  # fmt: skip
        hours = told([result.seconds / HOUR for result in results], ".2f")
        lost = told([result.lost / HOUR for result in results], ".2f")
        sent = f"{2 * plan.examples / shard:,.0f}"
        rows.append([f"{shard:,}", f"{shard * row:,.1f}", hours, lost, sent])
    table(["rows of a shard", "seconds of one", "hours", "lost core-hours", "messages"], rows)


def show_driver(plan: Plan) -> None:
    """How many servers one driver keeps busy: beyond, take another run for part of the work."""
    calls = plan.driver_calls.value
    rows: list[list[str]] = []
    for rate in (plan.output_rate.low, plan.output_rate.value, plan.output_rate.high, 50_000):
        seconds = [plan.prompt.value / plan.input_rate.value + reply / rate for reply in REPLIES]
        rows.append([f"{rate:,.0f}", *(f"{calls * each:,.0f}" for each in seconds)])
    table(["tokens/s of a server", *(f"replies of {reply:,}" for reply in REPLIES)], rows)


def show_real() -> None:
    """A stage done by workers that are processes of this machine, and what the model says of it.

    What one worker alone takes for a shard is all that the model is told. Shards that wait, as for
    a server, show how shards are dealt; those that compute share memory and caches with the others
    too, of which it knows nothing.
    """
    with tempfile.TemporaryDirectory() as notes:
        for what, shards, more in (
            ("waiting", waiting(Path(notes)), (2, 4)),
            ("computing", computing(), (2,)),
        ):
            alone, took = asyncio.run(timed_by(1, shards))
            print(f"{len(shards)} shards, {what}: one worker {alone:.1f} s")
            spread = statistics.stdev(took) / statistics.mean(took)
            for workers in more:
                seconds, _ = asyncio.run(timed_by(workers, shards))
                expected = [
                    farm(
                        len(shards), statistics.mean(took), nodes=workers, spread=spread,
                        rng=random.Random(seed),
                    ).seconds
                    for seed in range(200)
                ]  # fmt: skip
                off = 100 * (quantiles(expected)[0] / seconds - 1)
                print(f"- {workers}: {seconds:.1f} s, simulated {told(expected)} s ({off:+.0f} %)")


def waiting(notes: Path) -> list[str]:
    """Shards of a model that sleeps, of 2 to 12 requests of 50 ms."""
    file = Path(__file__).parents[1] / "tests" / "scale" / "counting_model.py"
    entry = {"kind": "models", "use": str(file), "settings": {"notes": str(notes), "seconds": 0.05}}
    rng = random.Random(0)

    def shard(number: int) -> str:
        rows = [
            request_json(Request(messages=(Message("user", f"{100 + number} {row}"),)))
            for row in range(rng.randint(2, 12))
        ]
        return json.dumps({**entry, "rows": rows})

    return [shard(number) for number in range(80)]


def computing() -> list[str]:
    """Shards of the embedded model."""
    entry = named(Embedded(), "models")
    assert entry is not None
    rows = [
        request_json(Request(messages=item.prompt, sampling=Sampling(max_tokens=48)))
        for item in Microworld(per_family=16).read()
    ]
    return [json.dumps({**entry, "rows": rows[at : at + 8]}) for at in range(0, len(rows) - 7, 8)]


async def timed_by(workers: int, shards: Sequence[str]) -> tuple[float, list[float]]:
    """Seconds of all shards, once each worker has what it needs; of each, where one works alone."""
    pool, took = LocalPool(workers), list[float]()
    watched = Shards(pool, rows=8, tell=lambda *_: None)
    await asyncio.gather(*(watched.one("answer", shards[0]) for _ in range(3 * workers)))
    begin = last = time.perf_counter()
    async for _ in watched.map("answer", shards):
        took.append(time.perf_counter() - last)
        last = time.perf_counter()
    pool.close()
    return last - begin, took


def changed(plan: Plan, settings: Sequence[str]) -> Plan:
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in Plan._fields:
            raise SystemExit(f"--set {setting}: there is {', '.join(Plan._fields)}")
        try:
            value = float(text)
        except ValueError:
            raise SystemExit(f"--set {setting}: not a number: {text!r}") from None
        old = getattr(plan, name)
        new = Range(value, value, value) if isinstance(old, Range) else value
        plan = plan._replace(**{name: new})
    return plan


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parts = ["plan", "checkpoints", "shards", "driver", "real"]
    parser.add_argument("--part", action="append", choices=parts)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    plan = changed(Plan(), options.set)
    shown: dict[str, Callable[[], None]] = {
        "plan": lambda: show_plan(plan, options.seeds),
        "checkpoints": lambda: show_checkpoints(plan, options.seeds),
        "shards": lambda: show_shards(plan, options.seeds),
        "driver": lambda: show_driver(plan),
        "real": show_real,
    }
    for part in options.part or parts[:4]:
        print(f"\n{part}\n")
        shown[part]()


if __name__ == "__main__":
    main()
