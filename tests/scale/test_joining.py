"""A growing pool whose look-ups workers do: the verdicts of one process, evidence and all."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.filters import near_duplicate
from didact.filters.near_duplicate import NearDuplicate
from didact.filters.novelty import Novelty
from didact.records import Example, Origin, Verdict
from didact.scale import joining, near
from didact.scale.shards import Lost, Shards
from didact.scale.working import work
from didact.text import parted
from didact.text.jaccard_index import JaccardIndex
from didact.text.novelty_index import NoveltyIndex

WORDS = [f"w{number}" for number in range(14)]
MADE = Origin(recipe="made")
short = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


class Here:
    """Workers of this process, which lose what they hold, and shards, when told."""

    def __init__(self, workers: int = 2, *, forgets: int = 0, dies: int = 0, seed: int = 0) -> None:
        self.workers = workers
        self.forgets, self.dies = forgets, dies
        self.sent: Counter[str] = Counter()
        self._rng = random.Random(seed)

    async def run(self, kind: str, shard: str) -> str:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)
        if self.forgets and self._rng.random() < 0.3:
            self.forgets -= 1
            near._parts.clear()
        if self.dies and self._rng.random() < 0.3:
            self.dies -= 1
            near._parts.clear()
            raise Lost("gone")
        self.sent[kind] += 1
        return work(kind, shard)

    def close(self) -> None:
        pass


@contextmanager
def small(*, first: int = 3, block: int = 6, piece: int = 3, held: int = 40) -> Iterator[None]:
    """Parts, blocks and memories so small that a few texts make many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parted, "_DEAR", 0.0)
        patch.setattr(parted, "_LEAST", first)
        patch.setattr(parted, "_SIZE", max(first // 2, 1))
        patch.setattr(joining, "_BLOCK", block)
        patch.setattr(joining, "_SLICE", piece)
        patch.setattr(joining, "_AT_ONCE", 2)
        patch.setattr(joining, "HELD", held)
        patch.setattr(near, "HELD", held)
        yield


def examples(texts: Sequence[str]) -> list[Example]:
    return [
        Example.single(text, f"answer {number}", origin=MADE) for number, text in enumerate(texts)
    ]


class Broken(Here):
    """Workers that all have the same bug."""

    async def run(self, kind: str, shard: str) -> str:
        raise ZeroDivisionError(kind)


def across(component: Any, given_: Sequence[Example], pool: Here) -> list[Verdict]:
    shards = Shards(pool, rows=64, tell=lambda event, fields: None)

    async def everything() -> list[Verdict]:
        return [verdict async for verdict in joining.judged(component.pool(), given_, shards)]

    return asyncio.run(asyncio.wait_for(everything(), 120))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(short, max_size=60),
    st.sampled_from([0.3, 0.5, 0.7, 1.0]),
    st.sampled_from(["corrected", "faithful"]),
    st.lists(short, max_size=6),
    st.integers(0, 5),
)
def test_novelty_decides_what_one_process_decides_with_the_same_evidence(
    texts: list[str], below: float, mode: Any, seeds: list[str], seed: int
) -> None:
    component = Novelty(below=below, mode=mode)
    component.prime(examples(seeds))
    given_ = examples(texts)
    expected = list(component.sift(given_))
    with small():
        assert across(component, given_, Here(1 + seed % 3, forgets=3, seed=seed)) == expected


@settings(deadline=None, max_examples=30)
@given(
    st.lists(short, max_size=60),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
    st.sampled_from(["kept", "all"]),
    st.sampled_from([1, 2]),
    st.integers(0, 5),
)
def test_near_duplicates_are_those_of_one_process_with_the_same_evidence(
    texts: list[str], below: float, held: Any, shingle: int, seed: int
) -> None:
    component = NearDuplicate(below=below, held=held, part="instruction", shingle=shingle)
    given_ = examples(texts)
    expected = list(component.sift(given_))
    with small():
        assert across(component, given_, Here(1 + seed % 3, forgets=3, seed=seed)) == expected


def lively(count: int, rng: random.Random) -> list[str]:
    """Texts of all lengths, half of them near to one before."""
    words = [f"v{number}" for number in range(400)]
    texts: list[str] = []
    for number in range(count):
        if number % 2 and texts:
            text = rng.choice(texts).split()
            for _ in range(rng.randint(0, 1 + len(text) // 4)):
                text[rng.randrange(len(text))] = rng.choice(words)
        else:
            text = rng.choices(words, k=rng.choice([1, 2, 3, 5, 8, 13, 21, 34, 70, 90]))
        texts.append(" ".join(text))
    return texts


@pytest.mark.parametrize("dies", [0, 4])
def test_many_texts_of_all_lengths_through_parts_of_every_kind(dies: int) -> None:
    given_ = examples(lively(700, random.Random(3)))
    with small(first=24, block=50, piece=20, held=200):
        for component in (Novelty(), NearDuplicate(below=0.7, part="instruction")):
            pool = Here(2, forgets=4, dies=dies)
            verdicts = across(component, given_, pool)
            assert verdicts == list(component.sift(given_))
            assert 0.2 < sum(verdict.keep for verdict in verdicts) / len(verdicts) < 0.9
            assert pool.sent["near"] > 20
            assert pool.dies == 0


def test_parts_are_bounded_and_cut_by_length() -> None:
    texts = lively(400, random.Random(5))
    with small(first=10):
        pool = parted.Parted(NoveltyIndex())
        for start in range(0, 400, 10):
            pool.add_all(texts[start : start + 10])
            one, other = pool.seal()
            assert one.high <= other.low
            assert len(one.places) == len(other.places) == 5
        assert len(pool) == 400
        assert sorted(place for part in pool.parts for place in part.places) == list(range(400))


def test_parts_are_made_once_looking_up_is_dear_or_texts_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [f"text number {number}" for number in range(12)]
    with small(first=4):
        for dear, most, expected in ((1e9, 100, 0), (1e9, 10, 6), (0.0, 100, 6)):
            monkeypatch.setattr(parted, "_DEAR", dear)
            monkeypatch.setattr(parted, "_MOST", most)
            pool = parted.Parted(NoveltyIndex(1.0))
            pool.expect(pool.block(texts))
            pool.offer_all(texts)
            assert pool.soon is (dear == 0.0)
            assert len(pool.seal()) == expected


@pytest.mark.parametrize("index", [NoveltyIndex(0.5), JaccardIndex(0.5)])
def test_a_text_passes_by_parts_that_are_too_short_or_too_long_for_it(index: Any) -> None:
    with small(first=1):
        pool = parted.Parted(index)
        pool.add_all([" ".join(WORDS[:6])])
        [part] = pool.seal()
        sizes = pool.block([" ".join(WORDS[:count]) for count in range(15)]).sizes
        asked = sizes[pool.asked(part, sizes)]
        reach = index.reach
        assert asked.tolist() == [n for n in range(15) if 6 * reach <= n <= 6 / reach]


def test_a_worker_that_lacks_a_part_says_so_and_keeps_no_more_than_it_may() -> None:
    given_ = examples(lively(300, random.Random(7)))
    with small(first=8, block=16, piece=16, held=48):
        across(Novelty(), given_, Here(1))
        assert sum(map(len, near._parts.values())) <= 48
    near._parts.clear()


def test_what_is_wrong_with_a_worker_stops_the_filter() -> None:
    with small(), pytest.raises(ZeroDivisionError, match="near"):
        across(Novelty(), examples(lively(60, random.Random(9))), Broken(2))


def test_novelty_with_a_report_skips_nothing_and_is_left_to_the_driver() -> None:
    assert Novelty(report=3).pool() is None


@pytest.mark.parametrize("most", [1_000_000, 60])
def test_long_texts_and_late_ones_that_meet_by_minhash_are_those_of_one_process(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    pytest.importorskip("rensa", reason="needs the extra `text`")
    monkeypatch.setattr(near_duplicate, "_MOST_EXACT", most)
    given_ = examples(lively(250, random.Random(11)))
    component = NearDuplicate(below=0.6, part="instruction", long=20)
    with small(first=10, block=30, piece=12):
        verdicts = across(component, given_, Here(2, forgets=3))
    assert verdicts == list(component.sift(given_))
    long = [v for v, e in zip(verdicts, given_, strict=True) if len(e.instruction.split()) > 30]
    assert {verdict.keep for verdict in long} == {True, False}
