"""Alpaca: one call writes many whole tasks, each an instruction with its input and output.

Stanford Alpaca (Taori et al. 2023, tatsu-lab/stanford_alpaca; it has no arXiv id). Self-Instruct
made cheaper: a prompt states requirements and shows three seed tasks, never ones that the model
wrote; the model writes on up to twenty. There is no branch for classification and one instance an
instruction. What is well-formed and unlike all before joins the pool. Filters look at the
instruction only.

The numbers are the published ones and all are fields. How ours differs, in both modes: the prompt
is in our words (its list of requirements numbered rightly, as upstream's never was); no logit bias
forbids the end of text, for its token differs from model to model; the pool stops at the target
exactly, or at `max_prompts`. *Faithful* is otherwise bug-compatible with the published code.
*Corrected* also differs in

- how replies are read: see `didact.text.task_blocks`;
- the stop: the mark of the task after the last; published: "20.", which also cuts an answer that
  says "in 20." in the middle, and loses the twentieth task;
- novelty: words of every script are compared; published: a-z and 0-9 only.

Cost: one call for up to seventeen tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar, Literal

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Reply, Request, Sampling
from didact.stats.instruction_data import describe_instructions
from didact.text.instruction_pool import Admission, InstructionPool
from didact.text.instructions import BLACKLIST
from didact.text.task_blocks import TaskBlock, parse_blocks, write_blocks
from didact.text.tasks import Task, group_tasks
from didact.text.words import count_words

__all__ = ["Alpaca"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alpaca:
    """Instruction, input and output written in one call, twenty tasks at a time (Alpaca)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Stanford Alpaca: an instruction-following LLaMA model (2023)"
    calls_per_example: ClassVar[str] = "1/17: a call gives up to 17 tasks, before the filters"

    model: str = "teacher"
    """The role that writes."""
    target: int = 100
    """Tasks to make; the original made 52,002."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` repeats the published code, its defects included."""
    max_prompts: int | None = None
    """Prompts after which the pool is as large as it gets; None: as many as `target`."""
    width: int = 5
    """Prompts under way at once."""
    chat: bool = False
    """Ask in a chat message, for servers that continue no plain text."""

    demonstrations: int = 3
    """Seed tasks shown in a prompt."""
    demonstration_words: int | None = None
    """Seed tasks longer than this are not shown; None: all may be, as published."""
    tasks_per_call: int = 20
    """The number of the last task asked for, those shown included."""
    requirements: bool = True
    """Whether the prompt lists what tasks should be like; off, tiny models can take it in."""
    temperature: float = 1.0
    """Of the tasks."""
    top_p: float = 1.0
    """Of the tasks."""
    max_tokens: int = 3072
    """Of a reply."""
    novelty: float = 0.7
    """Highest ROUGE-L to a seed or an accepted instruction that is still new."""
    blacklist: tuple[str, ...] = (*BLACKLIST, "video", "audio", "music", "flowchart", "diagram")
    """Words of tasks that the model cannot do."""

    def __post_init__(self) -> None:
        for name in ("target", "width", "demonstrations"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1")
        if not 0 < self.novelty <= 1:
            raise ConfigError("novelty must be above 0 and at most 1")
        if self.tasks_per_call < self.demonstrations + 2:
            raise ConfigError(
                f"tasks_per_call must be at least {self.demonstrations + 2}: the first new task has"
                f" the number {self.demonstrations + 1}"
            )

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        return {"model": frozenset({"chat" if self.chat else "completion"})}

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Prompts until there are enough tasks, where each brings all that it asks for, or few."""
        fitting = [task.examples[0] for task in group_tasks(seeds) if self._fits(task)]
        most = self.target if self.max_prompts is None else self.max_prompts
        # Faithful, the stop cuts the last task off.
        new = self.tasks_per_call - self.demonstrations - self._faithful
        blocks = [write_blocks([(one.instruction, one.input, one.output)]) for one in fitting]
        shown = min(self.demonstrations, len(fitting))
        prompt = text_tokens([self._text(())]).plus(text_tokens(blocks).times(Span(shown, shown)))
        calls = Span(min(-(-self.target // max(new, 1)), most), most)
        return Estimate.of(("tasks", self.model, calls, prompt, self.max_tokens))

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in the order in which they were accepted."""
        tasks = group_tasks(seeds)
        if not tasks:
            raise ConfigError("alpaca: there are no seeds; set `seeds: builtin` or a file")
        texts = [task.instruction for task in tasks]
        pool = InstructionPool(texts, threshold=self.novelty, faithful=self._faithful)
        grown = _Grown()

        async def ask(prompt: _Prompt) -> tuple[_Prompt, Reply]:
            return prompt, await ctx.ask(prompt.request, model=self.model)

        prompts = self._prompts(ctx, tasks, grown)
        try:
            async with aclosing(ctx.map(ask, prompts, width=self.width)) as results:
                async for prompt, reply in results:
                    for example in self._take(ctx, grown, pool, prompt=prompt, reply=reply):
                        yield example
                    made = len(grown.made)
                    ctx.note("pool", kept=made, target=self.target, prompts=grown.prompts)
        finally:
            ctx.note("funnel", **grown.funnel())
            ctx.note("statistics", **_table(grown), funnel=grown.funnel(), paper=dict(_PUBLISHED))

    def _prompts(self, ctx: Context, tasks: Sequence[Task], grown: _Grown) -> Iterator[_Prompt]:
        """Prompts until there are enough tasks; each shows other seeds."""
        fitting = [task for task in tasks if self._fits(task)]
        if not fitting:
            raise ConfigError(f"no seed has at most {self.demonstration_words} words")
        repeated: Counter[str] = Counter()
        for number in range(self.target if self.max_prompts is None else self.max_prompts):
            if len(grown.made) >= self.target:
                return
            rng = ctx.rng("prompt", number)
            shown = [
                task.examples[0]
                for task in rng.sample(fitting, min(self.demonstrations, len(fitting)))
            ]
            text = self._text(shown)
            yield _Prompt(number, shown, self._request(text, repeated[text]))
            repeated[text] += 1

    def _fits(self, task: Task) -> bool:
        first = task.examples[0]
        texts = (first.instruction, first.input, first.output)
        limit = self.demonstration_words
        return limit is None or sum(map(count_words, texts)) <= limit

    def _text(self, shown: Sequence[Example]) -> str:
        header = _REQUIREMENTS if self.requirements else _SHORT
        blocks = write_blocks((one.instruction, one.input, one.output) for one in shown)
        return f"{header.format(tasks=self.tasks_per_call)}\n{blocks}"

    def _request(self, text: str, draw: int) -> Request:
        last = self.tasks_per_call
        stop = (f"\n{last}", f"{last}.") if self._faithful else (f"\n{last + 1}. Instruction:",)
        sampling = Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p, stop=stop
        )
        if self.chat:
            return Request(messages=(Message("user", text),), sampling=sampling, draw=draw)
        return Request(prompt=text, sampling=sampling, draw=draw)

    def _take(
        self, ctx: Context, grown: _Grown, pool: InstructionPool, *, prompt: _Prompt, reply: Reply
    ) -> Iterator[Example]:
        """Accept what is well-formed and new of a reply, in order."""
        grown.prompts += 1
        blocks = parse_blocks(
            reply.text,
            first=len(prompt.shown) + 1,
            finish=reply.finish,
            faithful=self._faithful,
            blacklist=self.blacklist,
        )
        if not blocks:
            grown.drop(ctx, "", "empty reply")
        grown.candidates += len(blocks)
        for block in blocks:
            if block.reason or len(grown.made) == self.target:
                grown.drop(ctx, block.instruction, block.reason or "after the target")
                continue
            said = pool.offer(block.instruction)
            example = self._example(block, prompt, reply, said)
            if said.accepted and example.id not in grown.made:
                grown.made[example.id] = example
                yield example
            else:
                nearest, score = said.most_similar[0]
                grown.drop(ctx, block.instruction, "too similar", nearest=nearest, score=score)

    def _example(self, block: TaskBlock, prompt: _Prompt, reply: Reply, said: Admission) -> Example:
        origin = Origin(
            recipe="alpaca",
            version=self.version,
            parents=tuple(shown.id for shown in prompt.shown),
            calls=(reply.key,),
        )
        meta: dict[str, JSON] = {
            "most_similar": [near._asdict() for near in said.most_similar],
            "avg_similarity_score": said.average,
        }
        return Example.single(
            block.instruction, block.output, input=block.input, origin=origin, meta=meta
        )

    @property
    def _faithful(self) -> bool:
        return self.mode == "faithful"


@dataclass(frozen=True, slots=True)
class _Prompt:
    """Seed tasks to write on."""

    number: int
    shown: Sequence[Example]
    request: Request

    def __str__(self) -> str:
        return f"prompt {self.number}"


class _Grown:
    """What the prompts have brought so far."""

    def __init__(self) -> None:
        self.made: dict[str, Example] = {}
        self.prompts = self.candidates = 0
        self.dropped: Counter[str] = Counter()

    def funnel(self) -> dict[str, JSON]:
        """From prompts to accepted tasks."""
        return {
            "prompts": self.prompts,
            "candidates": self.candidates,
            "accepted": len(self.made),
            "dropped": dict(self.dropped),
        }

    def drop(self, ctx: Context, instruction: str, reason: str, **evidence: JSON) -> None:
        """Count and tell what was not kept."""
        self.dropped[reason] += 1
        ctx.note("dropped", instruction=instruction, reason=reason, **evidence)


def _table(grown: _Grown) -> dict[str, JSON]:
    made = grown.made.values()
    given = sum(bool(example.input) for example in made) / max(len(made), 1)
    return {**describe_instructions(made).to_json(), "share_with_input": round(given, 3)}


_PUBLISHED: Mapping[str, JSON] = {"instructions": 52_002, "share_with_input": 0.4}
"""Of the data set that Alpaca was trained on."""

_SHORT = "A list of {tasks} different tasks, each with its input and output:"
_REQUIREMENTS = """\
Write a set of {tasks} task instructions, as different from one another as you can. They will be \
given to a language model, to see how well it carries out instructions.

Each task keeps to this:
1. Its verb is not the verb of another task.
2. Its wording is of another kind too: some tasks are questions, others are orders.
3. Kinds of tasks vary: open answers, sorting into classes, editing, explaining and more.
4. A model that reads and writes text, and nothing else, can do it: no pictures, no sound, no \
alarms or reminders, no acts in the world.
5. It is in English.
6. Its instruction is one or two sentences long, an order or a question.
7. Its input is a realistic and specific example of what the instruction works on, with enough in \
it to be hard, and best under 100 words; no mere placeholder.
8. Where no input makes sense, as in a question about a fact, the input is "<noinput>".
9. Its output is the right answer to the instruction and the input, in under 100 words.

The {tasks} tasks:"""
