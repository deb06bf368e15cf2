"""Instruction-following difficulty: keep the examples whose instruction helps, and helps little.

How hard a model finds an answer with its instruction, against how hard without it. Above 1 the
instruction does not help at all, a sign of a mismatched pair; just below 1 there is most to learn.
Two definitions share the name, are not comparable, and order the same examples differently
(`definition`):

- ``cherry``: the ratio of mean losses, on Alpaca's prompt, alone behind "### Response:". Cherry
  LLM, "From Quantity to Quality" (Li et al. 2023, arXiv 2308.12032);
- ``superfiltering``: the ratio of perplexities, on the bare instruction, alone behind nothing,
  scored by a small model such as GPT-2 (Li et al. 2024, arXiv 2402.00530).

Perplexity filters keep what is easy, this one what is hard: both call their score difficulty.

How ours differs from both. Prompt and answer become tokens apart, so that the answer is found where
it is and not by searching for its text. An answer without tokens, or of one that nothing predicts,
is `unscored`, and so is one for which the prompt leaves no room; the published code of the second
gives the latter a 0, which passes. A share is one of the examples that came in, not of 52,002. What
is kept stays in its order. Cherry's first step, warming the model up on a thousand examples, is a
run of its own, whose directory the scorer takes as its `path`.

Cost: two scorings an example, many at a time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.records import INPUT_MARK, JSON, Example, Verdict
from didact.stats.difficulty import loss_ratio, mean_loss, perplexity_ratio
from didact.stats.selecting import highest
from didact.text.chat import render
from didact.text.forced import completion, read_logprobs
from didact.text.last_turn import answer_of

__all__ = ["Ifd"]

_WIDTH = 1024
"""Examples under way at once: the scorer finds more texts alike among more of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ifd:
    """Keep examples whose instruction helps a model, of those the hardest (IFD)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "From Quantity to Quality (Cherry LLM), 2023, arXiv 2308.12032"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"model": frozenset({"completion"})}

    model: str = "scorer"
    """The role that scores: a model under `use: scorer`."""
    definition: Literal["cherry", "superfiltering"] = "cherry"
    """`cherry` is the ratio of losses, `superfiltering` that of perplexities: two numbers that
    share a name."""
    below: float = 1.0
    """Drop what scores more; `superfiltering` also what scores just this, as published."""
    share: float | None = None
    """Of all examples that came in, keep so large a part at most, the hardest; Cherry LLM 0.05 to
    0.15, Superfiltering 0.02 to 0.15; none: no limit."""

    def __post_init__(self) -> None:
        if not self.below > 0:
            raise ConfigError(f"below must be above 0, not {self.below:g}")
        if self.share is not None and not 0 < self.share <= 1:
            raise ConfigError(f"share must be above 0 and at most 1, not {self.share:g}")

    async def sift(
        self, ctx: Context, examples: Sequence[Example]
    ) -> AsyncGenerator[Verdict, None]:
        """One verdict per example, in order; where a share is taken, once all are scored."""
        scored: list[_Difficulty] = []
        async with aclosing(ctx.map(partial(self._scored, ctx), examples, width=_WIDTH)) as results:
            async for difficulty in results:
                if difficulty.error is not None:
                    ctx.fail(difficulty.example, difficulty.error)
                scored.append(difficulty)
                if self.share is None:
                    yield self._verdict(difficulty, taken=True)
        if self.share is not None:
            passing = [one.score if self._passes(one) else None for one in scored]
            taken = set(highest(passing, int(len(examples) * self.share)))
            for place, difficulty in enumerate(scored):
                yield self._verdict(difficulty, taken=place in taken)
        ctx.note("statistics", **_told(scored), definition=self.definition)

    async def _scored(self, ctx: Context, example: Example) -> _Difficulty:
        answer = answer_of(example)
        if not answer:
            return _Difficulty(example, why="no answer")
        prompt, alone = self._prompts(example)
        try:
            reply = await ctx.ask(completion(prompt, answer), model=self.model)
            given = read_logprobs(reply, self.model)
            # The same part of the answer both times, where the prompt leaves no room for all of it.
            most = max(reply.usage.completion, 1)
            other = await ctx.ask(completion(alone, answer, tokens=most), model=self.model)
        except ModelError as error:
            if error.fault == "too_long":
                return _Difficulty(example, why="the prompt leaves no room")
            return _Difficulty(example, error=error)
        losses = mean_loss(given), mean_loss(read_logprobs(other, self.model))
        ratio = loss_ratio if self.definition == "cherry" else perplexity_ratio
        score = ratio(*losses)
        why = "" if score is not None else "no token of the answer alone is predicted"
        return _Difficulty(example, *losses, score, why, cut=reply.finish == "length")

    def _prompts(self, example: Example) -> tuple[str, str]:
        """What stands before the answer: the whole prompt, and what is left without it."""
        if self.definition == "superfiltering":
            turns = [part for turn in example.prompt for part in turn.content.split(INPUT_MARK, 1)]
            return "".join(f"{part}\n" for part in turns), ""
        whole = render(example.prompt, add_generation_prompt=True)
        return whole, render((), add_generation_prompt=True).rpartition("\n\n")[2]

    def _passes(self, difficulty: _Difficulty) -> bool:
        score = difficulty.score
        if score is None:
            return False
        return score < self.below or (score == self.below and self.definition == "cherry")

    def _verdict(self, difficulty: _Difficulty, *, taken: bool) -> Verdict:
        score = difficulty.score
        name = "ifd_loss" if self.definition == "cherry" else "ifd_ppl"
        evidence: dict[str, JSON] = {
            name: score,
            "loss_given": difficulty.given,
            "loss_alone": difficulty.alone,
            "below": self.below,
        }
        if difficulty.cut:
            evidence["cut"] = True
        if score is None:
            evidence["why"] = difficulty.why or str(difficulty.error)[:500]
            return Verdict(keep=False, reason="unscored", evidence=evidence)
        reason = ""
        if not self._passes(difficulty):
            reason = "the instruction does not help"
        elif not taken:
            reason = "not among the hardest"
        return Verdict(keep=not reason, reason=reason, score=score, evidence=evidence)


class _Difficulty(NamedTuple):
    """What became of an example."""

    example: Example
    given: float | None = None
    alone: float | None = None
    score: float | None = None
    why: str = ""
    error: ModelError | None = None
    cut: bool = False


def _told(scored: Sequence[_Difficulty]) -> dict[str, JSON]:
    """The scores in short."""
    known = [one.score for one in scored if one.score is not None]
    return {
        "scored": len(known),
        "unscored": len(scored) - len(known),
        "cut": sum(one.cut for one in scored),
        "above_one": sum(score > 1 for score in known),
        "mean": fmean(known) if known else None,
        "median": median(known) if known else None,
    }
