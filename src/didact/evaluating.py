"""The evaluate stage: every model asked every test item, and the answers scored.

An item of several turns, where one user turn follows another, is asked turn by turn: the model's
own answer stands before the next turn, and each turn is a call of its own in the log. Suites are
asked role by role, so that one local model need be in memory at a time; each is scored by its own
evaluators, and its metrics carry its name where there are several.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from didact import tables
from didact.components import fingerprint, name_of, numbered
from didact.config import RunConfig, Suite
from didact.context import Context, Listener
from didact.errors import ConfigError
from didact.records import JSON, Answer, Example, Message, Request, Sampling, digest
from didact.resolve import suite_items
from didact.store import Run, StageFolder
from didact.work import Summary, Work, opened, run_async

__all__ = ["ask_all_turns", "evaluate"]

Where: TypeAlias = Run | Path | str


class _Set(NamedTuple):
    """A suite, read."""

    suite: Suite
    items: list[Example]


def evaluate(
    config: RunConfig, where: Where, *, on_event: Listener | None = None, retry: bool = False
) -> Summary:
    """Ask every model every test item, and score the answers."""
    evaluation = config.evaluate
    if evaluation is None:
        raise ConfigError("evaluate: the run file has no evaluate stage")
    sets = [_Set(suite, suite_items(suite)) for suite in evaluation.suites]
    with opened(config, where) as opened_run:
        if retry:
            opened_run.calls.forget_failures()
        work = Work("evaluate", config, opened_run, on_event=on_event, retry=retry)
        if missing := [role for role in evaluation.models if role not in work.models]:
            raise ConfigError(f"evaluate: no model for {', '.join(missing)}; run train first")
        mark = digest(
            {
                **_mark(sets),
                "models": list(evaluation.models),
                "seed": config.seed,
            }
        )
        return work.fresh(mark) or run_async(lambda: _evaluate(work, mark, evaluation.models, sets))


def _mark(sets: Sequence[_Set]) -> dict[str, JSON]:
    """What decides the scores, but for the models and the seed."""
    marks: list[JSON] = [
        {
            "items": digest([item.to_json() for item in items]),
            "with": [fingerprint(evaluator) for evaluator in suite.evaluators],
            "sampling": cast("Sampling", suite.sampling).to_json(),
            **({"name": suite.name} if suite.name else {}),
        }
        for suite, items in sets
    ]
    return {"suites": marks}


async def _evaluate(work: Work, mark: str, roles: Sequence[str], sets: Sequence[_Set]) -> Summary:
    work.read = sum(len(one.items) for one in sets) * len(roles)
    try:
        with work.making(mark) as folder:
            folder.write(tables.ITEMS, _all_items(sets))
            answers = await _asked(work, folder, roles, sets)
            with folder.writing(tables.SCORES) as scores:
                for (suite, _), given in zip(sets, answers, strict=True):
                    before = f"{suite.name}/" if suite.name else ""
                    names = numbered([name_of(evaluator) for evaluator in suite.evaluators])
                    for name, evaluator in zip(names, suite.evaluators, strict=True):
                        ctx = work.context(f"{before}{name}")
                        async for score in evaluator.score(ctx, given):
                            scores.add(replace(score, metric=f"{before}{score.metric}"))
            return work.finish(folder, mark)
    finally:
        await work.close()


def _all_items(sets: Sequence[_Set]) -> list[Example]:
    """Every item once, with the suites that it is in where they have names."""
    found: dict[str, Example] = {}
    suites: dict[str, list[JSON]] = {}
    for suite, items in sets:
        for item in items:
            found.setdefault(item.id, item)
            suites.setdefault(item.id, []).append(suite.name)
    if not any(suite.name for suite, _ in sets):
        return list(found.values())
    return [replace(item, meta={**item.meta, "suites": suites[key]}) for key, item in found.items()]


async def _asked(
    work: Work, folder: StageFolder, roles: Sequence[str], sets: Sequence[_Set]
) -> list[list[Answer]]:
    """The answers to every suite, the table of them written."""
    found: list[list[Answer]] = [[] for _ in sets]
    with folder.writing(tables.ANSWERS) as writer:
        written: set[tuple[str, str, str]] = set()
        for role in roles:
            for number, one in enumerate(sets):
                async with aclosing(_answers(work, role, one)) as results:
                    async for answer in results:
                        found[number].append(answer)
                        row = tables.AnswerRow.of(answer)
                        # An item of two suites is asked once: the second time it is replayed.
                        if (key := (row.example_id, row.model, row.text)) not in written:
                            written.add(key)
                            writer.add(row)
                        work.kept += 1
                        work.progress(work.kept, work.read)
    return found


async def _answers(work: Work, role: str, one: _Set) -> AsyncGenerator[Answer, None]:
    """What a role answers to the items of a suite, in their order."""
    if not one.suite.asks:
        for item in one.items:
            yield Answer(example=item, model=role, text="", call="")
        return
    ctx = work.context(one.suite.name)
    sampling = cast("Sampling", one.suite.sampling)

    async def answer(item: Example) -> Answer:
        return await ask_all_turns(ctx, item, role, sampling)

    async with aclosing(ctx.map(answer, one.items)) as results:
        async for result in results:
            yield result


async def ask_all_turns(ctx: Context, item: Example, role: str, sampling: Sampling) -> Answer:
    """The answer to the last turn, those to earlier ones that the item does not have asked for."""
    stated = item.meta.get("ask_with")
    if isinstance(stated, Mapping):
        sampling = replace(sampling, **cast("dict[str, float]", stated))
    asked: list[Message] = []
    for turn in item.prompt:
        if turn.role == "user" and asked and asked[-1].role == "user":
            reply = await ctx.ask(Request(messages=tuple(asked), sampling=sampling), model=role)
            asked.append(Message("assistant", reply.text))
        asked.append(turn)
    reply = await ctx.ask(Request(messages=tuple(asked), sampling=sampling), model=role)
    own = len(asked) > len(item.prompt)
    return Answer(
        example=item,
        model=role,
        text=reply.text,
        call=reply.key,
        before=tuple(asked) if own else (),
    )
