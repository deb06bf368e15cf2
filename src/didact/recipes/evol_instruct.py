"""Evol-Instruct: a model makes instructions harder, or new, round by round.

WizardLM (Xu et al. 2023, arXiv 2304.12244). In every round each instruction of the pool goes
through one of six operations, drawn at random: in depth, it gets another constraint, is deepened,
made concrete, made to ask for several steps of reasoning, or gets data in a format such as XML or
SQL; in breadth, a new and rarer instruction is made after it. The evolved instruction is compared
with the old one and answered. It takes the place of the old one in the pool unless one of four
rules eliminates it; then the old one stays, to be tried again in the next round.

How ours differs, in both modes: the prompts are in our words, the demonstrations of data formats
too; the cheap rules come first, so that an evolution that fails costs no answer; the judge of
equality decodes greedily; the examples of the rounds come in their order, and `sample` draws of
them at the end (the paper shuffles, which a trainer does). Published code evolves one round with
five operations, not with data, and eliminates nothing. For the two modes see
`didact.text.evolution`; *corrected* also drops an evolution that another has already led to.

`answer_rounds` evolves the answers too, as the training data of DEITA's quality scorer was made
(Liu et al. 2023, arXiv 2312.15685).

Every example names all it came from, the seed first, as its parents.

Cost: three calls an instruction and round (evolve, compare, answer), and `answer_rounds` more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, NamedTuple, get_args

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Request, Sampling
from didact.stats.instruction_data import describe_instructions
from didact.text.evolution import fault_of_answer, fault_of_evolution, read_evolution, says_equal
from didact.text.evolution_prompts import (
    DATA_EXAMPLES,
    Improvement,
    Operation,
    better_answer_prompt,
    equality_prompt,
    evolution_prompt,
)
from didact.text.words import count_words

__all__ = ["EvolInstruct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolInstruct:
    """Instructions made harder or new, round by round (Evol-Instruct, WizardLM)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "WizardLM: empowering large language models to follow complex instructions"
        " (2023), arXiv 2304.12244"
    )
    calls_per_example: ClassVar[str] = "3 an instruction and round: evolve, compare, answer"

    model: str = "teacher"
    """The role that evolves and answers."""
    judge: str = "teacher"
    """The role that says whether two instructions are equal."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` reads the paper's rules literally."""
    rounds: int = 4
    """How often every instruction of the pool is evolved."""
    operations: tuple[Operation, ...] = get_args(Operation)
    """Those to draw from, each as likely."""
    answer_rounds: int = 0
    """How often an answer is made better, each time in one respect drawn at random."""
    include_seeds: bool = False
    """Whether the seeds come first, with the answers they have, as in the paper's data."""
    sample: int | None = None
    """So many examples drawn at random of all; the paper trained on 70,000 of 250,000."""
    data_demonstrations: int = 2
    """Rewritings shown where data is to be added, each with another format of data."""

    temperature: float = 1.0
    """Of evolutions and answers."""
    top_p: float = 0.9
    """Of evolutions and answers."""
    max_tokens: int = 2048
    """Of evolutions and answers."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ConfigError("rounds must be at least 1")
        if not self.operations:
            raise ConfigError(f"operations: at least one of {', '.join(get_args(Operation))}")
        if self.answer_rounds < 0 or (self.sample is not None and self.sample < 1):
            raise ConfigError("answer_rounds cannot be negative, and sample must be at least 1")
        if not 0 <= self.data_demonstrations <= len(DATA_EXAMPLES) - 1:
            raise ConfigError(f"data_demonstrations must be 0 to {len(DATA_EXAMPLES) - 1}")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        return {"model": frozenset({"chat"}), "judge": frozenset({"chat"})}

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Every instruction in every round; of those that no rule eliminates early, the rest."""
        asked = [text for seed in seeds if (text := _asked(seed)).strip()]
        number = len(asked) * self.rounds
        every, some = Span(number, number), Span(0, number)
        own = text_tokens(asked)
        # What was evolved is evolved again: it may be as long as a reply.
        asked_for = Span(own.low, own.high + (self.rounds - 1) / 2 * self.max_tokens)
        formats = DATA_EXAMPLES[: self.data_demonstrations + 1]
        each = [text_tokens([evolution_prompt(one, "", formats)]) for one in self.operations]
        around = Span(min(span.low for span in each), max(span.high for span in each))
        most, both = Span(1, self.max_tokens), text_tokens([equality_prompt("", "")])
        again = text_tokens([better_answer_prompt(one, "", "") for one in get_args(Improvement)])
        rows = [
            ("evolutions", self.model, every, around.plus(asked_for), self.max_tokens),
            ("comparisons", self.judge, some, both.plus(asked_for).plus(most), _SHORT),
            ("answers", self.model, some, most, self.max_tokens),
        ]
        if self.answer_rounds:
            calls = some.times(Span(self.answer_rounds, self.answer_rounds))
            rows.append(
                ("better answers", self.model, calls, again.plus(most).plus(most), self.max_tokens)
            )
        return Estimate.of(*rows)

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples round by round, each round in the order of the pool."""
        if not seeds:
            raise ConfigError("evol-instruct: there are no seeds; set `seeds: builtin` or a file")
        pool = [_Member(seed) for seed in seeds if _asked(seed).strip()]
        grown = _Grown(texts={_asked(member.example) for member in pool})
        grown.drop("no instruction", len(seeds) - len(pool))
        stream = self._examples(ctx, grown, pool, seeds=seeds)
        try:
            async with aclosing(stream) as examples:
                if self.sample is None:
                    async for example in examples:
                        yield example
                else:
                    made = [example async for example in examples]
                    size = min(self.sample, len(made))
                    for place in sorted(ctx.rng("sample").sample(range(len(made)), size)):
                        yield made[place]
        finally:
            ctx.note("funnel", **grown.funnel())
            ctx.note("statistics", **grown.table(len(seeds)), paper=dict(_PUBLISHED))

    async def _examples(
        self, ctx: Context, grown: _Grown, pool: list[_Member], *, seeds: Sequence[Example]
    ) -> AsyncGenerator[Example, None]:
        """The seeds, where they belong to it, and every evolution of every round."""
        if self.include_seeds:
            for seed in seeds:
                yield seed
        for number in range(1, self.rounds + 1):
            plans = [self._plan(ctx, grown, pool, number, place) for place in range(len(pool))]
            heard = 0
            before = len(grown.made)
            async with aclosing(ctx.map(partial(self._evolve, ctx), plans)) as results:
                async for outcome in results:
                    heard += 1
                    if example := self._take(ctx, grown, pool, outcome):
                        yield example
                    evolved = len(grown.made) - before
                    ctx.note("pool", round=number, evolved=evolved, done=heard, of=len(pool))
            # What failed for want of a reply stays in the pool, like all that failed.
            grown.drop("no reply", len(pool) - heard)
            grown.end_round(pool)

    def _plan(
        self, ctx: Context, grown: _Grown, pool: Sequence[_Member], number: int, place: int
    ) -> _Plan:
        """What is to become of one instruction; all randomness is drawn here."""
        rng = ctx.rng("operation", number, place)
        operation = rng.choice(self.operations)
        formats = rng.sample(DATA_EXAMPLES, self.data_demonstrations + 1)
        respects = tuple(rng.choice(get_args(Improvement)) for _ in range(self.answer_rounds))
        asked = _asked(pool[place].example)
        prompt = evolution_prompt(operation, asked, formats)
        # The same prompt comes again where an evolution failed, and where seeds are alike.
        draw = grown.repeated[prompt]
        grown.repeated[prompt] += 1
        grown.tried[operation] += 1
        return _Plan(place, number, operation, asked, prompt, draw, respects)

    async def _evolve(self, ctx: Context, plan: _Plan) -> _Outcome:
        """One instruction through one operation, until a rule eliminates it."""
        written = await ctx.ask(self._request(plan.prompt, plan.draw), model=self.model)
        if written.finish != "stop":
            return _Outcome(plan, f"evolution {written.ended}")
        text = read_evolution(written.text, faithful=self.mode == "faithful")
        if fault := fault_of_evolution(text):
            return _Outcome(plan, fault)
        if text == plan.asked:
            return _Outcome(plan, "no information gained")
        compared = await ctx.ask(_question(plan.asked, text), model=self.judge)
        equal = says_equal(compared.text)
        if equal or (equal is None and self.mode != "faithful"):
            return _Outcome(plan, "no information gained" if equal else "judge not understood")
        calls = [written.key, compared.key]
        answer = await ctx.ask(self._request(text, plan.draw), model=self.model)
        for respect in ("", *plan.respects):
            if respect:
                prompt = better_answer_prompt(respect, text, answer.text.strip())
                answer = await ctx.ask(self._request(prompt, plan.draw), model=self.model)
            calls.append(answer.key)
            if answer.finish != "stop":
                return _Outcome(plan, f"answer {answer.ended}")
            if fault := fault_of_answer(answer.text):
                return _Outcome(plan, fault)
        return _Outcome(plan, "", text, answer.text.strip(), tuple(calls))

    def _take(
        self, ctx: Context, grown: _Grown, pool: list[_Member], outcome: _Outcome
    ) -> Example | None:
        """The example of an evolution that nothing eliminates, in its place in the pool."""
        plan, reason = outcome.plan, outcome.reason
        old = pool[plan.place]
        example = self._example(old, outcome)
        copied = outcome.text in grown.texts and self.mode != "faithful"
        if not reason and (copied or example.id in grown.made):
            reason = "as another before"
        if reason:
            grown.drop(reason)
            ctx.note("dropped", instruction=plan.asked, reason=reason, operation=plan.operation)
            return None
        pool[plan.place] = _Member(
            example, (*old.parents, old.example.id), (*old.operations, plan.operation)
        )
        grown.made[example.id] = example
        grown.kept[plan.operation] += 1
        grown.texts.add(outcome.text)
        return example

    def _example(self, old: _Member, outcome: _Outcome) -> Example:
        plan = outcome.plan
        parents = (*old.parents, old.example.id)
        origin = Origin(
            recipe="evol-instruct", version=self.version, parents=parents, calls=outcome.calls
        )
        meta: dict[str, JSON] = {
            "operation": plan.operation,
            "round": plan.number,
            "lineage": [*old.operations, plan.operation],
            "seed": parents[0],
        }
        if plan.respects:
            meta["answer_lineage"] = list(plan.respects)
        return Example.single(outcome.text, outcome.answer, origin=origin, meta=meta)

    def _request(self, text: str, draw: int) -> Request:
        sampling = Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p
        )
        return Request(messages=(Message("user", text),), sampling=sampling, draw=draw)


@dataclass(frozen=True, slots=True)
class _Member:
    """An instruction of the pool, and how it came to be."""

    example: Example
    parents: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to become of an instruction in one round."""

    place: int
    number: int
    operation: Operation
    asked: str
    prompt: str
    draw: int
    respects: tuple[Improvement, ...]

    def __str__(self) -> str:
        return f"round {self.number}, {self.operation}: {self.asked}"


class _Outcome(NamedTuple):
    """What became of it: a reason of failure, or a new instruction and its answer."""

    plan: _Plan
    reason: str
    text: str = ""
    answer: str = ""
    calls: tuple[str, ...] = ()


class _Grown:
    """What the rounds have brought so far."""

    def __init__(self, texts: set[str]) -> None:
        self.texts = texts
        self.made: dict[str, Example] = {}
        self.tried: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._words: list[JSON] = []

    def drop(self, reason: str, number: int = 1) -> None:
        """Count what was not kept."""
        if number:
            self._dropped[reason] += number

    def end_round(self, pool: Sequence[_Member]) -> None:
        """Measure the pool."""
        if pool:
            words = fmean(count_words(_asked(member.example)) for member in pool)
            self._words.append(round(words, 1))

    def funnel(self) -> dict[str, JSON]:
        """From attempts to evolutions."""
        return {
            "candidates": self.tried.total(),
            "accepted": len(self.made),
            "dropped": dict(self._dropped),
        }

    def table(self, seeds: int) -> dict[str, JSON]:
        """What was made, by operation and by round."""
        return {
            **describe_instructions(self.made.values()).to_json(),
            "seeds": seeds,
            "funnel": self.funnel(),
            "operations": {
                name: {"tried": tried, "kept": self.kept[name]}
                for name, tried in sorted(self.tried.items())
            },
            "instruction_words_by_round": self._words,
        }


def _asked(example: Example) -> str:
    """What the user asked first, the input with it."""
    return next((turn.content for turn in example.messages if turn.role == "user"), "")


def _question(first: str, second: str) -> Request:
    """What the judge of equality is asked."""
    messages = (Message("user", equality_prompt(first, second)),)
    return Request(messages=messages, sampling=Sampling(max_tokens=_SHORT))


_SHORT = 16
"""Tokens of what the judge says."""
_PUBLISHED: Mapping[str, JSON] = {
    "seeds": 52_000,
    "rounds": 4,
    "instructions": 250_000,
    "calls": 624_000,
}
