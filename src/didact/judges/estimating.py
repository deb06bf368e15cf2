"""What a judge will be asked, by arithmetic, before there is an answer to judge.

An evaluator that asks a judge has ``estimate(items, models, answer) -> Estimate``; ``answer`` is
how many tokens one reply of a model may have. The prompts are those that will be written, around
empty answers; what models will have answered is added, and the reply is at most what it may be.
Answers that are the same need fewer calls. Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from didact.estimate import Estimate, Span, Step, text_tokens
from didact.judges.duels import REFERENCE, Prompting, pair_up
from didact.records import Answer, Example, Request

__all__ = ["empty_answers", "estimate_of_answers", "estimate_of_duels"]


def empty_answers(items: Sequence[Example], models: Sequence[str]) -> list[Answer]:
    """An answer of every model to every item, with no text of its own."""
    return [
        Answer(
            example=item,
            model=model,
            text="",
            call="",
            before=item.prompt if item.answers_asked > 1 else (),
        )
        for item in items
        for model in models
    ]


def estimate_of_answers(
    role: str, asked: Sequence[tuple[Example, Request]], answer: Span, *, name: str
) -> Estimate:
    """Of one call for each answer, with the request around an empty one."""
    return _estimate(
        role, [(request, item.answers_asked) for item, request in asked], answer, name=name
    )


def estimate_of_duels(
    role: str,
    items: Sequence[Example],
    models: Sequence[str],
    answer: Span,
    *,
    against: str | None,
    prompting: Prompting,
    name: str,
    orders: int = 2,
    repeats: int = 0,
) -> Estimate:
    """Of every pair of answers before a judge, in so many ``orders``; some of them twice."""
    duels = pair_up(empty_answers(items, models), against)
    asked = [
        (
            prompting(duel.example, duel.text_a, duel.text_b),
            duel.example.answers_asked * sum(side != REFERENCE for side in (duel.a, duel.b)),
        )
        for duel in [*duels, *duels[:repeats]] * orders
    ]
    return _estimate(role, asked, answer, name=name)


def _estimate(
    role: str, asked: Iterable[tuple[Request, int]], answer: Span, *, name: str
) -> Estimate:
    """Of requests around so many answers each."""
    found = list(asked)
    if not found:
        return Estimate(steps=())
    shown = fmean(number for _, number in found)
    texts = ["\n".join(turn.content for turn in request.messages) for request, _ in found]
    most = max(request.sampling.max_tokens for request, _ in found)
    step = Step(
        name=name,
        role=role,
        calls=Span(len(found), len(found)),
        prompt=text_tokens(texts).plus(Span(shown * answer.low, shown * answer.high)),
        reply=Span(1, most),
        max_tokens=(most,),
    )
    return Estimate(steps=(step,))
