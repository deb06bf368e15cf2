"""How diverse a data set is and what it brought in that the seeds did not have.

For one data set or two side by side: verbs and their nouns, topics, the nearest seed, distinct
n-grams, what is covered as the pool grows, languages, mentions of people and groups against the
seeds, overlap with other sets. Two sets are compared at one size, drawn by lot: distinct n-grams,
verbs and coverage all grow with the number of words, and a larger set is not a more diverse one.

Cost: no calls; a sample of ``sample`` examples of each set is looked at, half a minute for 2,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from didact.components import find
from didact.config import Generation
from didact.convert import examples_of
from didact.errors import ConfigError
from didact.formats.refusals import Refusals
from didact.records import Example
from didact.resolve import seeds as seeds_of
from didact.stats.bootstrap import Interval, wilson
from didact.stats.lots import lot_interval
from didact.stats.portions import by_lot
from didact.stats.topics import Vectors, coverage, topics, weighted_words
from didact.text.languages import language_of
from didact.text.mentions import GROUPS, mentions
from didact.text.novelty_index import NoveltyIndex
from didact.text.verbs import VerbNoun, verb_noun_counts
from didact.text.words import all_words

__all__ = ["Distinct", "Diversity", "Mention", "Near", "Panel", "Topic", "diversity"]

_NEAR = 0.7
"""ROUGE-L above which an instruction counts as the same: Self-Instruct's threshold."""
_TOPICS = 8
_TARGETS = 250
_COMMON = 0.2
_PAIRS = 10
"""Pairs of lots whose distinct n-grams are counted."""
_GRAMS = (1, 2, 3)


class Distinct(NamedTuple):
    """Distinct n-grams among all, in samples of one number of words."""

    part: str
    """``instructions`` or ``outputs``."""
    n: int
    share: Interval
    """The mean over lots, for as many words of new examples of this kind."""
    words: int
    """In every sample."""


class Mention(NamedTuple):
    """How often one group of people is mentioned."""

    group: str
    share: Interval
    """Of the examples."""
    seeds: Interval | None
    """Of the seeds."""
    differs: bool
    """Whether the two intervals do not meet."""


class Near(NamedTuple):
    """How much of the set stands in another one."""

    name: str
    exact: Interval
    near: Interval
    """With an instruction in it of a ROUGE-L above 0.7, exact ones included."""
    read: int
    """Instructions of the other set."""


class Topic(NamedTuple):
    """One group of the map of all sets together."""

    words: tuple[str, ...]
    """The most telling."""
    counts: tuple[int, ...]
    """Examples of each set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One data set."""

    name: str
    total: int
    unread: int
    """Rows that could not be read as an example."""
    looked_at: int
    instructions: int
    """Different ones among those looked at."""
    pairs: Counter[VerbNoun]
    without_verb: Interval
    """Instructions that have no verb with an object."""
    distinct: tuple[Distinct, ...]
    nearest_seed: tuple[float, ...]
    """ROUGE-L of each instruction to the most similar seed; none without seeds."""
    grown: tuple[tuple[int, float, int], ...]
    """As the pool grows: examples, coverage of all sets together, different verb-noun pairs."""
    languages: Counter[str]
    mentions: tuple[Mention, ...]
    near: tuple[Near, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """All data sets, and the map of them together."""

    panels: tuple[Panel, ...]
    topics: tuple[Topic, ...]
    places: tuple[tuple[float, float, int, int], ...]
    """x, y, the set, the topic: of every example on the map."""
    seeds: int


def diversity(
    paths: Sequence[Path],
    *,
    seeds: Path | str | None = None,
    against: Sequence[Path] = (),
    sample: int = 2000,
) -> Diversity:
    """The panels of these data sets: files of any known format, or runs."""
    refused = [Refusals() for _ in paths]
    whole = [_read(path, counts) for path, counts in zip(paths, refused, strict=True)]
    size = min([sample, *map(len, whole)])
    if size < 2:
        raise ConfigError("diversity: every data set, and the sample, has two examples at least")
    drawn = [_lot(examples, size) for examples in whole]
    shown = _seeds(seeds)
    others = [(path.name, _index(_texts(_read(path)))) for path in against]
    units = weighted_words([example.instruction for examples in drawn for example in examples])
    # What is to be covered is in no pool: a text covers itself, and would count as covered.
    aside = set(by_lot([str(n) for n in range(size)], seed=1)[: min(size // 4 + 1, _TARGETS)])
    inside = [n for n in range(size) if n not in aside]
    targets = units[[s * size + n for s in range(len(paths)) for n in sorted(aside)]]
    sizes = _sizes(len(inside))
    panels: list[Panel] = []
    for number, (path, examples) in enumerate(zip(paths, drawn, strict=True)):
        pool = [examples[n] for n in inside]
        reached = coverage(units[[number * size + n for n in inside]], targets, sizes)
        different = list(dict.fromkeys(_texts(examples)))
        pairs = verb_noun_counts(different)
        panels.append(
            Panel(
                name=path.resolve().name,
                total=len(whole[number]),
                unread=refused[number].counts.total(),
                looked_at=size,
                instructions=len(different),
                pairs=pairs,
                without_verb=wilson(len(different) - pairs.total(), len(different)),
                distinct=tuple(_distinct(examples, drawn)),
                nearest_seed=tuple(_nearest(different, _texts(shown))),
                grown=tuple(zip(sizes, reached, _pairs_grown(pool, sizes), strict=True)),
                languages=Counter(language_of(example.instruction) for example in examples),
                mentions=tuple(_mentions(examples, shown)),
                near=tuple(_near(different, name, *other) for name, other in others),
            )
        )
    found, places = _map([example for examples in drawn for example in examples], units, size)
    return Diversity(panels=tuple(panels), topics=found, places=places, seeds=len(shown))


def _read(path: Path, refusals: Refusals | None = None) -> list[Example]:
    """The examples with an instruction, each once; rows that are none are counted."""
    _, examples = examples_of(path, skip=True, refusals=refusals or Refusals())
    unique = {example.id: example for example in examples if example.instruction.strip()}
    if not unique:
        raise ConfigError(f"{path}: there are no instructions in it")
    return list(unique.values())


def _seeds(given: Path | str | None) -> list[Example]:
    if given is None:
        return []
    if given == "builtin":
        return seeds_of(Generation(use=find("sources", "microworld")(count=1), seeds="builtin"))
    return _read(Path(given))


def _texts(examples: Sequence[Example]) -> list[str]:
    return [example.instruction for example in examples]


def _lot(examples: Sequence[Example], size: int) -> list[Example]:
    """A sample in the order of the set: the pool grows as it grew."""
    chosen = sorted(by_lot([example.id for example in examples], seed=0)[:size])
    return [examples[place] for place in chosen]


def _sizes(size: int) -> list[int]:
    """Ten, and every doubling up to all."""
    sizes = [size]
    while sizes[-1] > 20:
        sizes.append(sizes[-1] // 2)
    return sizes[::-1]


def _pairs_grown(examples: Sequence[Example], sizes: Sequence[int]) -> list[int]:
    seen: set[VerbNoun] = set()
    found: list[int] = []
    done = 0
    for size in sizes:
        seen |= verb_noun_counts(_texts(examples[done:size])).keys()
        found.append(len(seen))
        done = size
    return found


def _distinct(examples: Sequence[Example], every: Sequence[Sequence[Example]]) -> list[Distinct]:
    """Different n-grams among all of them, in lots that have as many words in every set."""
    found: list[Distinct] = []
    for part in ("instructions", "outputs"):
        sets = [[all_words(_part(e, part)) for e in one] for one in every]
        words = min(sum(map(len, one)) for one in sets) // 2
        mine = [all_words(_part(example, part)) for example in examples]
        if words < max(_GRAMS):
            continue
        pairs: dict[int, list[tuple[float, float]]] = {n: [] for n in _GRAMS}
        for draw in range(_PAIRS):
            one, other = _two_lots(mine, words, np.random.default_rng(draw))
            for n in _GRAMS:
                pairs[n].append((_share_of_distinct(one, n), _share_of_distinct(other, n)))
        whole = sum(map(len, mine))
        for n, values in pairs.items():
            found.append(Distinct(part, n, lot_interval(values, words / whole), words))
    return found


def _two_lots(
    texts: Sequence[Sequence[str]], words: int, rng: np.random.Generator
) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """Texts by lot until so many words, and as many of the others; the last of each is cut."""
    lots: tuple[list[Sequence[str]], list[Sequence[str]]] = ([], [])
    filled, left = 0, words
    for place in cast("list[int]", rng.permutation(len(texts)).tolist()):
        text = texts[place]
        while text and filled < 2:
            lots[filled].append(text[:left])
            text, left = text[left:], left - len(text[:left])
            if not left:
                filled, left = filled + 1, words
    return lots


def _share_of_distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    grams = [gram for text in texts for gram in _grams(text, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _part(example: Example, part: str) -> str:
    return example.instruction if part == "instructions" else example.output


def _grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(n)), strict=False))


def _nearest(texts: Sequence[str], seeds: Sequence[str]) -> list[float]:
    if not seeds:
        return []
    index = NoveltyIndex()
    for seed in dict.fromkeys(seeds):
        index.add(seed)
    return [float(index.scores(text).max()) for text in texts]


def _mentions(examples: Sequence[Example], seeds: Sequence[Example]) -> list[Mention]:
    mine, theirs = _groups(examples), _groups(seeds)
    found: list[Mention] = []
    for group in GROUPS:
        share = wilson(mine[group], len(examples))
        shown = wilson(theirs[group], len(seeds)) if seeds else None
        apart = shown is not None and (share.low > shown.high or share.high < shown.low)
        found.append(Mention(group, share, shown, apart))
    return found


def _groups(examples: Sequence[Example]) -> Counter[str]:
    return Counter(
        group
        for example in examples
        for group in mentions(" ".join(message.content for message in example.messages))
    )


class _Index(NamedTuple):
    exact: frozenset[str]
    near: NoveltyIndex


def _index(texts: Sequence[str]) -> _Index:
    index = NoveltyIndex(_NEAR)
    different = list(dict.fromkeys(texts))
    for text in different:
        index.add(text)
    return _Index(frozenset(" ".join(all_words(text)) for text in different), index)


def _near(texts: Sequence[str], name: str, exact: frozenset[str], index: NoveltyIndex) -> Near:
    same = [" ".join(all_words(text)) in exact for text in texts]
    close = [one or index.nearest(text) is not None for text, one in zip(texts, same, strict=True)]
    return Near(name, wilson(sum(same), len(texts)), wilson(sum(close), len(texts)), len(index))


def _map(
    examples: Sequence[Example], units: Vectors, size: int
) -> tuple[tuple[Topic, ...], tuple[tuple[float, float, int, int], ...]]:
    """The topics of all sets together, and where every example is."""
    found = topics(units, _TOPICS)
    said = [frozenset(all_words(example.instruction)) for example in examples]
    everywhere = Counter(word for words in said for word in words)
    told: list[Topic] = []
    for number in range(max(found.group) + 1):
        members = [n for n, group in enumerate(found.group) if group == number]
        here = Counter(word for n in members for word in said[n])
        # Common here and rare elsewhere; a word of one text, or of all texts, tells nothing.
        weight = {
            word: count / len(members) * count / everywhere[word]
            for word, count in here.items()
            if count > 1 and everywhere[word] <= _COMMON * len(examples)
        }
        best = sorted(weight, key=lambda word: (-weight[word], word))[:5]
        counts = Counter(n // size for n in members)
        told.append(Topic(tuple(best), tuple(counts[n] for n in range(len(examples) // size))))
    return tuple(told), tuple(
        (x, y, n // size, group)
        for n, ((x, y), group) in enumerate(zip(found.places, found.group, strict=True))
    )
