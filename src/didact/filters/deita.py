"""Complex, good and diverse: DEITA's selection (Liu et al. 2023, arXiv 2312.15685).

Two models score each turn, one the complexity of what was asked, one the quality of the answer, as
the mean of the six numbers that they could have said (`didact.stats.difficulty`); an example has
the sum of the products over its turns. From the highest score downwards an example is taken unless
it is too near one that was taken, by the cosine of their vectors. So 6,000 of 300,000 were enough
there; take `count` to say how many.

Naming trap: the paper writes the limit as a distance, the code's 0.9 is a similarity, and so is
ours. How ours differs: examples are compared one by one with what was taken, where the published
code also compares them with what it left out earlier in the same batch (`batch` does that too); a
turn whose scores are missing leaves the example `unscored`, where the published code gives it 3.0
(`mode: faithful`); the order stays; ties go by content. The prompts are in our words: for scorers
that were trained on others, as the authors' own were, set `complexity_prompt` and `quality_prompt`.

Cost: two scorings a turn and one vector an example, many at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, cast

import numpy as np

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.records import JSON, Example, Verdict
from didact.stats.difficulty import expected_rating
from didact.stats.selecting import diverse
from didact.text.forced import choice, embedding, read_logprobs

__all__ = ["Deita"]

_OPTIONS = ("1", "2", "3", "4", "5", "6")
_MISSING = 3.0
_WIDTH = 512
_PLACE = re.compile(r"\{(instruction|output)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deita:
    """Keep complex instructions with good answers, and of those alike only the best (DEITA)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "What Makes Good Data for Alignment? (DEITA), 2023, arXiv 2312.15685"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {
        "complexity": frozenset({"completion"}),
        "quality": frozenset({"completion"}),
        "embedder": frozenset({"completion"}),
    }
    selects: ClassVar[bool] = True

    complexity: str = "scorer"
    """The role that scores instructions: a model under `use: scorer`."""
    quality: str = "scorer"
    """The role that scores answers: a model under `use: scorer`."""
    embedder: str = "scorer"
    """The role whose last hidden state is an example's vector: a model under `use: scorer`."""
    similarity: float = 0.9
    """The highest cosine with an example taken before; 1 takes all."""
    count: int | None = None
    """How many examples to take at most; none: as many as are far enough apart."""
    batch: int | None = None
    """Compare also with what was left out of the same batch of so many, as the published code."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` takes 3.0 for a score that is missing, as the published code does."""
    complexity_prompt: str = ""
    """What the complexity model is shown, with `{instruction}`; "": a question in our words."""
    quality_prompt: str = ""
    """What the quality model is shown, with `{instruction}` and `{output}`; "": a question in our
    words."""

    def __post_init__(self) -> None:
        if not -1 <= self.similarity <= 1:
            raise ConfigError(f"similarity is a cosine from -1 to 1, not {self.similarity:g}")
        if (self.count is not None and self.count < 1) or (
            self.batch is not None and self.batch < 1
        ):
            raise ConfigError("count and batch must be at least 1")
        for name, wanted in (
            ("complexity", ["instruction"]),
            ("quality", ["instruction", "output"]),
        ):
            prompt = getattr(self, f"{name}_prompt")
            if prompt and (missing := [w for w in wanted if f"{{{w}}}" not in prompt]):
                raise ConfigError(f"{name}_prompt: {{{missing[0]}}} is not in it")

    async def sift(
        self, ctx: Context, examples: Sequence[Example]
    ) -> AsyncGenerator[Verdict, None]:
        """One verdict per example, in order, once all are scored."""
        scored: list[_Scored] = []
        found = ctx.map(partial(self._scored, ctx), examples, width=_WIDTH)
        async with aclosing(found) as results:
            async for one in results:
                if one.error is not None:
                    ctx.fail(one.example, one.error)
                scored.append(one)
        # By content, so that ties fall alike in whatever order the examples come.
        order = sorted(range(len(scored)), key=lambda place: scored[place].example.id)
        width = max((len(one.vector) for one in scored), default=0) or 1
        vectors = np.zeros((len(scored), width), dtype=np.float32)
        for row, place in enumerate(order):
            if scored[place].vector:
                vectors[row] = scored[place].vector
        taken, near = diverse(
            [scored[place].score for place in order],
            vectors,
            limit=self.similarity,
            budget=self.count,
            batch=self.batch,
        )
        kept = {order[row] for row in taken}
        alike = {order[row]: (order[other], cosine) for row, (other, cosine) in near.items()}
        for place, one in enumerate(scored):
            other, cosine = alike.get(place, (None, None))
            nearest = None if other is None else scored[other].example
            yield _verdict(one, taken=place in kept, nearest=nearest, cosine=cosine)
        ctx.note("statistics", **_told(scored), taken=len(taken), too_near=len(near))

    async def _scored(self, ctx: Context, example: Example) -> _Scored:
        turns = _turns(example)
        one = _Scored(example)
        if not turns:
            one.why = "no answer"
            return one
        try:
            for asked, answer in turns:
                shown = {"instruction": asked, "output": answer}
                first = await self._rating(
                    ctx, self.complexity_prompt or _COMPLEXITY, shown, self.complexity
                )
                second = await self._rating(
                    ctx, self.quality_prompt or _QUALITY, shown, self.quality
                )
                if first is None or second is None:
                    one.why = "a score is missing"
                    return one
                one.turns.append((first, second))
            text = "\n".join(turn.content for turn in example.messages)
            reply = await ctx.ask(embedding(text), model=self.embedder)
            one.vector = _vector(reply.text, self.embedder)
            one.score = sum(first * second for first, second in one.turns)
        except ModelError as error:
            one.error = error
        return one

    async def _rating(
        self, ctx: Context, prompt: str, shown: Mapping[str, str], role: str
    ) -> float | None:
        """The mean of the six numbers; None where the model cannot be asked about this turn."""
        # One pass over the two names, so braces in an example cannot name anything.
        text = _PLACE.sub(lambda found: shown[found[1]], prompt)
        try:
            reply = await ctx.ask(choice(text, _OPTIONS), model=role)
        except ModelError as error:
            if error.fault != "too_long":
                raise
            return _MISSING if self.mode == "faithful" else None
        logprobs = read_logprobs(reply, role)
        if len(logprobs) != len(_OPTIONS):
            return _MISSING if self.mode == "faithful" else None
        return expected_rating(logprobs)


@dataclass(slots=True)
class _Scored:
    """What became of an example."""

    example: Example
    turns: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Complexity and quality of each turn."""
    vector: list[float] = field(default_factory=list[float])
    score: float | None = None
    why: str = ""
    error: ModelError | None = None


def _turns(example: Example) -> list[tuple[str, str]]:
    """What was asked and what was answered, turn by turn."""
    turns: list[tuple[str, str]] = []
    asked = ""
    for message in example.messages:
        if message.role == "user":
            asked = message.content
        elif message.role == "assistant" and asked.strip() and message.content.strip():
            turns.append((asked, message.content))
            asked = ""
    return turns


def _vector(text: str, role: str) -> list[float]:
    try:
        return [float(value) for value in cast("list[float]", json.loads(text))]
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"models.{role}: it gives no vectors; put `{role}: {{use: scorer, path: ...}}` there"
        ) from error


def _verdict(
    one: _Scored, *, taken: bool, nearest: Example | None, cosine: float | None
) -> Verdict:
    evidence: dict[str, JSON] = {
        "complexity": [first for first, _ in one.turns],
        "quality": [second for _, second in one.turns],
    }
    if one.score is None:
        evidence["why"] = one.why or str(one.error)[:500]
        return Verdict(keep=False, reason="unscored", evidence=evidence)
    if taken:
        return Verdict(keep=True, score=one.score, evidence=evidence)
    if nearest is None:
        return Verdict(keep=False, reason="past the count", score=one.score, evidence=evidence)
    evidence |= {"nearest": nearest.instruction, "nearest_id": nearest.id, "cosine": cosine}
    return Verdict(keep=False, reason="too near a better one", score=one.score, evidence=evidence)


def _told(scored: Sequence[_Scored]) -> dict[str, JSON]:
    """The scores in short."""
    turns = [turn for one in scored for turn in one.turns]
    known = [one.score for one in scored if one.score is not None]
    return {
        "scored": len(known),
        "unscored": len(scored) - len(known),
        "complexity": fmean(first for first, _ in turns) if turns else None,
        "quality": fmean(second for _, second in turns) if turns else None,
        "mean": fmean(known) if known else None,
    }


_COMPLEXITY = """\
How complex is what this user asks? Give a score from 1, very simple, to 6, very complex.

Request: {instruction}

Score: """

_QUALITY = """\
How good is this answer to what a user asked? Give a score from 1, very bad, to 6, very good.

Request: {instruction}

Answer: {output}

Score: """
