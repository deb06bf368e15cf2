"""Pairs from a model's own answers: several to one prompt, the best beside the worst.

The data of on-policy preference training: the model to be tuned answers each prompt several times,
a reward model ranks the answers (best-of-n and worst-of-n), and `dpo` learns from the pair. Ranking
several answers by a reward model is that of InstructGPT (L. Ouyang et al. 2022, arXiv 2203.02155)
and GPT-4-LLM (Peng et al. 2023, arXiv 2304.03277); iterated, a run whose `model` is the model that
the run before has trained, it is on-policy DPO. Ours keeps all rewards in `meta`, takes equal texts
for one answer, and drops prompts whose answers are all alike or too close (`margin`), with counts.

Cost: `samples` calls of the model and as many of the reward model for each prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from math import isfinite, nan
from typing import ClassVar

from didact.context import Context
from didact.errors import ConfigError, ParseError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Request, Sampling
from didact.stats.instruction_data import unheard

__all__ = ["BestOfN"]

_STALE = frozenset({"references", "rejected", "generator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BestOfN:
    """Preference pairs of a model's own answers, the best and the worst by a reward model."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Training language models to follow instructions, 2022, arXiv 2203.02155"
    calls_per_example: ClassVar[str] = "twice `samples`"

    model: str = "teacher"
    """The role that answers: the model to be tuned, for pairs that are on-policy."""
    reward: str = "reward"
    """The role that rewards: a model under `use: reward-model`."""
    samples: int = 4
    """Answers to a prompt."""
    margin: float = 0.0
    """The least difference of reward between best and worst; with less there is no pair."""
    temperature: float = 1.0
    """Of the answers."""
    top_p: float = 1.0
    """Of the answers."""
    max_tokens: int = 512
    """Of an answer; one that is cut off is dropped."""

    def __post_init__(self) -> None:
        if self.samples < 2 or self.margin < 0:
            raise ConfigError("samples must be at least 2, and margin not negative")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        return dict.fromkeys(("model", "reward"), frozenset({"chat"}))

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Every prompt `samples` times; a reward for each answer that is whole and not said yet."""
        prompts = [seed.prompt for seed in seeds if seed.prompt]
        number = len(prompts) * self.samples
        asked = text_tokens(["\n".join(turn.content for turn in prompt) for prompt in prompts])
        rated = Span(asked.low, asked.high + self.max_tokens)
        return Estimate.of(
            ("answers", self.model, Span(number, number), asked, self.max_tokens),
            ("rewards", self.reward, Span(0, number), rated, 0),
        )

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """A pair for every seed whose answers can be told apart."""
        if not seeds:
            raise ConfigError("best-of-n: there are no seeds; set `seeds: builtin` or a file")
        lost: Counter[str] = Counter()
        unfit: Counter[str] = Counter()
        heard = made = 0
        try:
            async with aclosing(ctx.map(partial(self._pair, ctx, unfit), seeds)) as results:
                async for found in results:
                    heard += 1
                    if isinstance(found, str):
                        lost[found] += 1
                    else:
                        made += 1
                        yield found
        finally:
            lost.update(unheard(len(seeds), heard=heard, failed=len(ctx.failures)))
            dropped: dict[str, JSON] = {**lost}
            funnel: JSON = {"candidates": len(seeds), "accepted": made, "dropped": dropped}
            ctx.note("statistics", funnel=funnel, dropped_answers={**unfit})

    async def _pair(self, ctx: Context, unfit: Counter[str], seed: Example) -> Example | str:
        """The pair, or why there is none."""
        prompt = seed.prompt
        if not prompt:
            return "no prompt"
        calls: list[str] = []
        answers: list[str] = []
        sampling = Sampling(
            temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens
        )
        for draw in range(self.samples):
            request = Request(messages=prompt, sampling=sampling, draw=draw)
            reply = await ctx.ask(request, model=self.model)
            calls.append(reply.key)
            text = reply.text.strip()
            if why := reply.ended or ("" if text else "empty"):
                unfit[why] += 1
            elif text not in answers:
                answers.append(text)
        ranked: list[tuple[float, int, str]] = []
        for number, text in enumerate(answers):
            reward, key = await self._reward(ctx, prompt, text)
            calls.append(key)
            # Of equal rewards the one drawn first is the better.
            ranked.append((reward, -number, text))
        ranked.sort(reverse=True)
        if len(ranked) < 2 or ranked[0][0] - ranked[-1][0] <= self.margin:
            return "answers too alike"
        kept = {key: value for key, value in seed.meta.items() if key not in _STALE}
        return Example(
            messages=(*prompt, Message("assistant", ranked[0][2])),
            meta={
                **kept,
                "rejected": [ranked[-1][2]],
                "rewards": [reward for reward, _, _ in ranked],
            },
            origin=Origin(
                recipe="best-of-n", version=self.version, parents=(seed.id,), calls=tuple(calls)
            ),
        )

    async def _reward(
        self, ctx: Context, prompt: Sequence[Message], text: str
    ) -> tuple[float, str]:
        messages = (*prompt, Message("assistant", text))
        request = Request(messages=messages, sampling=Sampling(max_tokens=0))
        reply = await ctx.ask(request, model=self.reward)
        try:
            reward = float(reply.text)
        except ValueError:
            reward = nan
        if not isfinite(reward):
            raise ParseError(
                f"the reward is no number: models.{self.reward} must be a model under"
                " `use: reward-model`",
                reply=reply.text,
                call=reply.key,
            )
        return reward, reply.key
