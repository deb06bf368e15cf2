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
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from method_tables import TABLES, rows

from didact.components import find
from didact.context import Context
from didact.models.embedded import Embedded
from didact.models.reward_model import RewardModel
from didact.models.transformers import Transformers
from didact.records import Example, Message
from didact.sources.self_instruct_seeds import SelfInstructSeeds
from didact.trainers.reward import Reward
from didact.trainers.sft import SFT

OUT = Path(__file__).parent / "methods.json"
REASONS = Path(__file__).parents[1] / "runs/experiments/reasons"
SEED = 0

SMALL: dict[str, dict[str, Any]] = {
    "alpaca": {"target": 20, "demonstrations": 2, "demonstration_words": 25, "tasks_per_call": 6,
               "requirements": False, "max_tokens": 200},
    "backtranslation": {"model": "backward", "shortest": 12, "longest": 400, "max_tokens": 120,
                        "sample": 200},
    "backward": {},
    "best-of-n": {"model": "tuned", "samples": 4, "max_tokens": 64},
    "chain-of-thought": {"model": "reasoner", "attempts": 4, "max_tokens": 64},
    "dialogue": {"form": "turns", "exchanges": 2, "max_tokens": 64, "human_max_tokens": 64},
    "evol-instruct": {"mode": "faithful", "rounds": 1, "data_demonstrations": 0, "max_tokens": 64},
    "flan": {"few_shot": 0.5},
    "magpie": {"answerer": "tuned", "family": "alpaca", "samples": 100, "keep": "all", "tags": [],
               "max_tokens": 64, "answer_max_tokens": 64},
    "orca": {"weaker": "teacher", "max_tokens": 64},
    "promptsource": {"templates": "sst2.yaml", "data": "task363_sst2.jsonl"},
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

NO_MODEL = {"backward", "chain-of-thought", "flan", "promptsource", "tagged"}
"""These ask none, or one tuned for them alone."""


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


def reasoner(folder: Path) -> tuple[Path, list[Example]]:
    """A model tuned on worked tasks in the words of the recipe, and further tasks to be asked."""
    sys.path.insert(0, str(REASONS))
    from two_steps import TwoSteps

    recipe = find("recipes", "chain-of-thought")()
    shown: list[Example] = []
    asked: list[Example] = []
    for number, one in enumerate(TwoSteps(count=575, worked=1.0).read()):
        steps, _, answer = one.output.rstrip(".").partition(". The answer is ")
        [turn] = recipe._request(f"{one.instruction}\n{one.input}", 0).messages
        worked = Message("assistant", f"{steps}.\nAnswer: {answer}")
        task = Example.single(one.instruction, answer, input=one.input, origin=one.origin)
        if number < 400:
            shown.append(replace(task, messages=(turn, worked)))
        else:
            asked.append(task)
    return tuned(folder, shown), asked


def rewarder(folder: Path, examples: Sequence[Example]) -> Path:
    """A reward model that has seen the right answers of these beside those of others."""
    folder.mkdir()
    pairs = [
        replace(one, meta={**one.meta, "rejected": [other.output]})
        for one, other in zip(examples, [*examples[1:], examples[0]], strict=True)
        if one.output != other.output
    ]
    trainer = Reward(batch=16, learning_rate=5.0e-4, epochs=3)
    return trainer.train(Context({}, seed=SEED), pairs, Embedded.directory(), folder)


def labelled(folder: Path) -> None:
    """PromptSource's templates of SST-2, and rows of it as Super-NaturalInstructions has them."""
    found = {row["path"]: row["yaml"] for row in rows("promptsource/templates.jsonl.gz")}
    (folder / "sst2.yaml").write_text(found["glue/sst2/templates.yaml"], encoding="utf-8")
    tasks = rows("superni/train_tasks.jsonl.gz")
    [task] = [one for one in tasks if one["Task"] == "task363_sst2_polarity_classification"]
    labels = {"NEG": 0, "POS": 1}
    lines = [
        json.dumps({"sentence": one["input"], "label": labels[one["output"][0]]})
        for one in task["Instances"]
    ]
    (folder / "task363_sst2.jsonl").write_text("\n".join(lines), encoding="utf-8")


def ran(
    name: str, models: dict[str, Any], given: Sequence[Example], folder: Path
) -> dict[str, Any]:
    """A recipe's run: calls made, examples kept, and what it told of them."""
    told: dict[str, Any] = {}

    def hear(event: str, fields: Any) -> None:
        if event == "statistics":
            told.update(fields)

    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in SMALL[name].items()}
    # Files lie in the folder; what is recorded names them without it.
    if "templates" in settings:
        settings |= {key: folder / str(settings[key]) for key in ("templates", "data")}
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


def measure(names: Sequence[str]) -> None:
    recorded: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    own = seeds()
    with tempfile.TemporaryDirectory() as folder:
        models: dict[str, Any] = {}
        pages = list(find("sources", "microworld-pages")(count=400).read())
        given = {"backtranslation": pages, "magpie": [], "promptsource": []}
        if set(names) & (SMALL.keys() - BASE_MODEL - NO_MODEL | {"magpie"}):
            models["tuned"] = Transformers(path=str(tuned(Path(folder) / "forward", own)))
        if "backtranslation" in names:
            turned = gathered(find("recipes", "backward")().run(Context({}), own))
            path = tuned(Path(folder) / "backward", turned)
            models["backward"] = Transformers(path=str(path))
        if "best-of-n" in names:
            models["reward"] = RewardModel(path=str(rewarder(Path(folder) / "reward", own)))
        if "chain-of-thought" in names:
            path, given["chain-of-thought"] = reasoner(Path(folder) / "reasoner")
            models["reasoner"] = Transformers(path=str(path))
        if "promptsource" in names:
            labelled(Path(folder))
        for name in names:
            teacher = Embedded() if name in BASE_MODEL else models.get("tuned")
            run = ran(name, models | {"teacher": teacher}, given.get(name, own), Path(folder))
            keys = ("settings", "seeds", "calls", "kept", "lost")
            recorded[name] = {key: run[key] for key in keys} | {"rows": TABLES[name](run)}
            print(name, json.dumps(recorded[name], ensure_ascii=False), flush=True)
    text = json.dumps(dict(sorted(recorded.items())), ensure_ascii=False, indent=1)
    OUT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure(sys.argv[1:] or sorted(TABLES))
