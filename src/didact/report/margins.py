"""How near to its line was what a filter kept, where the filter itself does not say.

A filter that compares stops as soon as nothing is near enough, so that what it keeps has no score.
To show both sides of its line, what it kept is compared once more with a lower limit: the nearest
kept ones are those whose score is the highest. Exact: each is compared with all that the filter
held when it judged it. Lengths are counted again.

Cost: no call of a model; a second or two for 20,000 examples. Filters that load a model for
embeddings are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from didact.context import Filter
from didact.filters.contamination import Contamination
from didact.filters.length import Length
from didact.filters.near_duplicate import NearDuplicate
from didact.filters.novelty import Novelty
from didact.filters.repetition import Repetition
from didact.filters.semantic import Semantic
from didact.records import Example, Verdict
from didact.text.novelty_index import NoveltyIndex
from didact.text.parts import part_of
from didact.text.repeats import repeated_lines, repeated_runs
from didact.text.words import all_words, count_words, latin_words

__all__ = ["beside"]

Margins = Mapping[str, Mapping[str, float]]
"""Reason to id to the score of what was kept."""

_LOWER = 0.7
"""Of a limit: down to there, what was kept is given a score."""


def beside(
    component: Filter,
    kept: Sequence[Example],
    *,
    seeds: Sequence[Example] = (),
    items: Sequence[Example] = (),
) -> Margins | None:
    """Scores of what a filter kept, by the reason it would be dropped for.

    None where the filter itself scores what it keeps, or has no score.
    """
    if isinstance(component, Novelty):
        return {"too similar": _novelty(component, kept, seeds)}
    if isinstance(component, NearDuplicate):
        lower = replace(component, below=component.below * _LOWER, held="all")
        return _by_reason(kept, lower.sift(kept))
    if isinstance(component, Semantic) and not isinstance(component.model, str):
        lower = replace(component, below=component.below * _LOWER, held="all")
        return _by_reason(kept, lower.sift(kept))
    if isinstance(component, Contamination) and not isinstance(component.model, str):
        rouge = None if component.rouge is None else component.rouge * _LOWER
        lower = replace(component, coverage=component.coverage * _LOWER / 2, rouge=rouge)
        lower.protect(items)
        return _by_reason(kept, lower.sift(kept))
    if isinstance(component, Length):
        return _lengths(kept)
    if isinstance(component, Repetition):
        return _repetition(component, kept)
    return None


def _novelty(
    component: Novelty, kept: Sequence[Example], seeds: Sequence[Example]
) -> dict[str, float]:
    words = latin_words if component.mode == "faithful" else all_words
    index = NoveltyIndex(component.below * _LOWER, words=words)
    for text in dict.fromkeys(seed.instruction for seed in seeds):
        index.add(text)
    first: dict[str, Example] = {}
    for example in kept:
        first.setdefault(example.instruction, example)
    found: dict[str, float] = {}
    # An instruction is judged where it first appears; its examples are not held against each other.
    for text, example in first.items():
        near = index.nearest(text)
        index.add(text)
        if near is not None:
            found[example.id] = near.score
    return found


def _by_reason(kept: Sequence[Example], verdicts: Iterable[Verdict]) -> Margins:
    found: dict[str, dict[str, float]] = {}
    for example, verdict in zip(kept, verdicts, strict=True):
        if not verdict.keep and verdict.score is not None:
            found.setdefault(verdict.reason, {})[example.id] = verdict.score
    return found


def _lengths(kept: Sequence[Example]) -> Margins:
    found: dict[str, dict[str, float]] = {}
    for example in kept:
        for part in ("instruction", "input", "output"):
            text = getattr(example, part)
            if part == "input" and not text:
                continue
            words = float(count_words(text))
            for end in ("short", "long"):
                found.setdefault(f"{part} too {end}", {})[example.id] = words
    return found


def _repetition(component: Repetition, kept: Sequence[Example]) -> Margins:
    texts = {example.id: part_of(example, component.part) for example in kept}
    long = {key: text for key, text in texts.items() if count_words(text) >= component.words}
    return {
        "repeated lines": {key: repeated_lines(text) for key, text in long.items()},
        "repeated words": {key: repeated_runs(text) for key, text in long.items()},
    }
