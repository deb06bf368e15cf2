"""Which test items the training data touches, and what a score is without them.

Published sets overlap their own tests: one of the 175 seeds of Self-Instruct is one of its 252 test
instructions (Wang et al. 2022, arXiv 2212.10560, who report a mean largest ROUGE-L of 0.34 between
the two), and AlpacaEval holds the 252, Vicuna's 80 and Koala's questions. Three tests, each of
which finds what the others do not: runs of words in common, also inside a long text (``overlap``);
ROUGE-L between prompts, also with words exchanged; embeddings where a model is given, also in other
words (rephrased items pass both of the first: Yang et al. 2023, arXiv 2311.04850).

An item is compared by its prompt, instruction and input; a training example by its prompt for
ROUGE-L and embeddings, and by every message for runs, because an answer may quote a test. Where a
task counts as seen even with another input, ``part="instruction"`` compares instructions alone.

Cost: no call of a model; a second for 20,000 examples and 1,000 items, without embeddings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from didact.records import Example, Score
from didact.stats.bootstrap import Interval
from didact.stats.means import mean_interval
from didact.stats.scales import Scale, scale_of
from didact.text.cosine_index import CosineIndex
from didact.text.novelty_index import NoveltyIndex
from didact.text.overlap import RunIndex
from didact.text.parts import part_of
from didact.text.words import all_words

__all__ = [
    "Limits",
    "Part",
    "Parted",
    "Probe",
    "Touch",
    "largest_similarities",
    "part_scores",
    "touched",
]

_SEED = 20221220
"""Of the resampling: fixed, so that the same scores always print the same intervals."""

Embed: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]
"""One vector for each text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a training example touches an item."""

    part: Literal["prompt", "instruction"] = "prompt"
    """What of an item is compared."""
    run: int = 8
    """Words of a run in common; 0: runs are not looked for."""
    coverage: float = 0.5
    """The share of the item's words that must stand in such runs."""
    rouge: float | None = 0.7
    """ROUGE-L F of the prompts at which they touch; none: it is not measured."""
    cosine: float = 0.9
    """Cosine of the embeddings of the prompts at which they touch, where there are any."""


class Touch(NamedTuple):
    """A training example touches a test item."""

    item: str
    """Id of the test item."""
    example: str
    """Id of the training example."""
    by: Literal["words", "rouge", "embedding"]
    score: float
    """Share of the item's words, ROUGE-L F, or cosine."""
    span: str
    """The words in common, or the prompt of the item."""


class Probe:
    """Test items, and the question which of them a training example touches."""

    def __init__(
        self, items: Sequence[Example], limits: Limits | None = None, *, embed: Embed | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._items = list({item.id: item for item in items}.values())
        self._prompts = [part_of(item, self._limits.part) for item in self._items]
        self._runs = RunIndex(self._prompts, size=self._limits.run) if self._limits.run else None
        self._near: NoveltyIndex | None = None
        if self._limits.rouge is not None:
            self._near = NoveltyIndex(self._limits.rouge, keep_equal=False, words=all_words)
            for prompt in self._prompts:
                self._near.add(prompt)
        self._embed = embed
        self._vectors: CosineIndex | None = None
        if embed is not None and self._items:
            self._vectors = CosineIndex(self._limits.cosine)
            self._vectors.add_all(embed(self._prompts))

    def __len__(self) -> int:
        return len(self._items)

    def touches(self, examples: Sequence[Example]) -> list[list[Touch]]:
        """For each example what it touches: the nearest item by each test, the worst first.

        By runs of words all items are given that it covers far enough.
        """
        found = [self._by_words(example) for example in examples]
        prompts = [part_of(example, self._limits.part) for example in examples]
        if self._near is not None:
            for place, prompt in enumerate(prompts):
                if near := self._near.nearest(prompt):
                    found[place].append(self._touch(examples[place], "rouge", *near))
        if self._vectors is not None and self._embed is not None and examples:
            for place, near in enumerate(self._vectors.nearest_all(self._embed(prompts))):
                if near and prompts[place].strip():
                    found[place].append(self._touch(examples[place], "embedding", *near))
        return [sorted(some, key=lambda touch: -touch.score) for some in found]

    def _by_words(self, example: Example) -> list[Touch]:
        if self._runs is None:
            return []
        parts = [example.instruction, part_of(example, "prompt")]
        parts += [message.content for message in example.messages]
        return [
            Touch(self._items[at].id, example.id, "words", coverage, span)
            for at, coverage, span in self._runs.overlaps(*parts)
            if coverage >= self._limits.coverage
        ]

    def _touch(
        self, example: Example, by: Literal["rouge", "embedding"], score: float, position: int
    ) -> Touch:
        prompt = self._prompts[position]
        return Touch(self._items[position].id, example.id, by, score, prompt[:500])


def touched(
    items: Sequence[Example],
    training: Iterable[Example],
    limits: Limits | None = None,
    *,
    embed: Embed | None = None,
) -> dict[str, Touch]:
    """The items that the training examples touch, by id, each with the touch of highest score."""
    limits = limits or Limits()
    worst: dict[str, Touch] = {}

    def note(touch: Touch) -> None:
        if touch.item not in worst or touch.score > worst[touch.item].score:
            worst[touch.item] = touch

    held = list({example.id: example for example in training}.values())
    for touches in Probe(items, replace(limits, rouge=None)).touches(held):
        for touch in touches:
            note(touch)
    # Turned about, so that every item finds its own nearest example.
    turned = Probe(held, replace(limits, run=0), embed=embed)
    for item, touches in zip(items, turned.touches(items), strict=True):
        for touch in touches:
            prompt = part_of(item, limits.part)[:500]
            note(touch._replace(item=item.id, example=touch.item, span=prompt))
    return {item.id: worst[item.id] for item in items if item.id in worst}


def largest_similarities(texts: Sequence[str], others: Sequence[str]) -> list[float]:
    """For each text the largest ROUGE-L F with any of the others, measured in full."""
    index = NoveltyIndex(words=all_words)
    for other in others:
        index.add(other)
    return [float(index.scores(text).max(initial=0.0)) for text in texts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Scores on a part of the items."""

    items: int
    mean: float | None
    """None where there is no item."""
    score: Interval | None
    """The mean with its interval; None where there is but one item, or one family of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """One metric of one model, on the items that training did not touch and on those it did."""

    metric: str
    model: str
    clean: Part
    touched: Part


def part_scores(
    scores: Iterable[Score],
    touches: Mapping[str, Touch],
    families: Mapping[str, str] | None = None,
) -> list[Parted]:
    """Every metric of every model in two; what abstained is in neither.

    Intervals are over the items; where all items are of ``families``, over these.
    """
    rows: dict[tuple[str, str], tuple[list[Score], list[Score]]] = {}
    for score in scores:
        clean, dirty = rows.setdefault((score.metric, score.model), ([], []))
        if score.value is not None:
            (dirty if score.example_id in touches else clean).append(score)
    return [
        Parted(
            metric=metric,
            model=model,
            clean=_part(clean, families or {}, scale_of(metric, _known([*clean, *dirty]))),
            touched=_part(dirty, families or {}, scale_of(metric, _known([*clean, *dirty]))),
        )
        for (metric, model), (clean, dirty) in rows.items()
    ]


def _known(scores: Sequence[Score]) -> list[float]:
    return [score.value for score in scores if score.value is not None]


def _part(scores: Sequence[Score], families: Mapping[str, str], scale: Scale) -> Part:
    values = _known(scores)
    if not values:
        return Part(items=0, mean=None, score=None)
    ids = [score.example_id for score in scores]
    groups = [families[one] for one in ids] if all(one in families for one in ids) else ids
    several = len(set(groups)) > 1
    return Part(
        items=len(values),
        mean=fmean(values),
        score=mean_interval(
            values,
            low=scale.low / scale.factor,
            top=scale.top / scale.factor,
            seed=_SEED,
            clusters=groups,
        )
        if several
        else None,
    )
