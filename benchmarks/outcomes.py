"""Recorded outcomes of other programs' filters, for the page ``docs/real-data.md``.

    python benchmarks/outcomes.py [--ifd]

Part of ``real_data.py``; alone it prints its own sections. Counts only, none of the texts.
``--ifd`` scores 600 rows of Alpaca with the embedded model instead, which takes minutes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Collection, Iterator
from statistics import fmean
from typing import Any, cast

from instructions import DATA, rows

from didact.context import Context
from didact.filters.exact_duplicate import ExactDuplicate
from didact.filters.ifd import Ifd
from didact.filters.longest import Longest
from didact.filters.novelty import Novelty
from didact.models.scorer import Scorer
from didact.records import Example, Origin
from didact.stats.contamination import Limits, largest_similarities, touched

ORIGIN = Origin(recipe="outcomes")
SELECTIONS = {
    "cherry_5pct": "hardest by IFD (Cherry LLM)",
    "claude_t45": "accuracy 4.5 or more by Claude (AlpaGasus)",
    "helpfulness_t45": "helpfulness 4.5 or more (AlpaGasus)",
    "car_selected_1k": "ranked and clustered (CaR)",
}
RUNGS = (0.9, 0.8, 0.7, 0.6)


def read(name: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", list(rows(DATA / name)))


def single(instruction: str, output: str = "-", input: str = "") -> Example:
    return Example.single(instruction, output, input=input, origin=ORIGIN)


def statuses() -> Iterator[str]:
    yield "| alpaca-libre | ok | too similar | blacklist | too short | bad start | error |"
    yield "|---|---|---|---|---|---|---|"
    names = ("ok", "too similar", "blacklist", "too short", "bad start", "error")
    for version in (1, 2):
        given = [row["status"] for row in read(f"alpaca_libre/tasks_v{version}.jsonl.gz")]
        counts = " | ".join(f"{given.count(name):,}" for name in names)
        yield f"| version {version}, recorded and by our rules | {counts} |"
    yield ""
    yield "Every status and every similarity comes out, to its three digits, once it is known that"
    yield "the program held a task against all others of the same run, later ones too; rounded the"
    yield "similarity before it compared; looked for blacklisted words (five more than the paper's)"
    yield "before the beginning and the length; and in its first version called a reply that it"
    yield "could not read too short. Our novelty filter holds a task against those kept before it:"
    yield "it keeps all that was ok and 350 (version 1) and 351 (version 2) more, which are like a"
    yield "later task only, or like one that was itself dropped."


def ladder() -> Iterator[str]:
    rows_ = read("gpteacher/toolformer-dedupe-only-dataset.jsonl.gz")
    # Above the query stands the description of the tool, the same in hundreds of rows.
    queries = [single(row["instruction"].rsplit("\n", 1)[-1]) for row in rows_]
    first = list(ExactDuplicate(part="instruction", compare="bytes").sift(queries))
    texts = [json.dumps(row) for row in rows_]
    yield f"GPTeacher's queries for tools, {len(rows_):,} of them, thinned out at four thresholds:"
    yield ""
    yield "| rung | left there | left by novelty | in both |"
    yield "|---|---|---|---|"
    for rung in RUNGS:
        name = f"gpteacher/toolformer-similarity-{rung}-dataset.jsonl.gz"
        theirs = {json.dumps(row) for row in read(name)}
        novel = Novelty(below=rung, mode="faithful").sift(queries)
        kept = {text for text, a, b in zip(texts, novel, first, strict=True) if a.keep and b.keep}
        chance = len(kept) * len(theirs) / len(rows_)
        both = len(kept & theirs)
        yield f"| {rung} | {len(theirs):,} | {len(kept):,} | {both:,}, by chance {chance:,.0f} |"
    yield ""
    yield "The published rungs are not quite nested: 17 to 151 rows of one are not in the next"
    yield "larger. Ours are as near as that at 0.7 and 0.6 (25 and 26 more), and not at 0.9 and 0.8"
    yield "(594 and 235 more): the measure of the ladder is not written down, and is not ROUGE-L;"
    yield "at 0.9 it drops paraphrases, as embeddings would."


def sample() -> tuple[list[Example], dict[str, list[bool]]]:
    """The random sample of Alpaca, and which of it each published selection took."""

    def key(row: dict[str, Any]) -> tuple[str, str]:
        return row["instruction"], row["input"]

    pool = read("alpaca/alpaca_random_9k.jsonl.gz")
    examples = [single(row["instruction"], row["output"], row["input"]) for row in pool]
    taken: dict[str, list[bool]] = {}
    for name in SELECTIONS:
        chosen = {key(row) for row in read(f"alpaca/alpaca_{name}.jsonl.gz")}
        taken[name] = [key(row) in chosen for row in pool]
    return examples, taken


def found_again(keep: Collection[bool], taken: Collection[bool]) -> float:
    """How many times as many of the taken ones are kept as by chance."""
    both = sum(a and b for a, b in zip(keep, taken, strict=True))
    return both * len(keep) / max(sum(keep) * sum(taken), 1)


def selections() -> Iterator[str]:
    examples, taken = sample()
    yield f"Those of each selection that stand in a public random sample of {len(examples):,}, and"
    yield "how many times as many of them as by chance are among as many rows that `longest` keeps:"
    yield ""
    yield "| selection | in the sample | words of an answer | found again |"
    yield "|---|---|---|---|"
    for name, what in SELECTIONS.items():
        count = sum(taken[name])
        keep = [verdict.keep for verdict in Longest(count=count).sift(examples)]
        words = fmean(
            len(e.output.split()) for e, one in zip(examples, taken[name], strict=True) if one
        )
        yield f"| {what} | {count:,} | {words:.0f} | {found_again(keep, taken[name]):.1f} |"
    mean = fmean(len(e.output.split()) for e in examples)
    yield f"| all | {len(examples):,} | {mean:.0f} | 1.0 |"
    yield ""
    yield "IFD, helpfulness and CaR are found far above chance by length alone; the rating of"
    yield "accuracy is not, it prefers short answers. The filters that go with them (`ifd`,"
    yield "`judged`, `reward`) need a model that knows English, and none ships with didact: the"
    yield "embedded one knows a small world of made-up facts, and what its `ifd` makes of Alpaca is"
    yield "no better than chance (`python benchmarks/outcomes.py --ifd`: of 600 rows a selected one"
    yield "scores higher than another with likelihood 0.42, where chance has 0.5). So they are not"
    yield "found again by filters of their own kind, and will not be without such a model: name one"
    yield "under `models` (`use: scorer`, a path), and the same run decides it."


def difficulty() -> str:
    """IFD of part of the random sample by the embedded model, against Cherry LLM's selection."""
    examples, taken = sample()
    rng = random.Random(0)
    chosen = taken["cherry_5pct"]
    positive = [e for e, one in zip(examples, chosen, strict=True) if one]
    negative = [e for e, one in zip(examples, chosen, strict=True) if not one]
    part = rng.sample(positive, 150) + rng.sample(negative, 450)

    async def scores() -> list[float | None]:
        ctx = Context({"scorer": Scorer(device="cpu")}, max_failures=len(part))
        return [verdict.score async for verdict in Ifd(below=99).sift(ctx, part)]

    found = asyncio.run(scores())
    first = [one for one in found[:150] if one is not None]
    rest = [one for one in found[150:] if one is not None]
    above = sum((a > b) + (a == b) / 2 for a in first for b in rest) / (len(first) * len(rest))
    dropped = sum(one > 1 for one in first + rest) / len(first + rest)
    return (
        f"of {len(part)} rows, {len(first)} of them selected, {100 * dropped:.0f} % score above 1; "
        f"a selected row scores higher than another with likelihood {above:.2f} (chance: 0.5)"
    )


def duplicates() -> Iterator[str]:
    seeds = [single(row["instruction"]) for row in read("self_instruct/seed_tasks.jsonl")]
    items = [
        single(row["instruction"], "-", row["instances"][0]["input"])
        for row in read("self_instruct/user_oriented_instructions.jsonl")
    ]
    once = ExactDuplicate(part="instruction")
    yield "| set | items | duplicates |"
    yield "|---|---|---|"
    for name, part in (("seed tasks", seeds), ("user-oriented tasks, by instruction", items)):
        yield f"| {name} | {len(part)} | {sum(not v.keep for v in once.sift(part))} |"
    for path in sorted((DATA / "self_instruct" / "predictions").glob("*.jsonl.gz")):
        found = cast("Iterator[dict[str, str]]", rows(path))
        answers = [single("x", row["response"].strip()) for row in found]
        same = ExactDuplicate(part="output", compare="bytes").sift(answers)
        name = path.name.partition(".")[0]
        yield f"| answers of {name} | {len(answers)} | {sum(not v.keep for v in same)} |"
    ours, theirs = [[e.instruction for e in part] for part in (items, seeds)]
    mean = fmean(largest_similarities(ours, theirs))
    touches = touched(items, seeds, Limits(part="instruction")).values()
    equal = {touch.span for touch in touches if touch.score == 1.0}
    yield ""
    yield f"Mean largest ROUGE-L of the 252 with the 175 seeds: {mean:.2f} (the paper: 0.34);"
    yield f"{len(equal)} instruction stands in both, in two items with inputs of their own."


def sections() -> Iterator[str]:
    for title, part in (
        ("Statuses that a public run recorded", statuses),
        ("A ladder of thresholds", ladder),
        ("Published selections of Alpaca", selections),
        ("Duplicates and contamination of the public sets", duplicates),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield from part()


if __name__ == "__main__":
    if "--ifd" in sys.argv:
        print(difficulty())
    else:
        for line in sections():
            print(line)
