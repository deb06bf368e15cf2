"""Tiny components for the tests of the core, and a run that uses every stage of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from didact import pipeline
from didact.config import Evaluation, Generation, RunConfig, Training
from didact.context import Context
from didact.errors import ModelError
from didact.models.scripted import Scripted
from didact.records import Answer, Example, Origin, Reply, Request, Sampling, Score, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Asks for words and feeds them back, as Self-Instruct does."""

    target: int = 30
    """How many words."""
    width: int = 4
    """Prompts under way."""

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Words, each asked for with some of those before it."""
        pool = [seed.output for seed in seeds] or ["start"]
        made = 0

        def prompts() -> Iterator[Request]:
            number = 0
            while made < self.target:
                shown = ctx.rng("shown", number).sample(pool, min(3, len(pool)))
                yield Request(
                    prompt=f"{number}: {' '.join(shown)}", sampling=Sampling(temperature=1)
                )
                number += 1

        async with aclosing(ctx.map(ctx.ask, prompts(), width=self.width)) as replies:
            async for reply in replies:
                pool.append(reply.text)
                made += 1
                origin = Origin(recipe="feedback", calls=(reply.key,))
                yield Example.single("say", reply.text, origin=origin)
                if made == self.target:
                    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """Keeps what begins with a letter up to ``last``."""

    last: str = "c"
    """The last letter kept."""

    def check(self, example: Example) -> Verdict:
        """The verdict."""
        keep = example.output[:1] <= self.last
        return Verdict(keep=keep, reason="" if keep else "late letter", evidence={"n": [1, "é"]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Keeps what is in no seed and not there yet."""

    _seeds: list[str] = field(init=False, repr=False, compare=False, default_factory=list)

    def prime(self, seeds: Sequence[Example]) -> None:
        """Take the seeds."""
        self._seeds[:] = [seed.output for seed in seeds]

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """Verdicts in order."""
        seen = set(self._seeds)
        for example in examples:
            yield Verdict(keep=example.output not in seen, reason="seen", score=0.5)
            seen.add(example.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copyist:
    """'Trains' by writing the examples down, one file each; dies at ``die_at``."""

    die_at: int | None = field(default=None, metadata={"operational": True})

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Write what is not written yet."""
        model = out / "model"
        model.mkdir(exist_ok=True)
        for number, example in enumerate(examples):
            if number == self.die_at:
                raise KeyboardInterrupt
            if not (model / f"{number}.txt").exists():
                (model / f"{number}.txt").write_text(example.output)
                with (out / "metrics.jsonl").open("a") as file:
                    file.write(f"{number}\n")
        return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Scores the length of an answer."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """A score per answer."""
        for answer in answers:
            value = None if answer.text == "b" else float(len(answer.text))
            yield Score(
                example_id=answer.example.id, model=answer.model, metric="length", value=value
            )


def example(output: str, instruction: str = "say") -> Example:
    return Example.single(instruction, output, origin=Origin(recipe="toy"))


def word(request: Request) -> str:
    """A word that follows from the request."""
    text = f"{request.prompt} {request.messages} {request.seed}"
    return "abcdef"[hashlib.md5(text.encode()).digest()[0] % 6] * (1 + len(text) % 7)


@dataclass(frozen=True)
class Counted:
    """Notes every call that begins and every one that ends, at once, in a file."""

    file: Path
    delay: float = 0.0

    async def __call__(self, request: Request) -> str | Reply:
        self.note("begin", request)
        if self.delay:
            await asyncio.sleep(self.delay * (1 + len(request.prompt or "") % 3))
        self.note("end", request)
        if (request.prompt or "").startswith("7:"):
            raise ModelError("it does not like seven")
        return word(request)

    def note(self, what: str, request: Request) -> None:
        line = f"{what} {request.prompt or request.messages[0].content}\n"
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)


def config(calls: Path, *, delay: float = 0.0, train: bool = False, target: int = 30) -> RunConfig:
    """A run of every stage."""
    model = Scripted(replies=Counted(calls, delay), name="counted")
    return RunConfig(
        name="toy",
        seed=3,
        models={"teacher": model, "base": model, "trained": Scripted(replies=("b", "dd"))},
        generate=(Generation(use=Feedback(target=target), seeds=[example("ab"), example("cd")]),),
        filter=(Some(), Unseen()),
        train=Training(use=Copyist()) if train else None,
        evaluate=Evaluation(
            on=[example(f"answer {n}", f"question {n}") for n in range(20)],
            evaluators=(Length(),),
        ),
    )


def work(calls: Path, run: Path) -> None:
    """A run that takes a while, for a process to be killed in."""
    pipeline.run(config(calls, delay=0.004, target=120), run)
