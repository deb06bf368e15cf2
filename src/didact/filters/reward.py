"""Keep the examples that a reward model rewards most.

A reward model is a classifier trained on which of two answers people preferred (Ouyang et al. 2022,
arXiv 2203.02155). As a filter it is used with a threshold, for a share of the best, or for the best
of several answers to one prompt (rejection sampling; GPT-4-LLM, Peng et al. 2023, arXiv 2304.03277,
ranked five that way, and the groups it made were not ranked alike by its judge).

Two biases are told, not hidden: rewards grow with length, so the statistics have their correlation
before and after; and some prompts are rewarded whatever the answer, so `relative` takes the mean of
the prompt's answers off. An answer without a reward is `unscored`.

Cost: one forward pass over each conversation, many at a time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Hashable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from math import isfinite
from statistics import StatisticsError, correlation, fmean
from typing import ClassVar, NamedTuple

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.records import JSON, Example, Request, Sampling, Verdict
from didact.stats.selecting import best_of_each, highest, within_groups
from didact.text.last_turn import answer_of
from didact.text.words import count_words

__all__ = ["Reward"]

_WIDTH = 1024
"""Conversations under way at once: the model reads those of like length together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """Drop examples with a low reward, or all but the best share, or all but each prompt's best."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"model": frozenset({"chat"})}
    selects: ClassVar[bool] = True

    model: str = "reward"
    """The role that rewards: a model under `use: reward-model`."""
    at_least: float | None = None
    """The lowest reward kept; none: no limit."""
    share: float | None = None
    """Of all examples that came in, keep so large a part at most, the highest rewarded."""
    best_of_prompt: bool = False
    """Of several answers to one prompt keep the best."""
    relative: bool = False
    """Take the mean reward of the prompt's answers off each, before all else: of prompts with one
    answer nothing is left to tell them apart."""

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share <= 1:
            raise ConfigError(f"share must be above 0 and at most 1, not {self.share:g}")

    async def sift(
        self, ctx: Context, examples: Sequence[Example]
    ) -> AsyncGenerator[Verdict, None]:
        """One verdict per example, in order, once all have their reward."""
        rewarded: list[_Rewarded] = []
        found = ctx.map(partial(self._rewarded, ctx), examples, width=_WIDTH)
        async with aclosing(found) as results:
            async for one in results:
                if one.error is not None:
                    ctx.fail(one.example, one.error)
                rewarded.append(one)
        raw = [one.reward for one in rewarded]
        prompts = [one.example.prompt for one in rewarded]
        scores = within_groups(prompts, raw) if self.relative else raw
        reasons = self._reasons(scores, prompts)
        for one, score, reason in zip(rewarded, scores, reasons, strict=True):
            evidence: dict[str, JSON] = {"reward": one.reward}
            if one.error is not None or one.why:
                evidence["why"] = one.why or str(one.error)[:500]
            if self.at_least is not None:
                evidence["threshold"] = self.at_least
            yield Verdict(keep=not reason, reason=reason, score=score, evidence=evidence)
        ctx.note("statistics", **_told(rewarded, [not reason for reason in reasons]))

    async def _rewarded(self, ctx: Context, example: Example) -> _Rewarded:
        if not answer_of(example):
            return _Rewarded(example, why="no answer")
        request = Request(messages=example.messages, sampling=Sampling(max_tokens=0))
        try:
            reply = await ctx.ask(request, model=self.model)
        except ModelError as error:
            return _Rewarded(example, error=error)
        try:
            reward = float(reply.text)
        except ValueError as error:
            raise ConfigError(
                f"models.{self.model}: it writes, and gives no reward; put `{self.model}:"
                " {use: reward-model, path: ...}` there"
            ) from error
        if not isfinite(reward):
            return _Rewarded(example, why="the reward is no number")
        return _Rewarded(example, reward)

    def _reasons(self, scores: Sequence[float | None], prompts: Sequence[Hashable]) -> list[str]:
        """Why each is dropped; "" where it is kept."""
        passing = list(scores)
        reasons = ["unscored" if score is None else "" for score in scores]

        def strike(reason: str, kept: Collection[int]) -> None:
            for place, score in enumerate(passing):
                if score is not None and place not in kept:
                    passing[place], reasons[place] = None, reason

        if (least := self.at_least) is not None:
            high = {place for place, s in enumerate(passing) if s is not None and s >= least}
            strike("reward too low", high)
        if self.best_of_prompt:
            strike("not the best of its prompt", set(best_of_each(prompts, passing)))
        if self.share is not None:
            best = set(highest(passing, int(len(scores) * self.share)))
            strike("not among the highest", best)
        return reasons


class _Rewarded(NamedTuple):
    """What became of an example."""

    example: Example
    reward: float | None = None
    why: str = ""
    error: ModelError | None = None


def _told(rewarded: Sequence[_Rewarded], kept: Sequence[bool]) -> dict[str, JSON]:
    """The rewards in short, and how far they go with length, before and after."""
    pairs = [
        (one.reward, count_words(one.example.output), keep)
        for one, keep in zip(rewarded, kept, strict=True)
        if one.reward is not None
    ]
    return {
        "rewarded": len(pairs),
        "unscored": len(rewarded) - len(pairs),
        "mean": fmean(reward for reward, *_ in pairs) if pairs else None,
        "with_length": _correlation([(reward, words) for reward, words, _ in pairs]),
        "with_length_kept": _correlation([(r, words) for r, words, keep in pairs if keep]),
    }


def _correlation(pairs: Sequence[tuple[float, int]]) -> float | None:
    """Pearson's; None where one of the two is the same everywhere."""
    try:
        return correlation([a for a, _ in pairs], [float(b) for _, b in pairs])
    except StatisticsError:
        return None
