"""Magpie: an aligned model writes what users ask, given nothing but the start of a user's turn.

Magpie (Xu et al. 2024, arXiv 2406.08464). The model continues its own chat template from where a
user's text would begin (see `didact.text.pre_query`), then answers what it has written. A model
tags instructions: quality, difficulty, kind of task; also language, safety and a reward where asked
for. Kept are those of good quality that do not end with a colon, are rewarded enough and are not
near to one before; of these the longest answers.

*Faithful* sends the published texts, ends an instruction at the word "assistant" too, asks once for
a tag, and drops whatever is near to an earlier instruction even where that is dropped itself; the
order at the end is shuffled. *Corrected* sends the template's text without the opening token, which
servers add; lets an instruction speak of assistants; asks twice where a tag cannot be read; drops
an instruction only for one that is kept; and keeps the order of sampling.

How ours differs, in both: rules come as soon as they can, so that what fails costs no answer; what
was cut at a token limit is dropped; without `embedder` words are compared (1,024 hashed features),
not sentence embeddings. Continuing a text is not part of every API: the model must be served with
plain completions (vLLM, llama.cpp, transformers) or run in this process.

Cost: two calls a sample and one for each tag; 3M samples gave the paper 300k examples.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from didact.context import Context
from didact.errors import ConfigError, ParseError
from didact.estimate import Estimate, Span, text_tokens
from didact.inference.chat_start import chat_start
from didact.records import JSON, Example, Message, Origin, Request, Sampling
from didact.stats.instruction_data import describe_instructions
from didact.text.languages import language_of
from didact.text.neighbours import Near, first_of_each, hashed_words, near
from didact.text.pre_query import FAMILIES, FamilyName, PreQuery, read_sampled
from didact.text.query_tags import Tag, read_reward, read_tag, tag_prompt

__all__ = ["Magpie"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Magpie:
    """Instructions an aligned model writes from its own empty user turn, and its answers."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "Magpie: alignment data synthesis from scratch by prompting aligned LLMs with nothing"
        " (2024), arXiv 2406.08464"
    )
    calls_per_example: ClassVar[str] = "2 and 1 a tag, of every sample that is kept or not"

    model: str = "teacher"
    """The role that writes instructions; it must be able to continue a text."""
    answerer: str = "teacher"
    """The role that answers them."""
    tagger: str = "teacher"
    """The role that tags them."""
    guard: str | None = None
    """A role that is a Llama-Guard model, to say what is safe; None: nobody."""
    rewarder: str | None = None
    """A role that is a reward model and replies with a number; None: nobody."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` samples, tags and filters as the published code does."""

    family: FamilyName | None = None
    """Which chat template the model has. Give this, `tokenizer`, or `pre_query`."""
    tokenizer: str = ""
    """The model's directory or hub name: its chat template tells what is before a user's text."""
    pre_query: str = ""
    """The text before a user's, where it is none of the known."""
    stops: tuple[str, ...] = ()
    """Where an instruction ends too, besides the family's stops; some APIs take four in all."""

    samples: int = 1000
    """How often an instruction is sampled."""
    temperature: float = 1.0
    """Of the instructions; all else is decoded greedily."""
    top_p: float = 1.0
    """Of the instructions."""
    max_tokens: int = 2048
    """Of an instruction."""
    early_stopping: bool = True
    """Whether an instruction ends with its first line, as published."""
    answer_max_tokens: int = 4096
    """Of an answer."""
    tag_max_tokens: int = 1024
    """Of what is said about an instruction."""

    tags: tuple[Literal["quality", "difficulty", "category", "language"], ...] = (
        "quality", "difficulty", "category",
    )  # fmt: skip
    """What is told of each; language is told without a call, by py3langid."""
    keep: Literal["filtered", "all"] = "filtered"
    """`all` keeps whatever has an answer, with its tags."""
    qualities: tuple[Literal["very poor", "poor", "average", "good", "excellent"], ...] = (
        "good", "excellent",
    )  # fmt: skip
    """Of an instruction that is kept, where quality is tagged."""
    reward_above: float = -10.0
    """Of an answer that is kept, where there is a rewarder."""
    near: float = 0.05
    """Squared distance below which two instructions are near; 0: none is."""
    embedder: str = ""
    """A sentence embedder's directory or hub name; the paper's is
    sentence-transformers/all-mpnet-base-v2. Empty: hashed words, no model."""
    longest: int | None = 300_000
    """So many of the longest answers are kept; None: all."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.family, self.tokenizer, self.pre_query))) != 1:
            raise ConfigError(
                "magpie: what stands before a user's text? give one of `family`"
                f" ({', '.join(FAMILIES)}), `tokenizer` (the model's) or `pre_query` (the text)"
            )
        if self.samples < 1 or (self.longest is not None and self.longest < 1):
            raise ConfigError("samples and longest must be at least 1")
        if not 0 <= self.near < 4:
            raise ConfigError("near is a squared distance, 0 to below 4")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        fields = ["answerer", *["tagger"] * bool(self._asked), *["guard"] * bool(self.guard)]
        chat = dict.fromkeys((*fields, *["rewarder"] * bool(self.rewarder)), frozenset({"chat"}))
        return {"model": frozenset({"completion"}), **chat}

    @property
    def _asked(self) -> tuple[Tag, ...]:
        return tuple(tag for tag in self.tags if tag != "language")

    @property
    def _filters(self) -> bool:
        return self.keep == "filtered"

    def estimate(self, seeds: Sequence[Example]) -> Estimate:  # noqa: ARG002
        """A sample, its tags and its answer, each for all samples or for those that pass."""
        pre_query = self.pre_query or (FAMILIES[self.family].own.text if self.family else "")
        every = Span(self.samples, self.samples)
        some = Span(0, self.samples)
        attempts = Span(1, 1 if self.mode == "faithful" else 2)
        asked, most = Span(8, 60), self.answer_max_tokens
        rows = [("instructions", self.model, every, text_tokens([pre_query]), self.max_tokens)]
        for tag in self._asked:
            calls = some.times(attempts)
            prompt = text_tokens([tag_prompt(tag, "")]).plus(asked)
            rows.append((f"tags: {tag}", self.tagger, calls, prompt, self.tag_max_tokens))
        rows.append(("answers", self.answerer, some, asked, most))
        for role in filter(None, (self.guard, self.rewarder)):
            rows.append((f"{role} of answers", role, some, asked.plus(Span(1, most)), _SHORT))
        return Estimate.of(*rows)

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in the order of sampling; *faithful*, shuffled. No seeds."""
        if seeds:
            ctx.note("ignored", seeds=len(seeds), reason="magpie takes no seeds")
        pre_query = self._pre_query()
        told = _Told(samples=self.samples)
        rows: list[_Row] = []
        sample = partial(self._row, ctx, pre_query, told)
        async with aclosing(ctx.map(sample, range(self.samples))) as results:
            async for row in results:
                rows.append(row)
                told.fine += not row.fault
                ctx.note("pool", done=len(rows), of=self.samples, examples=told.fine)
        if self.near:
            await self._compare(rows)
        rest = iter(self._kept(rows))
        made: dict[str, Example] = {}
        try:
            for row in rest:
                example = self._example(row, pre_query)
                if example.id in made:
                    row.fault = "as another before"
                else:
                    made[example.id] = example
                    yield example
        finally:
            for row in rest:
                row.fault = "after the cap"
            for row in rows:
                told.count(row)
                if row.fault:
                    ctx.note("dropped", instruction=row.instruction, reason=row.fault)
            funnel = told.funnel(len(made), failed=len(ctx.failures))
            ctx.note("funnel", **funnel)
            table = describe_instructions(made.values()).to_json()
            ctx.note("statistics", **table, **told.table(), funnel=funnel, paper=dict(_PUBLISHED))

    def _pre_query(self) -> PreQuery:
        """What is sent, and where its continuation ends."""
        faithful = self.mode == "faithful"
        if self.family:
            found = FAMILIES[self.family].choose(faithful=faithful)
        elif self.pre_query:
            found = PreQuery(self.pre_query, ())
        else:
            found = chat_start(self.tokenizer, opening=faithful)
        names = found.answerer if faithful else ()
        lines = ("\n",) if self.early_stopping else ()
        stops = dict.fromkeys((*found.stops, *names, *lines, *self.stops))
        return found._replace(stops=tuple(stops))

    async def _row(self, ctx: Context, pre_query: PreQuery, told: _Told, number: int) -> _Row:
        """One instruction with its tags and its answer, as far as nothing is wrong with it."""
        sampling = Sampling(
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            stop=pre_query.stops,
        )
        request = Request(prompt=pre_query.text, sampling=sampling, draw=number)
        reply = await ctx.ask(request, model=self.model)
        names = () if self.mode == "faithful" else pre_query.answerer
        row = _Row(number, read_sampled(reply.text, names), calls=[reply.key])
        if reply.finish != "stop" or not row.instruction:
            row.fault = f"instruction {reply.ended or 'empty'}"
        elif self._filters and row.instruction.endswith(":"):
            row.fault = "ends with a colon"
        if row.fault:
            return row
        if "language" in self.tags:
            row.tags["language"] = language_of(row.instruction)
        if "quality" in self.tags:
            await self._tag(ctx, told, row, "quality")
            quality = row.tags.get("input_quality")
            if self._filters and quality not in self.qualities:
                row.fault = f"quality {quality or 'not told'}"
                return row
        await self._answer(ctx, told, row)
        for tag in self._asked:
            if tag != "quality" and not row.fault:
                await self._tag(ctx, told, row, tag)
        return row

    async def _answer(self, ctx: Context, told: _Told, row: _Row) -> None:
        """The answer, whether it is safe, and its reward."""
        question = Message("user", row.instruction)
        sampling = Sampling(max_tokens=self.answer_max_tokens)
        reply = await ctx.ask(Request(messages=(question,), sampling=sampling), model=self.answerer)
        row.calls.append(reply.key)
        row.answer = reply.text.strip()
        if reply.finish != "stop" or not row.answer:
            row.fault = f"answer {reply.ended or 'empty'}"
            return
        request = Request(
            messages=(question, Message("assistant", row.answer)),
            sampling=Sampling(max_tokens=_SHORT),
        )
        if self.guard:
            said = await ctx.ask(request, model=self.guard)
            row.calls.append(said.key)
            row.tags["llama_guard_2"] = said.text.strip()
        if self.rewarder:
            said = await ctx.ask(request, model=self.rewarder)
            row.calls.append(said.key)
            try:
                reward = row.tags["instruct_reward"] = read_reward(said)
            except ParseError:
                told.unread["reward"] += 1
                row.fault = "reward not told" if self._filters else ""
            else:
                if self._filters and reward <= self.reward_above:
                    row.fault = "reward too low"

    async def _tag(self, ctx: Context, told: _Told, row: _Row, tag: Tag) -> None:
        """Ask for a tag; where it cannot be read, there is none, and that is counted."""
        messages = (Message("user", tag_prompt(tag, row.instruction)),)
        sampling = Sampling(max_tokens=self.tag_max_tokens)
        for draw in range(1 if self.mode == "faithful" else 2):
            request = Request(messages=messages, sampling=sampling, draw=draw)
            reply = await ctx.ask(request, model=self.tagger)
            try:
                row.tags |= read_tag(tag, reply)
            except ParseError:
                continue
            row.calls.append(reply.key)
            return
        told.unread[tag] += 1

    async def _compare(self, rows: Sequence[_Row]) -> None:
        """How near every instruction is to the others, and the fault of those that are."""
        there = [row for row in rows if row.instruction]
        if not there:
            return
        texts = [row.instruction for row in there]
        vectors = hashed_words(texts)
        if self.embedder:
            from didact.inference.embedding import embed

            vectors = await asyncio.to_thread(embed, self.embedder, texts)
        found = await asyncio.to_thread(near, vectors, below=self.near)
        for row, one in zip(there, found, strict=True):
            row.near = one
            row.representative = None if one.representative is None else there[one.representative]
        if not self._filters:
            return
        fine = [number for number, row in enumerate(there) if not row.fault]
        if self.mode == "faithful":
            first = {n for n in fine if found[n].representative in (None, n)}
        else:
            first = first_of_each(found, fine)
        for number in fine:
            if number not in first:
                there[number].fault = "near to another"

    def _kept(self, rows: Sequence[_Row]) -> list[_Row]:
        """The longest answers of those without fault, in their order at the end."""
        fine = [row for row in rows if not row.fault]
        if not self._filters:
            return fine
        ranked = sorted(fine, key=lambda row: -len(row.answer))
        for row in ranked[self.longest :] if self.longest else ():
            row.fault = "not among the longest"
        if self.mode == "faithful":
            best = ranked[: self.longest]
            return [best[place] for place in np.random.default_rng(42).permutation(len(best))]
        return [row for row in fine if not row.fault]

    def _example(self, row: _Row, pre_query: PreQuery) -> Example:
        meta: dict[str, JSON] = {"pre_query_template": pre_query.text, **row.tags}
        if row.near is not None:
            meta["min_neighbor_distance"] = row.near.distance
            meta["repeat_count"] = len(row.near.others)
            similar = row.representative
            meta["min_similar"] = None if similar is None else similar.number
        meta["sample"] = row.number
        origin = Origin(recipe="magpie", version=self.version, calls=tuple(row.calls))
        return Example.single(row.instruction, row.answer, origin=origin, meta=meta)


@dataclass(slots=True)
class _Row:
    """A sample, and what is known of it."""

    number: int
    instruction: str
    calls: list[str]
    answer: str = ""
    fault: str = ""
    """Why it is not kept."""
    tags: dict[str, JSON] = field(default_factory=dict[str, JSON])
    near: Near | None = None
    representative: _Row | None = None


class _Told:
    """What came of the samples."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.fine = 0
        self.unread: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._tags: dict[str, Counter[str]] = {}

    def count(self, row: _Row) -> None:
        """Count what became of a sample, and what was said of it."""
        if row.fault:
            self._dropped[row.fault] += 1
        for key in _COUNTED:
            if key in row.tags:
                said = str(row.tags[key]).partition("\n")[0]
                self._tags.setdefault(key, Counter())[said] += 1

    def funnel(self, accepted: int, *, failed: int) -> dict[str, JSON]:
        """From samples to examples."""
        dropped: dict[str, JSON] = {**self._dropped, **({"no reply": failed} if failed else {})}
        return {"candidates": self.samples, "accepted": accepted, "dropped": dropped}

    def table(self) -> dict[str, JSON]:
        """How many of each tag, and how many could not be read."""
        tags: dict[str, JSON] = {key: dict(counts) for key, counts in self._tags.items()}
        return {"tags": tags, "tags_not_read": dict(self.unread)}


_SHORT = 64
"""Tokens of what a guard or a reward model says."""
_COUNTED = ("input_quality", "difficulty", "task_category", "language", "llama_guard_2")
_PUBLISHED: Mapping[str, JSON] = {"sampled": 3_000_000, "filtered": 300_000}
