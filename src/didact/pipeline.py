"""The four stages in order: generate, filter, train, evaluate; and ``run``, all of them.

Each takes what it needs from the run directory, skips itself when nothing changed, and can be
killed at any moment: the next time, finished calls are answered from the call log.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeAlias, cast

from didact import evaluating, tables
from didact.components import fingerprint, name_of, numbered, path_fingerprint
from didact.config import Generation, RunConfig, Training
from didact.context import Listener, Recipe, Source
from didact.errors import ConfigError, DidactError
from didact.formats.refusals import Refusals
from didact.launching.job import check as check_launch
from didact.launching.job import launched
from didact.mixture import Pools
from didact.records import JSON, Example, Verdict, digest
from didact.resolve import base_path, items, seeds, whole
from didact.sifting import Judgement, Sifting
from didact.store import Run
from didact.touched import note_touched
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
        if launch := config.train.launch:
            readings.append(lambda use=config.train.use: check_launch(launch, use))
    if config.evaluate:
        readings.append(lambda evaluation=config.evaluate: items(evaluation))
    for component in config.filter:
        if hasattr(component, "protect") and not (config.evaluate or _named(component)):
            problems.append(
                f"filter: {name_of(component)} holds examples against test items, and the run has"
                " no evaluate stage; name files of them under `against`"
            )
    for read in readings:
        try:
            read()
        except DidactError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def _named(component: object) -> bool:
    return bool(getattr(component, "against", ()))


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
    parts = numbered([name_of(entry.use) for entry in work.config.generate])
    try:
        with work.making(mark) as folder:
            folder.write(tables.SEEDS, all_seeds.values())
            pools = Pools(work.config.generate, seed=work.config.seed, folder=folder.aside)
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
    ctx = work.context(part, most=entry.cap)
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
    protected = _protected(config)
    with opened(config, where) as opened_run:
        if retry:
            opened_run.calls.forget_failures()
        work = Work("filter", config, opened_run, on_event=on_event, retry=retry)
        filters: list[JSON] = [fingerprint(component) for component in config.filter]
        parts: dict[str, JSON] = {"filter": filters, "reads": work.output("generate")}
        if protected:
            parts["protects"] = digest([item.id for item in protected])
        mark = digest(parts)
        return work.fresh(mark) or run_async(lambda: _filter(work, mark, protected))


def _protected(config: RunConfig) -> list[Example]:
    """The test items of the run, where a filter holds examples against them."""
    wanted = any(hasattr(component, "protect") for component in config.filter)
    return items(config.evaluate) if wanted and config.evaluate else []


async def _filter(work: Work, mark: str, protected: Sequence[Example]) -> Summary:
    """One stream: from the row groups of what was generated, through the filters, to the files."""
    examples = work.run.stored(tables.EXAMPLES)
    work.read = len(examples)
    primed = any(hasattr(component, "prime") for component in work.config.filter)
    try:
        with work.making(mark) as folder:
            names = numbered([name_of(component) for component in work.config.filter])
            with (
                folder.parted(tables.VERDICTS, names) as verdicts,
                folder.writing(tables.KEPT) as kept,
            ):
                sifting = Sifting(
                    work.config.filter,
                    folder=folder.aside,
                    hear=_hearing(work, verdicts),
                    context=work.context,
                    seeds=work.run.seeds() if primed else (),
                    items=protected,
                    shards=work.shards,
                )
                async with aclosing(sifting.kept(examples)) as found:
                    async for example in found:
                        kept.add(example)
            work.kept = kept.count
            return work.finish(folder, mark)
    finally:
        await work.close()


def _hearing(
    work: Work, writers: Mapping[str, tables.Writer[tuple[str, str, Verdict]]]
) -> Callable[[Judgement], None]:
    """Writes verdicts down as they come, counts the drops, and tells how far the filters are."""

    def hear(judgement: Judgement) -> None:
        name, key, _, verdict, number, of = judgement
        writers[name].add((key, name, verdict))
        if not verdict.keep:
            work.dropped[f"{name}: {verdict.reason}"] += 1
        if of is not None:
            work.progress(number, of)

    return hear


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
    # Read from the disk as the trainer goes through them: it holds tokens, and no examples beside.
    examples = work.run.stored(tables.KEPT)
    if not examples:
        raise DidactError("train: nothing to train on, the filters kept no example")
    work.read = work.kept = len(examples)
    # The mark keeps what an interrupted training of the same kind left in the folder.
    with work.making(mark, resumable=True) as folder:
        if training.launch is None:
            model = training.use.train(work.context(), examples, base, folder.path)
        else:
            model = launched(
                training.launch, training.use, work.context(), examples, base, folder.path
            )
        relative = model.resolve().relative_to(folder.path.resolve()).as_posix()
        return work.finish(folder, mark, model=relative, outputs={relative: "a model"})


def evaluate(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> Summary:
    """Ask every model every test item, score the answers; note which items training touches."""
    with opened(config, where) as opened_run:
        summary = evaluating.evaluate(config, opened_run, on_event=on_event, retry=retry)
        found = note_touched(config, opened_run)
        if found and on_event and not summary.skipped:
            on_event("touched", {"stage": "evaluate", "text": found.line()})
        return summary
