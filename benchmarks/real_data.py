"""What didact makes of real public data, as the page ``docs/real-data.md``.

    python benchmarks/real_data.py > docs/real-data.md

Needs the data (``DIDACT_DATA``, or ``../shared/data``); takes a minute. Nothing of its text is
printed, only counts and scores.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from typing import cast

import outcomes
from instructions import DATA, real_instructions, rows

from didact.context import Context
from didact.evaluators.exact_match import ExactMatch
from didact.evaluators.rouge import Rouge
from didact.filters.length import Length
from didact.filters.novelty import Novelty
from didact.records import Answer, Example, Origin
from didact.text.rouge import rouge_l
from didact.text.words import all_words, latin_words

PUBLISHED_ORDER = (
    "davinci",
    "davinci-superni-ft",
    "davinci-self-instruct",
    "text-davinci-001",
    "text-davinci-003",
)


def similarities() -> Iterator[str]:
    """The scores that a public Self-Instruct run recorded, against ours."""
    yield "| file | instructions | recorded similarities | different | largest |"
    yield "|---|---|---|---|---|"
    for path in sorted((DATA / "self_instruct_runs" / "qwen").glob("*machine_generated_instr*")):
        compared = different = count = 0
        largest = 0.0
        for row in cast("Iterator[dict[str, object]]", rows(path)):
            count += 1
            recorded = cast("dict[str, float]", row["most_similar"])
            for text, score in recorded.items():
                compared += 1
                different += rouge_l(str(row["instruction"]), text).f != score
                largest = max(largest, score)
        name = path.name.split("__")[0]
        yield f"| {name} | {count:,} | {compared:,} | {different} | {largest} |"


async def _mean(evaluator: Rouge | ExactMatch, answers: list[Answer]) -> dict[str, float]:
    totals: Counter[str] = Counter()
    # These evaluators ask no model, so they need no context.
    async for score in evaluator.score(cast("Context", None), answers):
        totals[score.metric] += score.value or 0.0
    return {metric: total / len(answers) for metric, total in totals.items()}


def predictions() -> Iterator[str]:
    """Recorded answers to the 252 tasks, scored as Super-NaturalInstructions does."""
    origin = Origin(recipe="user_oriented_instructions")
    yield "| answers of | items | ROUGE-L | ROUGE-1 | exact match |"
    yield "|---|---|---|---|---|"
    for model in PUBLISHED_ORDER:
        answers: list[Answer] = []
        path = DATA / "self_instruct" / "predictions" / f"{model}.jsonl.gz"
        for row in cast("Iterator[dict[str, str]]", rows(path)):
            item = Example.single(
                row["instruction"], row["target"], input=row["input"], origin=origin
            )
            answers.append(Answer(example=item, model=model, text=row["response"], call=""))
        rouge = asyncio.run(_mean(Rouge(), answers))
        exact = asyncio.run(_mean(ExactMatch(), answers))
        scored = f"{rouge['rougeL']:.2f} | {rouge['rouge1']:.2f} | {exact['exact_match']:.2f}"
        yield f"| {model} | {len(answers)} | {scored} |"


def novelty() -> Iterator[str]:
    """Every instruction of the data through the novelty filter, in file order."""
    texts, total = real_instructions(DATA)
    origin = Origin(recipe="real_data")
    examples = [Example.single(text, "-", origin=origin) for text in texts]
    other = sum(set(all_words(text)) != set(latin_words(text)) for text in texts)
    yield f"{total:,} instructions, {len(texts):,} of them different; {other:,} have words that"
    yield "are not a-z and 0-9. Each is judged against all that were kept before it."
    yield ""
    yield "| filter | kept | too similar | similarity kept |"
    yield "|---|---|---|---|"
    for component in (Novelty(), Novelty(mode="faithful"), Novelty(below=0.9), Novelty(below=0.5)):
        verdicts = list(component.sift(examples))
        kept = sum(verdict.keep for verdict in verdicts)
        limit = "at most" if component.mode == "faithful" else "less than"
        name = f"novelty, {component.mode}, below {component.below}"
        dropped = len(verdicts) - kept
        yield f"| {name} | {kept:,} | {dropped:,} | {limit} {component.below} |"
    lengths = Counter(Length().check(example).reason or "kept" for example in examples)
    yield ""
    yield (
        "The length filter (4 to 150 words) on the same instructions: "
        + ", ".join(f"{reason} {count:,}" for reason, count in lengths.most_common())
        + "."
    )


def page() -> Iterator[str]:
    yield "# Real data"
    yield ""
    yield "Public data that is not part of this repository, run through didact. Repeat it with"
    yield "`python benchmarks/real_data.py > docs/real-data.md` where the data is (`DIDACT_DATA`);"
    yield "the tests assert the exact parts and are skipped where it is not."
    yield ""
    yield "## ROUGE-L of a recorded Self-Instruct run"
    yield ""
    yield "The run wrote the ten most similar instructions of the pool, with their scores, next to"
    yield "each instruction it accepted. Ours, compared as doubles:"
    yield ""
    yield from similarities()
    yield ""
    yield "## Recorded answers to the 252 user-oriented tasks"
    yield ""
    yield "Scored with the metrics of Super-NaturalInstructions (ROUGE-L with stemming), one"
    yield "reference each. The paper had people grade them instead, so these are for orientation:"
    yield "a base model that goes on writing past its answer is punished by precision."
    yield ""
    yield from predictions()
    yield ""
    yield "## Every instruction through the novelty filter"
    yield ""
    yield from novelty()
    yield from outcomes.sections()


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"no data at {DATA}; set DIDACT_DATA")
    for line in page():
        print(line, flush=True)


if __name__ == "__main__":
    main()
