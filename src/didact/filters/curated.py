"""Self-curation: a model scores from 1 to 5 how good an example of an assistant's reply each is.

Instruction backtranslation (Humpback, Li et al. 2023, arXiv 2308.06259). The model tuned on the
seed data alone, M_0, scores every candidate, and those of 5 train M_1; M_1 scores all again, and
M_2 is trained on what it chose. The scale and the last line of the reply are the paper's, the words
ours.

The paper names its sets A_4 (a score of 4 or more) and A_5 (4.5 or more). One reply holds a whole
number, so that the second is either those of 5 or a mean of several ratings: `at_least: 5`, the
default, or `at_least: 4.5` with `ratings` above 1. A reply without a score is `unscored`, which is
never a low score, and is counted by what it lacks: of a 7B model's replies about half are. Examples
with `meta.data: seed` pass unasked. For `mode` see `didact.text.backtranslation.read_score`.

Cost: `ratings` calls an example that is no seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.records import JSON, Example, Message, Reply, Request, Sampling, Verdict
from didact.text.backtranslation import (
    HIGHEST,
    LOWEST,
    PUBLISHED,
    characters,
    curation_prompt,
    page_prompt,
    read_score,
    untagged,
)

__all__ = ["Curated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """Keep the pairs that a model scores highest on a five-point scale (Humpback)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Self-Alignment with Instruction Backtranslation, 2023, arXiv 2308.06259"

    model: str = "curator"
    """The role that scores: M_0 in the first iteration, M_1 in the second."""
    at_least: float = 5
    """The lowest score that is kept."""
    ratings: int = 1
    """Replies to each example, of which the mean counts; more than one need a temperature."""
    prompt: Literal["scale", "page"] = "scale"
    """`scale` explains the five points; `page` begins a page of graded answers, for a model too
    small to follow that, which continues plain text."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` reads a score as the open replication does, which misses "4/5" and takes 91."""
    seeds: Literal["pass", "judge"] = "pass"
    """What becomes of examples whose `meta.data` is `seed`."""

    temperature: float = 0.0
    """Of the replies."""
    top_p: float = 1.0
    """Of the replies."""
    max_tokens: int = 1024
    """Of a reply; of the open replication 512, which cuts many off before their score."""

    def __post_init__(self) -> None:
        if not LOWEST <= self.at_least <= HIGHEST:
            raise ConfigError(f"at_least is a score, from {LOWEST:g} to {HIGHEST:g}")
        if self.ratings < 1:
            raise ConfigError("ratings must be at least 1")
        if self.ratings > 1 and not self.temperature > 0:
            raise ConfigError("ratings above 1 need a temperature: greedy replies are all alike")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the model must be able to do."""
        return {"model": frozenset({"completion" if self.prompt == "page" else "chat"})}

    async def sift(
        self, ctx: Context, examples: Sequence[Example]
    ) -> AsyncGenerator[Verdict, None]:
        """One verdict per example, in order."""
        told = _Told()
        async with aclosing(ctx.map(partial(self._rate, ctx), examples)) as results:
            async for rated in results:
                verdict = self._verdict(ctx, rated)
                told.hear(rated, verdict)
                yield verdict
        ctx.note("statistics", **told.to_json(), at_least=self.at_least, paper=PUBLISHED)

    async def _rate(self, ctx: Context, example: Example) -> _Rated:
        if self.seeds == "pass" and example.meta.get("data") == "seed":
            return _Rated(example, None)
        replies: list[Reply] = []
        try:
            for draw in range(self.ratings):
                replies.append(await ctx.ask(self._request(example, draw), model=self.model))
        except ModelError as error:
            return _Rated(example, replies, error)
        return _Rated(example, replies)

    def _request(self, example: Example, draw: int) -> Request:
        said = next((turn.content for turn in example.messages if turn.role == "user"), "")
        asked = untagged(said, str(example.meta.get("tag", "")))
        if self.prompt == "page":
            return Request(
                prompt=page_prompt(asked, example.output),
                sampling=self._sampling(stop=("\n\n", "\nTask:")),
                draw=draw,
            )
        text = curation_prompt(asked, example.output)
        return Request(messages=(Message("user", text),), sampling=self._sampling(), draw=draw)

    def _sampling(self, stop: tuple[str, ...] = ()) -> Sampling:
        return Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p, stop=stop
        )

    def _verdict(self, ctx: Context, rated: _Rated) -> Verdict:
        if rated.replies is None:
            return Verdict(keep=True)
        scores = [
            score
            for reply in rated.replies
            if reply.finish == "stop" and (score := read_score(reply.text, self.mode)) is not None
        ]
        evidence: dict[str, JSON] = {
            "scores": [*scores],
            "calls": [reply.key for reply in rated.replies],
            "reply": rated.replies[0].text[:500] if rated.replies else "",
        }
        if not scores:
            if rated.error is not None and rated.error.fault != "too_long":
                ctx.fail(rated.example, rated.error)
            evidence["why"] = _why(rated)
            return Verdict(keep=False, reason=f"unscored: {_why(rated)}", evidence=evidence)
        score = fmean(scores)
        if score < self.at_least:
            return Verdict(keep=False, reason="score too low", score=score, evidence=evidence)
        return Verdict(keep=True, score=score, evidence=evidence)


class _Rated(NamedTuple):
    example: Example
    replies: Sequence[Reply] | None
    """None for one that is not asked about."""
    error: ModelError | None = None
    """What ended the asking early."""


class _Told:
    """How the scores are spread, and what the sets A_4 and A_5 are like."""

    def __init__(self) -> None:
        self._scores: Counter[str] = Counter()
        self._unscored: Counter[str] = Counter()
        self._judged: list[tuple[Example, float | None]] = []
        self._passed = 0

    def hear(self, rated: _Rated, verdict: Verdict) -> None:
        if rated.replies is None:
            self._passed += 1
            return
        self._judged.append((rated.example, verdict.score))
        self._scores["none" if verdict.score is None else f"{verdict.score:g}"] += 1
        if verdict.score is None:
            self._unscored[str(verdict.evidence["why"])] += 1

    def to_json(self) -> dict[str, JSON]:
        sets: dict[str, JSON] = {"A": characters(example for example, _ in self._judged)}
        for name, least in (("A_4", 4.0), ("A_5", 4.5)):
            sets[name] = characters(
                example for example, score in self._judged if score is not None and score >= least
            )
        return {
            "seeds_passed": self._passed,
            "judged": len(self._judged),
            "scores": dict(sorted(self._scores.items())),
            "unscored": dict(self._unscored),
            "sets": sets,
        }


def _why(rated: _Rated) -> str:
    """What an example without a score lacks."""
    if rated.error is not None:
        return "longer than the context" if rated.error.fault == "too_long" else "no reply"
    ends = {reply.finish for reply in rated.replies or ()}
    if "stop" in ends:
        return "no score in the reply"
    return "reply cut off" if "length" in ends else "refused"
