"""Dialogue: conversations of several turns, from a topic, or going on from where others stop.

Baize (Xu et al. 2023, arXiv 2304.01196): one model talks with itself about a seed, a question of
Quora, Stack Overflow or MedQuAD there. `form: transcript` is its first way: one reply is the whole
conversation, with marks before the turns (see `didact.text.transcripts`, also for the two modes).
`form: turns` is its second: a model that plays the human writes one turn, and a model that is asked
like any chat model answers it. The seeds are topics; with `go_on` they are conversations, imported
or made before, and more turns are added to them, by either form.

How ours differs: the prompts are in our words; with `form: turns` the human may end the
conversation before `exchanges` are over, and the reply's token limit ends it before the turn that
was cut. Baize trains on all of the text, under its own marks; ours are messages, of which a
trainer trains the assistant's alone.

Cost: one call a conversation; with `form: turns` two an exchange.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Request, Sampling
from didact.stats.instruction_data import describe_instructions, unheard
from didact.text.transcripts import (
    AI_MARK,
    has_marks,
    human_prompt,
    read_human,
    read_transcript,
    transcript_prompt,
)
from didact.text.words import count_words

__all__ = ["Dialogue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Conversations by self-chat on topics, or more turns for those there are (Baize)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "Baize: an open-source chat model with parameter-efficient tuning on self-chat data (2023),"
        " arXiv 2304.01196"
    )
    calls_per_example: ClassVar[str] = "1; with form: turns 2 an exchange"

    model: str = "teacher"
    """The role that writes conversations, or the assistant's turns."""
    human: str = "teacher"
    """The role that writes the human's turns, where each turn is a call."""
    form: Literal["transcript", "turns"] = "transcript"
    """Whether a call writes a whole conversation, or one turn."""
    go_on: bool = False
    """Whether the seeds are conversations to be continued, not topics."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` reads transcripts as the published code does, without their last exchange."""
    exchanges: int = 4
    """The most exchanges that `form: turns` adds."""
    least: int = 1
    """Exchanges that have to be added, or there is no example."""

    temperature: float = 1.0
    """Of all turns."""
    top_p: float = 1.0
    """Of all turns."""
    max_tokens: int = 2048
    """Of a transcript, or of an assistant's turn."""
    human_max_tokens: int = 256
    """Of a human's turn."""

    def __post_init__(self) -> None:
        if self.exchanges < 1 or not self.least >= 1:
            raise ConfigError("exchanges and least must be at least 1")
        if self.form == "turns" and self.least > self.exchanges:
            raise ConfigError("least cannot be more than exchanges")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        fields = ["model", *["human"] * (self.form == "turns")]
        return dict.fromkeys(fields, frozenset({"chat"}))

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """A call a seed, or two an exchange whose prompts grow; a talk may end at any turn."""
        talks = self._talks(seeds, _Told(seeds=len(seeds)))
        own = text_tokens(
            [talk.topic + "".join(turn.content for turn in talk.turns) for talk in talks]
        )
        scene = text_tokens([human_prompt("", ())])
        if self.form == "transcript":
            number = Span(len(talks), len(talks))
            return Estimate.of(
                ("transcripts", self.model, number, own.plus(scene), self.max_tokens)
            )
        grown = Span(0, (self.exchanges - 1) / 2 * (self.max_tokens + self.human_max_tokens))
        answered = sum(talk.answered_next for talk in talks)
        first, most = len(talks) - answered, len(talks) * self.exchanges
        human, own = own.plus(scene).plus(grown), own.plus(grown)
        asked = Span(first, most - answered)
        return Estimate.of(
            ("human's turns", self.human, asked, human, self.human_max_tokens),
            ("assistant's turns", self.model, Span(answered, most), own, self.max_tokens),
        )

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Conversations in the order of the seeds."""
        if not seeds:
            raise ConfigError("dialogue: there are no topics; set `seeds` to a file or a run")
        told = _Told(seeds=len(seeds))
        talks = self._talks(seeds, told)
        talk = self._transcript if self.form == "transcript" else self._turns
        made: dict[str, Example] = {}
        try:
            async with aclosing(ctx.map(partial(talk, ctx), talks)) as results:
                async for found in results:
                    told.heard += 1
                    if found.ended:
                        told.ended[found.ended] += 1
                    example = self._example(found)
                    if found.exchanges < self.least:
                        told.drop(ctx, found.talk, found.ended or "too few exchanges")
                    elif example.id in made:
                        told.drop(ctx, found.talk, "as another before")
                    else:
                        made[example.id] = example
                        told.take(found)
                        yield example
                    ctx.note("dialogues", done=told.heard, of=len(talks), examples=len(made))
        finally:
            funnel = told.funnel(len(made), asked=len(talks), failed=len(ctx.failures))
            ctx.note("funnel", **funnel)
            table = describe_instructions(made.values()).to_json()
            ctx.note("statistics", **table, **told.table(), funnel=funnel, paper=dict(_PUBLISHED))

    def _talks(self, seeds: Sequence[Example], told: _Told) -> list[_Talk]:
        """What there is to talk about, or to continue."""
        talks: list[_Talk] = []
        repeated: Counter[str] = Counter()
        for seed in seeds:
            topic = " ".join(filter(None, (seed.instruction.strip(), seed.input.strip())))
            turns = seed.messages if self.go_on else ()
            why = _unfit(turns) if self.go_on else "" if topic else "no topic"
            if why:
                told.refused[why] += 1
                continue
            prompt = transcript_prompt(topic, turns)
            talks.append(_Talk(seed, "" if self.go_on else topic, turns, repeated[prompt]))
            repeated[prompt] += 1
        return talks

    async def _transcript(self, ctx: Context, talk: _Talk) -> _Found:
        """The whole conversation in one reply."""
        text = transcript_prompt(talk.topic, talk.turns)
        sampling = self._sampling(self.max_tokens)
        messages = (Message("user", text),)
        request = Request(messages=messages, sampling=sampling, draw=talk.draw)
        reply = await ctx.ask(request, model=self.model)
        if reply.finish == "refused":
            return _Found(talk, (), (reply.key,), "refused")
        reading = read_transcript(
            reply.text,
            first="assistant" if talk.answered_next else "user",
            complete=reply.finish == "stop",
            faithful=self.mode == "faithful",
        )
        return _Found(talk, reading.turns, (reply.key,), reading.ended)

    async def _turns(self, ctx: Context, talk: _Talk) -> _Found:
        """One call a turn, until the human has nothing more to ask."""
        turns: list[Message] = []
        calls: tuple[str, ...] = ()
        for _ in range(self.exchanges):
            keys: list[str] = []
            question: list[Message] = []
            said = [*talk.turns, *turns]
            if not said or said[-1].role == "assistant":
                prompt = (Message("user", human_prompt(talk.topic, said)),)
                sampling = self._sampling(self.human_max_tokens, stop=(AI_MARK,))
                request = Request(messages=prompt, sampling=sampling, draw=talk.draw)
                reply = await ctx.ask(request, model=self.human)
                text = read_human(reply.text)
                if reply.finish != "stop" or not text:
                    ended = f"human's turn {reply.ended}" if reply.finish != "stop" else ""
                    return _Found(talk, tuple(turns), calls, ended)
                question.append(Message("user", text))
                keys.append(reply.key)
            sampling = self._sampling(self.max_tokens)
            messages = (*said, *question)
            request = Request(messages=messages, sampling=sampling, draw=talk.draw)
            reply = await ctx.ask(request, model=self.model)
            text = reply.text.strip()
            if reply.finish != "stop" or not text:
                ended = f"answer {reply.ended or 'empty'}"
                return _Found(talk, tuple(turns), calls, ended)
            turns += [*question, Message("assistant", text)]
            calls += (*keys, reply.key)
        return _Found(talk, tuple(turns), calls, "")

    def _sampling(self, max_tokens: int, stop: tuple[str, ...] = ()) -> Sampling:
        return Sampling(
            max_tokens=max_tokens, temperature=self.temperature, top_p=self.top_p, stop=stop
        )

    def _example(self, found: _Found) -> Example:
        talk = found.talk
        meta: dict[str, JSON] = {"form": self.form, "exchanges": found.exchanges}
        if talk.topic:
            meta["topic"] = talk.topic
        else:
            kept = {key: value for key, value in talk.seed.meta.items() if key not in _STALE}
            meta = {**kept, **meta, "turns_before": len(talk.turns)}
        origin = Origin(
            recipe="dialogue", version=self.version, parents=(talk.seed.id,), calls=found.calls
        )
        return Example(messages=(*talk.turns, *found.turns), meta=meta, origin=origin)


class _Talk(NamedTuple):
    """A conversation to be had."""

    seed: Example
    topic: str
    """"" where the seed is a conversation itself."""
    turns: tuple[Message, ...]
    """Those there are."""
    draw: int
    """How many before it are asked for alike."""

    @property
    def answered_next(self) -> bool:
        """Whether the assistant is to speak first."""
        return bool(self.turns) and self.turns[-1].role == "user"

    def __str__(self) -> str:
        return self.topic or self.seed.instruction


class _Found(NamedTuple):
    """What was added to a conversation, and why no more."""

    talk: _Talk
    turns: tuple[Message, ...]
    calls: tuple[str, ...]
    ended: str

    @property
    def exchanges(self) -> int:
        """Answers added."""
        return sum(turn.role == "assistant" for turn in self.turns)


class _Told:
    """What came of the seeds, and how long the conversations are."""

    def __init__(self, seeds: int) -> None:
        self.seeds = seeds
        self.heard = 0
        self.refused: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.exchanges: Counter[int] = Counter()
        self.words: dict[str, list[int]] = {"user": [], "assistant": []}
        self._dropped: Counter[str] = Counter()

    def take(self, found: _Found) -> None:
        """Measure a conversation."""
        self.exchanges[found.exchanges] += 1
        for turn in found.turns:
            self.words[turn.role].append(count_words(turn.content))

    def drop(self, ctx: Context, talk: _Talk, reason: str) -> None:
        """Count and tell of a seed that gave nothing."""
        self._dropped[reason] += 1
        ctx.note("dropped", instruction=str(talk), reason=reason)

    def funnel(self, accepted: int, *, asked: int, failed: int) -> dict[str, JSON]:
        """From seeds to conversations."""
        lost = unheard(asked, heard=self.heard, failed=failed)
        dropped: dict[str, JSON] = {**self.refused, **self._dropped, **lost}
        return {"candidates": self.seeds, "accepted": accepted, "dropped": dropped}

    def table(self) -> dict[str, JSON]:
        """Exchanges and words a turn, by who speaks."""
        human, answers = (self.words[role] for role in ("user", "assistant"))
        exchanges = list(self.exchanges.elements())
        return {
            "seeds": self.seeds,
            "exchanges": {str(number): self.exchanges[number] for number in sorted(self.exchanges)},
            "exchanges_mean": _mean(exchanges),
            "turn_words": _mean([*human, *answers]),
            "human_words": _mean(human),
            "answer_words": _mean(answers),
            "ended_early": {**self.ended},
        }


def _unfit(turns: Sequence[Message]) -> str:
    """Why a conversation cannot go on; "" where it can."""
    said = turns[1:] if turns and turns[0].role == "system" else turns
    if not said:
        return "no turns"
    roles = [turn.role for turn in said]
    if roles != [("user", "assistant")[number % 2] for number in range(len(roles))]:
        return "turns do not alternate"
    if not all(turn.content.strip() for turn in said):
        return "an empty turn before"
    return "a turn has the marks" if any(has_marks(turn.content) for turn in said) else ""


def _mean(numbers: Sequence[int]) -> float | None:
    return round(fmean(numbers), 1) if numbers else None


_STALE = frozenset({"references", "rejected"})
"""What the seeds' meta says of how they ended."""
_PUBLISHED: Mapping[str, JSON] = {
    "dialogues": {"quora": 54_000, "stackoverflow": 57_000, "medquad": 47_000},
}
