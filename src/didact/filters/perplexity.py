"""Keep the texts that a language model finds neither too strange nor too plain.

Perplexity is the oldest score of a text by a model: exp of the mean loss per token. As a filter of
instruction data it keeps what is easy, and did badly: at a fixed budget, far below a random sample
in DEITA's comparison (Liu et al. 2023, arXiv 2312.15685). It finds broken text well. Compare two
thresholds only under one scorer and one tokenizer.

Cost: one scoring an example, many at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.records import JSON, Example, Verdict
from didact.stats.difficulty import mean_loss, perplexity
from didact.text.chat import render
from didact.text.forced import completion, read_logprobs
from didact.text.last_turn import answer_of

__all__ = ["Perplexity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Perplexity:
    """Drop examples whose text has too high or too low a perplexity under a model."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"model": frozenset({"completion"})}

    model: str = "scorer"
    """The role that scores: a model under `use: scorer`."""
    of: Literal["answer", "instruction", "answer alone"] = "answer"
    """What is scored: the answer behind its prompt, the instruction with its input, or the answer
    behind nothing."""
    at_most: float | None = None
    """The highest perplexity kept; none: no limit."""
    at_least: float | None = None
    """The lowest perplexity kept; none: no limit. It cannot be below 1."""

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        if any(limit < 1 for limit in limits) or sorted(limits) != limits:
            raise ConfigError("limits of perplexity are at least 1, at_most not below at_least")

    async def check(self, ctx: Context, example: Example) -> Verdict:
        """Keep it, or say on which side of the limits it is."""
        prompt, text = self._parts(example)
        if not text.strip():
            return _unscored("nothing to score")
        try:
            reply = await ctx.ask(completion(prompt, text), model=self.model)
        except ModelError as error:
            if error.fault == "too_long":
                return _unscored("the prompt leaves no room")
            raise
        loss = mean_loss(read_logprobs(reply, self.model))
        if loss is None:
            return _unscored("no token is predicted")
        score = perplexity(loss)
        evidence: dict[str, JSON] = {"loss": loss}
        if reply.finish == "length":
            evidence["cut"] = True
        reason = ""
        if self.at_most is not None and score > self.at_most:
            reason, evidence["limit"] = "perplexity too high", self.at_most
        elif self.at_least is not None and score < self.at_least:
            reason, evidence["limit"] = "perplexity too low", self.at_least
        shown = score if isfinite(score) else None
        return Verdict(keep=not reason, reason=reason, score=shown, evidence=evidence)

    def _parts(self, example: Example) -> tuple[str, str]:
        if self.of == "answer":
            return render(example.prompt, add_generation_prompt=True), answer_of(example)
        if self.of == "answer alone":
            return "", answer_of(example)
        return "", "\n\n".join(turn.content for turn in example.prompt)


def _unscored(why: str) -> Verdict:
    return Verdict(keep=False, reason="unscored", evidence={"why": why})
