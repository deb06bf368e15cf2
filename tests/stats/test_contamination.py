"""Which items the training data touches, and the scores without them."""

import gzip
import json
import random
from statistics import fmean

import pytest

from didact.records import Example, Origin, Score
from didact.stats.contamination import (
    Limits,
    Probe,
    largest_similarities,
    part_scores,
    touched,
)
from didact.text.cosine_index import unit_vectors
from didact.text.rouge import rouge_l

ORIGIN = Origin(recipe="test")


def example(instruction, output="done", input=""):
    return Example.single(instruction, output, input=input, origin=ORIGIN)


POEM = example("Write a poem of four lines about the cold sea in winter.")
SUM = example("Add the two numbers.", input="seventeen and then twenty five")
ITEMS = [POEM, SUM, example("Name the capital of the country in which the Danube ends.")]


def test_each_test_finds_what_the_others_do_not():
    quoted = example("Grade this exam.", "Q1: write a poem of four lines about the cold sea. Good.")
    changed = example("Write a song of four lines about the cold sea in winter.")
    far = example("Name three animals that live in the sea.")
    by_words, by_rouge, nothing = Probe(ITEMS).touches([quoted, changed, far])
    assert [(touch.item, touch.by) for touch in by_words] == [(POEM.id, "words")]
    assert by_words[0].span == "write a poem of four lines about the cold sea"
    assert by_words[0].score == 10 / 12
    assert (POEM.id, "rouge") in [(touch.item, touch.by) for touch in by_rouge]
    assert nothing == []


def test_embeddings_find_what_has_no_word_in_common():
    meaning = {POEM.instruction: [1, 0], "Some verse on January waves, please.": [0.99, 0.1]}

    def embed(texts):
        return unit_vectors([meaning.get(text, [0, 1]) for text in texts])

    other = example("Some verse on January waves, please.")
    [[touch]] = Probe(ITEMS, embed=embed).touches([other])
    assert (touch.item, touch.by) == (POEM.id, "embedding")
    assert touched(ITEMS, [other], embed=embed)[POEM.id].example == other.id
    assert touched(ITEMS, [other]) == {}


def test_the_same_task_with_another_input_is_seen_by_its_instruction_alone():
    other = example("Add the two numbers.", input="nine hundred, with five more")
    assert touched([SUM], [other]) == {}
    [touch] = touched([SUM], [other], Limits(part="instruction")).values()
    assert (touch.item, touch.example, touch.score) == (SUM.id, other.id, 1.0)


def test_an_item_is_found_in_every_message_and_in_every_script():
    chinese = example("请写一首关于大海的短诗给我的母亲")
    asked = example("翻译", "老师说: 请写一首关于大海的短诗给我的母亲")
    [[touch]] = Probe([chinese]).touches([asked])
    assert touch.score == 1.0


def test_items_find_the_same_as_examples_do():
    rng = random.Random(0)
    words = ["write", "name", "a", "the", "poem", "list", "sea", "sky", "three", "of", "winter"]
    items = [example(" ".join(rng.choices(words, k=rng.randint(3, 12)))) for _ in range(40)]
    rows = [example(" ".join(rng.choices(words, k=rng.randint(3, 12)))) for _ in range(60)]
    limits = Limits(run=3, rouge=0.6)
    found = touched(items, rows, limits)
    by_rows = {t.item for touches in Probe(items, limits).touches(rows) for t in touches}
    assert by_rows <= found.keys()
    for item in items:
        near = max(rouge_l(item.instruction, row.instruction).f for row in rows)
        if near >= 0.6:
            assert found[item.id].score >= near
    assert [item.id for item in items if item.id in found] == list(found)


def test_nothing_touches_nothing():
    assert touched([], [POEM]) == touched([POEM], []) == {}
    assert Probe([]).touches([POEM]) == [[]]
    assert Probe([POEM, example("")]).touches([example("")]) == [[]]


def scores(*values, model="trained"):
    return [Score(example_id=e.id, model=model, metric="rouge", value=v)
            for e, v in zip(ITEMS, values, strict=True)]  # fmt: skip


def test_scores_are_split_and_what_abstained_is_in_neither():
    rows = touched(ITEMS, [POEM])
    [parted] = part_scores(scores(90.0, 10.0, None), rows)
    assert (parted.metric, parted.model) == ("rouge", "trained")
    assert (parted.clean.items, parted.clean.mean) == (1, 10.0)
    assert (parted.touched.items, parted.touched.mean) == (1, 90.0)
    # One item has no interval.
    assert parted.clean.score is parted.touched.score is None
    [all_clean] = part_scores(scores(90.0, 10.0, None), {})
    assert (all_clean.touched.items, all_clean.touched.mean) == (0, None)
    assert part_scores([], rows) == []


def test_a_part_of_several_items_has_an_interval_over_them_or_over_their_families():
    rows = touched(ITEMS, [POEM])
    given = scores(90.0, 10.0, 30.0)
    [parted] = part_scores(given, rows)
    assert parted.clean.score.low < parted.clean.mean == 20.0 < parted.clean.score.high
    [one_family] = part_scores(given, rows, {item.id: "sums" for item in ITEMS})
    assert (one_family.clean.mean, one_family.clean.score) == (20.0, None)
    assert part_scores(given, rows, {ITEMS[0].id: "sums"}) == [parted]


@pytest.fixture(scope="module")
def tasks(data):
    folder = data / "self_instruct"

    def read(name):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [
            example(row["instruction"], part["output"], part["input"])
            for row in rows
            for part in row["instances"]
        ]

    return read("seed_tasks.jsonl"), read("user_oriented_instructions.jsonl")


def test_the_overlap_of_seeds_and_test_set_is_what_the_paper_reports(tasks):
    """methods.md 1.8: mean largest ROUGE-L 0.34; one seed is one of the 252."""
    seeds, items = tasks
    ours = [item.instruction for item in items]
    theirs = list(dict.fromkeys(seed.instruction for seed in seeds))
    assert (len(ours), len(theirs)) == (252, 175)
    assert round(fmean(largest_similarities(ours, theirs)), 2) == 0.34
    assert round(fmean(largest_similarities(theirs, ours)), 2) == 0.34
    assert sum(text in set(ours) for text in theirs) == 1

    found = touched(items, seeds, Limits(part="instruction"))
    equal = [touch for touch in found.values() if touch.score == 1.0]
    # The instruction stands twice among the 252, with two inputs.
    assert len({touch.span for touch in equal}) == 1
    assert len(equal) == 2
    # With its input no item is among the seeds.
    assert touched(items, seeds) == {}


def test_words_alone_do_not_find_rephrased_problems(data):
    """Why embeddings are the third test: Yang et al. 2023, arXiv 2311.04850, say the same."""

    def read(path, key):
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
        return [example(json.loads(line)[key]) for line in lines]

    items = read(data / "gsm8k" / "test.jsonl.gz", "question")
    rephrased = read(data / "decontamination" / "rephrase_gsm8k.jsonl.gz", "text")
    assert len(touched(items, items)) == len(items)
    assert len(touched(items, rephrased)) < 0.01 * len(items)
