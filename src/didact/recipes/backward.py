"""Seed data turned around: what the backward model of instruction backtranslation is trained on.

Li et al. 2023 (arXiv 2308.06259), step 2: the base model is fine-tuned on pairs (output,
instruction), the loss on the instruction alone. Here each seed's first answer becomes what is asked
and its first instruction, the input with it, becomes the answer; a `didact run` of this recipe and
`sft` trains the backward model, which `backtranslation` asks. The paper does not tell its prompt;
ours is the bare output, under an introduction that stands in the place of a system message.

Cost: no calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from didact.context import Context
from didact.errors import ConfigError
from didact.records import Example, Message, Origin
from didact.text.backtranslation import BACKWARD_INTRODUCTION, backward_messages

__all__ = ["Backward"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backward:
    """Seeds with instruction and output exchanged, to train the model that backtranslation asks."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Self-Alignment with Instruction Backtranslation, 2023, arXiv 2308.06259"
    calls_per_example: ClassVar[str] = "none"

    introduction: str = BACKWARD_INTRODUCTION
    """The system message; "" for none. `backtranslation` must be given the same."""

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """One example for each seed, in their order."""
        if not seeds:
            raise ConfigError("backward: there are no seeds; set `seeds: builtin` or a file")
        made: set[str] = set()
        refused: Counter[str] = Counter()
        shortened = 0
        for seed in seeds:
            asked, answer, turns = _first_pair(seed)
            reason = "" if asked and answer else "no answer" if asked else "no instruction"
            question = backward_messages(answer, self.introduction)
            example = Example(
                messages=(*question, Message("assistant", asked)),
                meta={**seed.meta, "turned": True},
                origin=Origin(recipe="backward", version=self.version, parents=(seed.id,)),
            )
            reason = reason or ("exact duplicate" if example.id in made else "")
            if reason:
                refused[reason] += 1
                continue
            made.add(example.id)
            shortened += turns > 2
            yield example
        ctx.note(
            "statistics",
            seeds=len(seeds),
            examples=len(made),
            refused={**refused},
            first_turn_of_several=shortened,
        )


def _first_pair(seed: Example) -> tuple[str, str, int]:
    """The first instruction, the first answer after it, and how many turns there are."""
    turns = [message for message in seed.messages if message.role != "system"]
    first = next((n for n, turn in enumerate(turns) if turn.role == "user"), len(turns))
    asked = turns[first].content.strip() if first < len(turns) else ""
    answers = (turn.content.strip() for turn in turns[first + 1 :] if turn.role == "assistant")
    return asked, next(answers, ""), len(turns)
