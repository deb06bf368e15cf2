"""The index against a plain loop of ``rouge_l`` over everything it holds."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.text.novelty_index import Neighbour, NoveltyIndex
from didact.text.rouge import rouge_l_words
from didact.text.words import all_words

FEW = [f"w{number}" for number in range(12)]
short = st.lists(st.sampled_from(FEW), max_size=14)
streams = st.lists(short, max_size=25)


def nearest_by_loop(held, words, threshold, keep_equal):
    """What the reference would say, one comparison after another."""
    best = None
    for position, other in enumerate(held):
        score = rouge_l_words(words, other).f
        near = score > threshold or (score == threshold and not keep_equal)
        if near and (best is None or score > best.score):
            best = Neighbour(score, position)
    return best


def replay_against_the_loop(stream, threshold, keep_equal):
    index = NoveltyIndex(threshold, keep_equal=keep_equal)
    held = []
    for words in stream:
        expected = nearest_by_loop(held, words, threshold, keep_equal)
        assert index.nearest(words) == expected
        assert index.offer(words) == expected
        if expected is None:
            held.append(words)
        assert len(index) == len(held)
    return index, held


@settings(deadline=None)
@given(streams, st.sampled_from([0.05, 0.3, 0.5, 0.7, 0.9, 1.0]), st.booleans())
def test_every_decision_and_neighbour_is_that_of_the_loop(stream, threshold, keep_equal):
    replay_against_the_loop(stream, threshold, keep_equal)


@settings(deadline=None)
@given(streams, short)
def test_scores_are_those_of_the_loop_and_top_sorts_them(stream, words):
    index = NoveltyIndex()
    for position, other in enumerate(stream):
        assert index.add(other) == position
    scores = [rouge_l_words(words, other).f for other in stream]
    assert index.scores(words).tolist() == scores
    ranked = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:3]
    assert index.top(words, 3) == [Neighbour(scores[i], i) for i in ranked]


@pytest.mark.parametrize("size", [63, 64, 65, 127, 128, 129, 640, 1500])
def test_texts_longer_than_a_machine_word_are_compared_exactly(size):
    rng = random.Random(size)
    vocabulary = [f"v{number}" for number in range(size // 3)]
    original = rng.choices(vocabulary, k=size)
    stream = [original]
    for share in (0.1, 0.25, 0.3, 0.3, 0.35, 0.5):
        changed = [rng.choice(vocabulary) if rng.random() < share else word for word in original]
        cut = rng.randrange(size // 10 + 1)
        stream.append(changed[cut:] + changed[: cut // 2])
    index, held = replay_against_the_loop(stream, 0.7, True)
    assert index.scores(original).tolist() == [rouge_l_words(original, o).f for o in held]


def test_pairs_at_the_threshold_are_decided_by_the_double_of_the_reference():
    unlike, rounded_up = set(), 0
    for half in range(5, 60):
        for first in range(half, 2 * half):
            second, common = 2 * half - first, 0.7 * half
            if second < common or common != int(common):
                continue
            same = [f"s{i}" for i in range(int(common))]
            a = same + [f"a{i}" for i in range(first - len(same))]
            b = same + [f"b{i}" for i in range(second - len(same))]
            score = rouge_l_words(a, b).f
            rounded_up += score > 0.7
            for keep_equal in (True, False):
                index = NoveltyIndex(0.7, keep_equal=keep_equal)
                index.add(a)
                near = score > 0.7 or (score == 0.7 and not keep_equal)
                assert (index.nearest(b) is not None) == near
            unlike.add(score)
    assert rounded_up > 0, "some doubles at 7/10 must lie above 0.7, or this test proves nothing"
    assert min(unlike) >= 0.7 - 1e-15
    assert max(unlike) <= 0.7 + 1e-15


def test_many_texts_at_once_are_offered_one_after_another():
    rng = random.Random(1)
    texts = [" ".join(rng.choices(FEW, k=rng.randint(0, 9))) for _ in range(3000)]
    one, many = NoveltyIndex(), NoveltyIndex()
    assert many.offer_all(texts) == [one.offer(text) for text in texts]
    assert many.offer_all([]) == []


def test_the_index_grows_past_every_first_allocation():
    rng = random.Random(2)
    words = [f"g{number}" for number in range(5000)]
    stream = [rng.sample(words, rng.randint(1, 90)) for _ in range(400)]
    replay_against_the_loop(stream, 0.7, True)


def test_texts_longer_than_a_posting_can_state_are_compared_exactly():
    long = [f"l{number}" for number in range(70_000)]
    longer = [*long, *(f"m{number}" for number in range(10_000))]
    index = NoveltyIndex(0.7)
    for position, words in enumerate((long[:66_000], long[:40_000], ["l1", "l2"])):
        assert index.add(words) == position
    assert index.nearest(long) == Neighbour(rouge_l_of(66_000, 70_000, 66_000), 0)
    assert index.nearest(longer) == Neighbour(rouge_l_of(66_000, 80_000, 66_000), 0)
    assert index.nearest(long[:41_000]) == Neighbour(rouge_l_of(40_000, 41_000, 40_000), 1)
    assert index.nearest(long[60_000:]) is None
    assert index.nearest(["l1", "l3", "l2"]) == Neighbour(rouge_l_of(2, 3, 2), 2)


def rouge_l_of(common, predicted, wanted):
    precision, recall = common / predicted, common / wanted
    return 2 * precision * recall / (precision + recall)


def test_words_that_stand_in_thousands_of_texts_are_found_in_every_one():
    rng = random.Random(3)
    index, many, held = NoveltyIndex(0.7), NoveltyIndex(0.7), []
    for number in range(3000):
        words = ["very", "many", "of", f"x{rng.randrange(900)}", f"y{rng.randrange(900)}"]
        words = words[: rng.randint(3, 5)] + [f"z{number}"] * rng.randint(0, 2)
        expected = nearest_by_loop(held, words, 0.7, True) if number % 100 == 0 else None
        found = index.offer(words)
        assert many.offer_all([words]) == [found]
        if number % 100 == 0:
            assert found == expected
        if found is None:
            held.append(words)
    assert len(held) > 1000


def test_only_an_index_of_every_script_compares_what_is_not_latin():
    latin, every = NoveltyIndex(), NoveltyIndex(words=all_words)
    for index in (latin, every):
        index.add("今天天气很好")
    assert latin.nearest("今天天气很好") is None
    assert every.nearest("今天天气很好") == Neighbour(1.0, 0)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.5])
def test_a_threshold_that_makes_no_sense_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        NoveltyIndex(threshold)


@pytest.mark.slow
def test_it_works_where_the_compiled_code_cannot_be_kept(tmp_path):
    source = Path(__file__).parents[2] / "src"
    program = (
        "import numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from didact.text.novelty_index import NoveltyIndex\n"
        "index = NoveltyIndex(); index.add('a b c')\n"
        "print(index.nearest('a b c'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "Neighbour(score=1.0, position=0)", done.stderr


@settings(deadline=None, max_examples=50)
@given(streams, st.lists(short, max_size=5), st.integers(1, 4))
def test_how_texts_stand_among_the_first_ones_is_what_the_loop_finds(stream, texts, k):
    index = NoveltyIndex()
    for words in stream:
        index.add(words)
    counts = [len(stream) * number // max(len(texts), 1) for number in range(len(texts))]
    found = index.around(texts, counts, k)
    for words, count, one in zip(texts, counts, found, strict=True):
        scores = [rouge_l_words(words, other).f for other in stream[:count]]
        ranked = sorted(range(count), key=lambda i: (-scores[i], i))[:k]
        assert one.nearest == [Neighbour(scores[i], i) for i in ranked]
        assert one.mean == (float(np.mean(scores)) if scores else 0.0)


def test_long_texts_are_compared_with_every_other_too():
    rng = random.Random(4)
    words = [f"v{number}" for number in range(60)]
    stream = [rng.choices(words, k=size) for size in (0, 1, 63, 64, 65, 128, 129, 700)]
    index = NoveltyIndex()
    for text in stream:
        index.add(text)
    counts = [len(stream)] * len(stream)
    for text, one in zip(stream, index.around(stream, counts, 1), strict=True):
        scores = [rouge_l_words(text, other).f for other in stream]
        assert one.nearest == [Neighbour(max(scores), scores.index(max(scores)))]
        assert one.mean == float(np.mean(scores))
