"""Unnatural Instructions: a fourth task after three, its output, and the task in other words.

Unnatural Instructions (Honovich et al. 2022, arXiv 2212.09689). A prompt shows three tasks, each an
instruction, an input and constraints on the output, and the model writes a fourth. The same fixed
groups of three are shown again and again; what comes of it is varied because it is sampled. A
second call writes the output, greedily. At last each instruction is said in other words, with two
templates, and every paraphrase is an example with the same output.

Dropped is what lacks a field, repeats a task of its prompt, or repeats a task made before. The
authors published data and no code: their numbers are fields, and there is one mode. How ours
differs: the prompts are in our words; the groups are drawn from any seeds that have inputs, once a
run; a seed that states no constraints shows "None."; the input of the example is a field of its
own, and the constraints are in `meta` (`with_constraints` adds them to the instruction).

Cost: one call a task, one for its output, and one a paraphrase.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Reply, Request, Sampling
from didact.stats.instruction_data import describe_instructions, unheard
from didact.text.constrained_tasks import (
    TEMPLATES,
    ConstrainedTask,
    output_prompt,
    paraphrase_prompt,
    read_paraphrase,
    read_task,
    task_prompt,
)
from didact.text.words import count_words

__all__ = ["Unnatural"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnatural:
    """Tasks with constraints after three others, and paraphrases (Unnatural Instructions)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "Unnatural Instructions: tuning language models with (almost) no human labor"
        " (2022), arXiv 2212.09689"
    )
    calls_per_example: ClassVar[str] = "4 for 3 examples: task, output, 2 paraphrases"

    model: str = "teacher"
    """The role that writes."""
    target: int = 100
    """Tasks to make, paraphrases not counted; the paper made 68,478."""
    max_prompts: int | None = None
    """Prompts after which there are as many tasks as there get; None: twice the target."""
    width: int = 32
    """Prompts under way at once; more than the target needs are not begun."""
    chat: bool = False
    """Ask in chat messages, for servers that continue no plain text."""

    demonstrations: int = 3
    """Tasks shown in a prompt."""
    groups: int = 5
    """How many different sets of tasks are shown, by turns."""
    demonstration_words: int | None = None
    """Seeds longer than this are not shown; None: all may be."""
    temperature: float = 1.0
    """Of tasks and paraphrases; outputs are decoded greedily."""
    top_p: float = 0.99
    """Of tasks and paraphrases."""
    max_tokens: int = 512
    """Of a task, and of a paraphrase."""
    output_max_tokens: int = 512
    """Of an output."""
    paraphrases: int = 2
    """How often a task is said in other words, with the two templates by turns."""
    with_constraints: bool = False
    """Whether the instruction of an example goes on with the constraints, where there are any."""

    def __post_init__(self) -> None:
        for name in ("target", "width", "demonstrations", "groups"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1")
        if self.paraphrases < 0:
            raise ConfigError("paraphrases cannot be negative")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        return {"model": frozenset({"chat" if self.chat else "completion"})}

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Tasks until there are enough, an output for each, and what that is said in again."""
        shown = self.demonstrations
        tasks = [_task(seed) for seed in self._fitting(seeds)]
        blocks = text_tokens([task_prompt([task]) for task in tasks])
        text = text_tokens([output_prompt(task) for task in tasks])
        other = text_tokens([paraphrase_prompt(n, "") for n in range(TEMPLATES)])
        most = 2 * self.target if self.max_prompts is None else self.max_prompts
        number = min(self.target, most)
        again = Span(0, number * self.paraphrases)
        return Estimate.of(
            ("tasks", self.model, Span(number, most), blocks.times(Span(shown, shown)),
             self.max_tokens),
            ("outputs", self.model, Span(number, number), text, self.output_max_tokens),
            ("paraphrases", self.model, again, other.plus(text), self.max_tokens),
        )  # fmt: skip

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Every task as an example, in the order of the prompts, and its paraphrases after it."""
        groups = self._groups(ctx, seeds)
        made = _Made()
        drafts = await self._drafts(ctx, made, groups)
        unwritten = len(ctx.failures)
        try:
            async with aclosing(ctx.map(partial(self._fill, ctx), drafts)) as results:
                async for filled in results:
                    made.heard += 1
                    made.drop(ctx, filled.dropped)
                    for example in self._examples(filled):
                        if example.id in made.examples:
                            made.drop(ctx, ["as another before"])
                            continue
                        made.examples[example.id] = example
                        yield example
                    ctx.note("tasks", done=made.heard, of=len(drafts), examples=len(made.examples))
        finally:
            failed = len(ctx.failures) - unwritten
            made.dropped.update(unheard(len(drafts), heard=made.heard, failed=failed))
            ctx.note("funnel", **made.funnel())
            ctx.note("statistics", **made.table(), paper=dict(_PUBLISHED))

    def _groups(self, ctx: Context, seeds: Sequence[Example]) -> list[_Group]:
        """The sets of tasks that are shown, as many whole ones as the seeds give."""
        order = self._fitting(seeds)
        if not order:
            limit = self.demonstration_words
            raise ConfigError(
                "unnatural: no seed with an input"
                + (f" has at most {limit} words" if limit else "; set `seeds: builtin` or a file")
            )
        ctx.rng("groups").shuffle(order)
        size = min(self.demonstrations, len(order))
        starts = range(0, min(size * self.groups, len(order) - size + 1), size)
        return [_Group(order[start : start + size]) for start in starts]

    def _fitting(self, seeds: Sequence[Example]) -> list[Example]:
        """Seeds that can be shown, of each instruction the last."""
        limit = self.demonstration_words
        fitting = {
            seed.instruction: seed
            for seed in seeds
            if seed.input.strip()
            and (limit is None or count_words(seed.instruction) + count_words(seed.input) <= limit)
        }
        return list(fitting.values())

    async def _drafts(self, ctx: Context, made: _Made, groups: Sequence[_Group]) -> list[_Draft]:
        """New tasks up to the target, or as far as the prompts go."""
        drafts: list[_Draft] = []
        seen: set[tuple[str, str]] = set()

        async def ask(prompt: _Prompt) -> tuple[_Prompt, Reply]:
            return prompt, await ctx.ask(prompt.request, model=self.model)

        prompts = self._prompts(groups, drafts)
        async with aclosing(ctx.map(ask, prompts, width=self.width)) as results:
            async for prompt, reply in results:
                made.candidates += 1
                task = read_task(reply.text, finish=reply.finish)
                pair = (task.instruction, task.input)
                reason = task.reason
                if not reason and pair in prompt.group.pairs:
                    reason = "as a demonstration"
                elif not reason and pair in seen:
                    reason = "as another before"
                elif not reason and len(drafts) == self.target:
                    reason = "after the target"
                if reason:
                    made.drop(ctx, [reason], instruction=task.instruction)
                else:
                    seen.add(pair)
                    drafts.append(_Draft(task, prompt.group, reply.key))
                ctx.note("pool", kept=len(drafts), target=self.target, prompts=made.candidates)
        made.tasks = len(drafts)
        return drafts

    def _prompts(self, groups: Sequence[_Group], drafts: Sequence[_Draft]) -> Iterator[_Prompt]:
        """The groups by turns, each time another draw, until there are enough tasks."""
        limit = 2 * self.target if self.max_prompts is None else self.max_prompts
        for number in range(limit):
            if len(drafts) >= self.target:
                return
            group = groups[number % len(groups)]
            text = task_prompt(group.tasks)
            following = f"Example {len(group.tasks) + 2}"
            draw = number // len(groups)
            yield _Prompt(number, group, self._request(text, draw, stop=(following,)))

    def _request(
        self, text: str, draw: int = 0, *, stop: tuple[str, ...] = (), greedy: bool = False
    ) -> Request:
        sampling = Sampling(
            max_tokens=self.output_max_tokens if greedy else self.max_tokens,
            temperature=0.0 if greedy else self.temperature,
            top_p=1.0 if greedy else self.top_p,
            stop=stop,
        )
        if self.chat:
            return Request(messages=(Message("user", text),), sampling=sampling, draw=draw)
        return Request(prompt=text, sampling=sampling, draw=draw)

    async def _fill(self, ctx: Context, draft: _Draft) -> _Filled:
        """The output of a task, and its paraphrases."""
        task = draft.task
        stops = ("\nInstruction:", "\nExample ")
        request = self._request(output_prompt(task), stop=stops, greedy=True)
        reply = await ctx.ask(request, model=self.model)
        if reply.finish != "stop" or not reply.text.strip():
            return _Filled(draft, "", (), [f"output {reply.ended or 'empty'}"])
        found: list[_Paraphrase] = []
        dropped: list[str] = []
        known = {task.instruction}
        for number in range(self.paraphrases):
            text = paraphrase_prompt(number, task.instruction)
            said = await ctx.ask(
                self._request(text, number // TEMPLATES, stop=("\n\n",)), model=self.model
            )
            instruction, given = read_paraphrase(said.text, task.input)
            if said.finish != "stop" or not instruction or instruction in known:
                ended = said.ended or ("repeated" if instruction else "empty")
                dropped.append(f"paraphrase {ended}")
                continue
            known.add(instruction)
            found.append(_Paraphrase(instruction, given, said.key))
        calls = (draft.call, reply.key)
        return _Filled(draft, reply.text.strip(), calls, dropped, tuple(found))

    def _examples(self, filled: _Filled) -> Iterator[Example]:
        """The task and its paraphrases."""
        if not filled.output:
            return
        task = filled.draft.task
        shown = tuple(seed.id for seed in filled.draft.group.seeds)
        meta: dict[str, JSON] = {"constraints": task.constraints}
        ending = f"\n{task.restricts}" if self.with_constraints and task.restricts else ""
        origin = Origin(recipe="unnatural", version=self.version, parents=shown, calls=filled.calls)
        core = Example.single(
            task.instruction + ending, filled.output, input=task.input, origin=origin, meta=meta
        )
        yield core
        for said in filled.paraphrases:
            origin = Origin(
                recipe="unnatural",
                version=self.version,
                parents=(core.id, *shown),
                calls=(*filled.calls, said.call),
            )
            yield Example.single(
                said.instruction + ending,
                filled.output,
                input=said.input,
                origin=origin,
                meta={**meta, "paraphrase_of": core.id},
            )


class _Group:
    """Tasks shown together."""

    def __init__(self, seeds: Sequence[Example]) -> None:
        self.seeds = seeds
        self.tasks = [_task(seed) for seed in seeds]
        self.pairs = {(task.instruction, task.input) for task in self.tasks}


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A group shown once more."""

    number: int
    group: _Group
    request: Request

    def __str__(self) -> str:
        return f"prompt {self.number}"


class _Draft(NamedTuple):
    """A task that is new."""

    task: ConstrainedTask
    group: _Group
    call: str

    def __str__(self) -> str:
        return self.task.instruction


class _Paraphrase(NamedTuple):
    instruction: str
    input: str
    call: str


class _Filled(NamedTuple):
    """A task with its output, "" where it has none, and what was lost on the way."""

    draft: _Draft
    output: str
    calls: tuple[str, ...]
    dropped: list[str]
    paraphrases: tuple[_Paraphrase, ...] = ()


class _Made:
    """What the prompts have brought so far."""

    def __init__(self) -> None:
        self.candidates = self.tasks = self.heard = 0
        self.examples: dict[str, Example] = {}
        self.dropped: Counter[str] = Counter()

    def drop(self, ctx: Context, reasons: Sequence[str], **evidence: JSON) -> None:
        """Count and tell what was not kept."""
        for reason in reasons:
            self.dropped[reason] += 1
            ctx.note("dropped", reason=reason, **evidence)

    def funnel(self) -> dict[str, JSON]:
        """From prompts to tasks."""
        return {
            "candidates": self.candidates,
            "accepted": self.tasks,
            "dropped": dict(self.dropped),
        }

    def table(self) -> dict[str, JSON]:
        """The core, and all of it with the paraphrases."""
        made = self.examples.values()
        core = [example for example in made if "paraphrase_of" not in example.meta]
        return {
            **describe_instructions(made).to_json(),
            "funnel": self.funnel(),
            "core": len(core),
            "with_paraphrases": len(made),
        }


def _task(seed: Example) -> ConstrainedTask:
    """A seed as it is shown."""
    stated = seed.meta.get("constraints")
    constraints = stated if isinstance(stated, str) and stated.strip() else "None."
    return ConstrainedTask(" ".join(seed.instruction.split()), seed.input.strip(), constraints)


_PUBLISHED: Mapping[str, JSON] = {"core": 68_478, "with_paraphrases": 240_670}
