"""Self-Instruct: a model writes its own instructions, and then instances of them.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560). A pool of tasks begins with the seeds. A prompt
shows some of its instructions as a numbered list for the model to write on; what is well-formed and
unlike everything before joins the pool, until there are enough. Every new instruction is then
sorted into classification or not, and instances are asked for: output first for classification,
because input-first instances lean towards one label, and input first for all others.

The numbers are the paper's and all are fields. How ours differs, in both modes: the prompts are in
our words; what they show of classification and instances is drawn from the seeds, once a run, so
that any seed file works; the pool stops at the target exactly, or at `max_prompts`, for it can run
dry; prompt *i* sees what was accepted from the prompts up to *i - width* (the original asks in
batches of 5 prompts that see the same pool). *Faithful* is otherwise bug-compatible with the
published code. *Corrected* also differs in

- how lists are read: see `didact.text.instructions`;
- how instances are read: see `didact.text.instances`;
- novelty: words of every script are compared; published: a-z and 0-9 only, so that of two texts in
  another script only the few Latin letters count;
- classification: any reply that begins with the word "yes" is one; published: exactly Yes, yes or
  YES, so "Yes." is none.

Cost: two calls an instruction, and one for each prompt of the list, which yields up to seven.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, Step, text_tokens
from didact.records import JSON, Example, Origin, Reply, Request, Sampling
from didact.stats.instruction_data import describe_instructions
from didact.text.drafts import Draft, Prompt, Shown, draw, shown_tasks
from didact.text.instances import Parsed, parse_instances
from didact.text.instruction_pool import InstructionPool
from didact.text.instructions import BLACKLIST, numbered, parse_instructions
from didact.text.tasks import Task, group_tasks, kind_question, task_line

__all__ = ["SelfInstruct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfInstruct:
    """Instructions and instances bootstrapped from a few seed tasks (Self-Instruct)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Self-Instruct, Wang et al. 2022, arXiv 2212.10560"
    calls_per_example: ClassVar[str] = "2 an instruction kept, and 1 for every 8 written"

    target: int = 100
    """New instructions to make; the paper made 52,000."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` repeats the published code, its defects included."""
    max_prompts: int | None = None
    """Prompts after which the pool is as large as it gets; None: as many as `target`."""
    width: int = 5
    """Prompts under way at once; each sees the pool as it was that many prompts before."""

    demonstrations: int = 8
    """Instructions shown in a prompt."""
    machine_demonstrations: int = 2
    """How many of them the model wrote itself, once it has."""
    last_number: int = 16
    """The number at which the list is stopped: 8 are shown, so 9 to 15 are new."""
    only_classification: bool = False
    """Show only classification seeds and ask for such tasks: a way to more of them."""
    temperature: float = 0.7
    """Of the instructions; everything else is decoded greedily."""
    top_p: float = 0.5
    """Of the instructions."""
    presence_penalty: float = 2.0
    """Of the instructions."""
    max_tokens: int = 1024
    """Of a reply with instructions."""
    novelty: float = 0.7
    """Highest ROUGE-L to a seed or an accepted instruction that is still new."""
    blacklist: tuple[str, ...] = BLACKLIST
    """Words of tasks that the model cannot do."""

    classification_demonstrations: int = 31
    """Seeds shown to tell classification: 12 of 31 are, where the seeds have that many."""
    label_demonstrations: int = 16
    """Seeds shown to ask for instances of classification."""
    instance_demonstrations: int = 11
    """Seeds shown to ask for instances of other tasks."""
    demonstration_words: int = 200
    """Instances longer than this are not shown, to keep prompts short."""
    label_max_tokens: int = 300
    """Of a reply with instances of classification."""
    instance_max_tokens: int = 350
    """Of a reply with other instances."""
    instance_presence_penalty: float = 1.5
    """Of all instances."""
    max_instances: int = 5
    """Instances kept of one instruction, drawn at random from more."""

    def __post_init__(self) -> None:
        for name in ("target", "width", "demonstrations", "max_instances"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1")
        if not 0 < self.novelty <= 1:
            raise ConfigError("novelty must be above 0 and at most 1")
        if self.machine_demonstrations > self.demonstrations:
            raise ConfigError("machine_demonstrations cannot be more than demonstrations")
        if self.last_number < self.demonstrations + 2:
            raise ConfigError(
                f"last_number must be at least {self.demonstrations + 2}: the first new instruction"
                f" has the number {self.demonstrations + 1}"
            )

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Lists until there are enough, then the kind and the instances of every instruction."""
        new = self.last_number - self.demonstrations - 1
        most = self.target if self.max_prompts is None else self.max_prompts
        tasks = group_tasks(seeds)
        line = text_tokens([task.instruction for task in tasks])
        shown = [task.with_instances(self.max_instances) for task in tasks if self._can_show(task)]
        whole = text_tokens(shown)
        longest = max(self.label_max_tokens, self.instance_max_tokens)
        steps = (
            ("lists", Span(min(-(-self.target // new), most), most), line, self.demonstrations,
             Span(line.low, self.max_tokens), (self.max_tokens,)),
            ("kinds", Span(self.target, self.target), line, self.classification_demonstrations,
             Span(1, 3), (3,)),
            ("instances", Span(self.target, self.target), whole,
             max(self.instance_demonstrations, self.label_demonstrations), Span(5, longest),
             (self.label_max_tokens, self.instance_max_tokens)),
        )  # fmt: skip
        return Estimate(
            steps=tuple(
                Step(name=name, calls=calls, prompt=part.times(Span(n, n + 1)), reply=reply,
                     max_tokens=allowed)
                for name, calls, part, n, reply, allowed in steps
            )
        )  # fmt: skip

    def pilot(self) -> SelfInstruct:
        """The first instructions and their instances: what the whole asks, too."""
        return replace(self, target=min(self.target, 7))

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in the order of the pool."""
        tasks = group_tasks(seeds)
        if not tasks:
            raise ConfigError("self-instruct: there are no seeds; set `seeds: builtin` or a file")
        shown = self._demonstrations(ctx, tasks)
        grown = await self._bootstrap(ctx, tasks)
        made: dict[str, Example] = {}
        ids: dict[int, list[str]] = {}
        dropped: Counter[str] = Counter()
        try:
            async with aclosing(ctx.map(partial(self._fill, ctx, shown), grown.drafts)) as results:
                async for filled in results:
                    dropped.update(drop.reason for drop in filled.parsed.dropped)
                    examples = self._examples(ctx, filled, ids)
                    ids[filled.draft.number] = [example.id for example in examples]
                    if not examples:
                        grown.drop(ctx, filled.draft.instruction, "no instances")
                    for example in examples:
                        # At a novelty of 1, or in a text without words, even a copy is new.
                        if example.id not in made:
                            made[example.id] = example
                            yield example
                    ctx.note("instances", done=len(ids), of=len(grown.drafts), examples=len(made))
        finally:
            funnel = grown.funnel()
            funnel |= {"examples": len(made), "dropped_instances": {**dropped}}
            ctx.note("funnel", **funnel)
            table = describe_instructions(made.values()).to_json()
            ctx.note("statistics", **table, funnel=funnel)

    async def _bootstrap(self, ctx: Context, tasks: Sequence[Task]) -> _Grown:
        """New instructions up to the target, or as far as the prompts go."""
        texts = [task.instruction for task in tasks]
        pool = InstructionPool(texts, threshold=self.novelty, faithful=self._faithful)
        grown = _Grown()
        prompts = self._prompts(ctx, tasks, grown.drafts)
        async with aclosing(ctx.map(partial(_ask, ctx), prompts, width=self.width)) as results:
            async for prompt, reply in results:
                self._take(ctx, grown, pool, prompt=prompt, reply=reply)
                kept = len(grown.drafts)
                ctx.note("pool", kept=kept, target=self.target, prompts=prompt.number + 1)
        return grown

    def _take(
        self, ctx: Context, grown: _Grown, pool: InstructionPool, *, prompt: Prompt, reply: Reply
    ) -> None:
        """Accept what is well-formed and new of a reply, in order."""
        grown.prompts += 1
        candidates = parse_instructions(
            reply.text, finish=reply.finish, faithful=self._faithful, blacklist=self.blacklist
        )
        grown.candidates += len(candidates)
        for text, reason in candidates:
            if reason or len(grown.drafts) == self.target:
                grown.drop(ctx, text, reason or "after the target")
                continue
            said = pool.offer(text)
            if said.accepted:
                grown.drafts.append(Draft(len(grown.drafts), text, prompt, reply.key, said))
            else:
                nearest, score = said.most_similar[0]
                grown.drop(ctx, text, "too similar", nearest=nearest, score=score)

    def _prompts(
        self, ctx: Context, tasks: Sequence[Task], drafts: Sequence[Draft]
    ) -> Iterator[Prompt]:
        """Prompts from the pool as it is at the time each is drawn."""
        if self.only_classification:
            tasks = [task for task in tasks if task.classification]
        if not tasks:
            raise ConfigError("only_classification: no seed is classification")
        header = _LABEL_TASKS_HEADER if self.only_classification else _TASKS_HEADER
        repeated: Counter[str] = Counter()
        for number in range(self.target if self.max_prompts is None else self.max_prompts):
            if len(drafts) >= self.target:
                return
            rng = ctx.rng("prompt", number)
            machine = draw(rng, drafts, self.machine_demonstrations)
            human = draw(rng, tasks, self.demonstrations - len(machine))
            shown = [*machine, *human]
            rng.shuffle(shown)
            text = f"{header}\n{numbered([task.instruction for task in shown])}"
            yield Prompt(number, tuple(shown), self._list_request(text, repeated[text]))
            repeated[text] += 1

    def _list_request(self, text: str, draw: int) -> Request:
        stop = self.last_number
        sampling = Sampling(
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            presence_penalty=self.presence_penalty,
            stop=("\n\n", f"\n{stop}", f"{stop}.", f"{stop} ."),
        )
        return Request(prompt=text, sampling=sampling, draw=draw)

    async def _fill(self, ctx: Context, shown: _Demonstrations, draft: Draft) -> _Filled:
        """Classification or not, then the instances."""
        question = Request(
            prompt=f"{shown.kinds.text}{kind_question(draft.instruction)}",
            sampling=Sampling(max_tokens=3, stop=("\n", "Task")),
        )
        kind = await ctx.ask(question)
        classification = self._says_yes(kind.text)
        demonstrations = shown.labels if classification else shown.instances
        request = Request(
            prompt=f"{demonstrations.text}{task_line(draft.instruction)}\n",
            sampling=Sampling(
                max_tokens=self.label_max_tokens if classification else self.instance_max_tokens,
                presence_penalty=self.instance_presence_penalty,
                stop=self._instance_stops(),
            ),
        )
        reply = await ctx.ask(request)
        options = {"classification": classification, "faithful": self._faithful}
        parsed = parse_instances(reply.text, finish=reply.finish, **options)
        parents = (*shown.kinds.parents, *demonstrations.parents)
        calls = (draft.call, kind.key, reply.key)
        return _Filled(draft, classification, parsed, parents, calls)

    @property
    def _faithful(self) -> bool:
        return self.mode == "faithful"

    def _instance_stops(self) -> tuple[str, str]:
        return (f"Example {self.max_instances + 1}", "Task:")

    def _says_yes(self, reply: str) -> bool:
        if self._faithful:
            return reply.strip() in {"Yes", "yes", "YES"}
        return re.match(r"\W*yes\b", reply, re.IGNORECASE) is not None

    def _examples(self, ctx: Context, filled: _Filled, ids: dict[int, list[str]]) -> list[Example]:
        """The instances of one instruction, at most `max_instances`, as examples."""
        draft, found = filled.draft, filled.parsed.instances
        if len(found) > self.max_instances:
            order = ctx.rng("instances", draft.number).sample(range(len(found)), self.max_instances)
            found = [found[i] for i in sorted(order)]
        # The demonstrations the model wrote itself are known by the examples made of them.
        listed = chain.from_iterable(
            (task.examples[0].id,) if isinstance(task, Task) else ids.get(task.number, ())
            for task in draft.prompt.shown
        )
        origin = Origin(
            recipe="self-instruct",
            version=self.version,
            parents=tuple(dict.fromkeys([*listed, *filled.parents])),
            calls=filled.calls,
        )
        meta: dict[str, JSON] = {
            "is_classification": filled.classification,
            "instruction_number": draft.number,
            "most_similar": [near._asdict() for near in draft.admission.most_similar],
            "avg_similarity_score": draft.admission.average,
        }
        return [
            Example.single(draft.instruction, i.output, input=i.input, origin=origin, meta=meta)
            for i in found
        ]

    def _demonstrations(self, ctx: Context, tasks: Sequence[Task]) -> _Demonstrations:
        """What the prompts after the first kind show, drawn from the seeds once a run."""
        rng = ctx.rng("demonstrations")
        yes = [task for task in tasks if task.classification]
        no = [task for task in tasks if not task.classification]
        kinds = draw(rng, yes, round(self.classification_demonstrations * _YES / (_YES + _NO)))
        kinds += draw(rng, no, self.classification_demonstrations - len(kinds))
        rng.shuffle(kinds)
        labels = draw(rng, filter(self._can_show, yes), self.label_demonstrations)
        instances = draw(rng, filter(self._can_show, no), self.instance_demonstrations)
        if not labels and not instances:
            raise ConfigError("no seed can be shown with its instances; see demonstration_words")
        write = partial(Task.with_instances, limit=self.max_instances)
        return _Demonstrations(
            shown_tasks(_KINDS_HEADER, kinds, Task.with_kind),
            shown_tasks(_LABELS_HEADER, labels, write),
            shown_tasks(_INSTANCES_HEADER, instances, write),
        )

    def _can_show(self, task: Task) -> bool:
        """Whether its instances are read back as they are, break no prompt, and are short."""
        text = task.with_instances(self.max_instances)
        return (
            task.reads_back(self.max_instances, faithful=self._faithful)
            and not any(stop in text.removeprefix("Task:") for stop in self._instance_stops())
            and len(text.split()) <= self.demonstration_words
        )


class _Demonstrations(NamedTuple):
    kinds: Shown
    labels: Shown
    instances: Shown


class _Filled(NamedTuple):
    draft: Draft
    classification: bool
    parsed: Parsed
    parents: tuple[str, ...]
    calls: tuple[str, str, str]


class _Grown:
    """What the prompts have brought so far."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.prompts = self.candidates = 0
        self.dropped: Counter[str] = Counter()

    def funnel(self) -> dict[str, JSON]:
        """From prompts to accepted instructions."""
        return {
            "prompts": self.prompts,
            "candidates": self.candidates,
            "accepted": len(self.drafts),
            "dropped": dict(self.dropped),
        }

    def drop(self, ctx: Context, instruction: str, reason: str, **evidence: JSON) -> None:
        """Count and tell what was not kept."""
        self.dropped[reason] += 1
        ctx.note("dropped", instruction=instruction, reason=reason, **evidence)


async def _ask(ctx: Context, prompt: Prompt) -> tuple[Prompt, Reply]:
    return prompt, await ctx.ask(prompt.request)


_YES, _NO = 12, 19
_TASKS_HEADER = "A list of many different tasks:"
_LABEL_TASKS_HEADER = "A list of many different classification tasks, with their possible labels:"
_KINDS_HEADER = "Tasks, and whether each is classification, with only a few fixed answers possible."
_LABELS_HEADER = (
    "Tasks, each with some of its possible labels and, after a label, an input that has it."
)
_INSTANCES_HEADER = (
    "Tasks, each with examples: an input, where the task needs one, and the right output."
)
