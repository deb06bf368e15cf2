"""Recipes against a real engine with the embedded model: poor prose, and nothing lost or broken."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from didact.context import Context
from didact.models.embedded import Embedded
from didact.models.openai import OpenAI
from didact.recipes.alpaca import Alpaca
from didact.recipes.dialogue import Dialogue
from didact.recipes.evol_instruct import EvolInstruct
from didact.recipes.magpie import Magpie
from didact.recipes.orca import Orca
from didact.recipes.reanswer import Reanswer
from didact.recipes.self_instruct import SelfInstruct
from didact.recipes.unnatural import Unnatural
from didact.records import Example
from didact.sources.self_instruct_seeds import SelfInstructSeeds
from didact.text.chat import ALPACA_TEMPLATE
from didact.text.words import count_words

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SMALL = [
    SelfInstruct(
        target=2,
        max_prompts=2,
        demonstrations=3,
        machine_demonstrations=1,
        last_number=8,
        max_tokens=60,
        classification_demonstrations=4,
        label_demonstrations=2,
        instance_demonstrations=2,
        demonstration_words=30,
        label_max_tokens=30,
        instance_max_tokens=30,
    ),
    Alpaca(
        target=3,
        max_prompts=2,
        demonstrations=2,
        demonstration_words=25,
        tasks_per_call=5,
        requirements=False,
        max_tokens=80,
    ),
    EvolInstruct(rounds=1, data_demonstrations=0, max_tokens=24),
    Reanswer(max_tokens=24),
    Reanswer(pairs=True, max_tokens=24, judge_max_tokens=12),
    Unnatural(
        target=2,
        max_prompts=2,
        demonstrations=2,
        demonstration_words=20,
        max_tokens=60,
        output_max_tokens=30,
        paraphrases=1,
    ),
    Orca(weaker="teacher", part=0.5, max_tokens=24),
    Dialogue(max_tokens=60),
    Dialogue(form="turns", exchanges=1, max_tokens=24, human_max_tokens=24),
    Dialogue(form="turns", exchanges=1, go_on=True, max_tokens=24, human_max_tokens=24),
    Magpie(
        family="alpaca",
        samples=3,
        keep="all",
        max_tokens=24,
        answer_max_tokens=24,
        tag_max_tokens=24,
    ),
]

NAMES = [
    "self-instruct", "alpaca", "evol-instruct", "reanswer", "pairs", "unnatural", "orca",
    "dialogue", "turns", "going-on", "magpie",
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as a server takes it: with a chat template."""
    folder = tmp_path_factory.mktemp("embedded") / "model"
    shutil.copytree(Embedded.directory(), folder)
    (folder / "chat_template.jinja").write_text(ALPACA_TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def seeds() -> list[Example]:
    """Some of the built-in seeds, short ones."""
    found = SelfInstructSeeds(path=Embedded.directory() / "seed_tasks.jsonl").read()
    short = [seed for seed in found if count_words(seed.instruction + seed.input) < 15]
    kinds = [bool(seed.meta.get("is_classification")) for seed in short]
    return [*short[:3], *[s for s, kind in zip(short[3:], kinds[3:], strict=True) if kind][:1]]


def run(
    recipe: Any, url: str, served: Path, seeds: list[Example]
) -> tuple[list[Example], Context, dict[str, Any]]:
    told: dict[str, Any] = {}

    def hear(event: str, fields: Mapping[str, Any]) -> None:
        if event == "statistics":
            told.update(fields)

    async def within() -> tuple[list[Example], Context]:
        teacher = OpenAI(url=url, model=str(served), concurrency=4, timeout=120.0)
        ctx = Context({"teacher": teacher}, on_event=hear)
        try:
            return [example async for example in recipe.run(ctx, seeds)], ctx
        finally:
            await teacher.close()

    examples, ctx = asyncio.run(within())
    return examples, ctx, told


@pytest.mark.parametrize("recipe", SMALL, ids=NAMES)
def test_a_real_model_however_poor_breaks_nothing_and_everything_is_counted(
    recipe: Any, url: str, served: Path, seeds: list[Example]
) -> None:
    examples, ctx, told = run(recipe, url, served, seeds)
    assert ctx.failures == []
    assert ctx.tally.made
    funnel = told["funnel"]
    dropped = dict(funnel["dropped"])
    assert all(isinstance(reason, str) and reason for reason in dropped)
    # Of what was read, and of what was accepted and came to nothing later.
    later = {"no instances", "empty reply"}
    later |= {reason for reason in dropped if reason.startswith(("output", "paraphrase"))}
    early = sum(count for reason, count in dropped.items() if reason not in later)
    assert funnel["candidates"] == early + funnel["accepted"]
    for example in examples:
        assert example.instruction.strip()
        assert example.output.strip()
        assert example.origin.calls
