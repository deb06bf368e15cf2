"""The cluster of `benchmarks/cluster.py`: what it is asked to do, and how that is simulated.

Shards are dealt to workers as ``didact.scale`` deals them: in order, to whoever is free, sent again
when a node fails. A training is one gang: a failure sends all of it back to its last checkpoint.
Rates of this project are those of `benchmarks/stages.py` and of docs/measurements.md; what belongs
to other people's hardware is a parameter with a range and its source beside it. A model: it knows
no network, no queue before a cluster, no warming up of servers.
"""

from __future__ import annotations

import heapq
import math
import random
from typing import NamedTuple

HOUR = 3600.0


class Range(NamedTuple):
    """A figure that is not known."""

    value: float
    """What is taken where nothing is drawn."""
    low: float
    high: float

    def drawn(self, rng: random.Random) -> float:
        return math.exp(rng.uniform(math.log(self.low), math.log(self.high)))


class Plan(NamedTuple):
    """What is to be done and on what. Ranges are drawn for each seed."""

    examples: float = 100e6
    """Candidates to be generated, with one call each."""
    servers: float = 32
    """Nodes of one GPU, each with one vLLM server and, later, one process of the training."""
    cpu_nodes: float = 32
    cores: float = 64
    """Of a node without a GPU; of these, other people's are as fast as ours."""
    drivers: float = 1
    """Runs that share the work as partitions, each with a driver and a call log of its own."""
    output_rate: Range = Range(8_000, 3_000, 12_500)
    """Tokens that a full server writes in a second, 8 billion parameters: published for one A100
    (3,363 of 7 billion, 3,004 of 14) and one H100 (12,500), morphllm.com/vllm-benchmarks, 2026."""
    input_rate: Range = Range(30_000, 15_000, 60_000)
    """Tokens read by a server in a second: a guess, for what is published is mixed with writing."""
    reply: Range = Range(150, 75, 300)
    """Tokens of a generated example."""
    prompt: Range = Range(400, 200, 800)
    """Tokens of a prompt, of a judge's too, less what a prefix cache spares."""
    verdict: Range = Range(10, 5, 40)
    """Tokens that a judge writes."""
    in_flight: float = 256
    """Requests under way at a server; a server that fails loses them."""
    driver_calls: Range = Range(3_829, 3_725, 4_057)
    """Calls a second of one driver, call log on (benchmarks/providers.py, three rounds)."""
    driver_rows: Range = Range(13_000, 9_000, 16_000)
    """Rows a second of one driver through seven checks of one example: to read a row takes it 13
    microseconds, to send it and hear of it 6 for each of four, the other three, which it does
    itself, 23 (benchmarks/stages.py)."""
    driver_joins: Range = Range(43_000, 35_000, 55_000)
    """The same of a join in parts: 23 microseconds a text (benchmarks/joining.py)."""
    lexical: Range = Range(2_500, 2_000, 3_000)
    """Rows a second and core through all checks of one example (benchmarks/stages.py)."""
    shard: float = 64
    """Rows of a shard of checks."""
    novelty_text: Range = Range(0.18e-3, 0.12e-3, 0.25e-3)
    """Seconds of one core to look a text up, for each million kept (benchmarks/joining.py)."""
    near_text: Range = Range(0.04e-3, 0.02e-3, 0.08e-3)
    """The same for near-duplicates, which take a fifth of the time (docs/measurements.md)."""
    kept: Range = Range(0.7, 0.5, 0.85)
    """Of the candidates that are left for judge and IFD."""
    trained: Range = Range(0.35, 0.2, 0.5)
    """Of the candidates that are trained on."""
    train_rate: Range = Range(5_000, 2_500, 6_667)
    """Tokens a second and GPU, 8 billion parameters, sharded: torchtitan reports 5,762 to 6,667 on
    H100 (docs/performance.md there); shorter rows and one GPU a node are slower."""
    checkpoint: Range = Range(64, 30, 200)
    """Seconds to write one: 128 GB of weights and optimizer at 2 GB/s."""
    every: float = 1800
    """Seconds between checkpoints."""
    failures: Range = Range(2e-4, 2e-5, 1e-3)
    """Of a node, an hour: Llama 3 had 419 in 54 days of 2,048 nodes of eight GPUs, 1.6e-4
    (arXiv 2407.21783); a node of one GPU has fewer, one that others may take has far more."""
    away: float = 900
    """Seconds until another node takes its place and has loaded what it needs."""
    gpu_usd: Range = Range(3.0, 2.0, 5.0)
    """An hour of a node with one H100: 2 to 5 (mercatus-ai.com/blog/cloud-gpu-pricing, 2026)."""
    cpu_usd: Range = Range(2.5, 1.5, 3.5)
    """An hour of a node of 64 cores: a guess."""

    def drawn(self, rng: random.Random) -> Plan:
        """The plan with a value from each range."""
        found = {
            name: Range(value, value, value)
            for name, old in self._asdict().items()
            if isinstance(old, Range)
            for value in (old.drawn(rng),)
        }
        return self._replace(**found)


class Farmed(NamedTuple):
    seconds: float
    busy: float
    """Worker-seconds of work that counted."""
    lost: float
    """Worker-seconds of work that was lost."""
    failures: int


def farm(
    shards: int, seconds: float, *, nodes: int, workers: int = 1, feed: float = 0.0,
    spread: float = 0.0, mtbf: float = math.inf, away: float = 0.0, rng: random.Random,
    most: int = 20_000,
) -> Farmed:  # fmt: skip
    """Shards dealt to the workers of nodes that fail; ``feed`` seconds of the driver for each.

    More than ``most`` are dealt in lots, of which a failure costs the shard that was under way.
    """
    lot = -(-shards // most)
    left = shards
    down: list[list[float]] = [[] for _ in range(nodes)]
    free = [(0.0, number) for number in range(nodes * workers)]
    heapq.heapify(free)
    busy = lost = fed = last = 0.0
    while left:
        start, worker = heapq.heappop(free)
        node = down[worker % nodes]
        while not node or node[-1] + away <= start:
            node.append((node[-1] + away if node else 0.0) + _exponential(mtbf, rng))
        fails = next(time for time in node if time + away > start)
        if fails <= start:
            heapq.heappush(free, (fails + away, worker))
            continue
        # Smaller lots towards the end, which shards alone would not make longer.
        count = max(1, min(lot, left // (2 * nodes * workers)))
        left -= count
        start = max(start, fed)
        fed = max(fed, start) + feed * count
        each = seconds * _factor(spread / math.sqrt(count), rng)
        end = max(start + each * count, fed)
        if fails < start:
            left += count
            heapq.heappush(free, (fails + away, worker))
            continue
        if fails < end:
            done = min(int((fails - start) / each), count - 1)
            busy += done * each
            lost += fails - start - done * each
            left += count - done
            heapq.heappush(free, (fails + away, worker))
            continue
        busy += each * count
        last = max(last, end)
        heapq.heappush(free, (end, worker))
    return Farmed(last, busy, lost, sum(time < last for node in down for time in node))


class Ganged(NamedTuple):
    seconds: float
    lost: float
    """Seconds of all that were done twice, or waited for a node."""
    saving: float
    failures: int


def gang(
    work: float, *, every: float, checkpoint: float, mtbf: float, away: float, rng: random.Random
) -> Ganged:
    """All nodes together through ``work`` seconds; a failure goes back to the last checkpoint."""
    clock = done = saving = lost = 0.0
    failures = 0
    fails = _exponential(mtbf, rng)
    while done < work:
        part = min(every, work - done)
        saves = checkpoint if done + part < work else 0.0
        if clock + part + saves <= fails:
            clock += part + saves
            saving += saves
            done += part
            continue
        failures += 1
        lost += fails - clock + away
        clock = fails + away
        fails = clock + _exponential(mtbf, rng)
    return Ganged(clock, lost, saving, failures)


def gang_expected(
    work: float, *, every: float, checkpoint: float, mtbf: float, away: float
) -> float:
    """The same on average, where each part of the work ends in a checkpoint (Daly 2006)."""
    return work / every * (mtbf + away) * math.expm1((every + checkpoint) / mtbf)


def best_spacing(checkpoint: float, mtbf: float) -> float:
    """Seconds between checkpoints that lose least, nearly (Young 1974): sqrt(2 C MTBF)."""
    return math.sqrt(2 * checkpoint * mtbf)


def _exponential(mean: float, rng: random.Random) -> float:
    return rng.expovariate(1 / mean) if math.isfinite(mean) else math.inf


def _factor(spread: float, rng: random.Random) -> float:
    return max(0.2, rng.gauss(1.0, spread)) if spread else 1.0


class Stage(NamedTuple):
    name: str
    limit: str
    """What it waits for."""
    hours: float
    used: float
    """Share of the time of what it holds that is work which counts."""
    lost: float
    """Node-hours of work done twice, and of waiting for nodes in a training."""
    usd: float


def run(plan: Plan, rng: random.Random) -> list[Stage]:
    """The stages of one seed, one after the other; each holds only the nodes it works on."""
    p = {n: v.value if isinstance(v, Range) else v for n, v in plan._asdict().items()}
    mtbf = HOUR / p["failures"]

    def asked(name: str, calls: float, prompt: float, reply: float) -> Stage:
        each = prompt / p["input_rate"] + reply / p["output_rate"]
        lots = max(1, round(calls / p["in_flight"]))
        feed = p["in_flight"] / (p["driver_calls"] * p["drivers"])
        nodes = int(p["servers"])
        seconds = p["in_flight"] * each
        done = farm(
            lots, seconds, nodes=nodes, feed=feed, spread=0.3, mtbf=mtbf, away=p["away"], rng=rng
        )
        hours = done.seconds / HOUR
        limit = "driver" if feed > seconds / nodes else "servers"
        usd = hours * (nodes * p["gpu_usd"] + p["drivers"] * p["cpu_usd"])
        return Stage(name, limit, hours, done.busy / done.seconds / nodes, done.lost / HOUR, usd)

    def worked(name: str, rows: float, rate: float, feed_rate: float, shard: float) -> Stage:
        nodes, cores = int(p["cpu_nodes"]), int(p["cores"])
        shards, seconds, feed = max(1, round(rows / shard)), shard / rate, shard / feed_rate
        done = farm(
            shards, seconds, nodes=nodes, workers=cores, feed=feed, spread=0.3, mtbf=mtbf,
            away=p["away"], rng=rng,
        )  # fmt: skip
        hours = done.seconds / HOUR
        limit = "driver" if feed > seconds / nodes / cores else "cores"
        used = done.busy / done.seconds / nodes / cores
        usd = hours * nodes * p["cpu_usd"]
        return Stage(name, limit, hours, used, done.lost / HOUR / cores, usd)

    def joined(name: str, text: float) -> Stage:
        # Most are kept, and the pool that one is looked up in is half of all on average.
        rows = p["examples"]
        rate = 1 / (text * 0.9 * rows / 2 / 1e6)
        return worked(name, rows, rate, p["driver_joins"], 4096)

    rows_fed = p["driver_rows"] * p["drivers"]
    left = p["examples"] * p["kept"]
    nodes = p["servers"]
    tokens = p["examples"] * p["trained"] * (p["reply"] + p["prompt"] / 4)
    work = tokens / (nodes * p["train_rate"])
    trained = gang(
        work, every=p["every"], checkpoint=p["checkpoint"], mtbf=mtbf / nodes, away=p["away"],
        rng=rng,
    )  # fmt: skip
    hours = trained.seconds / HOUR
    return [
        asked("generate", p["examples"], p["prompt"], p["reply"]),
        worked("filter: checks of one example", p["examples"], p["lexical"], rows_fed, p["shard"]),
        joined("filter: near-duplicates", p["near_text"]),
        joined("filter: novelty in a growing pool", p["novelty_text"]),
        asked("filter: judge", left, p["prompt"] + p["reply"], p["verdict"]),
        # Two readings of an example, of the answer alone and after its prompt; nothing is written.
        asked("filter: IFD", left, 2 * p["reply"] + p["prompt"] / 4, 1),
        Stage(
            "train", "GPUs", hours, work / trained.seconds, trained.lost * nodes / HOUR,
            hours * nodes * p["gpu_usd"],
        ),
    ]  # fmt: skip
