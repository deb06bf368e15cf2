"""Orca: tasks answered with explanations, by a weaker teacher first and then by a stronger one.

Orca (Mukherjee et al. 2023, arXiv 2306.02707). Zero-shot questions of the FLAN collection each get
a system message that asks for detail, steps or reasons, drawn by the part of the collection they
are from (see `didact.text.explanations`). A weaker teacher answers all of them, ChatGPT in the
paper; a stronger one, GPT-4, answers a fifth again. A model is trained on the first answers, then
on the second: these come after all the others, and ``meta["stage"]`` tells them apart.

Questions are drawn as in the paper: all of `cot`; of `niv2` no more than 300 a task; of `flan2021`
and `t0` task by task, each as likely as long as it has questions left. None that shows exemplars.

How ours differs: the system messages are in our words; seeds may be anything, the part they are
from is told by their meta or by what made them; an answer cut at the token limit is dropped. A
trainer that shuffles loses the order: to keep it, make and train `stages: weaker` in one run, and
`stages: stronger` in another on top of it.

Cost: one call a question, and a fifth of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.labelled.flan_questions import Question, capped, draw, draw_by_task, questions
from didact.records import JSON, Example, Message, Origin, Reply, Request, Sampling
from didact.stats.instruction_data import describe_instructions, unheard
from didact.text.explanations import COLLECTIONS, MESSAGES, Collection, fitting_messages
from didact.text.words import count_words

__all__ = ["Orca"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orca:
    """Tasks answered with explanations, by a weaker and then by a stronger teacher (Orca)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "Orca: progressive learning from complex explanation traces of GPT-4 (2023),"
        " arXiv 2306.02707"
    )
    calls_per_example: ClassVar[str] = "1; of 6 examples 5 from the weaker teacher"

    model: str = "teacher"
    """The stronger role, which answers a part of the questions after the weaker one."""
    weaker: str = "weaker"
    """The role that answers all questions first."""
    stages: Literal["both", "weaker", "stronger"] = "both"
    """Whose answers are made; the questions are the same for each of these."""
    part: float = 0.2
    """How many of the questions the stronger teacher answers: 1M of 5M in the paper."""
    collection: Literal["auto", "cot", "niv2", "flan2021", "t0", "other"] = "auto"
    """Which part of FLAN the seeds are from; `auto` tells each by its meta and what made it."""

    cot: int | None = 150_000
    """The most questions of it; None: all."""
    niv2: int | None = 440_000
    """The most questions of it."""
    flan2021: int | None = 2_500_000
    """The most questions of it."""
    t0: int | None = 2_000_000
    """The most questions of it."""
    other: int | None = None
    """The most questions from elsewhere, drawn like those of `t0`."""
    per_task: int = 300
    """The most questions of a task of `niv2`."""

    temperature: float = 0.7
    """Of the answers."""
    top_p: float = 0.95
    """Of the answers."""
    max_tokens: int = 1024
    """Of an answer; what is longer is dropped as cut off. The paper trains on 2,048 in all."""

    def __post_init__(self) -> None:
        if not 0 < self.part <= 1:
            raise ConfigError("part is the stronger teacher's part of the questions, up to 1")
        for name in ("per_task", *COLLECTIONS):
            value: int | None = getattr(self, name)
            if value is not None and value < (0 if name in COLLECTIONS else 1):
                raise ConfigError(f"{name} is a number of questions")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        names = {"both": ("weaker", "model"), "weaker": ("weaker",), "stronger": ("model",)}
        return dict.fromkeys(names[self.stages], frozenset({"chat"}))

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Every question once, a part of them once more."""
        known = questions(seeds, Counter(), collection=self._from)
        niv2 = [question for question in known if question.collection == "niv2"]
        sizes = Counter[Collection](question.collection for question in known)
        sizes["niv2"] = len(capped(niv2, self.per_task, seed=0))
        number = sum(min(size, self._most(name, size)) for name, size in sizes.items())
        text = text_tokens([question.text for question in known])
        system = text_tokens([*MESSAGES.values()])
        prompt = Span(text.low, text.high + system.high)
        return Estimate.of(
            *(
                (f"answers {stage}", role, Span(count, count), prompt, self.max_tokens)
                for stage, role, count in self._plan(number)
            )
        )

    @property
    def _from(self) -> Collection | None:
        return None if self.collection == "auto" else self.collection

    def _most(self, name: Collection, size: int) -> int:
        budget: int | None = getattr(self, name)
        return size if budget is None else budget

    def _plan(self, number: int) -> list[tuple[int, str, int]]:
        """Stage, role and how many questions."""
        again = max(1, round(number * self.part)) if number else 0
        plan = [(1, self.weaker, number), (2, self.model, again)]
        return plan if self.stages == "both" else [plan[self.stages == "stronger"]]

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """The weaker teacher's examples in the order of the seeds, then the stronger one's."""
        if not seeds:
            raise ConfigError("orca: there are no questions; set `seeds` to a file or a run")
        told = _Told(seeds=len(seeds))
        asked = self._asked(ctx, seeds, told)
        made: dict[str, Example] = {}
        try:
            for stage, role, count in self._plan(len(asked)):
                chosen = asked
                if stage == 2:
                    drawn = draw([one.of for one in asked], count, seed=ctx.seed, salt="stronger/")
                    ids = {question.id for question in drawn}
                    chosen = [one for one in asked if one.of.id in ids]
                teacher = told.begin(stage, role, len(chosen))
                async with aclosing(self._answers(ctx, teacher, chosen)) as answers:
                    async for one, reply in answers:
                        example = self._example(one, reply, stage=stage, role=role)
                        why = _unfit(reply) or ("as another before" if example.id in made else "")
                        teacher.take(one, reply, why)
                        if not why:
                            made[example.id] = example
                            yield example
                        said = {"done": teacher.heard, "of": len(chosen), "examples": len(made)}
                        ctx.note("answers", teacher=role, **said)
        finally:
            ctx.note("funnel", **told.funnel(len(made)))
            table = describe_instructions(made.values()).to_json()
            ctx.note("statistics", **table, **told.table(len(made)), paper=dict(_PUBLISHED))

    async def _answers(
        self, ctx: Context, teacher: _Stage, chosen: Sequence[_Asked]
    ) -> AsyncGenerator[tuple[_Asked, Reply], None]:
        before = len(ctx.failures)
        ask = partial(self._answer, ctx, teacher.role, teacher.number)
        try:
            async with aclosing(ctx.map(ask, chosen)) as results:
                async for answer in results:
                    yield answer
        finally:
            teacher.failed = len(ctx.failures) - before

    def _asked(self, ctx: Context, seeds: Sequence[Example], told: _Told) -> list[_Asked]:
        """The questions that are asked, in the order of the seeds, with their system messages."""
        known = questions(seeds, told.refused, collection=self._from)
        taken: set[str] = set()
        for name in COLLECTIONS:
            every = [question for question in known if question.collection == name]
            of = capped(every, self.per_task, seed=ctx.seed) if name == "niv2" else every
            told.refused["over the cap of a task"] += len(every) - len(of)
            most = self._most(name, len(of))
            if name in ("cot", "niv2"):
                found = draw(of, most, seed=ctx.seed)
            else:
                found = draw_by_task(of, most, seed=ctx.seed, rng=ctx.rng("tasks", name))
            told.refused["over the number of questions"] += len(of) - len(found)
            taken |= {question.id for question in found}
        given: list[_Asked] = []
        for question in known:
            if question.id in taken:
                numbers = fitting_messages(question.collection, choices=question.choices)
                given.append(_Asked(question, ctx.rng("system", question.id).choice(numbers)))
        told.asked = given
        return given

    async def _answer(
        self, ctx: Context, role: str, stage: int, one: _Asked
    ) -> tuple[_Asked, Reply]:
        sampling = Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p
        )
        # Where both teachers are one model, the second answer is another one.
        request = Request(messages=one.prompt, sampling=sampling, draw=stage - 1)
        return one, await ctx.ask(request, model=role)

    def _example(self, one: _Asked, reply: Reply, *, stage: int, role: str) -> Example:
        seed = one.of.seed
        meta: dict[str, JSON] = {
            **{key: value for key, value in seed.meta.items() if key not in _STALE},
            "collection": one.of.collection,
            "system_message": one.number,
            "stage": stage,
            "answered_by": role,
        }
        if seed.output:
            meta["old_output"] = seed.output
        origin = Origin(recipe="orca", version=self.version, parents=(seed.id,), calls=(reply.key,))
        messages = (*one.prompt, Message("assistant", reply.text.strip()))
        return Example(messages=messages, meta=meta, origin=origin)


class _Asked(NamedTuple):
    """A question and the number of its system message."""

    of: Question
    number: int

    @property
    def prompt(self) -> tuple[Message, ...]:
        """What is asked."""
        user, text = Message("user", self.of.text), MESSAGES[self.number]
        return (Message("system", text), user) if text else (user,)

    def __str__(self) -> str:
        return self.of.text


class _Stage:
    """What one teacher has answered."""

    def __init__(self, number: int, role: str, asked: int) -> None:
        self.number, self.role, self.asked = number, role, asked
        self.heard = self.failed = 0
        self.words: dict[str, int] = {}
        self.dropped: Counter[str] = Counter()

    def take(self, one: _Asked, reply: Reply, why: str) -> None:
        """Count an answer, or why it is none."""
        self.heard += 1
        if why:
            self.dropped[why] += 1
        else:
            self.words[one.of.id] = count_words(reply.text)

    def lost(self) -> dict[str, int]:
        """How many gave nothing, by reason."""
        unanswered = unheard(self.asked, heard=self.heard, failed=self.failed)
        return {**self.dropped, **unanswered}

    def to_json(self) -> dict[str, JSON]:
        mean = round(fmean(self.words.values()), 1) if self.words else None
        return {
            "stage": self.number,
            "role": self.role,
            "questions": self.asked,
            "answers": len(self.words),
            "dropped": {**self.lost()},
            "answer_words": mean,
        }


class _Told:
    """What came of the seeds, and of the questions."""

    def __init__(self, seeds: int) -> None:
        self.seeds = seeds
        self.refused: Counter[str] = Counter()
        self.asked: Sequence[_Asked] = ()
        self.stages: list[_Stage] = []

    def begin(self, number: int, role: str, asked: int) -> _Stage:
        """The next teacher."""
        self.stages.append(_Stage(number, role, asked))
        return self.stages[-1]

    def funnel(self, accepted: int) -> dict[str, JSON]:
        """From questions asked to answers kept."""
        dropped: Counter[str] = Counter()
        for stage in self.stages:
            dropped.update(stage.lost())
        asked = sum(stage.asked for stage in self.stages)
        return {"candidates": asked, "accepted": accepted, "dropped": dict(dropped)}

    def table(self, accepted: int) -> dict[str, JSON]:
        """The questions by where they are from, and the answers by who gave them."""
        collections = Counter(one.of.collection for one in self.asked)
        numbers = Counter(one.number for one in self.asked)
        table: dict[str, JSON] = {
            "seeds": self.seeds,
            "refused": {**+self.refused},
            "questions": {**collections},
            "tasks": len({(one.of.collection, one.of.task) for one in self.asked}),
            "multiple_choice": sum(one.of.choices for one in self.asked),
            "system_messages": {str(number): numbers[number] for number in sorted(numbers)},
            "stages": [stage.to_json() for stage in self.stages],
            "funnel": self.funnel(accepted),
        }
        if len(self.stages) == 2:
            weaker, stronger = (stage.words for stage in self.stages)
            both = [number for number in stronger if weaker.get(number)]
            if both:
                ratio = sum(stronger[n] for n in both) / sum(weaker[n] for n in both)
                table["stronger_answers_longer"] = round(ratio, 3)
        return table


def _unfit(reply: Reply) -> str:
    if reply.finish != "stop":
        return f"answer {reply.ended}"
    return "" if reply.text.strip() else "answer empty"


_STALE = frozenset({"references", "rejected", "generator", "rationale"})
"""What the seeds' meta says of their old answers."""
_PUBLISHED: Mapping[str, JSON] = {
    "questions": {"cot": 150_000, "niv2": 440_000, "flan2021": 2_500_000, "t0": 2_000_000},
    "tasks_niv2": 1_560,
    "weaker": 5_000_000,
    "stronger": 1_000_000,
    "stronger_answers_longer": 1.5,
}
