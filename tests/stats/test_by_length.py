"""Scores by length: the groups of the paper, and its own figures put together again."""

import gzip
import json
from itertools import chain, repeat

import pytest

from didact.stats.by_length import by_length


# methods.md 3.6: the groups.
@pytest.mark.parametrize(
    ("words", "name"),
    [(0, "0-2"), (2, "0-2"), (3, "3-5"), (5, "3-5"), (6, "6-10"), (10, "6-10"), (11, ">10")],
)
def test_the_bounds_of_the_groups(words, name):
    assert by_length([(words, 0.5)]) == [(name, 1, 0.5)]


# The published totals differ from those of the groups in the fourth digit.
# methods.md 3.6: one reference length of each group, how many there are, and the three models.
SIZES = ((1, 5089), (4, 868), (8, 936), (20, 2107))
MODELS = {
    "Alpaca": ((0.4165, 0.3442, 0.3647, 0.3398), 0.3860),
    "LLaMA-GPT4": ((0.3171, 0.2961, 0.3903, 0.4119), 0.3447),
    "GPT-4": ((0.3603, 0.3055, 0.3770, 0.4166), 0.3697),
}


@pytest.mark.parametrize("model", MODELS)
def test_the_groups_of_the_paper_make_up_its_total(model):
    means, total = MODELS[model]
    scores = list(
        chain.from_iterable(
            repeat((words, mean), count) for (words, count), mean in zip(SIZES, means, strict=True)
        )
    )
    groups = by_length(scores)
    assert [(group.number, round(group.mean, 4)) for group in groups] == [
        (count, mean) for (_, count), mean in zip(SIZES, means, strict=True)
    ]
    assert sum(group.number for group in groups) == 9000
    assert sum(g.number * g.mean for g in groups) / 9000 == pytest.approx(total, abs=4e-4)


def test_the_published_files_say_the_same(data):
    folder = data / "gpt4_llm"
    names = ("0-2", "3-5", "6-10", "10-", "ALL")
    files = {
        name: json.loads(
            (folder / f"gpt4_unnatural_instruction_results_h9000_len{name}.json").read_text()
        )
        for name in names
    }
    for number, whole in enumerate(files["ALL"]):
        parts = [files[name][number] for name in names[:-1]]
        assert {part["Model"] for part in parts} == {whole["Model"]}
        scores = chain.from_iterable(
            repeat((words, part["rougeL"]), part["NumInstance"])
            for (words, _), part in zip(SIZES, parts, strict=True)
        )
        groups = by_length(scores)
        mean = sum(group.number * group.mean for group in groups) / whole["NumInstance"]
        assert mean == pytest.approx(whole["rougeL"], abs=4e-4)


def test_the_published_scores_are_as_many_and_as_high_as_told(data):
    """methods.md 3.2: what the statistics of `reanswer` show beside ours."""
    from didact.recipes import reanswer

    with gzip.open(data / "gpt4_llm" / "cmp_data_scores.json.gz", "rt") as file:
        scores = json.load(file)
    counts = {name: len(values) for name, values in scores.items()}
    told = reanswer._PUBLISHED["scored"]
    assert sorted(counts.values()) == sorted(told.values())
    means = {name: sum(map(float, values)) / len(values) for name, values in scores.items()}
    low = next(name for name in means if "icm" in name or "opt" in name.lower())
    assert all(mean > means[low] + 1 for name, mean in means.items() if name != low)
