"""The four stages in order: generate, filter, train, evaluate; and ``run``, all of them.

Each takes what it needs from the run directory, skips itself when nothing changed, and can be
killed at any moment: the next time, finished calls are answered from the call log.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeAlias, cast

from didact import tables
from didact.components import fingerprint, name_of, path_fingerprint
from didact.config import Evaluation, Generation, RunConfig, Training
from didact.context import Context, Filter, Listener, Recipe, Source
from didact.errors import ConfigError, DidactError
from didact.formats.refusals import Refusals
from didact.judging import verdicts
from didact.mixture import Pools
from didact.records import JSON, Answer, Example, Request, Verdict, digest
from didact.resolve import base_path, items, seeds, whole
from didact.store import Run
from didact.work import Summary, Work, opened, run_async

__all__ = ["Summary", "check", "evaluate", "filter", "generate", "run", "train"]

Where: TypeAlias = Run | Path | str


def check(config: RunConfig) -> None:
    """Read what a run reads, so that anything wrong with it is told before any call."""
    problems: list[str] = []
    readings: list[Callable[[], object]] = []
    for entry in config.generate:
        readings.append(lambda entry=entry: seeds(entry))
    if config.train:
        readings.append(lambda training=config.train: base_path(training))
    if config.evaluate:
        readings.append(lambda evaluation=config.evaluate: items(evaluation))
    for read in readings:
        try:
            read()
        except DidactError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def run(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> tuple[Summary, ...]:
    """Every stage that the run file has, in order; ``retry`` asks failed calls again."""
    check(config)
    stages = [
        stage
        for stage, wanted in (
            (generate, config.generate),
            (filter, config.generate),
            (train, config.train),
            (evaluate, config.evaluate),
        )
        if wanted
    ]
    with opened(config, where) as opened_run:
        return tuple(stage(config, opened_run, on_event=on_event, retry=retry) for stage in stages)


def generate(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> Summary:
    """Make examples: every entry of ``generate`` in order, each content once."""
    if not config.generate:
        raise ConfigError("generate: the run file has nothing to generate with")
    given = [seeds(entry) for entry in config.generate]
    with opened(config, where) as opened_run:
        if retry:
            opened_run.calls.forget_failures()
        work = Work("generate", config, opened_run, on_event=on_event, retry=retry)
        entries: list[JSON] = [
            {
                "use": fingerprint(entry.use),
                "seeds": digest([seed.to_json() for seed in found]),
                "cap": entry.cap,
                "weight": entry.weight,
                "share": entry.share,
            }
            for entry, found in zip(config.generate, given, strict=True)
        ]
        mark = digest({"generate": entries, "seed": config.seed})
        return work.fresh(mark) or run_async(lambda: _generate(work, mark, given))


async def _generate(work: Work, mark: str, given: Sequence[Sequence[Example]]) -> Summary:
    all_seeds = {seed.id: seed for found in given for seed in found}
    pools = Pools(work.config.generate, seed=work.config.seed)
    parts = _numbered([name_of(entry.use) for entry in work.config.generate])
    try:
        with work.making(mark) as folder:
            folder.write(tables.SEEDS, all_seeds.values())
            with folder.writing(tables.EXAMPLES) as writer:
                for number, (part, found) in enumerate(zip(parts, given, strict=True)):
                    entry = work.config.generate[number]
                    async with aclosing(_made(work, part, entry, found)) as examples:
                        async for example in examples:
                            work.read += 1
                            if pools.offer(number, example):
                                writer.add(example)
                            work.kept, work.dropped = pools.kept, pools.dropped
                            work.progress(work.read)
                            if pools.full(number):
                                break
                    for example in pools.end(number):
                        writer.add(example)
            work.kept, work.dropped = pools.kept, pools.dropped
            return work.finish(folder, mark, **pools.to_json(parts))
    finally:
        await work.close()


async def _made(
    work: Work, part: str, entry: Generation, found: Sequence[Example]
) -> AsyncGenerator[Example, None]:
    ctx = work.context(part)
    if hasattr(entry.use, "read"):
        refusals = Refusals()
        try:
            for example in _read(cast("Source", entry.use), refusals):
                yield whole(example)
        finally:
            for reason, count in refusals.counts.items():
                work.read += count
                work.dropped[f"{part}: {reason}"] += count
            if refusals.counts or refusals.trimmed:
                ctx.note("statistics", **refusals.to_json())
        return
    stream = cast("Recipe", entry.use).run(ctx, found)
    try:
        async for example in stream:
            yield whole(example)
    finally:
        if isinstance(stream, AsyncGenerator):
            await cast("AsyncGenerator[Example, None]", stream).aclose()


def _read(source: Source, refusals: Refusals) -> Iterator[Example]:
    """The examples; a source that can leave records out counts them in ``refusals``."""
    if "refusals" in inspect.signature(source.read).parameters:
        return cast("Iterator[Example]", cast("Any", source).read(refusals))
    return source.read()


def filter(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> Summary:
    """Judge examples: every filter in order sees what those before it kept."""
    with opened(config, where) as opened_run:
        if retry:
            opened_run.calls.forget_failures()
        work = Work("filter", config, opened_run, on_event=on_event, retry=retry)
        filters: list[JSON] = [fingerprint(component) for component in config.filter]
        mark = digest({"filter": filters, "reads": work.output("generate")})
        return work.fresh(mark) or run_async(lambda: _filter(work, mark))


async def _filter(work: Work, mark: str) -> Summary:
    survivors = work.run.examples()
    primer = work.run.seeds()
    work.read = len(survivors)
    names = _numbered([name_of(component) for component in work.config.filter])
    try:
        with work.making(mark) as folder:
            with folder.writing(tables.VERDICTS) as writer:
                for name, component in zip(names, work.config.filter, strict=True):
                    if hasattr(component, "prime"):
                        component.prime(primer)  # pyright: ignore
                    survivors = await _judged(work, component, survivors, name=name, writer=writer)
            work.kept = folder.write(tables.KEPT, survivors)
            return work.finish(folder, mark)
    finally:
        await work.close()


async def _judged(
    work: Work,
    component: Filter,
    examples: Sequence[Example],
    *,
    name: str,
    writer: tables.Writer[tuple[str, str, Verdict]],
) -> list[Example]:
    """What a filter keeps, its verdicts written."""
    kept: list[Example] = []
    found = verdicts(component, work.context(name), examples, name=name)
    async with aclosing(found) as judged:
        number = 0
        async for verdict in judged:
            example = examples[number]
            number += 1
            writer.add((example.id, name, verdict))
            if verdict.keep:
                kept.append(example)
            else:
                work.dropped[f"{name}: {verdict.reason}"] += 1
            work.progress(number, len(examples))
    return kept


def train(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> Summary:
    """Make a model from the examples kept. Interrupted, it goes on where the trainer left off."""
    training = config.train
    if training is None:
        raise ConfigError("train: the run file has no train stage")
    base = base_path(training)
    with opened(config, where) as opened_run:
        work = Work("train", config, opened_run, on_event=on_event, retry=retry)
        parts: dict[str, JSON] = {
            "train": fingerprint(training.use),
            "base": path_fingerprint(base),
            "reads": work.output("filter"),
            "seed": config.seed,
        }
        mark = digest(parts)
        return work.fresh(mark) or _train(work, mark, training, base)


def _train(work: Work, mark: str, training: Training, base: Path) -> Summary:
    examples = work.run.kept()
    if not examples:
        raise DidactError("train: nothing to train on, the filters kept no example")
    work.read = work.kept = len(examples)
    # The mark keeps what an interrupted training of the same kind left in the folder.
    with work.making(mark, resumable=True) as folder:
        model = training.use.train(work.context(), examples, base, folder.path)
        relative = model.resolve().relative_to(folder.path.resolve()).as_posix()
        return work.finish(folder, mark, model=relative, outputs={relative: "a model"})


def evaluate(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> Summary:
    """Ask every model every test item, and score the answers."""
    evaluation = config.evaluate
    if evaluation is None:
        raise ConfigError("evaluate: the run file has no evaluate stage")
    tests = items(evaluation)
    with opened(config, where) as opened_run:
        if retry:
            opened_run.calls.forget_failures()
        work = Work("evaluate", config, opened_run, on_event=on_event, retry=retry)
        if missing := [role for role in evaluation.models if role not in work.models]:
            raise ConfigError(f"evaluate: no model for {', '.join(missing)}; run train first")
        parts: dict[str, JSON] = {
            "items": digest([test.to_json() for test in tests]),
            "models": list(evaluation.models),
            "with": [fingerprint(evaluator) for evaluator in evaluation.evaluators],
            "sampling": evaluation.sampling.to_json(),
            "seed": config.seed,
        }
        mark = digest(parts)
        return work.fresh(mark) or run_async(lambda: _evaluate(work, mark, evaluation, tests))


async def _evaluate(
    work: Work, mark: str, evaluation: Evaluation, tests: Sequence[Example]
) -> Summary:
    work.read = len(tests) * len(evaluation.models)
    try:
        with work.making(mark) as folder:
            folder.write(tables.ITEMS, tests)
            answers: list[Answer] = []
            with folder.writing(tables.ANSWERS) as writer:
                async with aclosing(_answers(work, evaluation, tests)) as results:
                    async for answer in results:
                        answers.append(answer)
                        writer.add(tables.AnswerRow.of(answer))
                        work.kept += 1
                        work.progress(work.kept, work.read)
            with folder.writing(tables.SCORES) as scores:
                names = _numbered([name_of(evaluator) for evaluator in evaluation.evaluators])
                for name, evaluator in zip(names, evaluation.evaluators, strict=True):
                    async for score in evaluator.score(work.context(name), answers):
                        scores.add(score)
            return work.finish(folder, mark)
    finally:
        await work.close()


async def _answers(
    work: Work, evaluation: Evaluation, tests: Sequence[Example]
) -> AsyncGenerator[Answer, None]:
    """Role by role, so that only one local model need be in memory at a time."""
    for role in evaluation.models:
        ctx = work.context()

        async def answer(item: Example, ctx: Context = ctx, role: str = role) -> Answer:
            request = Request(messages=item.prompt, sampling=evaluation.sampling)
            reply = await ctx.ask(request, model=role)
            return Answer(example=item, model=role, text=reply.text, call=reply.key)

        async with aclosing(ctx.map(answer, tests)) as results:
            async for result in results:
                yield result


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, the second of two equal ones as ``name-2``: they key randomness and verdicts."""
    seen: Counter[str] = Counter()
    numbered: list[str] = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return numbered
