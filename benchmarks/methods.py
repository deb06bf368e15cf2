"""What each recipe makes on this machine, beside what its paper tells: for ``docs/methods.md``.

    python benchmarks/methods.py [RECIPE ...]

Runs every recipe once on the embedded model, tuned on the built-in seeds first (a minute), with few
examples: `a real run`. What public data says goes through our readers and counts: `public data`
(needs ``DIDACT_DATA`` or ``../shared/data``). Writes ``benchmarks/methods.json``, which
``scripts/docs.py`` shows. The paper's own figures stand in the same table. Fifteen minutes on two
cores; of named recipes only, less.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from instructions import DATA

from didact.components import find
from didact.context import Context
from didact.formats.refusals import Refusals
from didact.labelled.patterns import read_patterns, shapes
from didact.labelled.prompt_templates import parse_templates
from didact.models.embedded import Embedded
from didact.models.transformers import Transformers
from didact.records import Example
from didact.sources.self_instruct_seeds import SelfInstructSeeds
from didact.stats.instruction_data import describe_instructions
from didact.text.words import count_words
from didact.trainers.sft import SFT

OUT = Path(__file__).parent / "methods.json"
SEED = 0
NONE = "-"

SMALL: dict[str, dict[str, Any]] = {
    "alpaca": {"target": 20, "demonstrations": 2, "demonstration_words": 25, "tasks_per_call": 6,
               "requirements": False, "max_tokens": 200},
    "backtranslation": {"model": "backward", "shortest": 12, "longest": 400, "max_tokens": 120,
                        "sample": 200},
    "backward": {},
    "chain-of-thought": {"attempts": 4, "max_tokens": 64},
    "dialogue": {"form": "turns", "exchanges": 2, "max_tokens": 64, "human_max_tokens": 64},
    "evol-instruct": {"mode": "faithful", "rounds": 1, "data_demonstrations": 0, "max_tokens": 64},
    "magpie": {"answerer": "tuned", "family": "alpaca", "samples": 100, "keep": "all", "tags": [],
               "max_tokens": 64, "answer_max_tokens": 64},
    "orca": {"weaker": "teacher", "max_tokens": 64},
    "reanswer": {"max_tokens": 64},
    "self-instruct": {"target": 200, "max_prompts": 200, "width": 32, "temperature": 0.9,
                      "top_p": 0.95, "presence_penalty": 0.0, "max_tokens": 200,
                      "classification_demonstrations": 12, "label_demonstrations": 6,
                      "instance_demonstrations": 6, "demonstration_words": 50,
                      "label_max_tokens": 80, "instance_max_tokens": 100,
                      "instance_presence_penalty": 0.0, "max_instances": 2},
    "tagged": {"data": "seed"},
    "unnatural": {"target": 20, "demonstration_words": 25, "demonstrations": 2, "max_tokens": 120,
                  "output_max_tokens": 64},
}  # fmt: skip
"""What is left at its default is left out; a model of 512 positions takes short prompts."""
BASE_MODEL = {"self-instruct", "alpaca", "unnatural", "magpie"}
"""These have a model continue a text, which the untuned one is better at."""


def seeds() -> list[Example]:
    """The built-in seeds."""
    return list(SelfInstructSeeds(path=Embedded.directory() / "seed_tasks.jsonl").read())


def gathered(stream: AsyncIterator[Example]) -> list[Example]:
    async def collect() -> list[Example]:
        return [example async for example in stream]

    return asyncio.run(collect())


def tuned(folder: Path, examples: Sequence[Example]) -> Path:
    """The embedded model, trained on these."""
    folder.mkdir()
    trainer = SFT(batch=8, learning_rate=5.0e-4, epochs=5)
    return trainer.train(Context({}, seed=SEED), examples, Embedded.directory(), folder)


def ran(name: str, models: dict[str, Any], given: Sequence[Example]) -> dict[str, Any]:
    """A recipe's run: calls made, examples kept, and what it told of them."""
    told: dict[str, Any] = {}

    def hear(event: str, fields: Any) -> None:
        if event == "statistics":
            told.update(fields)

    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in SMALL[name].items()}
    recipe = find("recipes", name)(**settings)
    ctx = Context(models, seed=SEED, max_failures=1000, on_event=hear)
    examples = gathered(recipe.run(ctx, given))
    funnel = told.get("funnel") or told
    lost = Counter(funnel.get("dropped") or funnel.get("refused") or {})
    return {
        "settings": SMALL[name],
        "seeds": len(given),
        "calls": ctx.tally.made,
        "kept": len(examples),
        "lost": dict(lost.most_common(3)),
        "told": told,
        "examples": examples,
    }


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
    del run
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
    del run
    found = [
        one
        for row in rows("promptsource/templates.jsonl.gz")
        for one in parse_templates(row["yaml"], row["path"])
    ]
    choices = sum(bool(one.answer_choices) for one in found)
    original = sum(bool(one.original_task) for one in found)
    files = len({(one.dataset, one.subset) for one in found})
    return [
        ("data sets", "279 files", f"{files}", NONE),
        ("templates", "2,085", f"{len(found):,}", NONE),
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
    "chain-of-thought": chain_of_thought, "dialogue": dialogue, "evol-instruct": evol, "flan": flan,
    "magpie": magpie, "orca": orca, "promptsource": promptsource, "reanswer": reanswer,
    "self-instruct": self_instruct, "tagged": tagged, "unnatural": unnatural,
}  # fmt: skip


def measure(names: Sequence[str]) -> None:
    recorded: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    own = seeds()
    with tempfile.TemporaryDirectory() as folder:
        models: dict[str, Any] = {}
        if set(names) & (SMALL.keys() - BASE_MODEL - {"backward", "tagged"} | {"magpie"}):
            models["tuned"] = Transformers(path=str(tuned(Path(folder) / "forward", own)))
        if "backtranslation" in names:
            turned = gathered(find("recipes", "backward")().run(Context({}), own))
            path = tuned(Path(folder) / "backward", turned)
            models["backward"] = Transformers(path=str(path))
        pages = list(find("sources", "microworld-pages")(count=400).read())
        given = {"backtranslation": pages, "magpie": []}
        for name in names:
            if name not in SMALL:
                recorded[name] = {"rows": TABLES[name]({})}
            else:
                teacher = Embedded() if name in BASE_MODEL else models.get("tuned")
                run = ran(name, models | {"teacher": teacher}, given.get(name, own))
                table = TABLES[name](run)
                keys = ("settings", "seeds", "calls", "kept", "lost")
                recorded[name] = {key: run[key] for key in keys} | {"rows": table}
            print(name, json.dumps(recorded[name], ensure_ascii=False), flush=True)
    text = json.dumps(dict(sorted(recorded.items())), ensure_ascii=False, indent=1)
    OUT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure(sys.argv[1:] or sorted(TABLES))
