"""The figures of each method's data: the paper's, those of public data, those of a run of ours.

What ``methods.py`` shows: one function a recipe, which gives lines of (what is counted, paper,
public data, our run). Public data goes through our readers (``DIDACT_DATA``, ``../shared/data``).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, pstdev
from typing import Any

from instructions import DATA

from didact.components import find
from didact.formats.refusals import Refusals
from didact.labelled.patterns import read_patterns, shapes
from didact.labelled.prompt_templates import parse_templates
from didact.records import Example
from didact.stats.instruction_data import describe_instructions
from didact.text.words import count_words

NONE = "-"


def words(texts: Iterable[str]) -> str:
    """Mean words of these."""
    counted = [count_words(text) for text in texts]
    return f"{fmean(counted):.1f}" if counted else NONE


def characters(texts: Sequence[str]) -> str:
    """Mean and deviation of characters."""
    sizes = [len(text) for text in texts]
    return f"{fmean(sizes):,.0f} ± {pstdev(sizes):,.0f}" if sizes else NONE


def part(some: float, of: float) -> str:
    """A part in percent."""
    return f"{100 * some / of:.1f} %" if of else NONE


def read(source: str, file: str, **settings: Any) -> list[Example]:
    """Public data through our reader; rows that it refuses are left out."""
    made = find("sources", source)(path=DATA / file, on_error="skip", **settings)
    return list(made.read(Refusals()))


def rows(file: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


Table = list[tuple[str, str, str, str]]
"""What is counted; in the paper; in public data read here; in the real run."""


def self_instruct(run: dict[str, Any]) -> Table:
    folder = "self_instruct_runs/qwen/"
    public = read("alpaca", f"{folder}model_generations1__finetuning_data__all_generated_instances"
                  ".jsonl.gz")  # fmt: skip
    there, ours = describe_instructions(public), describe_instructions(run["examples"])
    return [
        ("instructions", "52,445", f"{there.instructions:,}", f"{ours.instructions:,}"),
        ("of them classification", part(11_584, 52_445), "not told",
         part(ours.classification, ours.instructions)),
        ("instances", "82,439", f"{there.instances:,}", f"{ours.instances:,}"),
        ("with an empty input", part(35_878, 82_439), part(there.empty_input, there.instances),
         part(ours.empty_input, ours.instances)),
        ("words of an instruction", "15.9", f"{there.instruction_words:.1f}",
         f"{ours.instruction_words:.1f}"),
        ("words of an input", "12.7", f"{there.input_words:.1f}", f"{ours.input_words:.1f}"),
        ("words of an output", "18.9", f"{there.output_words:.1f}", f"{ours.output_words:.1f}"),
    ]  # fmt: skip


def alpaca(run: dict[str, Any]) -> Table:
    public, made = read("alpaca", "alpaca/alpaca_random_9k.jsonl.gz"), run["examples"]
    raw = rows("alpaca_libre/tasks_v1.jsonl.gz")
    ok = sum(row["status"] == "ok" for row in raw)
    return [
        ("tasks", "52,002", f"{len(public):,}", f"{len(made)}"),
        ("with an input", "about 40 %", part(sum(bool(e.input) for e in public), len(public)),
         part(sum(bool(e.input) for e in made), len(made))),
        ("words of an instruction", "not told", words(e.instruction for e in public),
         words(e.instruction for e in made)),
        ("words of an output", "not told", words(e.output for e in public),
         words(e.output for e in made)),
        ("kept of the tasks written", "not told", f"{part(ok, len(raw))} (another run's log)",
         part(len(made), sum(run["told"]["funnel"]["dropped"].values()) + len(made))),
    ]  # fmt: skip


def backtranslation(run: dict[str, Any]) -> Table:
    made = run["examples"]
    public = rows("backtranslation/unlabelled_segments.jsonl.gz")
    texts = [str(row["text"]) for row in public]
    return [
        ("pairs, before curation", "502,133", f"{len(texts):,} (texts)", f"{len(made)}"),
        ("characters of an instruction", "352 ± 134", NONE,
         characters([e.instruction for e in made])),
        ("characters of a text", "1,722 ± 653", characters(texts),
         characters([e.output for e in made])),
    ]  # fmt: skip


def backward(run: dict[str, Any]) -> Table:
    return of_seeds([(e.output, e.messages[-2].content) for e in run["examples"]])


def tagged(run: dict[str, Any]) -> Table:
    return of_seeds([(e.instruction + e.input, e.output) for e in run["examples"]])


def of_seeds(pairs: Sequence[tuple[str, str]]) -> Table:
    asked, answered = zip(*pairs, strict=True)
    return [
        ("seed pairs", "3,200", NONE, f"{len(pairs)}"),
        ("characters of an instruction", "148 ± 322", NONE, characters(asked)),
        ("characters of an output", "1,072 ± 818", NONE, characters(answered)),
    ]


def best_of_n(run: dict[str, Any]) -> Table:
    made = run["examples"]
    return [
        ("prompts with ranked answers", "33,207", NONE, f"{len(made)} of {run['seeds']}"),
        ("answers to a prompt", "4 to 9", NONE, "4"),
        ("of them different", "not told", NONE,
         f"{fmean(len(e.meta['rewards']) for e in made):.1f}" if made else NONE),
    ]  # fmt: skip


def chain_of_thought(run: dict[str, Any]) -> Table:
    files = ("gsm8k", "strategyqa", "creak", "ecqa", "aqua")
    found = {n: read("flan", f"flan/cot_data/{n}_train.tsv.gz") for n in files}
    paper = {"gsm8k": 7_473, "strategyqa": 2_061, "creak": 6_915, "ecqa": 7_112, "aqua": 2_728}
    lines = [(f"rows of {n}", f"{paper[n]:,}", f"{len(found[n]):,}", NONE) for n in files]
    every = [example for one in found.values() for example in one]
    return [
        *lines,
        ("part of the mixture", "5 %", NONE, "`share: 0.05` of runs/flan-cot.yaml"),
        ("words of a rationale", "not told",
         words(str(e.meta.get("rationale") or e.output) for e in every),
         words(str(e.meta["rationale"]) for e in run["examples"])),
    ]  # fmt: skip


def dialogue(run: dict[str, Any]) -> Table:
    told = run["told"]
    return [
        ("conversations", "54,000 + 57,000 + 47,000", NONE, f"{run['kept']}"),
        ("exchanges", "not told", NONE, str(told["exchanges_mean"] or NONE)),
        ("words of an answer", "not told", NONE, str(told["answer_words"] or NONE)),
    ]


def evol(run: dict[str, Any]) -> Table:
    test = read("evol", "evol/wizardlm_testset.jsonl")
    pairs = rows("evol/auto_evol_gsm8k.jsonl.gz")
    before = words(str(row["raw"]["inst"]) for row in pairs)
    after = words(str(row["auto_evol"]["auto_inst"]) for row in pairs)
    told = run["told"]["funnel"]
    return [
        ("evolutions kept of those tried", f"about {part(250_000 - 52_000, 4 * 52_000)}", NONE,
         part(told["accepted"], told["candidates"])),
        ("words of an instruction, evolved from", "10 to 20 more a round",
         f"{after} from {before} (AutoEvol, GSM8K)", words(e.instruction for e in run["examples"])),
        ("words of its test set", "not told", words(e.instruction for e in test), NONE),
    ]  # fmt: skip


def flan(run: dict[str, Any]) -> Table:
    shown = sum(bool(e.meta["shots"]) for e in run["examples"])
    path = DATA / "flan/templates_2021.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        names = list(json.load(file)["PATTERNS"])
    found = [read_patterns(path, name) for name in names]
    own = shapes()
    options = sum(any(one.with_options for one in table) for table in found)
    ours = sum(any(one.with_options for one in table) for table in own.values())
    return [
        ("sets of templates", "61", f"{len(found)}", f"{len(own)}, by the shape of the data"),
        ("templates of a set", "10", " or ".join(sorted({str(len(v)) for v in found})),
         " or ".join(sorted({str(len(v)) for v in own.values()}))),
        ("sets with a list of answers", "33", f"{options}", f"{ours}"),
        ("few-shot prompts", "50 % (2022)", NONE, part(shown, run["kept"])),
    ]  # fmt: skip


def magpie(run: dict[str, Any]) -> Table:
    made = run["examples"]
    return [
        ("kept of the samples", part(300_000, 3_000_000), NONE,
         f"{part(len(made), 100)} (no tags, no filter)"),
        ("words of an instruction", "not told", NONE, words(e.instruction for e in made)),
        ("words of an answer", "not told", NONE, words(e.output for e in made)),
    ]  # fmt: skip


def orca(run: dict[str, Any]) -> Table:
    pairs = read("hh", "orca_sample/orca_dpo_pairs.jsonl.gz")
    systems = {e.messages[0].content for e in pairs if e.messages[0].role == "system"}
    told = run["told"]
    return [
        ("answers of the weaker and the stronger", "5,000,000 and 1,000,000", f"{len(pairs)} pairs",
         " and ".join(f"{stage['answers']}" for stage in told["stages"])),
        ("stronger answers longer by", "1.5", NONE,
         str(told.get("stronger_answers_longer", NONE))),
        ("system messages", "16", f"{len(systems)} in these pairs",
         f"{len(told['system_messages'])} drawn"),
    ]  # fmt: skip


def promptsource(run: dict[str, Any]) -> Table:
    used = len(run["told"]["templates"])
    found = [
        one
        for row in rows("promptsource/templates.jsonl.gz")
        for one in parse_templates(row["yaml"], row["path"])
    ]
    choices = sum(bool(one.answer_choices) for one in found)
    original = sum(bool(one.original_task) for one in found)
    files = len({(one.dataset, one.subset) for one in found})
    return [
        ("data sets", "279 files", f"{files}", "1 (SST-2)"),
        ("templates", "2,085", f"{len(found):,}", f"{used}"),
        ("with answer choices", part(1_145, 2_085), part(choices, len(found)), NONE),
        ("of the original task", part(1_535, 2_085), part(original, len(found)), NONE),
    ]


def reanswer(run: dict[str, Any]) -> Table:
    with gzip.open(DATA / "gpt4_llm/cmp_data_scores.json.gz", "rt", encoding="utf-8") as file:
        scores = json.load(file)
    public = read("alpaca", "demos/alpaca_gpt4_en_demo.jsonl.gz")
    told = run["told"]
    mean = ", ".join(f"{fmean(scores[name]):.2f}" for name in sorted(scores))
    return [
        ("distinct outputs", part(51_749, 52_002),
         part(len({e.output for e in public}), len(public)),
         part(told["distinct_outputs"], run["kept"])),
        ("words of the new answer", "longer than the old", words(e.output for e in public),
         f"{told.get('new_words', 0):.1f}, the old ones {told.get('old_words', 0):.1f}"),
        (f"mean scores of {', '.join(sorted(scores))}", "near 9, low, near 9", mean, NONE),
    ]  # fmt: skip


def unnatural(run: dict[str, Any]) -> Table:
    told = run["told"]
    ratio = f"{told['with_paraphrases'] / told['core']:.2f}" if told["core"] else NONE
    return [
        ("tasks", "68,478", NONE, f"{told['core']}"),
        ("examples of a task, with paraphrases", f"{240_670 / 68_478:.2f}", NONE, ratio),
    ]


TABLES: dict[str, Callable[[dict[str, Any]], Table]] = {
    "alpaca": alpaca, "backtranslation": backtranslation, "backward": backward,
    "best-of-n": best_of_n, "chain-of-thought": chain_of_thought, "dialogue": dialogue,
    "evol-instruct": evol, "flan": flan, "magpie": magpie, "orca": orca,
    "promptsource": promptsource, "reanswer": reanswer, "self-instruct": self_instruct,
    "tagged": tagged, "unnatural": unnatural,
}  # fmt: skip
