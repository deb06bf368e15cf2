"""Examples with a sentence that says where their answers are from, as Humpback was trained.

Instruction backtranslation (Li et al. 2023, arXiv 2308.06259) appends one sentence to every
training example: to a seed, that an AI assistant replies; to an augmented one, that the web is
searched. A tuned model is asked with both (the suite `tagged`). The paper found that models without
the sentences do worse. An open replication put them in a system message; `place` does that too.

The sentences are in our words. An example that has one already is refused: each has exactly one.

Cost: no calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from didact.context import Context
from didact.errors import ConfigError
from didact.records import Example, Origin
from didact.text.backtranslation import ASSISTANT_TAG, PUBLISHED, WEB_TAG, characters, tagged

__all__ = ["Tagged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """Examples of a file or run, each with the sentence of its kind of data (Humpback)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Self-Alignment with Instruction Backtranslation, 2023, arXiv 2308.06259"
    calls_per_example: ClassVar[str] = "none"

    data: Literal["seed", "augmented"]
    """What the examples are: written by people as instruction data, or backtranslated. Goes to
    `meta.data`, by which the filter `judged` tells them apart."""
    tag: str | None = None
    """Another sentence in place of ours."""
    place: Literal["instruction", "system"] = "instruction"
    """After the instruction, before its input, or in a system message."""

    def __post_init__(self) -> None:
        if self.tag is not None and not self.tag.strip():
            raise ConfigError("tag: a sentence; without one, leave this recipe out")

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """One example for each seed, in their order."""
        if not seeds:
            raise ConfigError("tagged: there are no seeds; set `seeds: builtin`, a file or a run")
        tag = self.tag or (ASSISTANT_TAG if self.data == "seed" else WEB_TAG)
        made: dict[str, Example] = {}
        refused: Counter[str] = Counter()
        for seed in seeds:
            reason = "" if seed.instruction.strip() else "no instruction"
            reason = reason or ("" if seed.output.strip() else "no answer")
            reason = reason or ("a tag already" if "tag" in seed.meta else "")
            if reason:
                refused[reason] += 1
                continue
            example = Example(
                messages=tagged(seed.messages, tag, self.place),
                meta={**seed.meta, "data": self.data, "tag": tag},
                origin=Origin(recipe="tagged", version=self.version, parents=(seed.id,)),
            )
            if example.id in made:
                refused["exact duplicate"] += 1
                continue
            made[example.id] = example
            yield example
        published = PUBLISHED["seed" if self.data == "seed" else "A"]
        told = characters(made.values())
        ctx.note("statistics", data=self.data, **told, refused={**refused}, paper=published)
